import base64
import json
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from service_account_file import write_account

from hca_core.credentials.claims import expiry, subject
from hca_core.credentials.places import Places
from hca_core.credentials.resolve import resolve
from hca_core.credentials.store import Login, TokenStore
from hca_core.errors import ArgumentError, AuthError, ConfigError, HcaError
from hca_core.hosts import host_of, keeps_secrets
from hca_core.http import Session
from hca_core.records import Credentials
from hca_core.testing import Answer, FakeServer

URL = "https://dss.example.org/v1"
HOST = "dss.example.org"
SETTINGS = {"auth": {"audience": "https://dev.example.org/"}}


class Asked:
    """A hook that answers with one token and remembers what it was asked."""

    def __init__(self, token: str | None = None) -> None:
        self.token = token
        self.calls: list[dict[str, Any]] = []

    def __call__(
        self, *, service: str, url: str, settings: Mapping[str, Any], rejected: str | None
    ) -> Credentials | None:
        self.calls.append({"service": service, "url": url, "settings": settings, "rejected": rejected})
        return Credentials(self.token, "a plugin") if self.token else None


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore(tmp_path / "config" / "credentials.json")


@pytest.fixture
def account_file(tmp_path: Path) -> Path:
    return write_account(tmp_path / "account.json")


def find(hook: Asked | None = None, environ: Mapping[str, str] | None = None, **options: Any) -> Credentials:
    return resolve(
        options.pop("service", "dss"),
        options.pop("url", URL),
        environ=environ or {"HOME": str(Path.cwd())},
        settings=SETTINGS,
        hook=hook or Asked(),
        **options,
    )


