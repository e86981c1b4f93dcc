import logging

import pytest

from hca_core.cli import log
from hca_core.cli.context import Context


def context(**options: object) -> Context:
    return Context(lambda: pytest.fail("nothing needs the application"), **options)


def test_words_and_the_log_come_above_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    told = context(progress_style="bar")
    undo = log.start(told.tell, "INFO", debug=False, packages={"ours"})
    with told.progress() as progress:
        told.say("first")
        progress.add("a", 1000)
        told.say("second\x1b[2J")
        logging.getLogger("ours").info("third")
        progress.done("a")
    told.say("last")
    undo()
    shown = capsys.readouterr().err
    first, *_, last = shown.splitlines()
    assert (first, last) == ("first", "last")
    # Each begins where the bar was before it was wiped away, and ends its line.
    assert "\rsecond\\x1b[2J\n" in shown
    assert "\rINFO ours: third\n" in shown
    assert "1/1 files" in shown.rpartition("third")[2]


def test_an_iterator_can_be_queried(capsys: pytest.CaptureFixture[str]) -> None:
    asked = context(query=lambda value: value[1], form="raw")
    asked.emit(iter(["a", "b"]))
    assert (capsys.readouterr().out, asked.shaped, context().shaped) == ("b\n", True, False)


@pytest.mark.parametrize("style", ["none", "plain"])
def test_words_are_lines_where_there_is_no_bar(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = context(progress_style=style)
    with told.progress():
        told.say("words")
    assert capsys.readouterr().err.splitlines()[0] == "words"


def test_quiet_leaves_out_words_and_progress_but_not_what_must_be_told(capsys: pytest.CaptureFixture[str]) -> None:
    told = context(progress_style="bar", quiet=True)
    with told.progress() as progress:
        progress.add("a", 1000)
        told.say("words")
        told.tell("an address")
    assert capsys.readouterr().err == "an address\n"
