"""The local stack from a user's side: profiles, secrets, hostile requests, starting and stopping."""

import http.client
import json
import os
import re
import signal
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest

BUNDLE = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "project_0.json").write_text('{"describedBy": "https://example.org/type/project/1.0.0/project"}')
    (folder / "reads.fastq").write_bytes(b"@r1\nACGT\n+\nIIII\n" * 1000)
    return folder


def test_the_local_profile_needs_no_other_configuration(stack, source: Path, home: Path, tmp_path: Path) -> None:
    stack.environ = {**os.environ, "HCA_LOCAL_ROOT": str(stack.root)}
    upload = ["dss", "upload", "--src-dir", str(source), "--replica", "aws", "--staging-bucket", "staging"]
    uuid = json.loads(stack.hca("--profile", "local", *upload).stdout)["bundle_uuid"]
    download = ["dss", "download", "--bundle-uuid", uuid, "--replica", "gcp", "--download-dir", str(tmp_path / "out")]
    stack.hca("--profile", "local", *download)
    assert (next((tmp_path / "out").glob(f"{uuid}.*")) / "reads.fastq").read_bytes() == b"@r1\nACGT\n+\nIIII\n" * 1000
    assert not (home / ".config" / "hca" / "config.json").exists()
    assert "no settings profile" in stack.hca("--profile", "nowhere", *download, code=3).stderr


def test_secrets_do_not_appear_at_any_verbosity(stack, source: Path, tmp_path: Path) -> None:
    """Everything secret that a debug run handles: the token, the store's key, signatures of URLs."""
    kept = json.loads((stack.root / "secrets.json").read_text())
    secrets = {kept["secret_access_key"], kept["owner_token"]}
    upload = ["dss", "upload", "--src-dir", str(source), "--replica", "aws", "--staging-bucket", "staging"]
    shown = stack.hca("--debug", *upload, "--bundle-uuid", BUNDLE)
    download = ["dss", "download", "--bundle-uuid", BUNDLE, "--replica", "aws", "--download-dir", str(tmp_path / "o")]
    text = shown.stderr + shown.stdout + stack.hca("--debug", *download).stderr
    stack.environ["HCA_TOKEN"] = "pl4nted-t0ken-that-is-refused"
    delete = ["dss", "delete-bundle", "--uuid", BUNDLE, "--replica", "aws", "--reason", "test"]
    text += stack.hca("--debug", *delete, code=5).stderr
    assert "DEBUG" in text
    assert not [secret for secret in secrets if secret in text]
    assert "pl4nted" not in text
    assert not re.search(r"X-Amz-Signature=[0-9a-f]{8}|Signature=[0-9a-f]{8}", text)


def test_secrets_are_private(stack) -> None:
    for path in [stack.root, *stack.root.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_requests_for_another_host_are_refused(stack) -> None:
    for url in (stack.facts["dss_url"], stack.facts["s3_url"]):
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        connection.request("GET", "/v1/swagger.json", headers={"Host": "rebound.example.org"})
        assert connection.getresponse().status == 403
        connection.close()


def test_starting_twice_and_after_a_crash(stack, source: Path) -> None:
    again = stack.hca("local", "up")
    assert json.loads(again.stdout)["pid"] == stack.facts["pid"]
    assert "runs already" in again.stderr or "already" in again.stderr
    upload = ["dss", "upload", "--src-dir", str(source), "--replica", "aws", "--staging-bucket", "staging"]
    uuid = json.loads(stack.hca(*upload).stdout)["bundle_uuid"]
    os.kill(stack.facts["pid"], signal.SIGKILL)
    failed = stack.hca("dss", "get-bundle", "--uuid", uuid, "--replica", "aws", code=8)
    assert "Connection refused" in failed.stderr
    stack.up()
    assert (
        json.loads(stack.hca("dss", "get-bundle", "--uuid", uuid, "--replica", "aws").stdout)["bundle"]["uuid"] == uuid
    )


def test_the_form_of_data_and_quiet_hold_for_the_stack_too(stack) -> None:
    again = stack.hca("--quiet", "--query", "pid", "local", "up")
    assert (again.stdout, again.stderr) == (f"{stack.facts['pid']}\n", "")


def test_every_operation_is_served(stack) -> None:
    assert json.loads(stack.hca("dss", "get-events", "--replica", "aws").stdout) == {"event_streams": []}
    assert json.loads(stack.hca("dss", "get-collections").stdout) == {"collections": []}
    assert json.loads(stack.hca("dss", "get-subscriptions", "--replica", "aws").stdout) == {"subscriptions": []}


def test_a_collection_is_downloaded(stack, source: Path, tmp_path: Path) -> None:
    upload = ["dss", "upload", "--src-dir", str(source), "--replica", "aws", "--staging-bucket", "staging"]
    bundle = json.loads(stack.hca(*upload).stdout)
    item = {"type": "bundle", "uuid": bundle["bundle_uuid"], "version": bundle["version"]}
    about = ["--name", "lungs", "--description", "a test", "--details", "{}", "--contents", json.dumps(item)]
    place = ["--uuid", BUNDLE, "--version", "2024-05-02T080000.000000Z", "--replica", "aws"]
    put = json.loads(stack.hca("dss", "put-collection", *about, *place).stdout)
    assert put["uuid"] == BUNDLE
    stack.hca(
        "dss", "download-collection", "--uuid", BUNDLE, "--replica", "aws", "--download-dir", str(tmp_path / "out")
    )
    (folder,) = (tmp_path / "out").glob(f"{bundle['bundle_uuid']}.*")
    assert (folder / "reads.fastq").read_bytes() == (source / "reads.fastq").read_bytes()


def test_foreground_serves_until_it_is_asked_to_stop(tmp_path: Path, stack) -> None:
    other = stack.start("local", "up", "--foreground", "--root", str(tmp_path / "other"))
    lines = []
    while "}\n" not in lines:
        lines.append(other.stdout.readline())
    facts = json.loads("".join(lines))
    assert json.loads(stack.hca("local", "status", "--root", str(tmp_path / "other")).stdout)["pid"] == facts["pid"]
    other.send_signal(signal.SIGINT)
    _, err = other.communicate(timeout=20)
    assert other.returncode == 0, err
    assert "Traceback" not in err
