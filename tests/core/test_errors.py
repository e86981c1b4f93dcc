"""Errors travel between processes as they are."""

from __future__ import annotations

import pickle

import pytest

from hca_core.errors import ApiError, HcaError, IntegrityError, NetworkError, TransferError

MADE = [
    HcaError("It failed.", hint="Try again."),
    ApiError("It said no.", status=409, code="conflict", details={"a": 1}, request_id="r", url="http://127.0.0.1"),
    NetworkError("Nobody is there.", url="http://127.0.0.1", attempts=3),
    TransferError("Some failed.", hint="Again."),
    IntegrityError("It is wrong.", name="n", expected="a", actual="b"),
]


@pytest.mark.parametrize("error", MADE, ids=lambda error: type(error).__name__)
def test_an_error_is_pickled_with_all_that_it_knows(error: HcaError) -> None:
    found = pickle.loads(pickle.dumps(error))
    assert type(found) is type(error)
    assert str(found) == str(error) == found.message
    assert vars(found) == vars(error)
