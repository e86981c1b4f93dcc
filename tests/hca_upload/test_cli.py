"""`hca upload …` through the front door."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from hca import HCAConfig
from hca_core.testing import Result, run
from hca_upload import UploadConfig

from .conftest import AREA, BUCKET, CSV, CSV_CRC, NOBODY, OTHER, Stack, failing, until, write

URI = f"s3://{BUCKET}/{AREA}"
Upload = Callable[..., Result]
COMMANDS = ["areas", "creds", "files", "forget", "help", "list", "report", "select", "status"]


def checksummed(stack: Stack, *names: str) -> None:
    until(lambda: all(stack.state(name) == "CHECKSUMMED" for name in names))


@pytest.mark.parametrize("words", [[], ["help"], ["-h"]])
def test_the_commands_are_listed(words: list[str], upload: Upload) -> None:
    shown = upload(*words)
    assert (shown.code, shown.stderr) == (0, "")
    listed = shown.stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed if line.startswith("  ") and line[2] != " "] == COMMANDS


@pytest.mark.parametrize(
    "words",
    [["files", __file__], ["list"], ["list", "-l"], ["status", "f"], ["report"], ["status", "f", "--env", "dev"]],
)
def test_ud5_no_area_selected_is_the_same_sentence_for_all(words: list[str], upload: Upload) -> None:
    shown = upload(*words)
    assert (shown.code, shown.stdout) == (1, "")
    assert shown.stderr.startswith("Error: No upload area is selected.\nHint: Select it with `hca upload select")


# Areas


@pytest.mark.parametrize("uri", [URI, f"{URI}/"])
def test_selecting_by_uri(uri: str, upload: Upload) -> None:
    shown = upload("select", uri)
    assert (shown.code, shown.stderr) == (0, "")
    first, second = shown.stdout.splitlines()
    assert (AREA in first, 'alias "7"' in second) == (True, True)
    assert upload("areas").stdout == f"{AREA} <- selected\n"


def test_selecting_by_alias(upload: Upload) -> None:
    upload("select", URI)
    upload("select", f"s3://{BUCKET}/{OTHER}")
    shown = upload("select", "7C9")
    assert (shown.code, shown.stdout) == (0, f"Upload area {AREA} selected.\n")
    assert upload("areas").stdout == f"{AREA} <- selected\n{OTHER}\n"


@pytest.mark.parametrize(
    "words", [["select", "zz"], ["select", "7c"], ["forget", "7c"], ["creds", "zz"], ["select", "s3://x"]]
)
def test_ud3_what_cannot_be_selected_is_a_failure(words: list[str], upload: Upload) -> None:
    upload("select", URI)
    upload("select", f"s3://{BUCKET}/{OTHER}")
    shown = upload(*words)
    assert (shown.code, shown.stdout) == (1, "")
    assert words[-1] in shown.stderr
    assert UploadConfig().current_area == OTHER


def test_ud11_an_unusual_bucket_is_a_warning(upload: Upload) -> None:
    shown = upload("select", f"s3://other-local/{AREA}")
    assert shown.code == 0
    assert f"usually in the bucket {BUCKET}, not in other-local" in shown.stderr
    assert UploadConfig().area_uri(AREA).bucket_name == "other-local"


def test_areas_are_listed_as_data_if_that_is_wanted(upload: Upload) -> None:
    upload("select", f"s3://{BUCKET}/{OTHER}")
    upload("select", URI)
    assert run("--output", "json", "upload", "areas").json == [
        {"uuid": OTHER, "alias": "7c0", "selected": False},
        {"uuid": AREA, "alias": "7c9", "selected": True},
    ]
    assert run("--query", "[?selected].alias | [0]", "upload", "areas").json == "7c9"
    table = run("--output", "table", "upload", "areas").stdout.splitlines()
    assert table[0].split() == ["uuid", "alias", "selected"]


def test_forgetting(upload: Upload) -> None:
    upload("select", URI)
    shown = upload("forget", "7")
    assert (shown.code, len(shown.stdout.splitlines())) == (0, 1)
    assert AREA in shown.stdout
    assert upload("areas").stdout == ""
    assert upload("list").code == 1


def test_ud19_commands_that_only_read_write_no_settings(selected: Stack, upload: Upload) -> None:
    file = HCAConfig().user_file
    before = file.stat().st_mtime_ns, file.stat().st_ino
    for words in (["areas"], ["list"], ["creds", "7"], ["report"]):
        assert upload(*words).code == 0
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == before
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


# Two terminals


def test_an_area_can_be_named_without_selecting_it(selected: Stack, upload: Upload, tmp_path: Path) -> None:
    selected.service.create_area(OTHER)
    other = f"s3://{BUCKET}/{OTHER}/"
    before = HCAConfig().user_file.read_text()
    write(tmp_path, "a.csv")
    shown = upload("files", "--area", other, str(tmp_path))
    assert (shown.code, shown.stderr) == (0, f"Uploaded 1 file to area {OTHER}.\n")
    assert (selected.names(), selected.names(OTHER)) == ([], ["a.csv"])
    assert upload("list", "--area", other).stdout == "a.csv\n"
    assert f"local/{OTHER}:" in upload("status", "--area", other, "a.csv").stdout
    assert upload("report", "--area", other).stdout == f"The report is in {OTHER}.txt.\n"
    assert upload("creds", other).stdout.startswith("AWS_ACCESS_KEY_ID=")
    assert HCAConfig().user_file.read_text() == before
    assert upload("list", "--area", "7C").stdout == ""
    assert upload("list").stdout == ""


@pytest.mark.parametrize("words", [["list"], ["report"], ["status", "f"], ["files", __file__]])
@pytest.mark.parametrize(("area", "named"), [("zz", "'zz'"), ("", "''"), ("s3://x", "'s3://x'")])
def test_an_area_that_is_named_wrongly_is_not_taken_for_the_selected_one(
    area: str, named: str, words: list[str], selected: Stack, upload: Upload
) -> None:
    shown = upload(*words, "--area", area)
    assert (shown.code, shown.stdout) == (1, "")
    assert named in shown.stderr
    assert selected.upload.seen == []


@pytest.mark.parametrize("words", [["--uuid", AREA], ["--env", "local"]])
def test_an_area_is_named_in_one_way(words: list[str], selected: Stack, upload: Upload) -> None:
    shown = upload("status", "f", "--area", "7", *words)
    assert (shown.code, shown.stdout) == (2, "")
    assert "leave out --env and --uuid" in shown.stderr


# Files


def test_uploading(selected: Stack, upload: Upload, tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x/b.csv")
    shown = upload("files", str(tmp_path / "a.csv"), str(tmp_path / "x"))
    assert (shown.code, shown.stdout) == (0, "")
    assert shown.stderr == f"Uploaded 2 files to area {AREA}.\n"
    shown = upload("files", "-s", str(tmp_path))
    assert shown.stderr == f"Uploaded 2 files to area {AREA}, of which 2 were there already.\n"
    shown = upload("files", str(tmp_path))
    assert "already" not in shown.stderr


def test_options_of_uploading(selected: Stack, upload: Upload, tmp_path: Path) -> None:
    write(tmp_path, "x/a.csv", "x/b.txt", "d.json")
    report = tmp_path / "report"
    folder, donor = str(tmp_path / "x"), str(tmp_path / "d.json")
    options = ["--file-extension", ".csv", "--no-transfer-acceleration", "--jobs", "1", "--report", str(report)]
    assert upload("files", folder, *options).code == 0
    assert upload("files", "-t", "donor_1.json", "--dcp-type", "metadata/donor", donor).code == 0
    assert selected.names() == ["a.csv", "donor_1.json"]
    assert selected.head("donor_1.json").content_type == 'application/json; dcp-type="metadata/donor"'
    assert [json.loads(line)["name"] for line in report.read_text().splitlines()] == ["a.csv"]
    plan = upload("files", "--sync", "--dry-run", folder).json
    assert [(file["name"], file["action"]) for file in plan["files"]] == [("a.csv", "present"), ("b.txt", "send")]


def test_the_totals_are_data_if_that_is_wanted(selected: Stack, tmp_path: Path) -> None:
    write(tmp_path, "a.csv")
    found = run("--output", "json", "upload", "files", str(tmp_path)).json
    assert (found["area"], found["files"], found["sent"], found["transferred"]) == (AREA, 1, 1, len(CSV))


def test_ud6_quiet_is_quiet(selected: Stack, upload: Upload, tmp_path: Path) -> None:
    write(tmp_path / "x", "a.csv")
    selected.s3.faults.append(lambda one: "403 Forbidden" if one.method == "HEAD" else None)
    for words in (["files", "-q", str(tmp_path)], ["files", "--quiet", "-s", str(tmp_path)]):
        shown = run("--progress", "plain", "upload", *words)
        assert (shown.code, shown.stdout) == (0, "")
        assert "Uploaded" not in shown.stderr
        assert "of 1 files" not in shown.stderr
    assert upload("files", "-q", str(tmp_path / "no")).stderr.startswith("Error: Nothing was uploaded")


def test_ud6_quiet_leaves_out_warnings(selected: Stack, upload: Upload, tmp_path: Path) -> None:
    write(tmp_path / "x", "a.csv")
    (tmp_path / "x" / "link").symlink_to(tmp_path)
    folder = str(tmp_path / "x")
    assert "is a link to a folder" in upload("files", folder).stderr
    assert upload("files", "-q", folder).stderr == ""
    assert run("--quiet", "upload", "files", folder).stderr == ""


def test_ud6_quiet_hides_what_the_library_logs(selected: Stack, tmp_path: Path, upload: Upload) -> None:
    from .conftest import big

    path = big(tmp_path / "f.bam", 64 * 2**20 + 7)
    for words, told in ((["files"], True), (["files", "-q"], False)):
        key = f"{AREA}/f.bam"
        begun = selected.objects.create_upload(
            BUCKET, key, content_type="application/octet-stream; dcp-type=data", metadata={"crc32c": crc32c(path)}
        )
        with path.open("rb") as file:
            selected.objects.put_part(BUCKET, key, begun, 1, io.BytesIO(file.read(64 * 2**20)))
        shown = upload(*words, str(path))
        assert shown.code == 0, shown.stderr
        assert ("1 of 2 parts were sent before" in shown.stderr) == told


def crc32c(path: Path) -> str:
    from hca_core.transfer.digest import checksums

    return checksums(path).crc32c


def test_failures_of_uploading_have_their_exit_codes(selected: Stack, upload: Upload, tmp_path: Path) -> None:
    write(tmp_path, "a/f", "b/f", "c/g")
    both, missing = upload("files", str(tmp_path)), upload("files", str(tmp_path / "a"), str(tmp_path / "no"))
    assert (both.code, missing.code) == (2, 2)
    assert str(tmp_path / "a" / "f") in both.stderr
    assert str(tmp_path / "b" / "f") in both.stderr
    assert str(tmp_path / "no") in missing.stderr
    assert selected.names() == []
    selected.upload.faults.append(failing("POST", "/g", "404 Not Found"))
    shown = upload("files", str(tmp_path / "c"))
    assert (shown.code, shown.stdout) == (9, "")
    assert "arrived unnoticed" in shown.stderr
    assert selected.names() == ["g"]
    assert upload("files").code == 2


def test_listing(selected: Stack, upload: Upload, tmp_path: Path) -> None:
    assert (upload("list").code, upload("list").stdout) == (0, "")
    write(tmp_path, "cells.csv")
    upload("files", str(tmp_path))
    checksummed(selected, "cells.csv")
    selected.objects.put(BUCKET, f"{AREA}/raw.bam", io.BytesIO(CSV), content_type="a/b")
    assert upload("list").stdout == "cells.csv\nraw.bam\n"
    assert upload("list", "-l").stdout == (
        "cells.csv\n"
        "\tsize         31 bytes\n"
        f"\tURL          s3://{BUCKET}/{AREA}/cells.csv\n"
        "\tContent-Type text/csv; dcp-type=data\n"
        "\tS3_Etag      bebdcc32360bf730c98ffb3c3f430729\n"
        "\tCRC32C       8df3121c\n"
        "\tSHA1         e3e6e26e2c065c357254b302c030dd5046557440\n"
        "\tSHA256       1a36d65fecebf500f7a31740b2941459e74725d49cfa0327fdd0ac15d77c5b66\n"
        "raw.bam\n"
        "\tsize         31 bytes\n"
        f"\tURL          s3://{BUCKET}/{AREA}/raw.bam\n"
        "\tContent-Type a/b\n"
        "\tChecksums    pending\n"
    )
    assert run("--output", "json", "upload", "list").json == [{"name": "cells.csv"}, {"name": "raw.bam"}]
    assert run("--query", "[].checksums.crc32c", "upload", "list", "--long").json == ["8df3121c"]
    assert run("--output", "table", "upload", "list").stdout.splitlines() == ["name", "cells.csv", "raw.bam"]


def test_a_file_whose_checksums_failed_is_not_called_pending(selected: Stack, upload: Upload) -> None:
    for name, crc32c in {"bad": "deadbeef", "late": CSV_CRC}.items():
        selected.objects.put(BUCKET, f"{AREA}/{name}", io.BytesIO(CSV), metadata={"crc32c": crc32c})
    selected.area.announce("bad")
    until(lambda: selected.state("bad") == "FAILED")
    lines = upload("list", "--long").stdout.splitlines()
    assert [line for line in lines if "Checksums" in line] == ["\tChecksums    FAILED", "\tChecksums    pending"]
    found = run("--query", "[].checksum_status", "upload", "list", "--long").json
    assert found == ["FAILED"]


def test_a_name_cannot_look_like_two(selected: Stack, upload: Upload) -> None:
    selected.objects.put(BUCKET, f"{AREA}/a\nb\t\x1b[31mc", io.BytesIO(CSV))
    assert upload("list").stdout == "a\\nb\\t\\x1b[31mc\n"


def test_credentials_are_three_lines(selected: Stack, upload: Upload) -> None:
    shown = upload("creds", "7")
    assert (shown.code, shown.stderr) == (0, "")
    names = [line.partition("=")[0] for line in shown.stdout.splitlines()]
    assert names == ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
    found = run("--output", "json", "upload", "creds", AREA).json
    assert [*found] == ["aws_access_key_id", "aws_secret_access_key", "aws_session_token", "expiry_time"]


def test_credentials_work(selected: Stack, upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    for line in upload("creds", "7").stdout.splitlines():
        monkeypatch.setenv(*line.split("=", 1))
    s3 = boto3.Session().client("s3", endpoint_url=selected.s3_url, region_name="us-east-1")
    s3.put_object(Bucket=BUCKET, Key=f"{AREA}/by-hand", Body=b"x")
    assert upload("list").stdout == "by-hand\n"


# States


def test_the_status_of_a_file(selected: Stack, upload: Upload, tmp_path: Path) -> None:
    write(tmp_path, "cells.csv")
    upload("files", str(tmp_path))
    checksummed(selected, "cells.csv")
    shown = upload("status", "cells.csv")
    assert (shown.code, shown.stdout) == (0, f"cells.csv in local/{AREA}: VALIDATION_UNSCHEDULED\n")
    for words in (["--env", "local"], ["--uuid", AREA], ["--env", "local", "--uuid", AREA]):
        assert upload("status", "cells.csv", *words).stdout == shown.stdout
    assert run("--output", "json", "upload", "status", "cells.csv").json == {
        "file": "cells.csv",
        "environment": "local",
        "area": AREA,
        "status": "VALIDATION_UNSCHEDULED",
    }


def test_a_file_that_is_only_queued(selected: Stack, upload: Upload) -> None:
    selected.objects.put(BUCKET, f"{AREA}/raw.bam", io.BytesIO(CSV))
    assert upload("status", "raw.bam").stdout == f"raw.bam in local/{AREA}: CHECKSUMMING_UNSCHEDULED\n"


def test_waiting_for_a_file(selected: Stack, upload: Upload, tmp_path: Path) -> None:
    write(tmp_path, "cells.csv")
    upload("files", str(tmp_path))
    checksummed(selected, "cells.csv")
    shown = upload("status", "--wait", "cells.csv")
    assert (shown.code, shown.stdout) == (0, f"cells.csv in local/{AREA}: VALIDATION_UNSCHEDULED\n")
    assert selected.area.wait_for_checks("cells.csv") == "VALIDATION_UNSCHEDULED"


def test_waiting_in_vain(selected: Stack, upload: Upload) -> None:
    for name in ("bad", "late"):
        selected.objects.put(BUCKET, f"{AREA}/{name}", io.BytesIO(CSV), metadata={"crc32c": "deadbeef"})
    selected.area.announce("bad")
    until(lambda: selected.state("bad") == "FAILED")
    assert (upload("status", "bad").code, upload("status", "bad").stdout[-8:]) == (0, " FAILED\n")
    for words, code, problem in (
        (["bad"], 9, "'bad' is FAILED."),
        (["late", "--timeout", "0"], 8, "not done with 'late' after 0 s: CHECKSUMMING_UNSCHEDULED."),
        (["gone"], 7, ""),
        (["bad", "--area", f"s3://{BUCKET}/{NOBODY}/"], 7, ""),
    ):
        shown = upload("status", "--wait", *words)
        assert (shown.code, shown.stdout) == (code, ""), words
        assert problem in shown.stderr
    assert upload("status", "bad", "--timeout", "5").code == 2


def test_with_both_options_the_settings_are_not_asked(stack: Stack, upload: Upload) -> None:
    stack.objects.put(BUCKET, f"{AREA}/f", io.BytesIO(CSV))
    assert upload("status", "f", "--env", "local", "--uuid", AREA).code == 0
    assert upload("status", "f", "--uuid", AREA).code == 1
    assert upload("status", "f", "--env", "a/b", "--uuid", AREA).code == 1


def test_ud3_a_status_that_cannot_be_had_is_a_failure(selected: Stack, upload: Upload) -> None:
    shown = upload("status", "nope")
    assert (shown.code, shown.stdout) == (7, "")
    assert shown.stderr.startswith("Error: ")
    selected.upload.faults.append(lambda _: "500 Internal Server Error")
    assert upload("status", "nope").code == 8


def test_a_report(selected: Stack, upload: Upload, tmp_path: Path) -> None:
    write(tmp_path, "cells.csv", "donor_1.json")
    upload("files", str(tmp_path))
    checksummed(selected, "cells.csv", "donor_1.json")
    selected.service.upload_area(selected.area.uri).validate_files(["donor_1.json"], "image")
    until(lambda: selected.area.validation_statuses()["VALIDATED"])
    shown = upload("report", "--output_file_name", "r")
    assert (shown.code, shown.stdout) == (0, "The report is in r.txt.\n")
    text = Path("r.txt").read_text()
    assert text.startswith(f"FILE STATUS REPORT\nUploadArea: {AREA}\nTotal Number of Files: 2\nCHECKSUMS\n")
    assert "\tCHECKSUMMED files: 2\n" in text
    assert text.endswith("\tVALIDATED files: 1\n\tVALIDATING files: 0\n\tVALIDATION_UNSCHEDULED files: 1\n")


@pytest.mark.parametrize(
    ("words", "file"),
    [([], f"{AREA}.txt"), (["--output_file_name", "r"], "r.txt"), (["--output_file_name", "r.txt"], "r.txt")],
)
def test_ud16_the_file_of_a_report_ends_in_txt_once(
    words: list[str], file: str, selected: Stack, upload: Upload
) -> None:
    assert upload("report", *words).code == 0
    assert [path.name for path in Path().glob("*.txt")] == [file]


def test_a_report_makes_no_folders(selected: Stack, upload: Upload, tmp_path: Path) -> None:
    write(tmp_path / "x", "a.csv")
    new = str(tmp_path / "new" / "r.txt")
    expected = f"Error: The report {new} cannot be written: No such file or directory.\n"
    for words in (["report", "--output_file_name", new], ["files", "--report", new, str(tmp_path / "x")]):
        shown = upload(*words)
        assert (shown.code, shown.stdout, shown.stderr) == (2, "", expected)
    assert not (tmp_path / "new").exists()


def test_a_report_is_data_if_that_is_wanted(selected: Stack) -> None:
    found = run("--output", "json", "upload", "report", "--output_file_name", "r").json
    assert (found["area"], found["total"], found["file"]) == (AREA, 0, "r.txt")
    assert found["checksums"]["CHECKSUMMED"] == 0


def test_an_area_that_does_not_exist(stack: Stack, upload: Upload) -> None:
    upload("select", f"s3://{BUCKET}/{NOBODY}")
    assert (upload("list").code, upload("report").code) == (7, 7)
    assert [*Path().glob("*.txt")] == []
