from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hca_local.upload.command import LONGEST_OUTPUT, environment_problem, run


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_what_a_program_said(tmp_path: Path) -> None:
    text = "import sys; print(sys.argv[1:]); sys.stderr.write('hm'); sys.exit(4)"
    outcome = run(python(text), [Path("a b")], {}, folder=tmp_path)
    assert (outcome.status, outcome.exit_code, outcome.stdout, outcome.stderr) == ("completed", 4, "['a b']\n", "hm")
    assert outcome.duration_s > 0
    assert not outcome.is_fine
    assert run(python(""), [], {}, folder=tmp_path).is_fine


def test_a_program_gets_its_environment_and_no_other(tmp_path: Path) -> None:
    outcome = run(python("import os; print(os.environ['A'], 'HOME' in os.environ)"), [], {"A": "x"}, folder=tmp_path)
    assert outcome.stdout == "x False\n"


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    outcome = run(python("import time; print('early', flush=True); time.sleep(60)"), [], {}, folder=tmp_path, limit=0.5)
    assert (outcome.status, outcome.exit_code, outcome.is_fine) == ("timed_out", None, False)


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    outcome = run(["/does/not/exist"], [], {}, folder=tmp_path)
    assert (outcome.status, outcome.exit_code) == ("aborted", None)
    assert "exist" in str(outcome.exception)


def test_long_output_is_cut(tmp_path: Path) -> None:
    outcome = run(python(f"print('x' * {2 * LONGEST_OUTPUT})"), [], {}, folder=tmp_path)
    assert len(outcome.stdout) == LONGEST_OUTPUT


def test_output_that_is_no_text(tmp_path: Path) -> None:
    assert run(python(r"import sys; sys.stdout.buffer.write(b'\xff')"), [], {}, folder=tmp_path).stdout == "\ufffd"


def test_it_ends_when_somebody_says_so(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def go_on() -> None:
        if (tmp_path / "pid").exists():
            raise Stop

    text = "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(60)"
    with pytest.raises(Stop):
        run(python(text), [], {}, folder=tmp_path, go_on=go_on)


@pytest.mark.parametrize("name", ["", "1A", "A B", "A=B", "LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "É"])
def test_variables_that_are_refused(name: str) -> None:
    assert environment_problem({"FINE": "x", name: "x"})
    assert environment_problem({"FINE": "x"}) is None
    assert environment_problem({"FINE": "a\0b"})
