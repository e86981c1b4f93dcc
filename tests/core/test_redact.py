"""No secret survives redaction, and what is no secret does."""

from __future__ import annotations

import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hca_core.redact import REDACTING, RedactingFilter, redact

SECRET = "s3cr3t/Val+ue=="


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"Authorization:Basic {SECRET}",
        f"Authorization: AWS4-HMAC-SHA256 Credential=AKIA/2, SignedHeaders=host, Signature={SECRET}",
        f"Proxy-Authorization: Basic {SECRET}",
        f"{{'Authorization': 'Bearer {SECRET}', 'Accept': '*/*'}}",
        f"{{'Authorization': b'Bearer {SECRET}'}}",
        f"[('authorization', 'Bearer {SECRET}')]",
        f"Set-Cookie: session={SECRET}; Path=/",
        f"sent Bearer {SECRET}",
        f"https://host/path?token={SECRET}",
        f"https://host/path?a=1&X-Amz-Signature={SECRET}&b=2",
        f"https://host/path?X-Amz-Credential={SECRET}",
        f"https://host/path?X-Amz-Security-Token={SECRET}",
        f"https://host/path?AWSAccessKeyId={SECRET}",
        f"https://host/path?Signature={SECRET}&Expires=1",
        f"https://host/path?X-Goog-Signature={SECRET}",
        f"https://host/path?sig={SECRET}",
        f"https://host/login?code={SECRET}",
        f"https://user:{SECRET.replace('/', '')}@host/",
        "https://host/?to=https%3A%2F%2Fh%2F%3Ftoken%3Ds3cr3t%26a%3D1",
        "https://host/?to=https%3A%2F%2Fh%2F%3Fa%3D1%26sig%3Ds3cr3t",
        f"refresh_token={SECRET}",
        f"access_token = '{SECRET} and more'",
        f"id_token: {SECRET}",
        f"token: {SECRET}xx",
        f"X-Amz-Security-Token: {SECRET}",
        f"x-api-key: {SECRET}",
        f"password: {SECRET}",
        json.dumps({"secret_access_key": SECRET}),
        json.dumps({"refresh_token": SECRET, "expires_in": 3600}),
        json.dumps({"hmac_secret_key": f'with "quotes" {SECRET}'}),
        json.dumps(json.dumps({"access_token": SECRET})),
        f"{{'hmac_secret_key': '{SECRET}'}}",
        f"<SignatureProvided>{SECRET}</SignatureProvided>",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
        json.dumps({"private_key": f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----\n"}),
        "the token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzM2NyM3QifQ.s3cr3t-s1gnature_ was refused",
    ],
)
def test_secrets_are_hidden(text):
    redacted = redact(text)
    assert "s3cr3t" not in redacted
    assert "***" in redacted


@pytest.mark.parametrize(
    "text",
    [
        "GET https://dss.example.org/v1/bundles/1?replica=aws&version=2: 200",
        "bad token: expired",
        "There are no credentials: log in first.",
        "the access token of this user",
        "bearer authentication is needed",
        "Credentials are read from ~/.aws/credentials",
        "mail to someone@example.org about https://example.org/a@b",
        '{"code": "not_found", "key": "donor.json"}',
    ],
)
def test_everything_else_is_left_alone(text):
    assert redact(text) == text


def test_what_surrounds_a_secret_stays_readable():
    assert redact("https://h/p?a=1&token=x&b=2") == "https://h/p?a=1&token=***&b=2"
    assert json.loads(redact(json.dumps({"token": 'a"b', "size": 1}))) == {"token": "***", "size": 1}


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (f"Send `Authorization: Bearer {SECRET}`, then wait.", "Send `Authorization: ***`, then wait."),
        (f"`authorization:Basic {SECRET}` and `x`", "`authorization:***` and `x`"),
        (f"Send `Authorization: Bearer {SECRET}, then wait.", "Send `Authorization: ***"),
        (f"`Authorization: Bearer {SECRET}\n` and more", "`Authorization: ***\n` and more"),
        (f"`Cookie: a=`; session={SECRET}` and more", "`Cookie: ***"),
        (f"`x` Authorization: Bearer {SECRET}` and more", "`x` Authorization: ***"),
    ],
)
def test_a_header_in_a_sentence_ends_where_its_backticks_do(text, redacted):
    assert redact(text) == redacted


def test_other_objects_are_redacted_as_their_text():
    assert redact({"headers": {"Authorization": "Bearer abc"}, "n": 1}) == (
        "{'headers': {'Authorization': '***'}, 'n': 1}"
    )


@given(st.text())
def test_any_text_can_be_redacted_twice(text):
    assert redact(redact(text)) == redact(text)


def logged(log_something) -> str:
    """Return what a handler with the filter writes."""
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.addFilter(RedactingFilter())
    logger = logging.Logger("test")
    logger.addHandler(handler)
    log_something(logger)
    return output.getvalue()


def test_filter_redacts_message_and_arguments():
    text = logged(lambda log: log.warning("GET %s with %s", "https://h/?token=s3cr3t", {"Authorization": "s3cr3t"}))
    assert text == "GET https://h/?token=*** with {'Authorization': '***'}\n"


def test_filter_redacts_tracebacks():
    def fail(log: logging.Logger) -> None:
        try:
            raise ValueError("https://h/?X-Amz-Signature=s3cr3t")
        except ValueError:
            log.exception("failed")

    text = logged(fail)
    assert "ValueError: https://h/?X-Amz-Signature=***" in text
    assert "s3cr3t" not in text


def test_filter_redacts_the_stack():
    text = logged(lambda log: log.warning("here", stack_info=True))
    assert "Stack (most recent call last)" in text


def test_filter_survives_a_message_that_does_not_fit_its_arguments():
    assert "s3cr3t" not in logged(lambda log: log.warning("%d %d", "token=s3cr3t"))


def test_one_filter_is_added_once():
    logger = logging.Logger("test")
    logger.addFilter(REDACTING)
    logger.addFilter(REDACTING)
    assert logger.filters == [REDACTING]


@pytest.mark.timeout(30)
def test_what_looks_like_many_tokens_does_not_take_long() -> None:
    assert len(redact("-eyJaaaaaa" * 30_000)) == 300_000
