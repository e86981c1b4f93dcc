"""The server that other tests rely on, asked with nothing but the standard library."""

from __future__ import annotations

import http.client
import json
import threading

import pytest

from hca_core.testing import Answer, FakeServer, Request


@pytest.fixture
def server():
    with FakeServer() as server:
        yield server


def ask(server: FakeServer, method: str, path: str, body: bytes | None = None, **headers: str):
    """Return status, headers and body of an answer, read the standard library's way."""
    connection = http.client.HTTPConnection(server.host, timeout=5)
    try:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=names)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def test_answers_come_in_order_and_the_last_repeats(server):
    server.on("GET", "/x", Answer(503), Answer(200, b"ok"))
    assert [ask(server, "GET", "/x")[0] for _ in range(3)] == [503, 200, 200]
    assert server.count("GET", "/x") == 3


def test_an_answer_may_be_a_function_of_the_request(server):
    server.on("POST", "/echo", lambda request: Answer.json({"got": request.json(), "q": request.params}, 201))
    status, headers, body = ask(server, "POST", "/echo?a=1&a=2&b=", b'{"n": 1}')
    assert (status, headers["Content-Type"]) == (201, "application/json")
    assert json.loads(body) == {"got": {"n": 1}, "q": {"a": ["1", "2"], "b": [""]}}


def test_requests_are_remembered(server):
    ask(server, "PUT", "/thing?v=1", b"body", X_Extra="yes")
    (request,) = server.requests
    assert isinstance(request, Request)
    assert (request.method, request.path, request.query, request.body) == ("PUT", "/thing", "v=1", b"body")
    assert request.headers["x-extra"] == "yes"