def jwt(**claims: Any) -> str:
    def encode(part: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

    return f"{encode({'alg': 'none'})}.{encode(claims)}.c2lnbmF0dXJl"


# order


def test_the_order_of_places(store: TokenStore, account_file: Path) -> None:
    store.put(HOST, Login("stored"))
    hook = Asked("offered")
    account = {"GOOGLE_APPLICATION_CREDENTIALS": str(account_file)}
    environ = {"HCA_DSS_TOKEN": "service", "HCA_TOKEN": "general", **account}
    places: list[dict[str, Any]] = [
        {"explicit": "argument", "environ": environ, "store": store},
        {"environ": environ, "store": store},
        {"environ": {"HCA_TOKEN": "general", "HCA_AUTH_TOKEN": "other", **account}, "store": store},
        {"environ": account, "store": store},
        {"store": store},
        {},
    ]
    found = [find(hook, **place) for place in places]
    assert [(subject(credentials.token) or credentials.token, credentials.source) for credentials in found] == [
        ("argument", "the token argument"),
        ("service", "HCA_DSS_TOKEN"),
        ("general", "HCA_TOKEN"),
        ("robot@lab.example", "GOOGLE_APPLICATION_CREDENTIALS"),
        ("stored", "stored login"),
        ("offered", "a plugin"),
    ]
    assert hook.calls == [{"service": "dss", "url": URL, "settings": SETTINGS, "rejected": None}]


def test_a_rejected_login_gives_way_to_a_plugin(store: TokenStore) -> None:
    store.put(HOST, Login("bad"))
    hook = Asked("fresh")
    assert find(hook, store=store, rejected="bad").token == "fresh"
    assert hook.calls[0]["rejected"] == "bad"


@pytest.mark.parametrize("place", [{"explicit": "bad"}, {"environ": {"HCA_TOKEN": "bad"}}])
def test_nobody_takes_the_place_of_a_user_who_named_a_token(store: TokenStore, place: dict[str, Any]) -> None:
    store.put(HOST, Login("stored"))
    hook = Asked("fresh")
    with pytest.raises(AuthError, match="refused the token from (HCA_TOKEN|the token argument)"):
        find(hook, **place, store=store, rejected="bad")
    assert hook.calls == []


def test_a_rejected_service_account_gives_way(store: TokenStore, account_file: Path) -> None:
    environ = {"GOOGLE_APPLICATION_CREDENTIALS": str(account_file)}
    refused = find(environ=environ, store=store).token
    with pytest.raises(AuthError, match="refused the token from GOOGLE_APPLICATION_CREDENTIALS"):
        find(environ=environ, store=store, rejected=refused)
    store.put(HOST, Login("stored"))
    refused = find(environ=environ, store=store).token
    assert find(environ=environ, store=store, rejected=refused).token == "stored"


def test_a_service_account_is_only_for_services_that_know_it(store: TokenStore, account_file: Path) -> None:
    environ = {"GOOGLE_APPLICATION_CREDENTIALS": str(account_file)}
    assert find(environ=environ, store=store).source == "GOOGLE_APPLICATION_CREDENTIALS"
    others = frozenset({"dss"})
    assert find(Asked("own"), environ=environ, store=store, without_account=others).token == "own"


def test_none_at_all(store: TokenStore) -> None:
    with pytest.raises(AuthError, match="The dss service needs a login, and no token was found") as caught:
        find(store=store)
    assert caught.value.service == "dss"
    assert caught.value.hint == "Run `hca dss login`, or set HCA_DSS_TOKEN to a token."


def test_the_refused_source_is_named(store: TokenStore) -> None:
    with pytest.raises(AuthError, match="refused the token from HCA_TOKEN") as caught:
        find(environ={"HCA_TOKEN": "s3cr3t"}, store=store, rejected="s3cr3t")
    assert "s3cr3t" not in f"{caught.value} {caught.value.hint}"
    assert caught.value.hint == "Set HCA_TOKEN to another one, or unset it and run `hca dss login`."
    with pytest.raises(AuthError) as caught:
        find(explicit="s3cr3t", store=store, rejected="s3cr3t")
    assert caught.value.hint == "Give another one, or none to use that of `hca dss login`."


def test_a_hook_without_another_token_does_not_mean_that_there_was_none(store: TokenStore) -> None:
    with pytest.raises(AuthError, match="The dss service refused the token, and no other was found.") as caught:
        find(store=store, rejected="bad")
    assert "hca dss login" in (caught.value.hint or "")


def test_a_hook_that_insists_on_the_rejected_token_is_not_believed(store: TokenStore) -> None:
    with pytest.raises(AuthError, match="refused the token from a plugin"):
        find(Asked("bad"), store=store, rejected="bad")


def test_names_of_services_become_names_of_variables(store: TokenStore) -> None:
    assert find(service="my-commons", environ={"HCA_MY_COMMONS_TOKEN": "t"}, store=store).token == "t"


_opened: list[str] | None = None


def _note_opening(event: str, arguments: tuple[Any, ...]) -> None:
    if _opened is not None and event in ("open", "os.listdir", "os.scandir", "subprocess.Popen"):
        _opened.append(f"{event} {arguments[0]}")


sys.addaudithook(_note_opening)


def _openings(**options: Any) -> list[str]:
    global _opened
    _opened = []
    try:
        find(**options)
        return list(_opened)
    finally:
        _opened = None


def test_a_token_in_the_environment_leaves_everything_else_alone(tmp_path: Path) -> None:
    hook = Asked("offered")
    environ = {"HOME": str(tmp_path)}
    store = TokenStore(tmp_path / ".config" / "hca" / "credentials.json")
    store.put(HOST, Login("stored"))
    find(hook, environ)  # whatever is imported on first use is imported now
    assert str(store.path) in " ".join(_openings(hook=hook, environ=environ))
    account = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "no-such-file.json")}
    assert _openings(hook=hook, environ=environ | account | {"HCA_TOKEN": "general"}) == []
    assert _openings(hook=hook, environ=environ | account, explicit="argument") == []
    assert hook.calls == []


