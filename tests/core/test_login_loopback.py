"""The listener that the browser comes back to."""

from __future__ import annotations

import http.client
import socket
import threading
from urllib.parse import urlsplit

import pytest
from open_id import fetch

from hca_core.credentials.loopback import Listener
from hca_core.errors import AuthError


def visit(listener: Listener, *targets: str, **headers: str) -> tuple[list[tuple[int, str]], threading.Thread]:
    """Ask for `targets` one after the other, in a thread; what is answered appears in the list."""
    seen: list[tuple[int, str]] = []

    def work() -> None:
        for target in targets:
            seen.append(fetch(f"{listener.redirect_uri}{target}", headers))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return seen, thread


def page_after(error: Exception) -> str:
    """Return what the browser is shown if the login ends in `error`."""
    listener = Listener("s")
    seen, thread = visit(listener, "?error=access_denied&state=s")

    def fail() -> None:
        with listener:
            assert listener.wait(10) == {"error": "access_denied", "state": "s"}
            raise error

    with pytest.raises(type(error)):
        fail()
    thread.join(10)
    return seen[0][1]


def test_the_answer_is_taken_and_the_page_tells_the_end() -> None:
    with Listener("st4te") as listener:
        seen, thread = visit(listener, "?code=c%2Bd&state=st4te")
        assert listener.wait(10) == {"code": "c+d", "state": "st4te"}
        assert seen == [], "the page waits for the end"
    thread.join(10)
    ((status, page),) = seen
    assert status == 200
    assert "You are logged in" in page


def test_the_page_needs_nothing_from_elsewhere_and_no_script() -> None:
    with Listener("s") as listener:
        seen, thread = visit(listener, "?code=c&state=s")
        listener.wait(10)
    thread.join(10)
    page = seen[0][1]
    for word in ("<script", "http://", "https://", "src=", "@import", "url("):
        assert word not in page
    assert '<html lang="en">' in page


def test_a_failure_is_shown_as_what_it_is() -> None:
    page = page_after(AuthError("The provider said <no> & goodbye."))
    assert "You are not logged in" in page
    assert "The provider said &lt;no&gt; &amp; goodbye." in page


def test_a_bug_is_not_shown_to_the_browser() -> None:
    page = page_after(ZeroDivisionError("s3cr3t"))
    assert "Not finished" in page
    assert "s3cr3t" not in page


@pytest.mark.parametrize(
    "target",
    [
        "favicon.ico",
        "",
        "?state=s",
        "?code=c",
        "?code=c&state=",
        "?code=c&state=S",
        "?code=c&state=s&state=s",
        "other?code=c&state=s",
        "?code=c&state=%FF",
        "?code=c&code=d&state=s",
    ],
)
def test_what_is_not_the_answer_is_ignored(target: str) -> None:
    with Listener("s") as listener:
        seen, thread = visit(listener, target, "?code=right&state=s")
        assert listener.wait(10) == {"code": "right", "state": "s"}
        assert seen[0][0] == 404
    thread.join(10)


@pytest.mark.parametrize("host", ["evil.example", "localhost:{port}", "127.0.0.1", "127.0.0.1:{port}.evil.example"])
def test_pages_under_other_names_are_ignored(host: str) -> None:
    """A name of the attacker's may lead to this machine (DNS rebinding)."""
    with Listener("s") as listener:
        name = host.format(port=urlsplit(listener.redirect_uri).port)
        seen, thread = visit(listener, "?code=c&state=s", Host=name)
        assert listener.wait(0.3) is None
        assert seen[0][0] == 404
    thread.join(10)


def test_other_methods_are_ignored() -> None:
    with Listener("s") as listener:
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(listener.redirect_uri).port or 0, timeout=10)
        connection.request("POST", "/?code=c&state=s", headers={"Host": urlsplit(listener.redirect_uri).netloc})
        assert listener.wait(0.3) is None
        assert connection.getresponse().status == 501
        connection.close()


def test_only_the_first_answer_counts() -> None:
    with Listener("s") as listener:
        _, thread = visit(listener, "?code=first&state=s")
        assert listener.wait(10) == {"code": "first", "state": "s"}
        second, other = visit(listener, "?code=second&state=s")
        while not second:
            listener._server.handle_request()
        assert listener.wait(10) == {"code": "first", "state": "s"}
        assert second[0][0] == 404
    thread.join(10)
    other.join(10)


def test_a_browser_that_connects_and_says_nothing_holds_nobody_up() -> None:
    with Listener("s") as listener, socket.create_connection(("127.0.0.1", urlsplit(listener.redirect_uri).port or 0)):
        _, thread = visit(listener, "?code=c&state=s")
        assert listener.wait(10) is not None
    thread.join(10)


def test_it_listens_on_this_machine_alone_and_only_as_long_as_needed() -> None:
    with Listener("s") as listener:
        port = urlsplit(listener.redirect_uri).port
        assert listener._server.server_address[0] == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port or 0))


def test_codes_reach_no_output(capfd: pytest.CaptureFixture[str]) -> None:
    with Listener("s") as listener:
        _, thread = visit(listener, "?code=wrong&state=x", "?code=c0de&state=s")
        listener.wait(10)
    thread.join(10)
    assert capfd.readouterr() == ("", "")
