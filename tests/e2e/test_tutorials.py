"""The documented tutorials run against a local stack, print what they should, and do what they say."""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

TUTORIALS = Path(__file__).parents[2] / "examples" / "tutorials"
VERSION = r"\d{4}-\d\d-\d\dT\d{6}\.\d{6}Z"
DOWNLOADED = "ffffaf55-f19c-40e3-aa81-a6c69d357265.2019-08-01T200147.836832Z"
LISTED = "002aeac5-4d74-462d-baea-88f5c620cb50"
MADE = {"python": "98f6c379-cb78-4a61-9310-f8cc0341c0ea", "shell": "98f6c379-cb78-4a61-9310-f8cc0341c0eb"}
MADE_VERSION = "2019-08-02T202456.025543Z"
UPLOADS = "upload-test-unittest"
TOOLS = {"subscriptions": "jq", "collections": "jq", "upload": "aws"}


class Tutorials:
    """A copy of the tutorials in one language, and a shell that is ready to run them."""

    def __init__(self, stack: Any, language: str, folder: Path) -> None:
        self.stack, self.language, self.folder = stack, language, folder / language
        shutil.copytree(TUTORIALS, folder, ignore=shutil.ignore_patterns("data", ".hca*", "__pycache__"))
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environ = {**stack.environ, "PATH": path}
        exports = self._start([sys.executable, "../prepare.py"]).stdout.splitlines()
        self.environ.update(line.removeprefix("export ").split("=", 1) for line in exports)

    def file(self, name: str) -> Path:
        spelled = f"{name}_api.py" if self.language == "python" else f"{name.replace('_', '-')}.sh"
        return self.folder / spelled

    def run(self, name: str, code: int = 0) -> Run:
        """Run a tutorial; a shell one stops at the first command that fails."""
        interpreter = [sys.executable] if self.language == "python" else ["bash", "-eu", "-o", "pipefail"]
        done = self._start([*interpreter, self.file(name).name], code)
        return Run(self, done.stdout, done.stderr)

    def change(self, name: str, old: str, new: str) -> None:
        text = self.file(name).read_text()
        assert old in text
        self.file(name).write_text(text.replace(old, new))

    def ask(self, *words: str, code: int = 0) -> Any:
        """Run `hca dss` and return the data that it prints, None if it is to fail."""
        done = self.stack.hca("dss", *words, "--replica", "aws", code=code)
        return json.loads(done.stdout) if code == 0 else None

    def _start(self, command: list[str], code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=100, check=False
        )
        assert done.returncode == code, f"{command[-1]} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done


@dataclass
class Run:
    """How a tutorial ended."""

    of: Tutorials
    out: str
    err: str

    @property
    def values(self) -> list[Any]:
        """The data that was printed: JSON by commands, Python's own notation by programs; words are left out."""
        if self.of.language == "python":
            return [ast.literal_eval(line) for line in self.out.splitlines() if line.startswith("{")]
        found, rest, decoder = [], self.out, json.JSONDecoder()
        while begin := re.search(r"^\{", rest, re.MULTILINE):
            value, end = decoder.raw_decode(rest, begin.start())
            found.append(value)
            rest = rest[end:]
        return found


def saved(folder: Path) -> set[str]:
    return {path.name for path in (folder / DOWNLOADED).iterdir()}


def check_create_version(run: Run) -> None:
    assert re.fullmatch(f"{VERSION}\n", run.out)


def check_download(run: Run) -> None:
    metadata = {"cell_suspension_0.json", "links.json", "bundle.json"}
    assert saved(run.of.folder / "download_test") == {*metadata, "reads_2.fastq"}
    reads = run.of.folder / "download_test" / DOWNLOADED / "reads_2.fastq"
    assert reads.read_text() == "@read\nACGT\n+\nIIII\n"
    assert run.out == ""
    if run.of.language == "python":
        assert saved(run.of.folder / ".hca_metadata_only") == metadata
        assert saved(run.of.folder / ".hca_data_only") == {"reads_2.fastq", "bundle.json"}


def check_get_bundle(run: Run) -> None:
    if run.of.language == "shell":
        (value,) = run.values
        assert [file["name"] for file in value["bundle"]["files"]] == ["cell_suspension_0.json", "links.json"]
        return
    assert f"Bundle UUID   : {LISTED}\nBundle Version: 2019-08-01T200147.836900Z\n" in run.out
    assert json.loads((run.of.folder / "data" / "get_bundle.json").read_text())["bundle"]["uuid"] == LISTED


def check_download_manifest(run: Run) -> None:
    with (run.of.folder / "manifest.tsv").open(newline="") as file:
        (row,) = csv.DictReader(file, dialect="excel-tab")
    content = (run.of.folder / row["file_path"]).read_bytes()
    assert len(content) == int(row["file_size"])
    assert Path(row["file_path"]).parts[:3] == (".hca", "v2", "files_2_4")
    assert row["file_sha256"] in row["file_path"]
    if run.of.language == "shell":
        assert run.out == "manifest.json file: manifest.tsv\n"


