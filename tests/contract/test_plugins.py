"""A plugin that fails or dawdles never spoils the command line for the others."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from plugin_folder import install

FAULTS = {
    "raises": "raise RuntimeError('out of order')",
    "exits": "import sys; sys.exit(0)",
    "misspells": "from hca_core.hookspecs import hookimpl\n@hookimpl\ndef hca_comands(): return []",
    "prints": "print('noise')",
}


def hca(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hca_core", *words],
        env={**os.environ, "PYTHONPATH": str(folder), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_help_survives(fault: str, tmp_path: Path) -> None:
    install(tmp_path, "bad", FAULTS[fault])
    install(tmp_path, "good")
    shown = hca(tmp_path, "--help")
    assert shown.returncode == 0
    assert "Say good." in shown.stdout
    assert "noise" not in shown.stdout
    if fault != "prints":
        assert "the 'bad' plugin (hca-bad 1.0) is broken" in shown.stderr
        used = hca(tmp_path, "bad", "anything", "--at", "all")
        assert used.returncode == 4
        assert "hca-bad 1.0" in used.stderr
        assert "Traceback" not in used.stderr
    assert hca(tmp_path, "good").stdout == "hello from plug_hca_good\n"
    assert "bad" in hca(tmp_path, "plugins").stdout


def test_a_slow_plugin_is_slow_once(tmp_path: Path) -> None:
    marker = tmp_path / "imported"
    source = f"import time; time.sleep(5); open({str(marker)!r}, 'a').write('x')\n"
    install(tmp_path, "slow", source)
    began = time.monotonic()
    assert hca(tmp_path, "--help").returncode == 0
    first = time.monotonic() - began
    began = time.monotonic()
    assert hca(tmp_path, "--help").returncode == 0
    assert marker.read_text() == "x"
    assert time.monotonic() - began < first - 3


def test_two_claims_to_one_name(tmp_path: Path) -> None:
    install(tmp_path, "same", distribution="hca-one")
    install(tmp_path, "same", distribution="hca-two")
    used = hca(tmp_path, "same")
    assert used.returncode == 4
    assert "hca-one 1.0 and hca-two 1.0" in used.stderr
    assert hca(tmp_path, "plugins", "list", "--json").returncode == 0


def test_a_command_of_a_missing_package_names_the_package(tmp_path: Path) -> None:
    used = hca(tmp_path, "gen3", "get-users", HCA_PLUGINS="dss")
    assert used.returncode == 2
    assert "provided by the package hca-gen3, which is not installed" in used.stderr
    assert hca(tmp_path, "nonsense").returncode == 2
    assert hca(tmp_path, "dss", "--help", HCA_PLUGINS="").returncode == 2