def test_chunked_requests_are_understood(server):
    connection = http.client.HTTPConnection(server.host, timeout=5)
    connection.request(
        "PUT", "/x", body=iter([b"ab", b"c"]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
    )
    assert connection.getresponse().status == 404
    connection.close()
    assert server.requests[0].body == b"abc"


def test_what_was_not_prepared_is_not_found(server):
    status, headers, body = ask(server, "GET", "/nowhere")
    assert (status, headers["Content-Type"]) == (404, "application/problem+json")
    assert json.loads(body)["code"] == "not_found"


def test_redirects(server):
    server.on("GET", "/a", Answer.redirect("/b", 301, retry_after=10), Answer.redirect("/b"))
    status, headers, _ = ask(server, "GET", "/a")
    assert (status, headers["Location"], headers["Retry-After"]) == (301, "/b", "10")
    assert ask(server, "GET", "/a")[1]["Retry-After"] is None


def test_connections_are_kept(server):
    server.on("GET", "/x", Answer(200, b"1"))
    connection = http.client.HTTPConnection(server.host, timeout=5)
    for _ in range(3):
        connection.request("GET", "/x")
        assert connection.getresponse().read() == b"1"
    connection.close()
    assert server.connections == 1


def test_a_server_may_hang_up(server):
    server.on("GET", "/x", Answer(hang_up=True))
    with pytest.raises(http.client.RemoteDisconnected):
        ask(server, "GET", "/x")


def test_the_end_of_the_server_ends_its_connections_and_stalls(server):
    blob = server.serve_bytes("/b", b"0123456789")
    blob.stall(4)
    connection = http.client.HTTPConnection(server.host, timeout=5)
    connection.request("GET", "/b")
    assert connection.getresponse().read(4) == b"0123"
    before = threading.active_count()
    server.__exit__()
    connection.close()
    assert threading.active_count() <= before


# Files


def test_a_file_is_served_whole(server):
    blob = server.serve_bytes("/b", b"0123456789", etag='"v1"')
    status, headers, body = ask(server, "GET", "/b")
    assert (status, body, headers["ETag"], headers["Accept-Ranges"]) == (200, b"0123456789", '"v1"', "bytes")
    assert blob.sent == 10


def test_head_has_the_headers_only(server):
    blob = server.serve_bytes("/b", b"0123456789")
    status, headers, body = ask(server, "HEAD", "/b")
    assert (status, headers["Content-Length"], body, blob.sent) == (200, "10", b"", 0)


@pytest.mark.parametrize(
    ("wanted", "status", "content_range", "body"),
    [
        ("bytes=0-", 206, "bytes 0-9/10", b"0123456789"),
        ("bytes=4-", 206, "bytes 4-9/10", b"456789"),
        ("bytes=4-6", 206, "bytes 4-6/10", b"456"),
        ("bytes=4-99", 206, "bytes 4-9/10", b"456789"),
        ("bytes=10-", 416, "bytes */10", b""),
        ("bytes=6-4", 416, "bytes */10", b""),
        ("lines=1-2", 200, None, b"0123456789"),
    ],
)
def test_ranges(server, wanted, status, content_range, body):
    server.serve_bytes("/b", b"0123456789")
    answer = ask(server, "GET", "/b", Range=wanted)
    assert (answer[0], answer[1]["Content-Range"], answer[2]) == (status, content_range, body)


def test_a_range_of_another_version_gives_the_whole_file(server):
    blob = server.serve_bytes("/b", b"0123456789", etag='"v1"')
    assert ask(server, "GET", "/b", Range="bytes=4-", If_Range='"v1"')[0] == 206
    blob.data, blob.etag = b"new", '"v2"'
    assert ask(server, "GET", "/b", Range="bytes=2-", If_Range='"v1"')[::2] == (200, b"new")


def test_a_file_without_ranges(server):
    server.serve_bytes("/b", b"0123456789", ranges=False)
    status, headers, body = ask(server, "GET", "/b", Range="bytes=4-")
    assert (status, headers["Accept-Ranges"], body) == (200, None, b"0123456789")


def test_cut_hangs_up_early_and_only_as_often_as_asked(server):
    blob = server.serve_bytes("/b", b"0123456789")
    blob.cut(4)
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(server, "GET", "/b")
    assert (caught.value.partial, blob.sent) == (b"0123", 4)
    assert ask(server, "GET", "/b")[2] == b"0123456789"


def test_stall_waits_for_its_release(server):
    blob = server.serve_bytes("/b", b"0123456789")
    release = blob.stall(4)
    connection = http.client.HTTPConnection(server.host, timeout=5)
    connection.request("GET", "/b")
    response = connection.getresponse()
    assert response.read(4) == b"0123"
    assert blob.sent == 4
    release.set()
    assert response.read() == b"456789"
    connection.close()


def test_corrupt_flips_one_byte(server):
    server.serve_bytes("/b", b"0123").corrupt(2)
    assert ask(server, "GET", "/b")[2] == b"01" + bytes([ord("2") ^ 0xFF]) + b"3"


def test_claim_announces_another_length(server):
    server.serve_bytes("/b", b"0123").claim(100)
    with pytest.raises(http.client.IncompleteRead):
        ask(server, "GET", "/b")


def test_chunk_sends_no_length(server):
    server.serve_bytes("/b", b"0123").chunk()
    _, headers, body = ask(server, "GET", "/b")
    assert (headers["Content-Length"], headers["Transfer-Encoding"], body) == (None, "chunked", b"0123")


def test_ignore_range(server):
    server.serve_bytes("/b", b"0123456789").ignore_range(times=2)
    statuses = [ask(server, "GET", "/b", Range="bytes=4-")[0] for _ in range(3)]
    assert statuses == [200, 200, 206]


def test_shift_begins_earlier(server):
    server.serve_bytes("/b", b"0123456789").shift(2)
    status, headers, body = ask(server, "GET", "/b", Range="bytes=4-7")
    assert (status, headers["Content-Range"], body) == (206, "bytes 2-7/10", b"234567")


def test_answer_once(server):
    server.serve_bytes("/b", b"0123").answer_once(Answer.problem(503, "busy", "later"))
    assert [ask(server, "GET", "/b")[0] for _ in range(2)] == [503, 200]


# Time
