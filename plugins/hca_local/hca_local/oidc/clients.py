"""The programs that may ask people to sign in, and where these may be sent afterwards."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

__all__ = ["DEFAULT_SCOPE", "INSTALLED", "PUBLIC", "SCOPES", "Client", "known_clients"]

INSTALLED = "hca-local"  # has a secret, as programs of old expect; it is no secret, for everybody can ask for it
PUBLIC = "hca-local-public"

SCOPES = ("openid", "profile", "email", "offline_access")
DEFAULT_SCOPE = "openid email profile"
OLD_REDIRECT_URI = "http://localhost:8080/"

# RFC 8252: a program on this machine takes whichever port is free. Nothing that a browser might read differently.
_LOOPBACK = re.compile(
    r"http://(127\.0\.0\.1|localhost|\[::1\])(:(?P<port>[0-9]{1,5}))?(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
)


@dataclass(frozen=True)
class Client:
    """A program; without a `secret` anybody can claim to be it. The methods are those that Authlib asks for."""

    id: str
    title: str
    redirect_uris: tuple[str, ...]
    secret: str | None = field(default=None, repr=False)

    @property
    def client_id(self) -> str:
        """The `id`, as Authlib calls it."""
        return self.id

    def needs_challenge(self, redirect_uri: str) -> bool:
        """Return whether a code for `redirect_uri` must be bound to who asked for it (PKCE)."""
        return self.secret is None or redirect_uri not in self.redirect_uris

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Return whether people may be sent there: exactly a registered address, or one on this machine."""
        return redirect_uri in self.redirect_uris or _is_loopback(redirect_uri)

    def get_default_redirect_uri(self) -> str:
        """Return where people are sent if the program does not say."""
        return self.redirect_uris[0]

    def get_allowed_scope(self, scope: str | None) -> str:
        """Return the scope that a request has, its words once each."""
        return " ".join(dict.fromkeys((scope or DEFAULT_SCOPE).split()))

    def check_client_secret(self, client_secret: str) -> bool:
        """Return whether this is the secret."""
        given = client_secret.encode("utf-8", "surrogatepass")
        return self.secret is not None and secrets.compare_digest(self.secret.encode(), given)

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        """Return whether the program may show in this way who it is."""
        return (method == "none") == (self.secret is None)

    def check_response_type(self, response_type: str) -> bool:
        """Return whether sign-ins may answer in this way."""
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """Return whether tokens may be had in this way."""
        return grant_type in ("authorization_code", "refresh_token")


def known_clients(issuer: str, secret: str) -> dict[str, Client]:
    """Return the clients by their ids; `secret` is that of the one that has any."""
    echo = f"{issuer}/echo"
    return {
        INSTALLED: Client(INSTALLED, "hca", (echo, OLD_REDIRECT_URI), secret),
        PUBLIC: Client(PUBLIC, "a program on this computer", (echo,)),
    }


def _is_loopback(redirect_uri: str) -> bool:
    found = _LOOPBACK.fullmatch(redirect_uri)
    return found is not None and int(found["port"] or 80) in range(1, 65536)
