"""Records that are sent in parts a commons can swallow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_commons import FakeCommons
from gen3_dictionary import case

from hca_core.errors import ApiError, AuthError, HcaError, NetworkError
from hca_core.testing import Answer
from hca_gen3.commons import Commons
from hca_gen3.records_file import open_records
from hca_gen3.sender import Sender, Settled, Target

PROJECT = "/api/v0/submission/demo/12L"
CASES = [case(f"case-{number}") for number in range(8)]


def settle(commons: FakeCommons, records: Sequence[dict[str, Any]], folder: Path, **how: bool) -> list[Settled]:
    file = folder / "cases.json"
    file.write_text(json.dumps(records))
    found = open_records(file)
    target = Target(Commons(commons.auth()), "demo", "12L", **how)
    return list(Sender(target).settle(found, list(found.records())))


def accepted(found: Sequence[Settled]) -> list[str]:
    return [record.name for one in found if not one.complaints for record in one.records]


def refused(found: Sequence[Settled]) -> dict[str, str]:
    return {record.name: one.complaints[0].type for one in found if one.complaints for record in one.records}


def names(commons: FakeCommons) -> list[str]:
    return sorted(node.name for node in commons.of_type("case"))


EVERY = [record["submitter_id"] for record in CASES]


def test_good_records_go_together(commons: FakeCommons, tmp_path: Path) -> None:
    [found] = settle(commons, CASES, tmp_path)
    assert (found.created, found.updated) == (8, 0)
    assert [(one.method, one.path) for one in commons.submissions()] == [("PUT", PROJECT)]
    assert names(commons) == EVERY
    assert [(one.created, one.updated) for one in settle(commons, CASES, tmp_path)] == [(0, 8)]


def test_bad_records_do_not_keep_the_good_ones_out(commons: FakeCommons, tmp_path: Path) -> None:
    bad = [case("bad-1", sex=5), case("bad-2", nonsense=1), case("bad-3", experiments=[{"submitter_id": "no"}])]
    found = settle(commons, [*CASES[:4], *bad, *CASES[4:]], tmp_path)
    assert refused(found) == {"bad-1": "INVALID_VALUE", "bad-2": "INVALID_PROPERTY", "bad-3": "INVALID_LINK"}
    assert names(commons) == EVERY
    assert len(commons.submissions()) == 2


def test_a_record_of_an_unknown_kind_is_found_among_the_others(commons: FakeCommons, tmp_path: Path) -> None:
    found = settle(commons, [*CASES[:5], {"type": "nope", "submitter_id": "odd"}, *CASES[5:]], tmp_path)
    assert refused(found) == {"odd": "TRANSACTION"}
    assert accepted(found) == EVERY  # in their order, so that links to earlier records lead somewhere


def test_a_record_whose_kind_is_missing(commons: FakeCommons, tmp_path: Path) -> None:
    [found] = settle(commons, [{"submitter_id": "odd"}], tmp_path)
    assert next(complaint.message for complaint in found.complaints).startswith("Invalid entity type: None")


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_what_is_too_slow_together_goes_by_halves(commons: FakeCommons, tmp_path: Path, limit: int) -> None:
    commons.most_records = limit
    assert accepted(settle(commons, CASES, tmp_path)) == EVERY
    assert names(commons) == EVERY
    assert max(len(request.json()) for request in commons.submissions()[-2:]) <= limit


def test_what_was_written_although_nobody_said_so(commons: FakeCommons, tmp_path: Path) -> None:
    commons.most_records, commons.writes_late = 4, True
    found = settle(commons, CASES, tmp_path)
    assert (accepted(found), sum(one.updated for one in found)) == (EVERY, 8)


def test_what_is_too_large_goes_by_halves(commons: FakeCommons, tmp_path: Path) -> None:
    commons.largest_body = 1000
    found = settle(commons, [*CASES, case("huge", genotype="x" * 1000)], tmp_path)
    assert (accepted(found), refused(found)) == (EVERY, {"huge": "TOO_LARGE"})


def test_a_connection_that_breaks_is_like_too_much(commons: FakeCommons, tmp_path: Path) -> None:
    commons.on("PUT", PROJECT, Answer(hang_up=True), Answer(404))  # 404: the commons goes on itself
    assert accepted(settle(commons, CASES, tmp_path)) == EVERY
    assert [len(request.json()) for request in commons.submissions()] == [8, 4, 4]


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_commons_that_is_busy_is_asked_again(commons: FakeCommons, tmp_path: Path, status: int) -> None:
    busy = Answer(status, headers={"Retry-After": "0"})
    commons.on("PUT", PROJECT, busy, busy, busy, Answer(404))
    assert accepted(settle(commons, CASES, tmp_path)) == EVERY
    assert {len(request.json()) for request in commons.submissions()} == {8}


def test_a_single_record_is_tried_with_patience(commons: FakeCommons, tmp_path: Path) -> None:
    slow = Answer(504, headers={"Retry-After": "0"})
    commons.on("PUT", PROJECT, slow, slow, slow, Answer(404))
    assert accepted(settle(commons, CASES[:1], tmp_path)) == EVERY[:1]
    assert len(commons.submissions()) == 4


def test_creating_only_refuses_what_is_there(commons: FakeCommons, tmp_path: Path) -> None:
    commons.put("demo-12L", *CASES[:2])
    found = settle(commons, CASES, tmp_path, create_only=True)
    assert refused(found) == {"case-0": "ERROR", "case-1": "ERROR"}
    assert sum(one.created for one in found) == 6
    assert {request.method for request in commons.submissions()} == {"POST"}


def test_creating_is_never_repeated_when_it_may_have_happened(commons: FakeCommons, tmp_path: Path) -> None:
    commons.most_records, commons.writes_late = 4, True
    found = settle(commons, CASES, tmp_path, create_only=True)
    assert refused(found) == dict.fromkeys(EVERY, "UNKNOWN")
    assert len(commons.submissions()) == 1


def test_creating_goes_by_halves_when_it_is_too_large(commons: FakeCommons, tmp_path: Path) -> None:
    commons.largest_body = 1500
    assert accepted(settle(commons, CASES, tmp_path, create_only=True)) == EVERY


def test_a_dry_run_writes_nothing(commons: FakeCommons, tmp_path: Path) -> None:
    found = settle(commons, [*CASES, case("bad", sex=5)], tmp_path, dry_run=True)
    assert (accepted(found), refused(found)) == (EVERY, {"bad": "INVALID_VALUE"})
    assert names(commons) == []
    assert {request.path for request in commons.submissions()} == {f"{PROJECT}/_dry_run"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer.json({"message": "the project is closed"}, 400), ApiError),
        (Answer.json({"message": "user is unauthorized"}, 403), AuthError),
        (Answer(400, b"<html>Bad Request", {"Content-Type": "text/html"}), ApiError),
        (Answer(200, b"<html>Log in!", {"Content-Type": "text/html"}), ApiError),
        (Answer.json({"success": True}), ApiError),
        (Answer.json([]), ApiError),
        (Answer(409, b"{}"), ApiError),
    ],
)
def test_what_concerns_everything_stops_at_once(
    commons: FakeCommons, tmp_path: Path, answer: Answer, error: type[HcaError]
) -> None:
    commons.on("PUT", PROJECT, answer)
    with pytest.raises(error):
        settle(commons, CASES, tmp_path)
    assert len(commons.submissions()) == 1


def test_nobody_there(tmp_path: Path, home: Path) -> None:
    with FakeCommons() as commons:
        commons.new_token()
    with pytest.raises(NetworkError):
        settle(commons, CASES, tmp_path)


def test_a_commons_that_says_yes_but_means_no(commons: FakeCommons, tmp_path: Path) -> None:
    commons.on("PUT", PROJECT, Answer.json({"success": False, "entities": [], "transactional_errors": ["no"]}))
    assert set(refused(settle(commons, CASES[:3], tmp_path)).values()) == {"TRANSACTION"}
