"""How hca shows a provider which application it is."""

import pytest

from hca_core.credentials.application import BASIC, IN_FORM, Application


@pytest.mark.parametrize("method", [IN_FORM, None, "private_key_jwt"])
def test_a_secret_in_the_form(method: str | None) -> None:
    application = Application("cli", "s3cr3t", method)
    assert application.form == {"client_id": "cli", "client_secret": "s3cr3t"}
    assert application.headers == {}


def test_a_secret_in_a_header() -> None:
    application = Application("Aladdin", "open sesame", BASIC)
    assert application.form == {}
    assert application.headers == {"Authorization": "Basic QWxhZGRpbjpvcGVuK3Nlc2FtZQ=="}


def test_characters_that_would_break_the_header_are_escaped() -> None:
    # RFC 6749, 2.3.1: as in a form. Here it is `a%3Ab:%C3%A9%25`.
    assert Application("a:b", "é%", BASIC).headers == {"Authorization": "Basic YSUzQWI6JUMzJUE5JTI1"}


def test_without_a_secret_there_is_nothing_for_a_header() -> None:
    application = Application("cli", None, BASIC)
    assert (application.form, application.headers) == ({"client_id": "cli", "client_secret": None}, {})


def test_what_must_not_be_repeated() -> None:
    application = Application("Aladdin", "open sesame", BASIC)
    assert application.secrets == ("open sesame", "QWxhZGRpbjpvcGVuK3Nlc2FtZQ==")
    assert "sesame" not in repr(application)
