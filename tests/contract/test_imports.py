"""Starting up is cheap: nothing heavy is imported until a command really needs it."""

import json
import subprocess
import sys

import pytest

HEAVY = {
    "aiohttp", "boto3", "botocore", "cheroot", "crcmod", "cryptography", "google", "google_crc32c", "jsonschema", "jwt",
    "keyring", "platformdirs", "requests", "tqdm", "tweak", "urllib3", "werkzeug", "yaml",
}  # fmt: skip

RUN = """
import json, sys
from hca_core.cli.root import hca
try:
    hca.main(sys.argv[1:], prog_name="hca")
except SystemExit as end:
    assert not end.code, end.code
sys.stderr.write("MODULES " + json.dumps(sorted(sys.modules)))
"""


def imported_by(*words: str) -> set[str]:
    run = subprocess.run([sys.executable, "-c", RUN, *words], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    return set(json.loads(run.stderr.rpartition("MODULES ")[2]))


@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["--help"],
        ["dss", "--help"],
        ["dss", "get-bundle", "--help"],
        ["dss", "download", "--help"],
        ["auth", "--help"],
        ["auth", "get-v1-roles", "--help"],
        ["local", "--help"],
    ],
)
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    imported_by(*words)  # the first run may import plugins, to learn what they describe
    modules = imported_by(*words)
    assert {module.partition(".")[0] for module in modules} & HEAVY == set()
    assert "importlib.metadata" not in modules
    assert "pluggy" not in modules


def test_root_help_imports_no_plugin() -> None:
    imported_by("--help")
    assert not [module for module in imported_by("--help") if module.startswith(("hca_auth", "hca_dss", "hca_local"))]


@pytest.mark.parametrize(
    "module",
    [
        *("hca", "hca_core", "hca_auth", "hca_auth.plugin"),
        *("hca_dss", "hca_dss.plugin", "hca_local", "hca_local.plugin"),
    ],
)
def test_packages_are_light(module: str) -> None:
    code = f"import sys, {module}; print([name for name in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {name.partition(".")[0] for name in eval(output)} & HEAVY == set()
