import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from hca_core.cli.options import make_option, regroup, word_kinds
from hca_core.openapi.model import Parameter

FILES = Parameter("files", "body", "array", item_type="object", description="What is in it.")
NAMES = Parameter("names", "body", "array", item_type="string")
DIRECT = Parameter("directurls", "query", "boolean", default=False)
PER_PAGE = Parameter("per_page", "query", "integer", default=500)
REPLICA = Parameter("replica", "query", required=True, enum=("aws", "gcp"))
QUERY = Parameter("es_query", "body", "object")
REASON = Parameter("reason", "body")
PARAMETERS = (
    FILES,
    NAMES,
    DIRECT,
    PER_PAGE,
    QUERY,
    REASON,
    Parameter("from", "query"),
    Parameter("x/y", "query", "any"),
)


def run(*words: str, stdin: str | bytes | None = None, parameters: tuple[Parameter, ...] = PARAMETERS) -> Result:
    """Run a command with an option for each of the parameters; it prints what it was given as JSON."""

    class Command(click.Command):
        def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
            return super().parse_args(ctx, regroup(args, word_kinds(parameters)))

    def show(**values: Any) -> None:
        click.echo(json.dumps({name: value for name, value in values.items() if value is not None}))

    options = [make_option(parameter, required=parameter.required) for parameter in parameters]
    return CliRunner().invoke(Command("try", params=options, callback=show), words, input=stdin)


def values(*words: str, stdin: str | None = None) -> dict[str, Any]:
    result = run(*words, stdin=stdin)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refusal(*words: str, stdin: str | bytes | None = None) -> str:
    result = run(*words, stdin=stdin)
    assert result.exit_code == 2
    return result.stderr.rpartition("Error: ")[2].strip()


def test_nothing_given_is_nothing_passed_on() -> None:
    assert values() == {}


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["--directurls"], True),
        (["--no-directurls"], False),
        (["--directurls", "true"], True),
        (["--directurls", "False"], False),
        (["--directurls=false"], False),
        (["--no-directurls", "--directurls"], True),
    ],
)
def test_booleans_are_flags_and_words(words: list[str], value: bool) -> None:
    assert values(*words, "--reason", "r") == {"directurls": value, "reason": "r"}


def test_scalars() -> None:
    words = ("--per-page", "20", "--reason", "-x --files", "--from", "f", "--x-y", "[1]")
    assert values(*words) == {"per_page": 20, "reason": "-x --files", "from_": "f", "x_y": [1]}
    assert values("--x-y", "plain") == {"x_y": "plain"}


@pytest.mark.parametrize(
    "words",
    [
        ["--files", '{"a": 1}', '{"b": 2}'],
        ["--files", '{"a": 1}', "--files", '{"b": 2}'],
        ["--files", '[{"a": 1}, {"b": 2}]'],
        ['--files={"a": 1}', '{"b": 2}'],
        ["--files", '[{"a": 1}]', '{"b": 2}', "--reason", "r"],
        ["--files", "@two.json"],
        ["--files", "-"],
        ["--files", '{"a": 1}', "-", "--reason", "r"],
    ],
)
def test_lists_can_be_written_in_many_ways(words: list[str], home: Path) -> None:
    (home / "two.json").write_text('\ufeff[{"a": 1}, {"b": 2}]', encoding="utf-8")
    stdin = '{"b": 2}' if len(words) > 2 else '[{"a": 1}, {"b": 2}]'
    assert values(*words, stdin=stdin)["files"] == [{"a": 1}, {"b": 2}]


def test_words_are_texts_where_texts_are_wanted() -> None:
    assert values("--names", "dss:Get", '["a", "b"]', '"5"', "7", "true", "-5") == {
        "names": ["dss:Get", "a", "b", "5", "7", "true", "-5"]
    }


def test_an_empty_list_is_a_value() -> None:
    assert values("--files", "[]") == {"files": []}


