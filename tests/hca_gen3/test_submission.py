"""Whole submissions: several files, what becomes of each record, and what is kept of those that failed."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_commons import FakeCommons
from gen3_dictionary import case, experiment

from hca_core.errors import ApiError, ArgumentError, AuthError, NetworkError, TransferError
from hca_core.testing import Answer
from hca_core.transfer.job import Silent
from hca_gen3.commons import Commons
from hca_gen3.submission import Submission, submit

PROJECT = "/api/v0/submission/demo/12L"


def made(folder: Path, name: str, records: Sequence[dict[str, Any]]) -> Path:
    """A file of records in the kind that its name says."""
    file = folder / name
    if file.suffix == ".json":
        file.write_text(json.dumps(records))
        return file
    between = "," if file.suffix == ".tsv" else "#"
    rows = [
        {
            **{key: value for key, value in record.items() if not isinstance(value, list)},
            "experiments.submitter_id": between.join(one["submitter_id"] for one in record.get("experiments", [])),
        }
        for record in records
    ]
    with file.open("w", newline="") as text:
        columns = list(dict.fromkeys(key for row in rows for key in row))
        writer = csv.DictWriter(text, columns, delimiter="\t" if file.suffix == ".tsv" else ",")
        writer.writeheader()
        writer.writerows(rows)
    return file


def send(commons: FakeCommons, *files: Path, **options: Any) -> Submission:
    return submit(Commons(commons.auth()), files, "demo", "12L", **options)


def names(commons: FakeCommons, kind: str = "case") -> list[str]:
    return sorted(node.name for node in commons.of_type(kind))


def counts(found: Submission, *keys: str) -> list[int]:
    record = found.as_record()
    return [record[key] for key in keys or ("records", "created", "updated", "unchanged", "refused", "unsent")]


GOOD = [case(f"case-{number:02}") for number in range(25)]
EVERY = [record["submitter_id"] for record in GOOD]
BAD = [case("bad-1", sex=""), case("bad-2", disease_or_disorder="cold")]


@pytest.mark.parametrize("suffix", ["json", "tsv", "csv"])
def test_all_kinds_of_files(commons: FakeCommons, tmp_path: Path, suffix: str) -> None:
    file = made(tmp_path, f"case.{suffix}", GOOD)
    found = send(commons, file, chunk_size=10)
    assert counts(found) == [25, 25, 0, 0, 0, 0]
    assert names(commons) == EVERY
    assert len(commons.submissions()) == 3
    found.raise_for_failures()
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize("suffix", ["json", "tsv", "csv"])
def test_what_failed_can_be_corrected_and_submitted_again(commons: FakeCommons, tmp_path: Path, suffix: str) -> None:
    file = made(tmp_path, f"case.{suffix}", [*GOOD[:12], BAD[0], *GOOD[12:], BAD[1]])
    found = send(commons, file, chunk_size=10)
    failed = tmp_path / f"case.failed.{suffix}"
    assert counts(found) == [27, 25, 0, 0, 2, 0]
    assert names(commons) == EVERY
    with pytest.raises(TransferError, match="2 of 27 records were refused: bad-1") as caught:
        found.raise_for_failures()
    assert (caught.value.exit_code, caught.value.report) == (9, found)
    assert str(failed) in (caught.value.hint or "")
    again = send(commons, failed)
    assert counts(again) == [2, 0, 0, 0, 2, 0]
    if suffix == "json":
        assert json.loads(failed.read_text()) == BAD
        failed.write_text(failed.read_text().replace('"sex": ""', '"sex": "f"').replace("cold", "disease"))
    else:
        assert failed.read_text().count("bad-") == 4  # in two columns
        failed.write_text(failed.read_text().replace("cold", "disease"))
    assert send(commons, failed).created == (2 if suffix == "json" else 1)


def test_it_can_be_repeated(commons: FakeCommons, tmp_path: Path) -> None:
    file = made(tmp_path, "case.tsv", GOOD)
    send(commons, file)
    before = {node.id for node in commons.nodes.values()}
    assert counts(send(commons, file)) == [25, 0, 25, 0, 0, 0]
    assert {node.id for node in commons.nodes.values()} == before


def test_links_to_earlier_files_and_to_later_ones(commons: FakeCommons, tmp_path: Path) -> None:
    other = [case(f"b-{number}", experiments=[{"submitter_id": "experiment-2"}]) for number in range(5)]
    files = [
        made(tmp_path, "case.json", [*GOOD, *other]),
        made(tmp_path, "experiment.json", [experiment("experiment-2")]),
    ]
    found = send(commons, *files, chunk_size=7)
    assert counts(found) == [31, 31, 0, 0, 0, 0]
    assert names(commons) == sorted([*EVERY, *(record["submitter_id"] for record in other)])
    assert send(commons, *reversed(files)).updated == 31


def test_links_within_a_file_may_point_forward(commons: FakeCommons, tmp_path: Path) -> None:
    first = [case("a", experiments=[{"submitter_id": "late"}]), *GOOD]
    found = send(commons, made(tmp_path, "mixed.json", [*first, experiment("late")]), chunk_size=5)
    assert counts(found, "created", "refused") == [27, 0]


def test_links_to_nowhere_are_refused_once(commons: FakeCommons, tmp_path: Path) -> None:
    lost = case("lost", experiments=[{"submitter_id": "nowhere"}])
    found = send(commons, made(tmp_path, "case.json", [*GOOD, lost]))
    assert counts(found, "created", "refused") == [25, 1]
    [refusal] = found.as_record()["refusals"]
    assert refusal["submitter_id"] == "lost"
    assert refusal["record"] == 26
    assert refusal["errors"][0] == {
        "type": "INVALID_LINK",
        "keys": ["experiments"],
        "message": "No link destination found for experiments, unique_keys='nowhere'",
    }
    assert len(commons.submissions()) == 2


def test_two_that_wait_for_each_other_end(commons: FakeCommons, tmp_path: Path) -> None:
    pair = [case("a", experiments=[{"submitter_id": "b"}]), case("b", experiments=[{"submitter_id": "a"}])]
    assert counts(send(commons, made(tmp_path, "case.json", pair)), "refused") == [2]


def test_a_dry_run_writes_nothing(commons: FakeCommons, tmp_path: Path) -> None:
    new = case("new", experiments=[{"submitter_id": "experiment-2"}])
    files = [
        made(tmp_path, "experiment.json", [experiment("experiment-2")]),
        made(tmp_path, "case.json", [*GOOD, new, BAD[0], case("lost", experiments=[{"submitter_id": "nowhere"}])]),
    ]
    found = send(commons, *files, dry_run=True)
    assert counts(found, "records", "created", "pending", "refused", "unsent", "unchanged") == [29, 26, 1, 2, 0, 0]
    assert names(commons) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["case.json", "experiment.json"]
    with pytest.raises(TransferError, match="2 of 29 records were refused") as caught:
        found.raise_for_failures()
    assert caught.value.hint is None


def test_creating_only(commons: FakeCommons, tmp_path: Path) -> None:
    commons.put("demo-12L", *GOOD[:5])
    found = send(commons, made(tmp_path, "case.json", GOOD), create_only=True, chunk_size=10)
    assert counts(found, "created", "refused") == [20, 5]
    assert len(json.loads((tmp_path / "case.failed.json").read_text())) == 5


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (Answer.json({"message": "user is unauthorized"}, 403), AuthError, 5),
        (Answer.json({"message": "Project is in state closed"}, 400), ApiError, 6),
        (Answer(hang_up=True), NetworkError, 8),
    ],
)
def test_nothing_is_lost_when_it_is_stopped(
    commons: FakeCommons, tmp_path: Path, answer: Answer, error: type[Exception], code: int
) -> None:
    commons.on("PUT", PROJECT, Answer(404), answer)  # 404: the commons goes on itself
    files = [made(tmp_path, "a.tsv", GOOD[:20]), made(tmp_path, "b.json", GOOD[20:])]
    options: dict[str, Any] = {"app": _impatient()} if error is NetworkError else {}
    found = submit(Commons(commons.auth(**options)), files, "demo", "12L", chunk_size=8)
    assert counts(found) == [25, 8, 0, 0, 0, 17]
    with pytest.raises(error) as caught:
        found.raise_for_failures()
    assert caught.value.exit_code == code  # type: ignore[attr-defined]
    assert "a.failed.tsv" in caught.value.hint  # type: ignore[attr-defined]
    commons.on("PUT", PROJECT, Answer(404))
    assert send(commons, tmp_path / "a.failed.tsv", tmp_path / "b.failed.json").created == 17
    assert names(commons) == EVERY


def _impatient() -> Any:
    from hca_core.app import App

    return App(config={"network": {"retries": 0}})


def test_nothing_is_lost_when_it_is_interrupted(commons: FakeCommons, tmp_path: Path) -> None:
    class Interrupting(Silent):
        def advance(self, name: str, count: int) -> None:
            if len(commons.of_type("case")) >= 10:
                raise KeyboardInterrupt

        def note(self, message: str) -> None:
            notes.append(message)

    notes: list[str] = []
    file = made(tmp_path, "case.json", GOOD)
    with pytest.raises(KeyboardInterrupt):
        send(commons, file, chunk_size=5, progress=Interrupting())
    failed = tmp_path / "case.failed.json"
    assert notes == [f"10 of 25 records were accepted. What was not accepted is in {failed}: submit that."]
    left = [record["submitter_id"] for record in json.loads((tmp_path / "case.failed.json").read_text())]
    assert sorted({*names(commons), *left}) == EVERY
    assert len(left) <= 15


def test_what_an_earlier_run_left_is_removed(commons: FakeCommons, tmp_path: Path) -> None:
    file = made(tmp_path, "case.json", GOOD)
    (tmp_path / "case.failed.json").write_text("[]")
    send(commons, file)
    assert not (tmp_path / "case.failed.json").exists()


def test_failures_can_be_kept_elsewhere(commons: FakeCommons, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    send(commons, made(tmp_path, "case.json", BAD), failed_dir=tmp_path / "there")
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["case.failed.json"]
    assert not (tmp_path / "case.failed.json").exists()


def test_nothing_is_sent_if_a_file_is_wrong(commons: FakeCommons, tmp_path: Path) -> None:
    good, bad = made(tmp_path, "a.json", GOOD), tmp_path / "b.tsv"
    bad.write_text("type\tsex\ncase\ta\tb\n")
    with pytest.raises(ArgumentError, match=r"Line 2 of .*b\.tsv"):
        send(commons, good, bad)
    assert commons.submissions() == []


def test_nothing_is_sent_if_failures_could_not_be_kept(commons: FakeCommons, tmp_path: Path) -> None:
    file = made(tmp_path, "a.json", GOOD)
    with pytest.raises(ArgumentError, match="could not be kept"):
        send(commons, file, failed_dir=tmp_path / "missing")
    assert commons.submissions() == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is unwritable for this user")
def test_a_folder_that_cannot_be_written_to(commons: FakeCommons, tmp_path: Path) -> None:
    file = made(tmp_path, "a.json", GOOD)
    tmp_path.chmod(0o500)
    with pytest.raises(ArgumentError, match="could not be kept"):
        send(commons, file)


def test_files_must_not_be_each_others_failures(commons: FakeCommons, tmp_path: Path) -> None:
    files = [made(tmp_path, "case.json", GOOD), made(tmp_path, "case.failed.json", BAD)]
    with pytest.raises(ArgumentError, match="is to be submitted, and is also where failed records"):
        send(commons, *files)
    (tmp_path / "other").mkdir()
    same = made(tmp_path / "other", "case.json", GOOD)
    with pytest.raises(ArgumentError, match="Two files have the same name"):
        send(commons, files[0], same, failed_dir=tmp_path)
    assert commons.submissions() == []


@pytest.mark.parametrize("content", ["[]", "type\tsubmitter_id\n"])
def test_nothing_to_submit(commons: FakeCommons, tmp_path: Path, content: str) -> None:
    file = tmp_path / ("a.json" if content == "[]" else "a.tsv")
    file.write_text(content)
    with pytest.raises(ArgumentError, match="nothing to submit"):
        send(commons, file)


@pytest.mark.parametrize("size", [0, -1])
def test_a_chunk_has_a_record(commons: FakeCommons, tmp_path: Path, size: int) -> None:
    with pytest.raises(ArgumentError, match="chunk_size"):
        send(commons, made(tmp_path, "a.json", GOOD), chunk_size=size)


def test_a_project_that_is_not_there(commons: FakeCommons, tmp_path: Path) -> None:
    commons.on("PUT", "/api/v0/submission/demo/13L", Answer.json({"message": "project 13L not found"}, 404))
    found = submit(Commons(commons.auth()), [made(tmp_path, "a.json", GOOD)], "demo", "13L")
    with pytest.raises(ApiError, match="project 13L not found"):
        found.raise_for_failures()


def test_many_refusals_are_counted(commons: FakeCommons, tmp_path: Path) -> None:
    found = send(commons, made(tmp_path, "a.json", [case(f"bad-{number}", sex=1) for number in range(8)]))
    with pytest.raises(TransferError, match=r"8 of 8 .*; and 3 more$"):
        found.raise_for_failures()


def test_progress_tells_of_every_byte(commons: FakeCommons, tmp_path: Path) -> None:
    told: dict[str, int] = {}

    class Counting(Silent):
        def add(self, name: str, size: int | None) -> None:
            told["size"] = size or 0

        def advance(self, name: str, count: int) -> None:
            told["moved"] = told.get("moved", 0) + count

        def done(self, name: str) -> None:
            told["done"] = told.get("done", 0) + 1

    commons.most_records = 3
    send(commons, made(tmp_path, "a.tsv", [*GOOD, *BAD]), progress=Counting())
    assert told["size"] == told["moved"] > 0
    assert told["done"] == 1


def test_a_template_can_be_filled_in_and_submitted(commons: FakeCommons, tmp_path: Path) -> None:
    header = commons.auth().curl("/api/v0/submission/template/case?format=tsv").text.rstrip("\n").split("\t")
    good = {**GOOD[0], "experiments.submitter_id": "experiment-1"}
    assert "*experiments.submitter_id" in header
    row = [str(good.get(name.lstrip("*"), "")) for name in header]
    (tmp_path / "case.tsv").write_text("\t".join(header) + "\n" + "\t".join(row) + "\n")
    assert counts(send(commons, tmp_path / "case.tsv")) == [1, 1, 0, 0, 0, 0]
