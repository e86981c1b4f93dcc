"""The group `hca gen3`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from hca_core.testing import Result
from hca_gen3.cli.root import COMMANDS

Hca = Callable[..., Result]


def test_all_commands_are_listed(hca: Hca) -> None:
    for words in (["gen3"], ["gen3", "--help"]):
        result = hca(*words)
        assert result.code == 0
        assert all(f"  {spec.name} " in result.stdout for spec in COMMANDS)


@pytest.mark.parametrize("name", [spec.name for spec in COMMANDS])
def test_every_command_is_there(hca: Hca, name: str) -> None:
    result = hca("gen3", name, "--help")
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: hca gen3 {name}")


def test_an_unknown_command(hca: Hca) -> None:
    assert hca("gen3", "nope").code == 2


def test_help_imports_no_command() -> None:
    code = (
        "import sys\nfrom hca_core.cli.root import hca\n"
        "try:\n    hca.main(['gen3', '--help'], prog_name='hca')\nexcept SystemExit: pass\n"
        "print(*sorted(name for name in sys.modules if name.startswith(('hca_gen3', 'requests', 'pandas'))))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = set(run.stdout.splitlines()[-1].split())
    assert imported - {"hca_gen3.plugin"} == {"hca_gen3", "hca_gen3.cli", "hca_gen3.cli.root"}


def test_completion_imports_no_command() -> None:
    code = (
        "import sys, click\nfrom hca_gen3.cli.root import gen3\n"
        "print(*(item.value for item in gen3.shell_complete(click.Context(gen3), 'export')))\n"
        "print(*(name for name in sys.modules if name.startswith('hca_gen3.cli.')))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["export-node export-record", "hca_gen3.cli.root"]
