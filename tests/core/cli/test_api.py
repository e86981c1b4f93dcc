import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from small_service import BOOK, BROKEN_BOOK, CONTENT, Service, SmallApp, running

from hca_core.cli.api import ApiGroup
from hca_core.cli.context import Context
from hca_core.client import ApiClient
from hca_core.errors import ApiError, ArgumentError, HcaError, NetworkError
from hca_core.http import Session
from hca_core.openapi.parse import parse
from hca_core.records import Credentials
from hca_core.retry import RetryPolicy
from hca_core.testing import Answer, FakeServer


class LibraryClient(ApiClient):
    service = "library"


class LibraryApp(SmallApp):
    def client(self, name: str) -> LibraryClient:
        assert name == "library"
        return LibraryClient(app=self)


@click.group("library", cls=ApiGroup, service="library", context_settings={"max_content_width": 100})
def library() -> None:
    """Interact with the library."""


@library.command()
def borrow() -> None:
    """Borrow a book."""
    click.echo("borrowed")


@library.command("head-book")
def written_head() -> None:
    """Look, by hand."""
    click.echo("by hand")


@pytest.fixture
def service() -> Iterator[Service]:
    with running() as found:
        yield found


def session() -> Session:
    return Session(policy=RetryPolicy(attempts=1), authorize=lambda rejected: Credentials("sesame", "test"))


Run = Callable[..., Result]


@pytest.fixture
def app(service: Service) -> LibraryApp:
    return LibraryApp(lambda: service.api, session)


@pytest.fixture
def run(app: LibraryApp) -> Run:
    def runner(*words: str, group: click.Group = library, **options: object) -> Result:
        result = CliRunner().invoke(group, words, obj=Context(lambda: app), **options)
        if isinstance(result.exception, HcaError):
            raise result.exception
        return result

    return runner


def output(result: Result) -> object:
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


@pytest.mark.parametrize("words", [[], ["--help"]])
def test_help_lists_the_commands_by_what_they_are_about(run: Run, app: LibraryApp, words: list[str]) -> None:
    result = run(*words)
    assert result.exit_code == 0
    sections = result.stdout.partition("Commands:")[2].split("\n\n")
    assert [" ".join(section.split()) for section in sections] == [
        (
            "borrow Borrow a book. head-book Look, by hand. login Log in, and keep the login for the next commands. "
            "logout Forget the login, and revoke it if possible. "
            "refresh-swagger Fetch the service's API description again."
        ),
        "Books: get-books List books get-book Read a book put-book Write a book",
        "Search: post-search Find books",
    ]
    assert app.asked == ["api library offline"]


def test_nobody_logs_in_where_nothing_needs_it(run: Run, app: LibraryApp, service: Service) -> None:
    paths = {"/books": {"get": {"responses": {"200": {}}}}}
    app.api_maker = lambda: parse({**service.description, "paths": paths}, source_url=service.url)
    assert "login" not in run("--help").stdout
    assert run("login").exit_code == 2
    assert run("logout").exit_code == 2


def test_a_login_written_by_hand_wins(run: Run) -> None:
    group = ApiGroup("library", service="library")

    @group.command("login")
    def login() -> None:
        """Show a library card."""
        click.echo("by hand")

    assert run("login", group=group).stdout == "by hand\n"
    text = run("--help", group=group).stdout
    assert "Show a library card." in text
    assert "keep the login" not in text
    assert "logout" in text


def test_help_of_an_operation(run: Run, app: LibraryApp) -> None:
    text = run("put-book", "--help").stdout
    assert "Usage: library put-book [OPTIONS]\n\n  Write a book\n\n  The whole book.\n\n  Twice is harmless." in text
    options = [line.split()[0] for line in text.splitlines() if line.startswith("  --")]
    assert options == ["--title", "--uuid", "--chapters", "--tags", "--details", "--edition", "--help"]
    assert "On the cover.  [required]" in text
    assert app.asked == ["api library offline"]


def test_only_commands_with_pages_or_bytes_have_options_for_them(run: Run) -> None:
    assert "--no-paginate  " in run("get-books", "--help").stdout
    assert "--output-file FILE  " in run("get-book", "--help").stdout
    plain = run("put-book", "--help").stdout
    assert "paginate" not in plain
    assert "--output-file" not in plain


def test_commands_written_by_hand_win(run: Run) -> None:
    assert run("borrow").stdout == "borrowed\n"
    assert run("head-book").stdout == "by hand\n"


