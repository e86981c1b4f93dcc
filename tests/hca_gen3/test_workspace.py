from collections.abc import Iterator
from typing import Any

import pytest
from fake_fence import FakeFence, FakeWorkspace

from hca_core.errors import AuthError
from hca_core.http import Session
from hca_core.testing import Answer
from hca_gen3 import workspace
from hca_gen3.errors import UsageError
from hca_gen3.workspace import Provider


@pytest.fixture
def partner() -> Iterator[FakeFence]:
    with FakeFence() as running:
        yield running


@pytest.fixture
def service(partner: FakeFence) -> Iterator[FakeWorkspace]:
    with FakeFence() as commons, FakeWorkspace(commons) as running:
        commons.partners["other"] = partner
        yield running


@pytest.fixture
def session() -> Iterator[Session]:
    with Session() as session:
        yield session


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, None),
        ({"NAMESPACE": " "}, None),
        ({"NAMESPACE": "jupyter-pods"}, "http://workspace-token-service.jupyter-pods.svc.cluster.local"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "http://workspace-token-service.default.svc.cluster.local"),
    ],
)
def test_a_workspace_is_known_by_its_environment(environ: dict[str, str], found: str | None) -> None:
    assert workspace.service_address(environ) == found
    assert workspace.service_address(environ, "http://wts.example/ ") == "http://wts.example"


@pytest.mark.parametrize("name", ["evil.example.org/", "a.b", "A", "x" * 64])
def test_a_namespace_does_not_lead_elsewhere(name: str) -> None:
    with pytest.raises(UsageError, match="NAMESPACE is no Kubernetes namespace"):
        workspace.service_address({"NAMESPACE": name})


def test_the_token_of_a_login(service: FakeWorkspace, session: Session, partner: FakeFence) -> None:
    assert workspace.token(session, service.url, None, secured=False) in service.commons.tokens
    assert workspace.token(session, service.url, "local", secured=False) in service.commons.tokens
    assert workspace.token(session, service.url, "other", secured=False) in partner.tokens


def test_an_idp_is_not_more_than_a_parameter(service: FakeWorkspace, session: Session) -> None:
    with pytest.raises(AuthError, match="gave no token of 'a&idp=other': .*not configured: a&idp=other"):
        workspace.token(session, service.url, "a&idp=other", secured=False)


def test_what_is_no_token_is_not_taken_for_one(service: FakeWorkspace, session: Session) -> None:
    service.on("GET", "/token/", Answer.json({"access_token": "x"}))
    with pytest.raises(AuthError, match="is no token"):
        workspace.token(session, service.url, None, secured=False)


def test_the_logins_of_a_workspace(service: FakeWorkspace, session: Session, partner: FakeFence) -> None:
    found = workspace.providers(session, service.url)
    assert found == [Provider("other", partner.url)]
    assert workspace.select(found, partner.url).idp == "other"


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "other",
        {"idp": "other"},
        {"idp": "", "base_url": "https://a.example"},
        {"idp": 1, "base_url": "https://a.example"},
        {"idp": "other", "base_url": "http://plain.example.org"},
        {"idp": "other", "base_url": "javascript:alert(1)"},
        {"idp": "other", "base_url": ["https://a.example"]},
    ],
)
def test_nonsense_among_the_logins_is_left_out(service: FakeWorkspace, session: Session, entry: Any) -> None:
    good = {"idp": "good", "base_url": "https://Good.example.org/"}
    service.on("GET", "/external_oidc/", Answer.json({"providers": [entry, good]}))
    found = workspace.providers(session, service.url)
    assert found == [Provider("good", "https://good.example.org")]


@pytest.mark.parametrize("document", [[], {}, {"providers": None}, {"providers": 7}, "x"])
def test_what_is_no_list_of_logins(service: FakeWorkspace, session: Session, document: Any) -> None:
    service.on("GET", "/external_oidc/", Answer.json(document))
    with pytest.raises(AuthError, match="is no list of commons"):
        workspace.providers(session, service.url)


def test_logins_that_are_not_told(service: FakeWorkspace, session: Session) -> None:
    service.on("GET", "/external_oidc/", Answer(403))
    with pytest.raises(AuthError, match="does not tell which commons it knows"):
        workspace.providers(session, service.url)


def test_a_commons_without_a_login_lists_those_that_have_one() -> None:
    found = [Provider("a", "https://a.example"), Provider("b", "https://b.example")]
    with pytest.raises(AuthError, match="no login at https://c.example") as caught:
        workspace.select(found, "https://c.example")
    assert caught.value.hint == "It knows: a (https://a.example), b (https://b.example)."


def test_a_commons_with_several_logins_has_to_be_chosen() -> None:
    found = [Provider("a", "https://a.example"), Provider("b", "https://a.example")]
    with pytest.raises(AuthError, match="by several names") as caught:
        workspace.select(found, "https://a.example")
    assert caught.value.hint == "Choose one of them as idp: a, b."
