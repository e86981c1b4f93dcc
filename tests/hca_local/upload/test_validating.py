from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import AREA, BUCKET, CSV, DONOR, DONOR_TYPE, OTHER, Upload, until

ECHO = """
import json, os, sys
print(json.dumps({
    "files": {os.path.basename(path): open(path, "rb").read().decode() for path in sys.argv[1:]},
    "folder": os.getcwd(),
    **{name: os.environ.get(name) for name in (
        "DEPLOYMENT_STAGE", "API_HOST", "CONTAINER", "VALIDATION_ID", "STRICT", "PATH")},
}))
"""
WAIT = "import pathlib, sys, time\nwhile not pathlib.Path({!r}).exists(): time.sleep(0.01)"


def script(folder: Path, text: str) -> list[str]:
    file = folder / "validator.py"
    file.write_text(text)
    return [sys.executable, str(file)]


def validate(upload: Upload, *names: str, **more: Any) -> Any:
    options = {name: more.pop(name) for name in ("key", "area") if name in more}
    body = {"validator_image": "labs/fastq-check:3", "files": list(names), "environment": {}, **more}
    return upload.area("PUT", "/validate", json=body, **options)


def state(upload: Upload, name: str) -> Any:
    return upload.area("GET", f"/{name}/validate", key=None).json()


def ended(upload: Upload, name: str, status: str = "VALIDATED") -> str:
    found = until(lambda: (one := state(upload, name))["validation_status"] == status and one)
    return str(found["validation_results"])


def test_without_a_validator_everything_is_valid(upload: Upload) -> None:
    upload.put("cells.csv", CSV)
    upload.put("donor_1.json", DONOR, DONOR_TYPE)
    assert state(upload, "cells.csv") == {"validation_status": "UNSCHEDULED", "validation_results": "N/A"}
    answer = validate(upload, "donor_1.json")
    assert (answer.status_code, list(answer.json())) == (200, ["validation_id"])
    assert json.loads(ended(upload, "donor_1.json"))["checked"] is False
    counted = upload.area("GET", "/validations", key=None).json()
    assert counted == {"VALIDATING": 0, "VALIDATED": 1, "SCHEDULED": 0}
    assert state(upload, "cells.csv")["validation_status"] == "UNSCHEDULED"


def test_a_validator_sees_the_files_and_what_was_asked_for(upload: Upload) -> None:
    upload.reopen(validator=script(upload.folder, ECHO))
    upload.put("a b.csv", CSV)
    upload.put("donor_1.json", DONOR, DONOR_TYPE)
    environment = {"STRICT": "yes", "PATH": "/evil", "CONTAINER": "other"}
    id = validate(upload, "a b.csv", "donor_1.json", environment=environment).json()["validation_id"]
    seen = json.loads(ended(upload, "donor_1.json"))
    assert seen["files"] == {"a b.csv": CSV.decode(), "donor_1.json": DONOR.decode()}
    assert (seen["DEPLOYMENT_STAGE"], seen["CONTAINER"], seen["STRICT"]) == ("local", "labs/fastq-check:3", "yes")
    assert seen["VALIDATION_ID"] == id
    assert upload.ports.upload_url.endswith(seen["API_HOST"])
    assert seen["PATH"] != "/evil"
    assert not Path(seen["folder"]).exists()
    assert upload.area("GET", "/validations").json()["VALIDATED"] == 2


def test_a_repeated_validation_has_the_old_id(upload: Upload) -> None:
    upload.reopen(validator=script(upload.folder, ECHO))
    upload.put("a", CSV)
    body = {"validator_image": "v", "original_validation_id": "the-first"}
    assert upload.area("PUT", "/a/validate", json=body).json()["validation_id"] != "the-first"
    assert json.loads(ended(upload, "a"))["VALIDATION_ID"] == "the-first"


@pytest.mark.parametrize(
    ("text", "shown"), [("print('bad'); raise SystemExit(3)", "bad\n"), ("raise SystemExit(1)", "N/A")]
)
def test_a_validator_that_fails(upload: Upload, text: str, shown: str) -> None:
    upload.reopen(validator=script(upload.folder, text))
    upload.put("a", CSV)
    validate(upload, "a")
    assert ended(upload, "a", "FAILED") == shown
    assert upload.area("GET", "/validations").json() == {"VALIDATING": 0, "VALIDATED": 0, "SCHEDULED": 0, "FAILED": 1}


def test_a_validator_that_cannot_be_started(upload: Upload) -> None:
    upload.reopen(validator=["/does/not/exist"])
    upload.put("a", CSV)
    validate(upload, "a")
    ended(upload, "a", "FAILED")


def test_states_on_the_way_and_a_restart(upload: Upload) -> None:
    ready = upload.folder / "ready"
    upload.reopen(validator=script(upload.folder, WAIT.format(str(ready))))
    for name in "abc":
        upload.put(name, CSV)
        validate(upload, name)
    until(lambda: upload.area("GET", "/validations").json() == {"VALIDATING": 2, "VALIDATED": 0, "SCHEDULED": 1})
    assert state(upload, "a") == {"validation_status": "VALIDATING", "validation_results": None}
    assert state(upload, "c") == {"validation_status": "SCHEDULED", "validation_results": None}
    upload.app.close()
    ready.touch()
    upload.open(validator=script(upload.folder, "print('ok')"))
    for name in "abc":
        assert ended(upload, name) == "ok\n"


