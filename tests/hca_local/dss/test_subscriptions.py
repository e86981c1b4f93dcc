"""The operations on subscriptions, as the worked examples have them, and what they refuse."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from dss_parts import serve_part

from hca_local.dss.subscriptions import MAX_SIZE, MOST, Subscriptions

UUID = "99999999-0000-4000-8000-{:012d}"
ATTACHMENT = {"type": "jmespath", "expression": "files.donor_organism_json[].biomaterial_core.ncbi_taxon_id[]"}
BODY = {
    "callback_url": "https://hook.example.org/n",
    "jmespath_query": "files.project_json[0].project_core.project_short_name == 'demo-lung'",
    "hmac_secret_key": "s3cret-key",
    "hmac_key_id": "k1",
    "attachments": {"taxa": ATTACHMENT},
}
SHOWN = {
    "uuid": UUID.format(1),
    "replica": "aws",
    "owner": "ada@example.org",
    "callback_url": BODY["callback_url"],
    "jmespath_query": BODY["jmespath_query"],
    "hmac_key_id": "k1",
    "attachments": {"taxa": ATTACHMENT},
    "method": "POST",
    "encoding": "application/json",
    "form_fields": {},
    "payload_form_field": "payload",
}
PLAIN = {"callback_url": "http://127.0.0.1:9/n"}
SEARCH = {"callback_url": "http://127.0.0.1:9/n", "es_query": {"query": {"match_all": {}}}}


class Service:
    """Subscriptions beside a DSS."""

    def __init__(self, dss: Any) -> None:
        self.dss = dss
        self.count = 0
        self.open()

    def open(self) -> None:
        self.subscriptions = Subscriptions(
            self.dss.folder / "subscriptions",
            now=lambda: datetime(2024, 5, 3, tzinfo=timezone.utc),
            new_uuid=self.new_uuid,
        )
        serve_part(self.dss, "/subscriptions", self.subscriptions.handlers)

    def new_uuid(self) -> str:
        self.count += 1
        return UUID.format(self.count)

    def put(self, body: Any, **more: Any) -> Any:
        return self.dss.send("PUT", "/subscriptions", body=body, **{"replica": "aws", **more})

    def send(self, method: str, number: int = 1, **more: Any) -> Any:
        return self.dss.send(method, f"/subscriptions/{UUID.format(number)}", **{"replica": "aws", **more})

    def listed(self, **more: Any) -> Any:
        answer = self.dss.send("GET", "/subscriptions", **{"replica": "aws", **more})
        assert answer.status_code == 200
        return [one["uuid"] for one in answer.json()["subscriptions"]]


@pytest.fixture
def service(dss: Any) -> Iterator[Service]:
    service = Service(dss)
    yield service
    service.subscriptions.close()


def outcome(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_the_worked_example(service: Service) -> None:
    put = service.put(BODY)
    assert (put.status_code, put.json()) == (201, SHOWN)
    assert service.dss.send("GET", "/subscriptions", replica="aws").json() == {"subscriptions": [SHOWN]}
    shown = service.send("GET")
    assert (shown.status_code, shown.json()) == (200, SHOWN)
    wrong = {"attachments": {"taxa": {**ATTACHMENT, "expression": "this is not valid"}}}
    assert outcome(service.put({**BODY, **wrong})) == (400, "invalid_attachment_expression")
    assert outcome(service.put({**BODY, "attachments": {"_x": ATTACHMENT}})) == (400, "invalid_attachment_name")
    assert outcome(service.put({**BODY, "jmespath_query": "a b"})) == (400, "invalid_jmespath")
    deleted = service.send("DELETE")
    assert (deleted.status_code, deleted.json()) == (200, {"timeDeleted": "2024-05-03T000000.000000Z"})
    assert outcome(service.send("DELETE")) == (404, "not_found")
    assert outcome(service.send("GET")) == (404, "not_found")


def test_the_secret_is_kept_and_never_shown(service: Service) -> None:
    answers = [service.put(BODY), service.send("GET"), service.dss.send("GET", "/subscriptions", replica="aws")]
    answers.append(service.put({**BODY, "hmac_key_id": ""}))
    assert all("s3cret-key" not in answer.text for answer in answers)
    service.subscriptions.close()
    service.open()
    [kept] = service.subscriptions.all()
    assert kept.secret == "s3cret-key"
    assert "s3cret-key" not in repr(kept)
    assert kept == service.subscriptions.find(UUID.format(1))
    for path in (service.dss.folder / "subscriptions").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_keeps_everything_when_it_is_opened_again(service: Service) -> None:
    service.put(BODY)
    service.put(SEARCH)
    service.subscriptions.close()
    service.open()
    assert service.send("GET").json() == SHOWN
    assert service.listed(subscription_type="elasticsearch") == [UUID.format(2)]


def test_the_two_types_are_kept_apart(service: Service) -> None:
    assert service.put(PLAIN).json()["uuid"] == UUID.format(1)
    put = service.put(SEARCH)
    assert put.status_code == 201
    assert put.json()["es_query"] == SEARCH["es_query"]
    assert (service.listed(), service.listed(subscription_type="elasticsearch")) == ([UUID.format(1)], [UUID.format(2)])
    assert outcome(service.send("GET", 2)) == (404, "not_found")
    assert outcome(service.send("DELETE", 2)) == (404, "not_found")
    assert service.send("GET", 2, subscription_type="elasticsearch").status_code == 200
    assert service.send("DELETE", 2, subscription_type="elasticsearch").status_code == 200


def test_an_empty_search_is_a_search(service: Service) -> None:
    service.put({**PLAIN, "es_query": {}})
    assert service.listed(subscription_type="elasticsearch") == [UUID.format(1)]


def test_nobody_sees_those_of_another(service: Service) -> None:
    service.put(PLAIN)
    service.put(SEARCH)
    for number, type in ((1, "jmespath"), (2, "elasticsearch")):
        assert service.listed(user="eve", subscription_type=type) == []
        for method in ("GET", "DELETE"):
            answer = service.send(method, number, user="eve", subscription_type=type)
            assert outcome(answer) == (404, "not_found")
            assert outcome(service.send(method, number, replica="gcp", subscription_type=type)) == (404, "not_found")
    assert service.send("GET").status_code == 200
    assert outcome(service.send("GET", user=None)) == (401, "OAuthProblem")


def test_each_user_has_a_number_of_them_in_each_replica(service: Service) -> None:
    for number in range(MOST):
        assert service.put(SEARCH if number % 2 else PLAIN).status_code == 201
    assert outcome(service.put(PLAIN)) == (406, "not_acceptable")
    assert service.put(PLAIN, user="eve").status_code == 201
    assert service.put(PLAIN, replica="gcp").status_code == 201
    service.send("DELETE")
    assert service.put(PLAIN).status_code == 201
    assert outcome(service.put(PLAIN)) == (406, "not_acceptable")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"callback_url": None}, "illegal_arguments"),
        ({"callback_url": "ftp://example.org"}, "illegal_arguments"),
        ({"callback_url": "x https://example.org"}, "illegal_arguments"),
        ({"callback_url": "https://"}, "illegal_arguments"),
        ({"callback_url": "https://[::1"}, "illegal_arguments"),
        ({"callback_url": "https://h:99999/"}, "illegal_arguments"),
        ({"callback_url": "https://h:0/"}, "illegal_arguments"),
        ({"callback_url": "https://h/a\r\nX: y"}, "illegal_arguments"),
        ({"callback_url": "https://ada:word@example.org/"}, "illegal_arguments"),
        ({"surprise": 1}, "illegal_arguments"),
        ({"method": "GET"}, "illegal_arguments"),
        ({"encoding": "text/plain"}, "illegal_arguments"),
        ({"form_fields": {"a": 1}}, "illegal_arguments"),
        ({"form_fields": {"payload": "x"}}, "illegal_arguments"),
        ({"form_fields": {"p": "x"}, "payload_form_field": "p"}, "illegal_arguments"),
        ({"hmac_secret_key": ""}, "illegal_arguments"),
        ({"hmac_key_id": 'a"b'}, "illegal_arguments"),
        ({"hmac_key_id": "a\nb"}, "illegal_arguments"),
        ({"es_query": {}, "jmespath_query": "a"}, "illegal_arguments"),
        ({"es_query": {"query": {"mtch": {}}}}, "elasticsearch_bad_request"),
        ({"jmespath_query": "a" * MAX_SIZE}, "illegal_arguments"),
        ({"jmespath_query": ""}, "invalid_jmespath"),
        ({"jmespath_query": "[" * 5000}, "invalid_jmespath"),
        ({"attachments": {"a": {"type": "xpath", "expression": "a"}}}, "illegal_arguments"),
        ({"attachments": {"a": {"type": "jmespath"}}}, "illegal_arguments"),
    ],
)
def test_refuses_what_cannot_work(service: Service, change: dict[str, Any], code: str) -> None:
    assert outcome(service.put({**PLAIN, **change})) == (400, code)
    assert service.listed() == service.listed(subscription_type="elasticsearch") == []


def test_needs_an_address(service: Service) -> None:
    assert outcome(service.put({})) == (400, "illegal_arguments")
    assert outcome(service.put(None)) == (400, "illegal_arguments")
