import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_fence import jwt

from hca_core.app import App
from hca_core.errors import AuthError
from hca_core.plugins import Plugins
from hca_gen3 import Auth
from hca_gen3.errors import KeyFileError, UsageError
from hca_gen3.sources import Client, Fixed, Key, Partner, Workspace

HERE, THERE = "https://here.example.org", "https://there.example.org"
KEY = jwt(iss=f"{HERE}/user", pur="api_key")
TOKEN = jwt(iss=f"{HERE}/user", pur="access")
PAIR = ("id", "s3cret")


def save(file: Path, key: str = KEY) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(0o600)
    file.write_text(json.dumps({"api_key": key}))
    return str(file)


@pytest.fixture
def make_app(home: Path, tmp_path: Path) -> Callable[..., App]:
    """Make an application with these settings of gen3, and these variables in its environment."""

    def make(settings: dict[str, Any] | None = None, **variables: str) -> App:
        environ = {"HOME": str(home), **variables}
        plugins = Plugins(environ, cache_file=tmp_path / "plugins.json")
        return App(config={"gen3": settings or {}}, environ=environ, plugins=plugins)

    return make


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"client_scopes": "user"}, "client_scopes are those of client_credentials, which are missing"),
    ({"refresh_file": "a", "refresh_token": KEY}, "refresh_file and refresh_token cannot be given together"),
    ({"endpoint": HERE, "idp": "other"}, "endpoint and idp cannot be given together"),
    ({"client_credentials": PAIR}, "client_credentials need an endpoint"),
    ({"client_credentials": ("id", ""), "endpoint": HERE}, "client_credentials are an ID and a secret"),
    ({"client_credentials": "s3cret", "endpoint": HERE}, "client_credentials are an ID and a secret"),
    ({"client_credentials": ("a", "b", "s3cret"), "endpoint": HERE}, "client_credentials are an ID and a secret"),
    ({"client_credentials": PAIR, "endpoint": HERE, "refresh_file": "a"}, "cannot be given together"),
    ({"client_credentials": PAIR, "idp": "other"}, "cannot be given together"),
    ({"access_token": TOKEN, "refresh_file": "a"}, "access_token and refresh_file cannot be given together"),
    ({"access_token": "Bearer x"}, "What the access_token argument holds is not a token"),
    ({"refresh_file": "idp://wts/other", "endpoint": HERE}, "neither endpoint nor idp can be given beside it"),
    ({"refresh_file": "idp://wts/other", "idp": "b"}, "neither endpoint nor idp can be given beside it"),
    ({"refresh_file": "accesstoken:///a b"}, "What accesstoken:/// holds is not a token"),
    ({"endpoint": "http://here.example.org"}, "cannot be the address of a Gen3 commons"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG)
