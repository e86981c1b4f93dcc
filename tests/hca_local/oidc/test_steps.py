from __future__ import annotations

import pytest

from hca_local.oidc.steps import Known, Step, next_step

NOBODY = Known(None)
STRANGER = Known(10)
FRIEND = Known(10, consented=True)
FRESH = Known(0, fresh=True, consented=True)


@pytest.mark.parametrize(
    ("parameters", "known", "step"),
    [
        ({}, NOBODY, Step.SIGN_IN),
        ({}, STRANGER, Step.CONSENT),
        ({}, FRIEND, Step.GRANT),
        ({"prompt": "none"}, NOBODY, Step.LOGIN_REQUIRED),
        ({"prompt": "none"}, STRANGER, Step.CONSENT_REQUIRED),
        ({"prompt": "none"}, FRIEND, Step.GRANT),
        ({"prompt": "none consent"}, FRIEND, Step.INVALID_REQUEST),
        ({"prompt": "none", "max_age": "9"}, FRIEND, Step.LOGIN_REQUIRED),
        ({"prompt": "login"}, FRIEND, Step.SIGN_IN),
        ({"prompt": "login"}, FRESH, Step.GRANT),
        ({"prompt": "login consent"}, FRESH, Step.CONSENT),
        ({"prompt": "select_account"}, FRIEND, Step.SIGN_IN),
        ({"prompt": "consent"}, FRIEND, Step.CONSENT),
        ({"prompt": "consent"}, NOBODY, Step.SIGN_IN),
        ({"prompt": "dance"}, FRIEND, Step.GRANT),
        ({"max_age": "10"}, FRIEND, Step.GRANT),
        ({"max_age": "9"}, FRIEND, Step.SIGN_IN),
        ({"max_age": "0"}, FRIEND, Step.SIGN_IN),
        ({"max_age": "0"}, FRESH, Step.GRANT),
        ({"max_age": "soon"}, FRIEND, Step.GRANT),
    ],
)
def test_what_comes_next(parameters: dict[str, str], known: Known, step: Step) -> None:
    assert next_step(parameters, known) is step
    assert step.is_error == ("_" in step.value)
