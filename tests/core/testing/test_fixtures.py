import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

# What a stranger's test finds, in a process whose environment is full of the person's own things.
FOUND = """
import os
from pathlib import Path

def test_home(home, tmp_path):
    assert Path.home() == Path.cwd() == home
    assert list(home.iterdir()) == []
    assert home != tmp_path
    own = [name for name in os.environ if name.startswith(("HCA", "XDG", "AWS", "GOOGLE"))]
    assert own == ["AWS_EC2_METADATA_DISABLED"]
    assert [name for name in os.environ if "proxy" in name.lower()] == []

def test_hca(hca):
    assert hca("config", "get", "log_level").json == "INFO"
"""
PERSON = {
    "HCA_CONFIG_FILE": "/no/such/file.json",
    "HCA_TOKEN": "secret",
    "XDG_CONFIG_HOME": "/no/such/folder",
    "AWS_PROFILE": "mine",
    "GOOGLE_APPLICATION_CREDENTIALS": "/no/such/key.json",
    "HTTPS_PROXY": "http://proxy.example.org",
    "no_proxy": "example.org",
}


def test_a_test_has_a_home_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["hca_core.testing.fixtures"]\n')
    (tmp_path / "test_it.py").write_text(FOUND)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, env={**os.environ, **PERSON}, capture_output=True, text=True, check=False)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("host", ["192.0.2.1", "example.org", "127.0.0.1.example.org", "2001:db8::1"])
def test_only_this_machine_is_reached(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock, pytest.raises(AssertionError, match=f"tried to connect to {host}"):
        sock.connect((host, 80))


def test_this_machine_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as sock:
        assert sock.getpeername() == server.getsockname()


def test_hca_core_needs_no_pytest() -> None:
    code = "import sys, hca_core.testing, hca_core.cli.root; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
