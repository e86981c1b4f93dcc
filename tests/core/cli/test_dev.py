from pathlib import Path

from click.testing import CliRunner, Result

from hca_core.app import App
from hca_core.cli.context import Context
from hca_core.cli.dev import dev
from hca_core.errors import ArgumentError


def run(*words: str) -> Result:
    return CliRunner().invoke(dev, words, obj=Context(App))


def test_stubs_prints_them() -> None:
    result = run("stubs", "dss")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "    get_bundle: _GetBundle\n" in result.stdout


def test_stubs_writes_them_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "__init__.pyi"
    file.write_text("old")
    result = run("stubs", "dss", "--output-file", str(file))
    assert (result.exit_code, result.output) == (0, "")
    assert file.read_text("utf-8") == run("stubs", "dss").stdout


def test_stubs_of_an_unknown_service_leave_the_file_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "__init__.pyi"
    file.write_text("old")
    result = run("stubs", "nonsense", "--output-file", str(file))
    assert isinstance(result.exception, ArgumentError)
    assert "'nonsense'" in result.exception.message
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
