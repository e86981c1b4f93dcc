from __future__ import annotations

import io
import stat
from dataclasses import asdict
from time import monotonic

import pytest
import requests

from hca_core.errors import ConfigError, HcaError
from hca_core.transfer.digest import checksums
from hca_local.dss.app import ASYNC_THRESHOLD
from hca_local.options import Options, choose, read_options
from hca_local.parts import open_parts
from hca_local.root import STAGING_BUCKET, Root, ensure_secrets, open_root
from hca_local.s3.store import ObjectStore

from .conftest import Stack
from .test_stack import served

UUID = "0a000000-0000-4000-8000-000000000001"
VERSION = "2024-05-01T120000.000000Z"


def test_by_default_nothing_is_slow(root: Root) -> None:
    assert read_options(root) == Options(0, 0, ASYNC_THRESHOLD)


def test_what_is_chosen_is_kept_and_changed_one_by_one(root: Root) -> None:
    choose(root, {"checkout_seconds": 2.5, "replication_seconds": None, "async_threshold": 100})
    assert read_options(open_root(root.path)) == Options(2.5, 0, 100)
    choose(root, {"replication_seconds": 3, "checkout_seconds": None, "async_threshold": 0})
    assert read_options(root) == Options(2.5, 3, 0)
    assert stat.S_IMODE((root.path / "options.json").stat().st_mode) == 0o600


def test_what_was_chosen_can_be_taken_back(root: Root) -> None:
    choose(root, {"validator": "check --fast", "require_login": True, "elasticsearch_url": None})
    assert read_options(root) == Options(validator="check --fast", require_login=True)
    choose(root, {"validator": "", "require_login": False})
    assert read_options(root) == Options()


def test_a_stack_that_runs_keeps_its_options(stack: Stack) -> None:
    choose(stack.root, {"checkout_seconds": 1})
    stack.start()
    choose(stack.root, {"checkout_seconds": 1, "replication_seconds": None})
    with pytest.raises(HcaError, match="other options"):
        choose(stack.root, {"checkout_seconds": 2})
    assert read_options(stack.root).checkout_seconds == 1


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"nonsense": 1}', '{"checkout_seconds": -1}', '{"async_threshold": "x"}',
     '{"checkout_seconds": NaN}', '{"checkout_seconds": Infinity}', '{"checkout_seconds": true}',
     '{"require_login": 1}', '{"validator": 1}', '{"elasticsearch_url": "ftp://x"}', '{"validator": "a \'"}'],
)  # fmt: skip
def test_a_damaged_file_is_named(root: Root, text: str) -> None:
    file = root.path / "options.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match="damaged") as caught:
        read_options(root)
    assert caught.value.file == str(file)


def stage(root: Root, content: bytes) -> None:
    """Put an object with its checksums where the stack will find it."""
    store = ObjectStore(root.objects)
    store.create_bucket(STAGING_BUCKET)
    tags = {f"hca-dss-{name}": value for name, value in asdict(checksums(io.BytesIO(content), len(content))).items()}
    store.put(STAGING_BUCKET, "key", io.BytesIO(content), tags=tags)
    store.close()


def test_the_dss_is_as_slow_as_was_chosen(root: Root) -> None:
    choose(root, {"checkout_seconds": 1000, "replication_seconds": 1000, "async_threshold": 2})
    stage(root, b"abc")
    headers = {"Authorization": f"Bearer {ensure_secrets(root).owner_token}"}
    with served(root, open_parts) as state, requests.Session() as session:
        file = f"{state.url('dss')}/v1/files/{UUID}"
        body = {"source_url": f"s3://{STAGING_BUCKET}/key", "creator_uid": 1}
        put = session.put(file, params={"version": VERSION}, json=body, headers=headers, timeout=10)
        assert put.status_code == 202
        deadline = monotonic() + 10
        while session.head(file, params={"replica": "aws"}, timeout=10).status_code == 404:
            assert monotonic() < deadline
        assert session.head(file, params={"replica": "gcp"}, timeout=10).status_code == 404
        get = session.get(file, params={"replica": "aws"}, allow_redirects=False, timeout=10)
        assert (get.status_code, get.headers["Retry-After"]) == (301, "10")
