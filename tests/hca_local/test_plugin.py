from __future__ import annotations

import json
import subprocess
import sys

import pytest

from hca_core.errors import ConfigError
from hca_local import control
from hca_local.plugin import hca_credentials, hca_profiles
from hca_local.root import read_secrets

from .conftest import Stack


@pytest.fixture
def default(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack in the default root."""
    monkeypatch.setenv("HCA_LOCAL_ROOT", str(stack.root.path))
    return stack


def test_a_running_stack_is_a_profile(default: Stack) -> None:
    (down,) = hca_profiles()
    assert (down.name, down.values, down.hint) == ("local", None, "Start it: `hca local up`.")
    state, _ = default.start()
    (profile,) = hca_profiles()
    assert profile.name == "local"
    assert profile.values is not None
    assert profile.values["DSSClient"] == {"swagger_url": state.url("dss") + "/v1/swagger.json"}
    control.stop(default.root)
    assert hca_profiles() == [down]


def test_a_running_stack_gets_its_owners_token(default: Stack) -> None:
    state, _ = default.start()
    credentials = hca_credentials(url=f"{state.url('dss')}/v1")
    assert credentials is not None
    assert credentials.token == read_secrets(default.root).owner_token
    assert (credentials.source, credentials.subject) == ("hca local", "owner@localhost")


def test_nobody_else_gets_it(default: Stack) -> None:
    state, _ = default.start()
    assert hca_credentials(url=f"{state.url('s3')}/v1") is None
    assert hca_credentials(url="https://dss.data.humancellatlas.org/v1") is None
    control.stop(default.root)
    assert hca_credentials(url=f"{state.url('dss')}/v1") is None


def test_a_stack_in_use_gets_it_too(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    state, _ = stack.start()
    assert hca_credentials(url=f"{state.url('dss')}/v1") is None
    monkeypatch.setenv("HCA_CONFIG_FILE", str(stack.root.config_file))
    assert hca_credentials(url=f"{state.url('dss')}/v1") is not None


def test_secrets_that_others_can_read_are_an_error(default: Stack) -> None:
    state, _ = default.start()
    default.root.secrets_file.chmod(0o644)
    with pytest.raises(ConfigError, match="can be read by others"):
        hca_credentials(url=f"{state.url('dss')}/v1")


def test_describing_a_command_is_cheap() -> None:
    code = "import sys, json, hca_local.plugin as p; p.hca_commands(); print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert not {"filelock", "click", "subprocess", "cheroot"} & set(loaded)