def check_file_head(run: Run) -> None:
    if run.of.language == "python":
        assert run.out.count("Success!\nHeaders: ") == 2
        assert run.out.count("'X-DSS-VERSION': '2019-01-30T165057.189000Z'") == 2
    else:
        assert [value["X-DSS-VERSION"] for value in run.values] == ["2019-01-30T165057.189000Z"] * 2
        assert [value["X-DSS-SIZE"] for value in run.values] == ["98", "85"]


def check_post_bundles_checkout(run: Run) -> None:
    (value,) = run.values
    assert re.fullmatch("[0-9a-f-]{36}", value["checkout_job_id"])


def check_get_bundles_checkout(run: Run) -> None:
    location = r"s3://\w+/bundles/fff746b3-e3eb-496a-88a3-5fa1fa358392\.2019-08-01T200147\.130156Z"
    if run.of.language == "python":
        assert re.fullmatch(f"Bundle checkout status: SUCCEEDED!\nFile is located at: {location}!\n", run.out)
    else:
        (value,) = run.values
        assert value["status"] == "SUCCEEDED"
        assert re.fullmatch(location, value["location"])


def check_get_file(run: Run) -> None:
    if run.of.language == "python":
        assert run.out.endswith('/sequence_file"\nread_index: "read2"\n')
    else:
        assert json.loads(run.out)["read_index"] == "read2"


def token_source(run: Run) -> str:
    (found,) = (each for each in json.loads(run.of.stack.hca("auth-status").stdout) if each["service"] == "dss")
    return str(found["source"])


def check_login(run: Run) -> None:
    assert token_source(run) == "stored login"


def check_logout(run: Run) -> None:
    assert token_source(run) == "hca local"


def check_post_search(run: Run) -> None:
    found = run.values[-1]["results"]
    assert len(found) == run.values[-1]["total_hits"] >= 5
    assert DOWNLOADED in [result["bundle_fqid"] for result in found]
    if run.of.language == "python":
        assert run.values[0] in found


def check_subscriptions(run: Run) -> None:
    listed, shown, deleted = run.values
    assert listed == {"subscriptions": [shown]}
    assert shown["callback_url"].startswith("https://localhost/dcp-cli-tutorials-put-")
    assert re.fullmatch(VERSION, deleted["timeDeleted"])
    assert run.of.ask("get-subscriptions") == {"subscriptions": []}


def check_refresh_swagger(run: Run) -> None:
    kept = list(Path(run.of.environ["HOME"], ".cache", "hca", "descriptions").glob("*.json"))
    if run.of.language == "python":
        assert kept == []
    else:
        assert run.err == f"Fetched {run.of.environ['SWAGGER_URL']}.\n"
        assert len(kept) == 1


def check_put_file(run: Run) -> None:
    versions = {"python": "2019-07-30T174916.268875Z", "shell": "2019-07-30T164352.961501Z"}
    uuids = {"python": "ead6434d-efb5-4554-98bc-027e160547c5", "shell": "38f6c379-cb78-4a61-9310-f8cc0341c0eb"}
    assert run.values == [{"version": versions[run.of.language]}]
    assert run.of.ask("head-file", "--uuid", uuids[run.of.language])["X-DSS-SIZE"] == "85"


def made(run: Run, code: int = 0) -> Any:
    return run.of.ask("get-bundle", "--uuid", MADE[run.of.language], "--version", MADE_VERSION, code=code)


def check_put_bundle(run: Run) -> None:
    names = {"python": "process_1.json1", "shell": "process_1.json"}
    (file,) = made(run)["bundle"]["files"]
    assert (file["name"], file["indexed"]) == (names[run.of.language], False)
    assert file["uuid"] == "2196a626-38da-4489-8b2f-645d342f6aab"


def check_patch_bundle(run: Run) -> None:
    (value,) = run.values
    assert value["uuid"] == MADE[run.of.language]
    latest = run.of.ask("get-bundle", "--uuid", value["uuid"])["bundle"]
    assert latest["version"] == value["version"] > MADE_VERSION
    assert latest["files"] == made(run)["bundle"]["files"]


def check_delete_bundle(run: Run) -> None:
    assert run.values == [{}]
    made(run, code=7)
    run.of.ask("get-bundle", "--uuid", MADE[run.of.language])  # the version of patch_bundle is still there


def check_collections(run: Run) -> None:
    *listed, patched, shown, deleted = run.values
    assert listed == [{"collections": [{"uuid": patched["uuid"], "version": "2018-09-17T161441.564206Z"}]}]
    assert patched["version"] > "2018-09-17T161441.564206Z"
    assert (shown["name"], shown["description"], shown["details"]) == ("bar", "foo", {})
    assert [item["uuid"] for item in shown["contents"]] == ["ff818282-9735-45fa-a094-e9f2d3d0a954"]
    assert deleted == {}
    run.of.ask("get-collection", "--uuid", patched["uuid"], code=7)


