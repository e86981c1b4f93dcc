import json
from collections.abc import Iterator

import pytest

from hca_core.cli import output

HOSTILE = "a\x1b[2J\x07\x9b31m\u202eb\x7f"


def test_data_is_json_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit({"b": 1, "a": [True, None], "path": object})
    shown = capsys.readouterr()
    assert shown.out.startswith('{\n  "b": 1,\n  "a": [\n    true,')
    assert shown.err == ""


def test_control_characters_in_data_stay_data(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit({"name": HOSTILE + "\udc00", "city": "Zürich"})
    shown = capsys.readouterr().out
    assert json.loads(shown) == {"name": HOSTILE + "\udc00", "city": "Zürich"}
    assert not any(character in shown for character in "\x1b\x07\x9b\u202e\x7f")


def test_words_go_to_stderr_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    output.say(f"The server said: {HOSTILE}")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "The server said: a\\x1b[2J\\x07\\x9b31m\\u202eb\\x7f\n"


BUNDLES = {"has_more": False, "bundles": [{"uuid": "u1", "size": 1}, {"uuid": "u2\x1b[2J", "files": ["a"]}]}


@pytest.mark.parametrize(
    ("form", "value", "shown"),
    [
        ("jsonl", BUNDLES, '{"uuid": "u1", "size": 1}\n{"uuid": "u2\\u001b[2J", "files": ["a"]}\n'),
        ("jsonl", {"bundle": {"uuid": "u", "files": [1, 2]}}, "1\n2\n"),
        ("jsonl", {"a": 1}, '{"a": 1}\n'),
        ("raw", "text\x1b[2J", "text\\x1b[2J\n"),
        ("raw", ["a", 1, {"b": 2}], 'a\n1\n{"b": 2}\n'),
        ("table", BUNDLES, 'uuid       size  files\nu1         1\nu2\\x1b[2J        ["a"]\n'),
        ("table", [], "\n"),
        ("tsv", BUNDLES, 'uuid\tsize\tfiles\nu1\t1\t\nu2\\x1b[2J\t\t"[""a""]"\n'),
        ("tsv", [{"a": "x" * 70, "b": "1\t2\r\n3"}], f'a\tb\n{"x" * 70}\t"1\t2\n3"\n'),
        ("tsv", ["a", "b"], "value\na\nb\n"),
        ("tsv", [], "\n"),
        ("table", {"a.b": 1, "c": "d"}, "key  value\na.b  1\nc    d\n"),
        ("table", {"a": {"value": 1, "origin": "x"}, "b": {"value": 2}}, "key  value  origin\na    1      x\nb    2\n"),
        ("table", ["x" * 70], "value\n" + "x" * 59 + "…\n"),
    ],
)
def test_forms(form: str, value: object, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    output.emit(value, form)
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize("form", output.FORMATS)
@pytest.mark.parametrize("items", [[], [{"a": 1, "b": [2]}], ["x", {"b": "two\nlines"}]])
def test_an_iterator_is_printed_as_its_list_is(
    form: str, items: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    output.emit(items, form)
    as_list = capsys.readouterr().out
    output.emit(iter(items), form)
    assert capsys.readouterr().out == as_list


@pytest.mark.parametrize("form", ["json", "jsonl", "raw"])
def test_items_are_printed_as_they_come(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = []

    def items() -> Iterator[int]:
        for number in range(4):
            yield number
            shown.append(capsys.readouterr().out)

    output.emit(items(), form)
    assert "1" in "".join(shown[:3])


def test_a_query_picks_a_part() -> None:
    assert output.compile_query("bundles[].uuid | [0]")(BUNDLES) == "u1"


@pytest.mark.parametrize("words", [["--query", "bundles["], ["--query", "length(`1`)"]])
def test_a_bad_query_is_a_usage_error(words: list[str]) -> None:
    from click.testing import CliRunner

    from hca_core.cli.root import hca

    result = CliRunner().invoke(hca, [*words, "plugins", "list", "--json"])
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