def test_without_a_store_logins_are_beside_the_settings(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    TokenStore(tmp_path / ".config" / "hca" / "credentials.json").put(HOST, Login("stored"))
    assert find(environ=environ).token == "stored"


# where a token may go


@pytest.mark.parametrize("url", ["https://h/v1", "http://localhost:1/v1", "http://127.0.0.1/", "http://[::1]:5/"])
def test_https_and_this_machine_keep_secrets(url: str, store: TokenStore) -> None:
    assert keeps_secrets(url)
    assert find(url=url, environ={"HCA_TOKEN": "t"}, store=store).token == "t"


@pytest.mark.parametrize(
    "url",
    [
        "http://h/v1",
        "http://127.0.0.1.example.org/",
        "http://localhost.example.org/",
        "ftp://localhost/",
        "http://[::1",
    ],
)
def test_other_addresses_do_not(url: str) -> None:
    assert not keeps_secrets(url)


@pytest.mark.parametrize("name", ["HCA_DSS_TOKEN", "HCA_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS"])
def test_the_environment_is_not_for_addresses_that_others_can_listen_to(name: str, store: TokenStore) -> None:
    url, environ = "http://dss.example.org/v1", {name: "/s3cr3t"}
    with pytest.raises(AuthError, match=f"{name} is not used for the dss service") as caught:
        find(url=url, environ=environ, store=store)
    assert caught.value.hint == f"Use the https:// address of the service instead of {url}."
    store.put("dss.example.org:80", Login("stored"))
    assert find(url=url, environ=environ, store=store).token == "stored"
    assert find(url=url, environ=environ, store=store, explicit="argument").token == "argument"


@pytest.mark.parametrize(
    "trap", [{"HCA_TOKEN": "not a token"}, {"GOOGLE_APPLICATION_CREDENTIALS": "/no/such/file"}, {}]
)
def test_public_operations_look_for_no_credentials(trap: dict[str, str], tmp_path: Path) -> None:
    store_file = tmp_path / ".config" / "hca" / "credentials.json"
    store_file.parent.mkdir(parents=True)
    store_file.touch()
    store_file.chmod(0o644)  # whoever looks at it fails
    hook = Asked()
    with FakeServer() as server:
        server.on("GET", "/v1/bundles/b", Answer.json({}))

        def authorize(rejected: str | None) -> Credentials:
            environ = {"HOME": str(tmp_path), **trap}
            url = f"{server.url}/v1"
            return resolve("dss", url, environ=environ, settings=SETTINGS, hook=hook, rejected=rejected)

        with Session(authorize=authorize) as session:
            session.send("GET", f"{server.url}/v1/bundles/b")
            with pytest.raises(HcaError):
                session.send("PUT", f"{server.url}/v1/bundles/b", secured=True)
    (request,) = server.requests
    assert "Authorization" not in request.headers


# what a token may be


@pytest.mark.parametrize("token", ["Bearer abc", "a\nb", "a\r\nX-Evil: 1", "tökén", "a\x00b"])
def test_what_would_break_the_header_is_refused_and_not_shown(token: str, store: TokenStore) -> None:
    for place in ({"explicit": token}, {"environ": {"HCA_TOKEN": token}}, {"hook": Asked(token)}):
        with pytest.raises(AuthError, match="is not a token") as caught:
            find(store=store, **place)
        assert token not in caught.value.message


def test_blank_means_unset_and_blanks_around_do_not_count(store: TokenStore) -> None:
    assert find(environ={"HCA_DSS_TOKEN": " ", "HCA_TOKEN": " t\n"}, store=store).token == "t"


def test_expiry_is_read_from_a_jwt(store: TokenStore) -> None:
    assert find(explicit=jwt(exp=2_000_000_000)).expires_at == 2_000_000_000
    assert find(explicit="opaque").expires_at is None
    assert find(Asked(jwt(exp=2_000_000_000)), store=store).expires_at == 2_000_000_000


@pytest.mark.parametrize(
    "token",
    [
        "a.b.c",
        "a.b",
        "....",
        "é.é.é",
        jwt(),
        jwt(exp="soon"),
        jwt(exp=None),
        jwt(exp=[1]),
        jwt(exp=float("inf")),
        jwt(exp=10**400),
        f"a.{base64.urlsafe_b64encode(b'[1]').decode()}.c",
        f"a.{base64.urlsafe_b64encode(b'[' * 5000).decode()}.c",
    ],
)
def test_a_token_without_a_sensible_expiry_has_none(token: str) -> None:
    assert expiry(token) is None


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"email": "ada@lab.example", "sub": "7"}, "ada@lab.example"),
        ({"https://auth.data.humancellatlas.org/email": "ada@lab.example", "email": "x"}, "ada@lab.example"),
        ({"email": ["ada@lab.example"], "sub": "7"}, "7"),
        ({"email": ""}, None),
        ({}, None),
    ],
)
def test_whom_a_token_is_for(claims: dict[str, Any], expected: str | None) -> None:
    assert subject(jwt(**claims)) == expected


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "é.é.é", f"a.{base64.urlsafe_b64encode(b'[1]').decode()}.c"])
def test_what_is_no_jwt_names_nobody(token: str) -> None:
    assert subject(token) is None


