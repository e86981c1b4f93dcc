"""The auth service as one WSGI application: its records, its operations, its rules about who may do what."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hca_core.openapi.model import Api
from hca_local.auth.errors import document as problem_document
from hca_local.auth.judgement import Judgement
from hca_local.auth.operations import Operations
from hca_local.auth.records import Records
from hca_local.auth.rights import prepare
from hca_local.router import Router

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from hca_local.router import KnowsUsers

__all__ = ["AuthApp"]

MAX_BODY = 1024 * 1024  # bytes
_PARTS = ("clouddirectory", "iam", "openip")  # what the service in the cloud is made of, as it spells them


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


class AuthApp:
    """Serves the operations on users, groups, roles and policies of `api`, and its description `document`.

    What it knows is kept in `root`. `users` says whose a token is; who comes for the first time becomes a user.
    `admins` are e-mail addresses of users who may do everything, and cannot be disabled. The operations of OpenID
    Connect are not served here.

    Raises:
        HcaError: the records cannot be used, for example because a newer version of hca wrote them.
    """

    def __init__(
        self,
        api: Api,
        document: Mapping[str, Any],
        *,
        root: Path,
        public_url: str,
        users: KnowsUsers,
        admins: Collection[str],
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._records = Records(root)
        prepare(self._records, admins)
        self._judgement = Judgement(self._records, now)
        handlers = Operations(self._records, admins).handlers
        self._router = Router(
            api,
            {**handlers, "post_v1_policies_evaluate": self._judgement.evaluate},
            public_url=public_url,
            users=users,
            documents=_documents(api, document, public_url),
            admit=self._judgement.admit,
            describe=problem_document,
            max_body=MAX_BODY,
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        return self._router({**environ, "PATH_INFO": path.removesuffix("/")}, start_response)

    def authorization(self, email: str) -> dict[str, list[str]]:
        """Return the `groups`, `roles` and `scope` (allowed actions) of somebody, who need not be a user."""
        return self._judgement.authorization(email)

    def is_enabled(self, email: str) -> bool:
        """Return whether somebody, who need not be a user, is not disabled."""
        return self._records.is_enabled(email)

    def close(self) -> None:
        """Close the records; no request may follow."""
        self._records.close()


def _documents(api: Api, document: Mapping[str, Any], public_url: str) -> dict[str, Any]:
    """What is served beside the operations, by path."""
    here = _replaced(document, urlsplit(api.base_url).netloc, urlsplit(public_url).netloc)
    parts = {f"{part}_health_status": "ok" for part in _PARTS}
    return {
        "/swagger.json": {**here, "servers": [{"url": public_url}]},
        "/internal/version": {"version_info": {"version": version("hca-local")}},
        "/internal/health": {"health_status": "ok", "services": parts},
    }


def _replaced(node: Any, old: str, new: str) -> Any:
    """A copy of a document in which every text that is `old` is `new`: the host is the default of a parameter."""
    if isinstance(node, Mapping):
        return {key: _replaced(value, old, new) for key, value in node.items()}
    if isinstance(node, list):
        return [_replaced(value, old, new) for value in node]
    return new if node == old else node
