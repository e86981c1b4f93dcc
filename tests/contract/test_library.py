"""A library keeps its manners: it prints nothing, ends nothing, touches no logger but its own, and says what it is."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
from importlib import resources

import pytest

import hca
import hca_auth
import hca_core
import hca_dask
import hca_dss
import hca_local
import hca_upload

MODULES = sorted(
    module.name
    for package in (hca, hca_auth, hca_core, hca_dask, hca_dss, hca_local, hca_upload)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not module.name.endswith("__main__") and "scaffold_template" not in module.name
)
QUIET = """
import importlib, logging, sys
root = logging.getLogger()
before = (list(root.handlers), root.level)
for name in sys.argv[1:]:
    importlib.import_module(name)
assert (list(root.handlers), root.level) == before
"""


def test_importing_everything_prints_nothing_and_leaves_the_root_logger_alone() -> None:
    modules = [name for name in MODULES if name != "hca_core.testing.fixtures"]  # which needs pytest, and rewrites
    run = subprocess.run([sys.executable, "-c", QUIET, *modules], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.parametrize("name", [name for name in MODULES if ".cli" not in name])
def test_public_names_are_listed_and_explained(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    for public in getattr(module, "__all__", []):
        value = getattr(module, public)
        if inspect.isclass(value) or inspect.isroutine(value):
            assert inspect.getdoc(value), f"{name}.{public} does not say what it is"


def test_the_packages_say_that_they_are_typed() -> None:
    for package in (hca, hca_auth, hca_core, hca_dask, hca_dss, hca_local, hca_upload):
        assert (resources.files(package) / "py.typed").is_file(), package.__name__
