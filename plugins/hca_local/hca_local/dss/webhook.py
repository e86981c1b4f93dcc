"""Requests that tell somebody about a bundle: what they say, how they are written and signed, and how they are sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from hca_local.dss import expressions
from hca_local.dss.events import Event
from hca_local.dss.subscriptions import Subscription

__all__ = ["payload", "request", "send"]

Payload = dict[str, Any]


def payload(
    subscription: Subscription,
    event: Event,
    document: Mapping[str, Any],
    *,
    transaction_id: str,
    timestamp: str,
    public_url: str,
    base_url: str,
) -> Payload:
    """Return what a subscription is told of an event; `document` is what its attachments are taken from."""
    said: Payload = {"transaction_id": transaction_id, "subscription_id": subscription.uuid}
    given = subscription.document
    if subscription.type == "jmespath":
        said |= {
            "event_type": event.type,
            "event_timestamp": timestamp,
            "dss_api": public_url,
            "bundle_url": f"{base_url}/bundles/{event.uuid}?version={event.version}",
        }
    said["match"] = {"bundle_uuid": event.uuid, "bundle_version": event.version}
    said |= {name: given[name] for name in ("jmespath_query", "es_query") if name in given}
    if "attachments" in given and event.type == "CREATE":
        said["attachments"] = expressions.attachments(subscription.attachments, document)
    return said


def request(subscription: Subscription, text: str, *, attempt: int, now: float) -> requests.PreparedRequest:
    """Return the request that carries a payload (`text` is its JSON), signed if there is a secret.

    `attempt` counts from 0; `now` is in unix seconds.
    """
    document = subscription.document
    prepared = requests.Request(document["method"], document["callback_url"], **_content(document, text)).prepare()
    if subscription.type == "elasticsearch":
        prepared.headers["X-dss-notify-attempt"] = str(attempt)
    if subscription.secret is not None:
        assert isinstance(prepared.body, bytes)
        prepared.headers.update(_signature(subscription.key_id, subscription.secret, prepared.body, now))
    return prepared


def _content(document: Mapping[str, Any], text: str) -> dict[str, Any]:
    """How `requests` is told what to write."""
    if document["encoding"] == "application/json":
        return {"data": text.encode(), "headers": {"Content-Type": "application/json"}}
    fields = {**document["form_fields"], document["payload_form_field"]: text}
    return {"files": [(name, (None, value)) for name, value in fields.items()]}


def _signature(key_id: str, secret: str, body: bytes, now: float) -> dict[str, str]:
    """Headers that prove who wrote a body (draft-cavage-http-signatures)."""
    date = formatdate(now, usegmt=True)
    digest = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
    signed = hmac.digest(secret.encode(), f"date: {date}\ndigest: {digest}".encode(), "sha256")
    signature = base64.b64encode(signed).decode()
    fields = f'keyId="{key_id}",algorithm="hmac-sha256",headers="date digest",signature="{signature}"'
    return {"Date": date, "Digest": digest, "Authorization": f"Signature {fields}"}


def send(subscription: Subscription, text: str, *, attempt: int, now: float, timeout: float) -> str | None:
    """Send a payload, directly and to the subscriber only; return what went wrong, None if it was received.

    `timeout` is the longest silence in seconds. What is returned does not have the address, which may be a secret.
    """
    with requests.Session() as session:
        session.trust_env = False
        try:
            prepared = request(subscription, text, attempt=attempt, now=now)
            with session.send(prepared, timeout=timeout, allow_redirects=False, stream=True) as response:
                received = 200 <= response.status_code < 300
                return None if received else f"the answer is {response.status_code}"
        except (requests.RequestException, HTTPError, ValueError) as error:
            return f"there is no answer ({type(error).__name__})"
