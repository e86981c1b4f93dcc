"""Starting up is cheap: nothing heavy is imported until a command really needs it."""

import json
import subprocess
import sys

import pytest

HEAVY = {
    "aiohttp", "authlib", "boto3", "botocore", "cheroot", "crcmod", "cryptography", "dask", "distributed", "google",
    "google_crc32c", "irods", "joserfc", "jsonschema", "jwt", "keyring", "openpyxl", "pandas", "platformdirs",
    "pydicom", "pynetdicom", "requests", "tqdm", "tweak", "urllib3", "werkzeug", "yaml",
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
    # Isolated, so that the current folder is no place of plugins: it changes when the first run writes its cache.
    command = [sys.executable, "-I", "-c", RUN, *words]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
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
        ["dss", "login", "--help"],
        ["auth", "--help"],
        ["auth", "get-v1-roles", "--help"],
        ["gen3", "--help"],
        ["gen3", "auth", "--help"],
        ["local", "--help"],
        ["upload", "--help"],
        ["upload", "files", "--help"],
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
    modules = imported_by("--help")
    packages = {module.partition(".")[0] for module in modules if module.startswith("hca_")}
    assert packages == {"hca_core"}
    assert modules & {"pathlib", "hca_core.app", "hca_core.paths", "hca_core.settings"} == set()


@pytest.mark.parametrize("words", [["--help"], ["dss", "get-bundle", "--help"]])
def test_help_makes_no_dataclass(words: list[str]) -> None:
    imported_by(*words)
    assert not imported_by(*words) & {"dataclasses", "hashlib", "logging"}


@pytest.mark.parametrize(
    "module",
    [
        *("hca", "hca_core", "hca_auth", "hca_auth.plugin"),
        *("hca_dask", "hca_dask.plugin", "hca_dask.executor"),
        *("dtp", "hca_gen3", "hca_gen3.plugin"),
        *("hca_dss", "hca_dss.plugin", "hca_local", "hca_local.plugin", "hca_upload", "hca_upload.plugin"),
    ],
)
def test_packages_are_light(module: str) -> None:
    code = f"import sys, {module}; print([name for name in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {name.partition(".")[0] for name in eval(output)} & HEAVY == set()