def test_objects(home: Path) -> None:
    (home / "query.json").write_text('{"query": {}}')
    for words in (["@query.json"], ["-"], ['{"query": {}}']):
        assert values("--es-query", *words, stdin='{"query": {}}') == {"es_query": {"query": {}}}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--files", '{"a": 1}', "{a}"],
            "Invalid value for '--files': word 2: not valid JSON: Expecting property name enclosed in double quotes",
        ),
        (["--files", "x"], "Invalid value for '--files': word 1: not valid JSON: Expecting value (line 1, column 1)."),
        (["--files", "5"], "Invalid value for '--files': item 1: must be an object (a dict), not 5."),
        (
            ["--files", "@no.json"],
            "Invalid value for '--files': word 1: cannot read 'no.json': No such file or directory.",
        ),
        (["--files"], "Option '--files' requires an argument."),
        (["--files", "--reason", "r"], "Option '--files' requires an argument."),
        (["--es-query", "["], "Invalid value for '--es-query': not valid JSON: Expecting value (line 1, column 2)."),
        (["--es-query", "[]"], "Invalid value for '--es-query': must be an object (a dict), not []."),
        (["--es-query", "[" * 100_000], "Invalid value for '--es-query': not valid JSON: nested too deeply."),
        (["--per-page", "x"], "Invalid value for '--per-page': must be an integer, not 'x'."),
        (["--directurls", "maybe"], "Invalid value for '--directurls': must be true or false, not 'maybe'."),
        (["--no-directurls=x"], "No such option"),
        (["--reason", "r", "stray"], "Got unexpected extra argument (stray)"),
    ],
)
def test_bad_words_are_named(words: list[str], message: str) -> None:
    assert refusal(*words).startswith(message)


def test_standard_input_that_is_no_text() -> None:
    assert refusal("--es-query", "-", stdin=b"\xff") == (
        "Invalid value for '--es-query': standard input is not UTF-8 text."
    )


@pytest.mark.parametrize("words", [["s3cret"], ["@key"], ["-"]])
def test_secrets_need_not_stand_on_the_command_line(words: list[str], home: Path) -> None:
    (home / "key").write_text("s3cret\n")
    secret = Parameter("token", "body", schema={"format": "password"})
    assert json.loads(run("--token", *words, stdin="s3cret\r\n", parameters=(secret,)).stdout) == {"token": "s3cret"}
    assert "@FILE" in run("--help", parameters=(secret,)).stdout
    assert values("--reason", "@key") == {"reason": "@key"}


def test_a_secret_that_cannot_be_read() -> None:
    secret = Parameter("token", "body", schema={"format": "password"})
    result = run("--token", "@gone", parameters=(secret,))
    assert result.exit_code == 2
    assert "cannot read 'gone': No such file or directory." in result.stderr


def test_choices_and_required_options() -> None:
    assert "Missing option '--replica'" in run(parameters=(REPLICA,)).stderr
    assert "'az' is not one of 'aws', 'gcp'" in run("--replica", "az", parameters=(REPLICA,)).stderr
    assert json.loads(run("--replica", "aws", parameters=(REPLICA,)).stdout) == {"replica": "aws"}


def test_help() -> None:
    text = " ".join(run("--help", parameters=(*PARAMETERS, REPLICA)).stdout.split())
    assert "--files JSON... What is in it. One or more values, JSON lists, @FILE with JSON, or - for" in text
    assert "--directurls [true|false] Also as a flag: --directurls or --no-directurls. [default: false]" in text
    assert "--per-page INTEGER [default: 500]" in text
    assert "--es-query JSON" in text
    assert "--replica [aws|gcp] [required]" in text


def test_help_cannot_steer_the_terminal() -> None:
    evil = Parameter("evil", "query", description="a\x1b[2Jb\x08c")
    assert "\x1b" not in run("--help", parameters=(evil,)).stdout


def test_a_parameter_may_be_called_like_a_negation() -> None:
    both = (Parameter("x", "query", "boolean"), Parameter("no_x", "query"))
    assert json.loads(run("--no-x", "v", "--x", parameters=both).stdout) == {"x": True, "no_x": "v"}


def test_regrouping_leaves_the_rest_alone() -> None:
    kinds = word_kinds(PARAMETERS)
    words = ["--help", "stray", "--reason", "--files", "--", "--files", "a", "b"]
    assert regroup(words, kinds) == ["--help", "stray", "--reason=--files", "--", "--files", "a", "b"]
    assert regroup(["--reason"], kinds) == ["--reason"]
    assert regroup(["--directurls", "--output", "f"], kinds) == ["--directurls=true", "--output", "f"]