def test_json_is_printed(run: Run, service: Service) -> None:
    assert output(run("put-book", "--uuid", BOOK, "--title", "T", "--chapters", '{"n": 1}', '{"n": 2}')) == {
        "title": "T",
        "service": "Library",
    }
    assert service.requests[0]["body"] == {"title": "T", "chapters": [{"n": 1}, {"n": 2}]}
    assert service.requests[0]["headers"]["Authorization"] == "Bearer sesame"


def test_pages_are_put_together(run: Run) -> None:
    assert output(run("get-books", "--per-page", "2")) == {
        "shelf": {"name": "top", "books": [f"book {number}" for number in range(5)]}
    }


def test_no_paginate_shows_the_first_page_as_it_is(run: Run, service: Service) -> None:
    assert output(run("get-books", "--no-paginate", "--sorted")) == {
        "shelf": {"name": "top", "books": ["book 0", "book 1"]},
        "has_more": True,
        "link": "/v1/books?mode=good&start_at=2",
    }
    assert service.requests[0]["query"] == {"sorted": "true"}


def test_search(run: Run, service: Service) -> None:
    found = output(run("post-search", "--query", "-", input='{"title": "T"}'))
    assert [page["asked"] for page in found["results"]] == [{"query": {"title": "T"}}] * 3


def test_head_shows_the_headers(run: Run) -> None:
    group = ApiGroup("library", service="library")
    headers = output(run("head-book", "--uuid", BOOK, group=group))
    assert headers["X-Book-Size"] == str(len(CONTENT))


def test_bytes_go_to_standard_output_as_they_are(run: Run) -> None:
    assert run("get-book", "--uuid", BOOK).stdout_bytes == CONTENT
    assert run("get-book", "--uuid", BOOK, "--output-file", "-").stdout_bytes == CONTENT
    assert run("get-book", "--uuid", BOOK, "--as-json").stdout_bytes.startswith(b'{"uuid": "1111')


def test_bytes_go_to_a_file(run: Run, home: Path) -> None:
    (home / "book").write_text("an older one")
    result = run("get-book", "--uuid", BOOK, "--output-file", "book")
    assert (result.exit_code, result.stdout_bytes) == (0, b"")
    assert (home / "book").read_bytes() == CONTENT
    assert [file.name for file in home.iterdir()] == ["book"]


def test_a_file_is_whole_or_as_before(run: Run, home: Path) -> None:
    (home / "book").write_text("an older one")
    with pytest.raises(NetworkError):
        run("get-book", "--uuid", BROKEN_BOOK, "--output-file", "book")
    assert [(file.name, file.read_text()) for file in home.iterdir()] == [("book", "an older one")]


@pytest.mark.skipif(os.name != "posix", reason="links and devices")
def test_a_folder_that_is_not_there_is_named(run: Run) -> None:
    with pytest.raises(ArgumentError, match="nowhere/book cannot be written: there is no folder nowhere"):
        run("get-book", "--uuid", BOOK, "--output-file", "nowhere/book")


