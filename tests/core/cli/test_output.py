import json

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
