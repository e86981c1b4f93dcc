from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hca_core.cli.context import Context
from hca_core.errors import ApiError, ArgumentError, HcaError
from hca_core.openapi.document import bundled
from hca_core.openapi.parse import parse
from hca_local.areas_cli import area
from hca_local.listener import Listener
from hca_local.root import Root, ensure_secrets
from hca_local.s3.store import ObjectStore
from hca_local.state import SERVICES, State, hold, write_state
from hca_local.upload.app import UploadApp
from hca_local.upload.names import BUCKET

UUID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
DOCUMENT = bundled("hca_upload:data/upload-api.json")


def run(root: Root | Path, *words: str) -> Result:
    path = root.path if isinstance(root, Root) else root
    obj = Context(lambda: pytest.fail("no application is needed"))
    return CliRunner().invoke(area, [*words, "--root", str(path)], obj=obj, standalone_mode=False)


@pytest.fixture
def running(root: Root) -> Iterator[UploadApp]:
    """The upload service of a stack that says it is running."""
    with Listener() as listener, hold(root):
        store = ObjectStore(root.objects)
        url = f"http://127.0.0.1:{listener.port}"
        key = ensure_secrets(root).upload_api_key
        app = UploadApp(parse(DOCUMENT), DOCUMENT, root=root.upload, store=store, public_url=url, api_key=key)
        listener.serve(app, max_body=2**20)
        ports = {**dict.fromkeys(SERVICES, 1), "upload": listener.port}
        write_state(root, State(1, "instance", ports, ready=True))
        yield app
    app.close()
    store.close()


def listed(root: Root) -> Any:
    return json.loads(run(root, "list").stdout)


@pytest.mark.usefixtures("running")
def test_create_list_delete(root: Root) -> None:
    assert listed(root) == []
    made = {"uuid": UUID, "uri": f"s3://{BUCKET}/{UUID}/"}
    for _ in range(2):
        assert json.loads(run(root, "create", UUID.upper()).stdout) == made
    other = json.loads(run(root, "create").stdout)
    assert other["uri"] == f"s3://{BUCKET}/{other['uuid']}/"
    assert listed(root) == [{**made, "status": "UNLOCKED"}, {**other, "status": "UNLOCKED"}]
    deleted = run(root, "delete", UUID)
    assert (deleted.exit_code, deleted.stdout) == (0, "")
    assert "is being deleted" in deleted.stderr
    while len(listed(root)) > 1:
        pass
    assert listed(root)[0]["uuid"] == other["uuid"]


@pytest.mark.usefixtures("running")
def test_what_cannot_be(root: Root) -> None:
    assert isinstance(run(root, "create", "x").exception, ArgumentError)
    assert isinstance(run(root, "delete", "../version").exception, ArgumentError)
    missing = run(root, "delete", UUID).exception
    assert isinstance(missing, ApiError)
    assert "Upload Area Not Found" in missing.message


def test_a_stack_that_is_down(root: Root) -> None:
    assert listed(root) == []
    for words in (["create"], ["delete", UUID]):
        error = run(root, *words).exception
        assert isinstance(error, HcaError)
        assert "is not running" in error.message


def test_areas_are_listed_while_the_stack_is_down(root: Root, running: UploadApp) -> None:
    run(root, "create", UUID)
    running.close()
    assert [one["uuid"] for one in listed(root)] == [UUID]


def test_no_stack_at_all(tmp_path: Path) -> None:
    error = run(tmp_path / "nothing", "list").exception
    assert isinstance(error, HcaError)
    assert "There is no local stack" in error.message
    assert not (tmp_path / "nothing").exists()


def test_the_key_follows_from_the_secrets(root: Root) -> None:
    secrets = ensure_secrets(root)
    key = secrets.upload_api_key
    assert len(key) == 64
    assert key == secrets.upload_api_key
    assert secrets.secret_access_key not in key


def test_help_needs_no_stack() -> None:
    result = CliRunner().invoke(area, ["create", "--help"], obj=Context(lambda: pytest.fail("not needed")))
    assert result.exit_code == 0
    assert "--root" in result.stdout
