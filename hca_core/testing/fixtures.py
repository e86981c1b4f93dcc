"""Fixtures for pytest. `pytest_plugins = ["hca_core.testing.fixtures"]` in a conftest.py switches them on."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hca_core.hosts import is_loopback
from hca_core.testing.runner import Result, run

__all__ = ["hca", "home", "loopback_only"]

_PERSONAL = ("HCA_", "AWS_", "GEN3_", "GOOGLE_", "IRODS_", "KUBERNETES_", "NAMESPACE", "XDG_")


@pytest.fixture
def hca() -> Callable[..., Result]:
    """Run `hca` in this process: `hca("hello", "--name", "Ada").json`; see `hca_core.testing.run`."""
    return run


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory, which is also where the test runs, without any settings of the person who runs it."""
    folder = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(_PERSONAL) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections that would leave this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        # Other kinds of sockets have addresses that are paths or numbers.
        if isinstance(address, tuple) and isinstance(address[0], str) and not is_loopback(address[0]):
            raise AssertionError(f"a test tried to connect to {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