def test_an_expired_login_gives_way_to_the_plugins(store: TokenStore) -> None:
    store.put(HOST, Login("stored", expires_at=100.0))
    assert find(Asked("fresh"), store=store, now=lambda: 99.0).token == "stored"
    assert find(Asked("fresh"), store=store, now=lambda: 100.0).token == "fresh"
    with pytest.raises(AuthError, match="Your login to the dss service has expired"):
        find(store=store, now=lambda: 101.0)


def test_an_expired_token_in_the_environment_is_left_to_the_service_to_judge(store: TokenStore) -> None:
    token = jwt(exp=1)
    assert find(environ={"HCA_TOKEN": token}, store=store).token == token


# the store


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://DSS.example.org/v1", "dss.example.org"),
        ("https://dss.example.org:443/v1", "dss.example.org"),
        ("https://dss.example.org:8443", "dss.example.org:8443"),
        ("http://dss.example.org", "dss.example.org:80"),
        ("http://dss.example.org:443", "dss.example.org:443"),
        ("https://user:word@dss.example.org/", "dss.example.org"),
        ("http://[::1]:5000/v1", "[::1]:5000"),
    ],
)
def test_host_of(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize("url", ["", "dss.example.org", "https://", "https://h:port/", "https://[::1"])
def test_host_of_refuses_what_has_no_host(url: str) -> None:
    with pytest.raises(ArgumentError):
        host_of(url)


def test_tokens_are_kept_by_host(store: TokenStore) -> None:
    assert store.get(HOST) is None
    store.put(HOST, Login("one", expires_at=5.0))
    store.put("other:8443", Login("two"))
    store.put(HOST, Login("three", expires_at=6.0))
    assert store.get(HOST) == Login("three", 6.0)
    assert store.get("other:8443") == Login("two")
    assert store.remove(HOST)
    assert not store.remove(HOST)
    assert store.get(HOST) is None
    assert store.get("other:8443") is not None
    assert "three" not in store.path.read_text()


def test_a_token_is_not_given_to_another_host(store: TokenStore) -> None:
    store.put(HOST, Login("stored"))
    for url in ("https://dss.example.org.evil.example/v1", "http://dss.example.org/v1", "https://dss.example.org:8443"):
        with pytest.raises(AuthError):
            find(url=url, store=store)


def test_a_login_is_kept_with_all_that_belongs_to_it(store: TokenStore) -> None:
    login = Login("access", 5.0, "refresh", "https://auth.example.org/token", "client", "secret")
    store.put(HOST, login)
    assert store.get(HOST) == login
    assert login.renewable
    assert not Login("access", refresh_token="refresh").renewable


def test_a_login_without_an_expiry_takes_that_of_its_token(store: TokenStore) -> None:
    store.put(HOST, Login(jwt(exp=100)))
    assert store.get(HOST) == Login(jwt(exp=100), 100.0)


def test_secrets_are_not_in_the_repr() -> None:
    shown = repr(Login("s3cr3t-a", 5.0, "s3cr3t-b", "https://auth.example.org/token", "client", "s3cr3t-c"))
    assert "client" in shown
    assert "s3cr3t" not in shown


def test_places_do_not_show_the_environment(store: TokenStore) -> None:
    places = Places({"HCA_TOKEN": "s3cr3t"}, {"oauth2_token": "s3cr3t"}, Asked(), store)
    assert "s3cr3t" not in repr(places)


def test_update_changes_one_login(store: TokenStore) -> None:
    store.put(HOST, Login("one", refresh_token="r"))
    store.put("other", Login("two"))
    changed = store.update(HOST, lambda login: Login(f"{login.access_token}!"))
    assert changed == store.get(HOST) == Login("one!")
    assert store.get("other") == Login("two")
    assert '"r"' not in store.path.read_text()


def test_update_without_a_login_changes_nothing(store: TokenStore) -> None:
    assert store.update(HOST, lambda login: pytest.fail("there is none")) is None
    assert not store.path.exists()
    store.put("other", Login("two"))
    before = store.path.stat().st_mtime_ns
    assert store.update(HOST, lambda login: pytest.fail("there is none")) is None
    assert store.path.stat().st_mtime_ns == before


def test_a_failed_update_changes_nothing(store: TokenStore) -> None:
    def fail(login: Login) -> Login:
        raise AuthError("no")

    store.put(HOST, Login("one"))
    with pytest.raises(AuthError):
        store.update(HOST, fail)
    assert store.get(HOST) == Login("one")


def test_removing_from_nothing_makes_no_file(store: TokenStore) -> None:
    assert not store.remove(HOST)
    assert not store.path.parent.exists()


@pytest.mark.skipif(os.name != "posix", reason="permissions are a matter of POSIX")
def test_the_file_is_private_even_with_a_careless_umask(store: TokenStore) -> None:
    umask = os.umask(0)
    try:
        store.put(HOST, Login("one"))
    finally:
        os.umask(umask)
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


@pytest.mark.skipif(os.name != "posix", reason="permissions are a matter of POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(store: TokenStore, mode: int) -> None:
    store.put(HOST, Login("one"))
    store.path.chmod(mode)
    for use in (
        lambda: store.get(HOST),
        lambda: store.put(HOST, Login("two")),
        lambda: store.update(HOST, lambda login: login),
        lambda: store.remove(HOST),
    ):
        with pytest.raises(ConfigError, match="can be read by others") as caught:
            use()
        assert caught.value.hint == f"Run: chmod 600 {store.path}"


@pytest.mark.parametrize(
    "text",
    [
        '{"tokens": {"h": {"access_token": "s3cr3t"',
        "[]",
        '{"tokens": []}',
        '{"tokens": {"h": "s3cr3t"}}',
        '{"tokens": {"h": {"access_token": 5}}}',
        '{"tokens": {"h": {"access_token": "s3cr3t", "expires_at": "soon"}}}',
        '{"tokens": {"h": {"access_token": "s3cr3t", "expires_at": true}}}',
        '{"tokens": {"h": {"access_token": "s3cr3t", "expires_at": 1e999}}}',
        '{"tokens": {"h": {"access_token": "s3cr3t", "refresh_token": 5}}}',
        '{"tokens": {"h": {"access_token": "s3cr3t", "token_endpoint": ["https://auth.example.org"]}}}',
    ],
)
def test_a_corrupt_file_is_reported_and_kept(store: TokenStore, text: str) -> None:
    store.path.parent.mkdir()
    store.path.write_text(text)
    store.path.chmod(0o600)
    for use in (
        lambda: store.get(HOST),
        lambda: store.put(HOST, Login("two")),
        lambda: store.update(HOST, lambda login: login),
        lambda: store.remove(HOST),
    ):
        with pytest.raises(HcaError) as caught:
            use()
        assert str(store.path) in caught.value.message
        assert "s3cr3t" not in caught.value.message
    assert store.path.read_text() == text
