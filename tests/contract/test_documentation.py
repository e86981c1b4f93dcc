"""Every promise to users and plugin authors stands in the documentation."""

import inspect
import re
import runpy
import typing
from pathlib import Path

import pytest

from hca_core import errors, hookspecs
from hca_core.plugins import Plugins

DOCS = Path(__file__).parents[2] / "docs"
HOOKS = [name for name, value in vars(hookspecs).items() if name.startswith("hca_") and inspect.isfunction(value)]


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_is_documented_under_its_signature(name: str) -> None:
    signature = f"{name}{inspect.signature(getattr(hookspecs, name))}".replace("'", "")
    assert f"\n## `{signature}`\n" in (DOCS / "hooks.md").read_text()


def test_no_hook_is_documented_that_does_not_exist() -> None:
    documented = re.findall(r"^## `(hca_\w+)\(", (DOCS / "hooks.md").read_text(), re.MULTILINE)
    assert sorted(documented) == sorted(HOOKS)


def test_the_examples_of_the_hooks_page_are_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from plugin_folder import install

    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "hooks.md").read_text(), re.DOTALL)
    source = "from hca_core.records import *\n" + "\n".join(blocks)
    monkeypatch.syspath_prepend(str(tmp_path))
    install(tmp_path, "hello", source, module="plug_documented")
    plugins = Plugins({}, folders=[str(tmp_path)], cache_file=tmp_path / "cache.json")
    assert plugins.broken() == []
    assert plugins.hooks(plugins.named("hello")) == sorted(HOOKS)
    assert plugins.profiles()[0].name == "loud"
    assert plugins.credentials("greeter", "https://greeter.example.org", {}, None).token == "a-token"


def settings_table(home: Path) -> str:
    generate = runpy.run_path(str(DOCS / "generate.py"))
    return generate["settings_table"](generate["plain_app"](home))


def test_every_setting_is_documented(tmp_path: Path) -> None:
    table = settings_table(tmp_path)
    assert "| `DSSClient.swagger_url` |" in table
    assert table in (DOCS / "configuration.md").read_text()


def test_every_exit_code_is_documented() -> None:
    text = (DOCS / "errors.md").read_text()
    classes = [
        value for value in vars(errors).values() if inspect.isclass(value) and value.__module__ == errors.__name__
    ]
    assert len(classes) >= 11
    for error in classes:
        assert re.search(rf"^\| {error.exit_code} \|.*`{error.__name__}`", text, re.MULTILINE), error.__name__
        assert re.search(rf"\b{error.__name__}\b.* {error.exit_code}\b", typing.cast(str, errors.__doc__)), (
            error.__name__
        )


def test_every_environment_variable_is_documented() -> None:
    text = (DOCS / "configuration.md").read_text()
    root = DOCS.parent
    sources = [*root.glob("hca_core/**/*.py"), *root.glob("plugins/*/*/**/*.py")]
    used = {name for file in sources for name in re.findall(r"\bHCA_[A-Z_]*[A-Z]\b", file.read_text())}
    assert used
    for name in used - {"HCA_DSS_TOKEN"}:
        assert f"`{name}`" in text or f"`{name}_" in text, name
