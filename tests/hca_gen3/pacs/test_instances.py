"""UIDs from elsewhere, and what is asked for together."""

from __future__ import annotations

import pytest

from hca_core.errors import TransferError
from hca_gen3.pacs.instances import TRIES, Instance, checked_uid, plan

ONE = [Instance("1.1", f"1.1.{number}") for number in range(1, 4)]
TWO = [Instance("1.2", f"1.2.{number}") for number in range(1, 251)]


@pytest.mark.parametrize("uid", ["1", "1.2.840.10008", "0.0", "1." + "9" * 62])
def test_uids(uid: str) -> None:
    assert checked_uid(uid, "a study") == uid


@pytest.mark.parametrize(
    "uid", ["", ".", "..", "1..2", "1.", "../1", "1/2", "1\\2", "1.02", "1.2\n", "1٣", "a", None, "1." + "9" * 63]
)
def test_what_is_no_uid(uid: object) -> None:
    with pytest.raises(TransferError, match="a valid UID of a study"):
        checked_uid(uid, "a study")


def test_a_series_of_which_nothing_is_there_is_asked_for_as_a_whole() -> None:
    requests = plan(ONE + TWO, {}, set())
    assert [(one.series, one.whole, len(one.instances)) for one in requests] == [("1.1", True, 3), ("1.2", True, 250)]


def test_of_others_the_missing_instances_are_named_many_at_a_time() -> None:
    requests = plan(TWO, {}, {"1.2"})
    assert [(one.whole, len(one.instances)) for one in requests] == [(False, 100), (False, 100), (False, 50)]
    assert [instance for one in requests for instance in one.instances] == TWO


def test_what_did_not_come_is_asked_for_alone_and_last_and_not_for_ever() -> None:
    tries = {"1.1.1": 2, "1.1.2": 1, "1.1.3": TRIES}
    requests = plan(ONE + TWO[:1], tries, {"1.1"})
    assert [[instance.uid for instance in one.instances] for one in requests] == [["1.2.1"], ["1.1.2"], ["1.1.1"]]
    assert [one.whole for one in requests] == [True, False, False]


def test_a_file_is_named_after_its_series_and_itself() -> None:
    assert ONE[0].name == "sam-1.1/1.1.1.dcm"