def check_upload(run: Run) -> None:
    (value,) = run.values
    bundle = run.of.ask("get-bundle", "--uuid", value["bundle_uuid"])["bundle"]
    assert bundle["version"] == value["version"]
    assert {file["name"] for file in bundle["files"]} == {path.name for path in (run.of.folder / "data").iterdir()}
    assert "Upload successful" in run.out or "delete: s3://upload-test-unittest/" in run.out
    assert keys(run.of.stack) == []


def keys(stack: Any) -> list[str]:
    """What is in the bucket that uploads go through."""
    import boto3

    secrets = ConfigParser()
    secrets.read(stack.facts["aws_credentials_file"])
    client = boto3.client("s3", endpoint_url=stack.facts["s3_url"], region_name="us-east-1", **secrets["default"])
    return [found["Key"] for found in client.list_objects_v2(Bucket=UPLOADS).get("Contents", [])]


Checks = dict[str, Callable[[Run], None]]

# In the order in which they can be run: some need what others leave behind.
OPEN: Checks = {
    "create_version": check_create_version,
    "download": check_download,
    "get_bundle": check_get_bundle,
    "download_manifest": check_download_manifest,
    "file_head": check_file_head,
    "post_bundles_checkout": check_post_bundles_checkout,
    "get_bundles_checkout": check_get_bundles_checkout,
    "get_file": check_get_file,
    "login": check_login,
    "logout": check_logout,
    "post_search": check_post_search,
    "subscriptions": check_subscriptions,
    "refresh_swagger": check_refresh_swagger,
}
RESTRICTED: Checks = {
    "put_file": check_put_file,
    "put_bundle": check_put_bundle,
    "patch_bundle": check_patch_bundle,
    "delete_bundle": check_delete_bundle,
    "collections": check_collections,
    "upload": check_upload,
}


@pytest.mark.slow
@pytest.mark.parametrize("checks", [OPEN, RESTRICTED], ids=["open", "restricted"])
@pytest.mark.parametrize("language", ["python", "shell"])
def test_the_tutorials_do_what_they_say(stack, tmp_path: Path, language: str, checks: Checks) -> None:
    tutorials = Tutorials(stack, language, tmp_path / "tutorials")
    lacking = {name: TOOLS[name] for name in checks if language == "shell" and not installed(TOOLS.get(name))}
    for name, check in checks.items():
        if name not in lacking:
            check(tutorials.run(name))
    if lacking:
        pytest.skip(f"all others passed; not run because a program is not installed: {lacking}")


def installed(tool: str | None) -> bool:
    return tool is None or shutil.which(tool) is not None


@pytest.mark.parametrize(("language", "files"), [("python", "*_api.py"), ("shell", "*.sh")])
def test_no_tutorial_is_left_out(language: str, files: str) -> None:
    found = {path.stem.removesuffix("_api").replace("-", "_") for path in (TUTORIALS / language).glob(files)}
    assert found == OPEN.keys() | RESTRICTED.keys()
    page = (TUTORIALS / "README.md").read_text()
    assert [path.name for path in (TUTORIALS / language).glob(files) if f"`{path.name}`" not in page] == []


@pytest.mark.slow
def test_mistakes_of_the_documentation_end_in_words(stack, tmp_path: Path) -> None:
    """What the tutorials of the documentation have wrong, as the README lists it."""
    python = Tutorials(stack, "python", tmp_path / "python")
    python.change("download_manifest", "open(BUNDLE_JSON)", 'open(BUNDLE_JSON, "w")')
    assert "Not a JSON file: not readable\n" in python.run("download_manifest").out
    assert (python.folder / "manifest.tsv").read_text().count("\n") == 1
    path = re.search('"path": "(.*)"', python.file("collections").read_text())
    assert path
    python.change("collections", path[1], "")  # as another edition of the documentation has it
    check_collections(python.run("collections"))

    shell = Tutorials(stack, "shell", tmp_path / "shell")
    shell.change("collections", "--version $VERSION", "--verison $VERSION")
    shell.change("collections", "| jq -r '.uuid'", "| tr -d '{}'")
    assert "--verison" in (wrong := shell.run("collections", code=2).err)
    assert "'--version'" in wrong


def test_prepare_refuses_anything_but_a_local_stack() -> None:
    environ = {name: value for name, value in os.environ.items() if name != "AWS_ENDPOINT_URL_S3"}
    command = [sys.executable, str(TUTORIALS / "prepare.py")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert 'eval "$(hca local env)"' in done.stderr


def test_the_progress_of_an_upload_is_shown_unless_it_is_not_wanted(stack, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "reads.fastq").write_text("@read\nACGT\n+\nIIII\n")
    upload = ["dss", "upload", "--src-dir", str(tmp_path / "data"), "--replica", "aws", "--staging-bucket", "staging"]
    assert "1/1 files" in stack.hca("--progress", "bar", *upload).stderr
    assert "files" not in stack.hca("--progress", "bar", *upload, "--no-progress").stderr
