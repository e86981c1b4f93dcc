"""Notifications: what they say, how they are written and signed, byte for byte."""

from __future__ import annotations

import json
from email.message import Message
from email.parser import BytesParser
from typing import Any

from example_bundle import BUNDLE_UUID, BUNDLE_VERSION

from hca_local.dss.events import Event
from hca_local.dss.subscriptions import Subscription
from hca_local.dss.webhook import payload, request

UUID = "99999999-0000-4000-8000-000000000001"
QUERY = "files.project_json[0].project_core.project_short_name == 'demo-lung'"
TAXA = {"type": "jmespath", "expression": "files.donor_organism_json[].biomaterial_core.ncbi_taxon_id[]"}
DONOR = {"biomaterial_core": {"ncbi_taxon_id": [9606]}}
DOCUMENT = {"files": {"donor_organism_json": [DONOR, DONOR]}}
EVENT = Event("CREATE", BUNDLE_UUID, BUNDLE_VERSION, DOCUMENT)
NOW = 1714564865  # Wed, 01 May 2024 12:01:05 GMT
TEXT = (
    '{"transaction_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "subscription_id": '
    '"99999999-0000-4000-8000-000000000001", "event_type": "CREATE", "event_timestamp": "2024-05-01T120105.250000Z", '
    '"dss_api": "https://dss.example.org", "bundle_url": "https://dss.example.org/v1/bundles/'
    '11111111-2222-4333-8444-555555555555?version=2024-05-01T120100.000000Z", "match": {"bundle_uuid": '
    '"11111111-2222-4333-8444-555555555555", "bundle_version": "2024-05-01T120100.000000Z"}, "jmespath_query": '
    "\"files.project_json[0].project_core.project_short_name == 'demo-lung'\", "
    '"attachments": {"taxa": [9606, 9606]}}'
)


def subscription(type: str = "jmespath", secret: str | None = None, **document: Any) -> Subscription:
    defaults = {"method": "POST", "encoding": "application/json", "form_fields": {}, "payload_form_field": "payload"}
    url = "https://hook.example.org/n"
    return Subscription(type, {"uuid": UUID, "callback_url": url, **defaults, **document}, secret)


def say(subscription: Subscription, event: Event = EVENT, document: Any = DOCUMENT) -> dict[str, Any]:
    return payload(
        subscription,
        event,
        document,
        transaction_id="7c9e6679-7425-40de-944b-e07fc1f90ae7",
        timestamp="2024-05-01T120105.250000Z",
        public_url="https://dss.example.org",
        base_url="https://dss.example.org/v1",
    )


def test_the_worked_example() -> None:
    signed = subscription(secret="s3cret-key", hmac_key_id="k1", jmespath_query=QUERY, attachments={"taxa": TAXA})
    text = json.dumps(say(signed))
    assert text == TEXT
    assert len(text) == 592
    sent = request(signed, text, attempt=0, now=NOW)
    assert (sent.method, sent.url, sent.body) == ("POST", "https://hook.example.org/n", TEXT.encode())
    assert sent.headers == {
        "Date": "Wed, 01 May 2024 12:01:05 GMT",
        "Digest": "SHA-256=Ts3E5DROGwCxEOZc0iiAIxwBG0Rrk8BzBfWHrjmbdLU=",
        "Authorization": (
            'Signature keyId="k1",algorithm="hmac-sha256",headers="date digest",'
            'signature="0IMGYCdAd0muQxVikOjt1Xtnugf4vEL8L9v9sSZaXUM="'
        ),
        "Content-Type": "application/json",
        "Content-Length": "592",
    }


def test_the_key_has_a_name_of_its_own() -> None:
    sent = request(subscription(secret="s"), "{}", attempt=0, now=NOW)
    assert f'keyId="hca-dss:{UUID}"' in sent.headers["Authorization"]


def test_without_a_secret_there_is_no_signature() -> None:
    sent = request(subscription(hmac_key_id="k1"), "{}", attempt=0, now=NOW)
    assert not {"Date", "Digest", "Authorization"} & set(sent.headers)


def test_says_nothing_that_was_not_asked_for() -> None:
    said = say(subscription())
    assert set(said) == {
        "transaction_id",
        "subscription_id",
        "event_type",
        "event_timestamp",
        "dss_api",
        "bundle_url",
        "match",
    }


def test_deletions_have_no_attachments() -> None:
    said = say(subscription(attachments={"taxa": TAXA}), Event("TOMBSTONE", BUNDLE_UUID, BUNDLE_VERSION, {}))
    assert said["event_type"] == "TOMBSTONE"
    assert "attachments" not in said


def test_a_search_is_told_of_in_its_own_way() -> None:
    query: Any = {"query": {"match_all": {}}}
    searching = subscription("elasticsearch", es_query=query, attachments={"n": {"expression": "length(@)"}})
    assert say(searching) == {
        "transaction_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "subscription_id": UUID,
        "match": {"bundle_uuid": BUNDLE_UUID, "bundle_version": BUNDLE_VERSION},
        "es_query": query,
        "attachments": {"n": 1},
    }
    assert request(searching, "{}", attempt=3, now=NOW).headers["X-dss-notify-attempt"] == "3"


def test_writes_forms() -> None:
    form = {"a": "é", 'quo"te': "b\r\nc"}
    wanted = subscription(encoding="multipart/form-data", form_fields=form, payload_form_field="p", method="PUT")
    sent = request(wanted, '{"x": 1}', attempt=0, now=NOW)
    assert sent.method == "PUT"
    assert isinstance(sent.body, bytes)
    header = f"Content-Type: {sent.headers['Content-Type']}\r\n\r\n"
    message = BytesParser().parsebytes(header.encode() + sent.body)
    parts: Any = message.get_payload()
    assert isinstance(parts, list)
    assert all(isinstance(part, Message) for part in parts)
    found = [(part.get_param("name", header="content-disposition"), _content(part)) for part in parts]
    assert found == [("a", "é"), ("quo%22te", "b\r\nc"), ("p", '{"x": 1}')]
    assert all(part.get_filename() is None for part in parts)


def test_signs_forms() -> None:
    signed = subscription(encoding="multipart/form-data", secret="s")
    sent = request(signed, "{}", attempt=0, now=NOW)
    assert sent.headers["Digest"].startswith("SHA-256=")


def _content(part: Any) -> str:
    assert isinstance(part, Message)
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()
