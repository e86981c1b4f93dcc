"""What all records of a dataset have in common."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hca_gen3.conversion import submitter_id


@given(st.text(), st.text())
def test_a_submitter_id_has_none_of_the_letters_that_gen3_dislikes(experiment, key):
    found = submitter_id(experiment, "subjects", key)
    assert not set(found) & set("'/, _")
    assert submitter_id(found, "x", "y") == f"{found}-x-y"
    assert len(found) == len(f"{experiment}-subjects-{key.removeprefix('./')}")