def test_links_and_devices_stay_what_they_are(run: Run, home: Path) -> None:
    (home / "link").symlink_to("target")
    run("get-book", "--uuid", BOOK, "--output-file", "link")
    assert (home / "link").is_symlink()
    assert (home / "target").read_bytes() == CONTENT
    run("get-book", "--uuid", BOOK, "--output-file", "/dev/null")
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["get-book"], "Missing option '--uuid'."),
        (["put-book"], "Missing options '--title' and '--uuid'."),
        (["put-book", "--edition", "1", "--title=--uuid"], "Missing option '--uuid'."),
        (["get-book", "--uuid", "x"], "Invalid value for '--uuid': must be a UUID, not 'x'."),
        (["get-books", "--mode", "bad"], "'bad' is not one of"),
        (["get-books", "--per-page", "0"], "Invalid value for '--per-page': must be at least 1, not 0."),
        (["get-boks"], "No such command 'get-boks'"),
    ],
)
def test_misuse_is_a_usage_error(run: Run, service: Service, words: list[str], message: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert service.requests == []


def test_errors_are_left_to_the_root(run: Run) -> None:
    with pytest.raises(ApiError, match="already read"):
        run("get-books", "--mode", "loop")


def test_an_operation_that_the_deployment_does_not_have(run: Run, app: LibraryApp, service: Service) -> None:
    live = {**service.description, "paths": {}}
    apis = iter([service.api, parse(live, source_url=service.url)])
    app.api_maker = lambda: next(apis)
    with pytest.raises(ArgumentError, match="The API 'Library' has no operation 'get_books'"):
        run("get-books")


def test_operations_may_share_a_command(run: Run, app: LibraryApp, service: Service) -> None:
    shared = {"name": "a", "in": "path", "required": True, "type": "string"}
    paths = {
        "/v1/books/{a}": {"get": {"parameters": [shared], "responses": {}}},
        "/v1/books/{a}/{b}": {"get": {"parameters": [shared, {**shared, "name": "b"}], "responses": {}}},
    }
    description = {**service.description, "basePath": "/", "paths": paths}
    app.api_maker = lambda: parse(description, source_url=service.url)
    run("get-v1-books", "--a", "1")
    run("get-v1-books", "--a", "1", "--b", "2")
    assert [request["path"] for request in service.requests] == ["/v1/books/1", "/v1/books/1/2"]
    assert run("get-v1-books", "--b", "2").exit_code == 2


def test_our_options_give_way_to_those_of_the_service(run: Run, app: LibraryApp, service: Service) -> None:
    output_parameter = {"name": "output-file", "in": "query", "type": "string"}
    paths = {"/x": {"get": {"parameters": [output_parameter], "responses": {"302": {}}}}}
    app.api_maker = lambda: parse({**service.description, "paths": paths}, source_url=service.url)
    run("get-x", "--output-file", "raw")
    assert service.requests[0]["query"] == {"output-file": "raw"}


def operation_of(app: LibraryApp, server: FakeServer, responses: dict[str, object]) -> None:
    """Let the service have one operation, `PUT /thing`, with these declared responses."""
    paths = {"/thing": {"put": {"tags": ["odds and ends"], "responses": responses}}}
    app.api_maker = lambda: parse({"openapi": "3.0.0", "paths": paths}, source_url=server.url)


def test_where_a_file_is_in_an_object_store_is_printed(run: Run, app: LibraryApp, home: Path) -> None:
    with FakeServer() as server:
        operation_of(app, server, {"302": {}})
        server.on("PUT", "/thing", Answer.redirect("s3://bucket/\x1b[2J"))
        assert run("put-thing").stdout == "s3://bucket/\\x1b[2J\n"
        run("put-thing", "--output-file", "where")
    assert (home / "where").read_text() == "s3://bucket/\\x1b[2J\n"


def test_no_change_is_a_success_with_a_word(run: Run, app: LibraryApp) -> None:
    with FakeServer() as server:
        operation_of(app, server, {"200": {}, "304": {}})
        server.on("PUT", "/thing", Answer(304))
        result = run("put-thing")
    told = "Nothing was changed: the service says that it is so already.\n"
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", told)


@pytest.mark.parametrize("body", [b"Done \x1b[2J", b"Done \x1b[2J\n"])
def test_text_ends_its_line_and_cannot_steer_the_terminal(run: Run, app: LibraryApp, body: bytes) -> None:
    with FakeServer() as server:
        operation_of(app, server, {"200": {}})
        server.on("PUT", "/thing", Answer(body=body, headers={"Content-Type": "text/html"}))
        assert run("put-thing").stdout == "Done \\x1b[2J\n"


def test_sections_are_named_by_tags(run: Run, app: LibraryApp) -> None:
    with FakeServer() as server:
        operation_of(app, server, {"200": {}})
        assert "\nOdds and ends:\n  put-thing" in run("--help").stdout


def test_json_behind_a_declared_redirect_is_shown_as_json(run: Run, app: LibraryApp) -> None:
    with FakeServer() as server:
        operation_of(app, server, {"302": {}, "200": {"content": {"application/json": {}}}})
        server.on("PUT", "/thing", Answer.json({"access_token": "T"}))
        assert run("put-thing").stdout == '{\n  "access_token": "T"\n}\n'
        assert "--output-file" not in run("put-thing", "--help").stdout


def test_completion_needs_no_context(home: Path) -> None:
    environ = {**os.environ, "_DSS_COMPLETE": "bash_complete", "COMP_WORDS": "dss get-bundle --di", "COMP_CWORD": "2"}
    code = "from hca_core.cli.api import ApiGroup; ApiGroup('dss', service='dss').main(prog_name='dss')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ)
    assert done.stdout.split() == ["plain,--directurls"]


@pytest.mark.parametrize("words", [["--help"], ["get-bundle", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys; from hca_core.cli.api import ApiGroup\n"
        "try: ApiGroup('dss', service='dss').main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print('HEAVY', {'requests', 'urllib3', 'boto3', 'tqdm', 'hca_core.client'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert "get-bundle" in done.stdout
    assert done.stdout.endswith("HEAVY set()\n"), done.stderr
