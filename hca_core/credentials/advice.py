"""How a user says who they are: environment variables and commands, as messages call them."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["SERVICE_ACCOUNT", "environment_names", "login_hint", "replacing_hint", "set_variables"]

SERVICE_ACCOUNT = "GOOGLE_APPLICATION_CREDENTIALS"


def environment_names(service: str) -> tuple[str, str]:
    """Return the environment variables that may hold a token for `service`, the stronger first."""
    return f"HCA_{re.sub('[^A-Z0-9]', '_', service.upper())}_TOKEN", "HCA_TOKEN"


def set_variables(service: str, environ: Mapping[str, str]) -> list[str]:
    """Return the environment variables that say who the user is for `service`, the strongest first."""
    return [name for name in (*environment_names(service), SERVICE_ACCOUNT) if environ.get(name, "").strip()]


def login_hint(service: str) -> str:
    """Return what to do if there is no good token for `service`."""
    return f"Run `hca {service} login`, or set {environment_names(service)[0]} to a token."


def replacing_hint(service: str, source: str) -> str:
    """Return what to do about a token for `service` that is no longer good, by where it was found."""
    if source in environment_names(service):
        return f"Set {source} to another one, or unset it and run `hca {service} login`."
    return login_hint(service)