def test_checksums_do_not_wait_for_validators(upload: Upload) -> None:
    upload.reopen(validator=script(upload.folder, WAIT.format("/never/there")))
    for name in "abc":
        upload.put(name, CSV)
        validate(upload, name)
    until(lambda: upload.area("GET", "/validations").json()["VALIDATING"] == 2)
    upload.upload("d", CSV)
    upload.announce("d")
    until(lambda: upload.checksum("d")["checksum_status"] == "CHECKSUMMED")


def test_the_newest_validation_counts(upload: Upload) -> None:
    upload.put("a", CSV)
    first = validate(upload, "a").json()["validation_id"]
    ended(upload, "a")
    second = validate(upload, "a").json()["validation_id"]
    ended(upload, "a")
    report(upload, first, "FAILED", {"stdout": "old"})
    assert state(upload, "a")["validation_status"] == "VALIDATED"
    report(upload, second, "FAILED", {"stdout": "new"})
    assert state(upload, "a") == {"validation_status": "FAILED", "validation_results": "new"}
    assert upload.area("GET", "/validations").json() == {"VALIDATING": 0, "VALIDATED": 0, "SCHEDULED": 0, "FAILED": 1}


def test_the_same_name_twice(upload: Upload) -> None:
    upload.put("sp ace", CSV)
    assert validate(upload, "sp ace", "sp ace", "sp%20ace").status_code == 200
    ended(upload, "sp%20ace")
    assert upload.area("GET", "/validations").json()["VALIDATED"] == 1


def test_missing_files(upload: Upload) -> None:
    upload.put("a", CSV)
    answer = validate(upload, "a", "nope")
    assert (answer.status_code, answer.json()["title"]) == (404, "No such file")
    assert state(upload, "a")["validation_status"] == "UNSCHEDULED"
    assert upload.area("PUT", "/nope/validate", json={"validator_image": "v"}).status_code == 404
    assert upload.area("GET", "/nope/validate").status_code == 404


def test_a_name_that_is_no_file_name_is_not_validated(upload: Upload) -> None:
    upload.upload("../evil", b"x")
    assert validate(upload, "../evil").status_code == 400


def test_too_much_to_validate(upload: Upload) -> None:
    upload.put("a", CSV)
    upload.put("b", CSV)
    upload.store.seeming_size = 5 * 10**11
    assert validate(upload, "a").status_code == 200
    answer = validate(upload, "a", "b")
    assert (answer.status_code, answer.json()["title"]) == (400, "File too large for validation")


@pytest.mark.parametrize(
    "body",
    [
        {"validator_image": ""},
        {"files": []},
        {"files": "a"},
        {"files": [1]},
        {"environment": []},
        {"environment": {"A": 1}},
        {"environment": {"A B": "x"}},
        {"environment": {"A=B": "x"}},
        {"environment": {"": "x"}},
        {"environment": {"A": "\x00"}},
        {"environment": {"LD_PRELOAD": "/evil.so"}},
        {"original_validation_id": 1},
    ],
)
def test_requests_that_make_no_sense(upload: Upload, body: dict[str, Any]) -> None:
    upload.put("a", CSV)
    whole = {"validator_image": "v", "files": ["a"], **body}
    assert upload.area("PUT", "/validate", json=whole).status_code == 400
    assert state(upload, "a")["validation_status"] == "UNSCHEDULED"


def test_validation_needs_the_key(upload: Upload) -> None:
    upload.put("a", CSV)
    assert validate(upload, "a", key="wrong").status_code == 401
    assert validate(upload, "a", key=None).status_code == 400


def report(upload: Upload, id: str, status: str, payload: Any, **options: Any) -> Any:
    body = {"status": status, "job_id": "job-1", "payload": payload}
    return upload.area("POST", f"/update_validation/{id}", json=body, **options)


def test_reports_from_outside(upload: Upload) -> None:
    upload.put("a", CSV)
    id = validate(upload, "a").json()["validation_id"]
    ended(upload, "a")
    assert report(upload, id, "VALIDATING", {}).status_code == 204
    assert state(upload, "a") == {"validation_status": "VALIDATING", "validation_results": None}
    assert report(upload, id, "VALIDATED", {"stdout": "fine", "exit_code": 0}).status_code == 204
    assert state(upload, "a") == {"validation_status": "VALIDATED", "validation_results": "fine"}
    assert report(upload, "unknown", "FAILED", {}).status_code == 404
    assert report(upload, id, "CHECKSUMMED", {}).status_code == 400
    assert report(upload, id, "FAILED", {}, key="wrong").status_code == 401
    assert report(upload, id, "FAILED", {}, key=None).status_code == 400
    upload.make_area(OTHER)
    assert report(upload, id, "FAILED", {}, area=OTHER).status_code == 404
    assert state(upload, "a")["validation_status"] == "VALIDATED"


def test_validations_go_with_their_area(upload: Upload) -> None:
    upload.put("a", CSV)
    validate(upload, "a")
    ended(upload, "a")
    upload.area("DELETE")
    until(lambda: upload.area("HEAD").status_code == 404)
    upload.make_area()
    upload.upload("a", CSV)
    assert state(upload, "a")["validation_status"] == "UNSCHEDULED"
    assert upload.store.head(BUCKET, f"{AREA}/a")
