import io

from hca_core.cli.progress import Plain, open_progress, readable


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def move(progress: object) -> None:
    progress.add("a", 1000)
    progress.add("b", None)
    progress.advance("a", 1500)
    progress.advance("a", -500)
    progress.done("a")


def test_nothing_is_drawn_without_a_terminal() -> None:
    stream = io.StringIO()
    with open_progress("auto", stream) as progress:
        move(progress)
    assert stream.getvalue() == ""


def test_a_terminal_gets_a_bar() -> None:
    stream = Terminal()
    with open_progress("auto", stream) as progress:
        move(progress)
        progress.note("waiting\x1b[2J")
    assert "1/2 files" in stream.getvalue()
    assert "1.00k/1.00k" in stream.getvalue()
    assert "\x1b[2J" not in stream.getvalue()


def test_a_transfer_that_fails_before_it_begins_leaves_no_bar() -> None:
    stream = Terminal()
    with open_progress("bar", stream) as progress:
        progress.note("waiting")
    assert stream.getvalue() == "waiting\n"


def test_a_large_file_has_a_bar_of_its_own_while_it_is_on_its_way() -> None:
    stream = Terminal()
    with open_progress("bar", stream) as progress:
        for number in range(6):
            progress.add(f"large-{number}\x1b[2J", 200_000_000)
        progress.add("small", 10)
        assert "large" not in stream.getvalue()
        for number in range(6):
            progress.advance(f"large-{number}\x1b[2J", 100_000_000)
        progress.done("large-0\x1b[2J")
        progress.advance("large-5\x1b[2J", 50_000_000)
    shown = stream.getvalue()
    assert "large-0\\x1b[2J:" in shown
    assert "large-4" not in shown
    assert "large-5\\x1b[2J:" in shown
    assert "small" not in shown
    assert "1/7 files" in shown


def test_plain_lines_come_now_and_then() -> None:
    stream, now = io.StringIO(), [0.0]
    progress = Plain(stream, clock=lambda: now[0])
    move(progress)
    assert stream.getvalue() == ""
    now[0] = 11
    progress.done("b")
    progress.close()
    assert stream.getvalue() == "2 of 2 files, 1.0 kB of 1.0 kB\n" * 2


def test_sizes_are_readable() -> None:
    assert [readable(count) for count in (0, 999, 1500, 2_500_000, 3e15)] == [
        "0 B",
        "999 B",
        "1.5 kB",
        "2.5 MB",
        "3000.0 TB",
    ]