def test_arguments_that_do_not_go_together(make_app: Callable[..., App], arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        Auth(**arguments, app=make_app())
    assert isinstance(caught.value, UsageError)
    assert caught.value.exit_code == 2
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("endpoint", [HERE, f" {HERE}/ ", f"{HERE}///", "https://me:pw@here.example.org?a#b"])
def test_an_endpoint_is_stripped_of_blanks_and_slashes(make_app: Callable[..., App], endpoint: str) -> None:
    assert Auth(endpoint, access_token=TOKEN, app=make_app()).endpoint == HERE


def test_a_key_file_that_is_named_has_to_be_there(make_app: Callable[..., App]) -> None:
    for name in ("nowhere", "./nowhere.json"):
        with pytest.raises(ValueError, match=f"There is no Gen3 key file {name}") as caught:
            Auth(refresh_file=name, app=make_app())
        assert isinstance(caught.value, KeyFileError)


def test_nothing_is_read_before_it_is_needed(make_app: Callable[..., App]) -> None:
    app = make_app(GEN3_API_KEY="nowhere")
    auth = Auth(app=app)
    with pytest.raises(KeyFileError, match="nowhere"):
        _ = auth.endpoint


def test_a_file_in_the_folder_of_gen3(make_app: Callable[..., App], home: Path) -> None:
    save(home / ".gen3" / "crdc.json")
    auth = Auth(refresh_file="crdc", app=make_app())
    assert isinstance(auth.source, Key)
    assert auth.endpoint == HERE


def test_a_key_of_another_commons_goes_by_way_of_that(make_app: Callable[..., App], home: Path) -> None:
    file = save(home / "key.json")
    for auth in (Auth(THERE, file, app=make_app()), Auth(THERE, refresh_token=KEY, app=make_app())):
        assert isinstance(auth.source, Partner)
        assert auth.endpoint == THERE
    same = Auth("https://HERE.example.org:443/", file, app=make_app())
    assert isinstance(same.source, Key)
    assert isinstance(Auth(refresh_file=file, idp="other", app=make_app()).source, Partner)


def test_an_idp_in_the_place_of_a_file_is_honoured(make_app: Callable[..., App]) -> None:
    source = Auth(refresh_file="idp://wts/other", app=make_app(NAMESPACE="ns")).source
    assert source == Workspace("http://workspace-token-service.ns.svc.cluster.local", "other")


def test_a_token_in_the_place_of_a_file(make_app: Callable[..., App]) -> None:
    auth = Auth(refresh_file=f"accesstoken:///{TOKEN}", app=make_app())
    assert isinstance(auth.source, Fixed)
    assert (auth.endpoint, auth.get_access_token()) == (HERE, TOKEN)


def test_a_client_may_take_its_endpoint_from_the_settings(make_app: Callable[..., App]) -> None:
    source = Auth(client_credentials=PAIR, app=make_app({"endpoint": THERE})).source
    assert source == Client(THERE, *PAIR, "user data openid")


@pytest.mark.parametrize("gone", range(8))
def test_without_arguments_the_nearest_word_of_the_user_counts(
    make_app: Callable[..., App], home: Path, gone: int
) -> None:
    environment, setting = save(home / "environment.json"), save(home / "setting.json")
    usual = save(home / ".gen3" / "credentials.json")
    words: list[tuple[dict[str, str], dict[str, str], str]] = [  # variables, settings, what is chosen
        ({"HCA_GEN3_TOKEN": TOKEN}, {}, "HCA_GEN3_TOKEN"),
        ({"HCA_TOKEN": TOKEN}, {}, "HCA_TOKEN"),
        ({"GEN3_API_KEY": environment}, {}, environment),
        ({"GEN3_CLIENT_ID": "one", "GEN3_CLIENT_SECRET": "s"}, {}, "the client one"),
        ({}, {"key_file": setting}, setting),
        ({}, {"client_id": "two", "client_secret": "s", "endpoint": HERE}, "the client two"),
        ({}, {"idp": "other"}, "the workspace, as other"),
        ({}, {}, usual),
    ]
    variables = {name: value for one, _, _ in words[gone:] for name, value in one.items()}
    settings = {name: value for _, one, _ in words[gone:] for name, value in one.items()}
    assert Auth(app=make_app(settings, **variables, NAMESPACE="ns")).source.name == words[gone][2]


def test_the_workspace_comes_last(make_app: Callable[..., App]) -> None:
    assert Auth(app=make_app(NAMESPACE="ns")).source.name == "the workspace"


def test_the_setting_of_the_endpoint_is_for_those_who_name_nothing_else(
    make_app: Callable[..., App], home: Path
) -> None:
    file = save(home / ".gen3" / "credentials.json")
    app = make_app({"endpoint": THERE})
    assert Auth(app=app).endpoint == THERE
    assert Auth(refresh_file=file, app=app).endpoint == HERE
    assert Auth(app=make_app()).endpoint == HERE


def test_a_token_for_all_services_does_not_say_which_commons(make_app: Callable[..., App], home: Path) -> None:
    file = save(home / ".gen3" / "credentials.json")
    assert Auth(app=make_app(HCA_TOKEN="opaque")).source.name == file
    assert make_app(HCA_TOKEN=TOKEN).address("gen3") == HERE
    assert Auth(THERE, app=make_app(HCA_TOKEN="opaque")).source == Fixed("opaque", "HCA_TOKEN", THERE)


def test_an_endpoint_that_is_given_wins_over_the_setting_of_an_idp(make_app: Callable[..., App]) -> None:
    given = Auth(THERE, app=make_app({"idp": "other"}, NAMESPACE="ns")).source
    assert isinstance(given, Workspace)
    assert (given.idp, given.endpoint) == (None, THERE)
    with pytest.raises(UsageError, match=r"The settings gen3\.endpoint and gen3\.idp each say which commons"):
        _ = Auth(app=make_app({"idp": "other", "endpoint": HERE})).source


def test_a_variable_that_is_no_token_is_named(make_app: Callable[..., App]) -> None:
    with pytest.raises(UsageError, match="What HCA_GEN3_TOKEN holds is not a token"):
        _ = Auth(app=make_app(HCA_GEN3_TOKEN="two words")).source


def test_without_anything_the_advice_comes_before_any_network(make_app: Callable[..., App]) -> None:
    for auth in (Auth(app=make_app()), Auth(idp="other", app=make_app()), Auth(HERE, app=make_app())):
        with pytest.raises(AuthError, match="no Gen3 API key, and this is no Gen3 workspace") as caught:
            auth.get_access_token()
        assert "~/.gen3/credentials.json" in (caught.value.hint or "")


def test_nothing_secret_is_shown(make_app: Callable[..., App]) -> None:
    app = make_app()
    for auth in (
        Auth(refresh_token=KEY, app=app),
        Auth(THERE, refresh_token=KEY, app=app),
        Auth(access_token=TOKEN, app=app),
        Auth(HERE, client_credentials=PAIR, app=app),
    ):
        shown = f"{auth!r} {auth.source!r} {vars(auth)!r}"
        assert not any(secret in shown for secret in (KEY, TOKEN, "s3cret"))
