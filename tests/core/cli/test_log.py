import logging

import pytest

from hca_core.cli import log


@pytest.fixture
def lines():
    """What is written, while the logger `ours` is one of our packages'."""
    written: list[str] = []
    undo = log.start(written.append, "INFO", debug=False, packages={"ours"})
    yield written
    undo()


def test_our_packages_are_heard_from_the_level_on_and_others_when_they_warn(lines: list[str]) -> None:
    for name in ("ours.module", "theirs"):
        logging.getLogger(name).debug("a detail")
        logging.getLogger(name).info("a step")
        logging.getLogger(name).warning("a %s", "trap")
    assert lines == ["INFO ours.module: a step", "WARNING ours.module: a trap", "WARNING theirs: a trap"]


def test_who_wants_no_warnings_gets_none_from_libraries_either() -> None:
    written: list[str] = []
    undo = log.start(written.append, "ERROR", debug=False, packages={"ours"})
    for name in ("ours.module", "theirs"):
        logging.getLogger(name).warning("a trap")
        logging.getLogger(name).error("a fall")
    undo()
    assert written == ["ERROR ours.module: a fall", "ERROR theirs: a fall"]


def test_secrets_are_not_shown(lines: list[str]) -> None:
    logging.getLogger("theirs").warning("https://h/?token=%s", "s3cr3t")
    assert lines == ["WARNING theirs: https://h/?token=***"]


def test_a_log_that_cannot_be_written_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(line: str) -> None:
        raise BrokenPipeError

    undo = log.start(fail, "INFO", debug=False, packages=())
    logging.getLogger("theirs").warning("unheard")
    undo()
    assert "BrokenPipeError" in capsys.readouterr().err
