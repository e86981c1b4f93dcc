"""The services of a stack: opens each with what it needs of the others."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from hca_local.options import Options, read_options
from hca_local.root import STAGING_BUCKET, Root, Secrets
from hca_local.state import State
from hca_local.users import OWNER, Users

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from hca_core.openapi.model import Api
    from hca_local.auth.app import AuthApp
    from hca_local.dss.app import DssApp
    from hca_local.oidc.provider import Provider
    from hca_local.router import KnowsUsers
    from hca_local.s3.signing import AccessKey
    from hca_local.s3.store import ObjectStore

__all__ = ["Parts", "describe", "open_parts"]


@dataclass(frozen=True)
class Parts:
    """The applications of a stack by service; `close` releases their files."""

    apps: Mapping[str, WSGIApplication]
    close: Callable[[], None]


class _Closable(Protocol):
    def close(self) -> None: ...


Part = TypeVar("Part", bound=_Closable)


def describe(service: str) -> tuple[Api, dict[str, Any]]:
    """Return the API of a service as its plugin ships it; the user's settings about other deployments do not matter."""
    from hca_core.app import App
    from hca_core.openapi.document import bundled
    from hca_core.openapi.parse import parse

    document = bundled(App().service(service).description)
    return parse(document), document


def open_parts(root: Root, secrets: Secrets, state: State) -> Parts:
    """Open all services, which keep what they have in folders of `root`.

    Raises:
        HcaError: one of them cannot use its folder.
    """
    from hca_local.s3.app import S3App
    from hca_local.s3.signing import AccessKey
    from hca_local.s3.store import ObjectStore
    from hca_local.upload.app import UploadApp

    options = read_options(root)
    with ExitStack() as opening:

        def opened(part: Part) -> Part:
            return opening.enter_context(closing(part))

        store = opened(ObjectStore(root.objects))
        store.create_bucket(STAGING_BUCKET)
        key = AccessKey(secrets.access_key_id, secrets.secret_access_key)
        upload = opened(
            UploadApp(
                *describe("upload"),
                root=root.upload,
                store=store,
                public_url=state.url("upload"),
                api_key=secrets.upload_api_key,
                readable=[STAGING_BUCKET],
                validator=shlex.split(options.validator) if options.validator else None,
            )
        )
        provider = opened(_provider(root, state, secrets, lambda: auth))
        auth = opened(_auth(root, state, provider))
        dss = opened(_dss(root, state, store, key, provider, options))
        apps: dict[str, WSGIApplication] = {
            "dss": _WithSecrets(dss, provider),
            "s3": S3App(store, lambda id: key if id == key.id else upload.keys.find(id)),
            "auth": _Auth(provider, auth),
            "upload": upload,
        }
        return Parts(apps, opening.pop_all().close)


def _dss(root: Root, state: State, store: ObjectStore, key: AccessKey, users: KnowsUsers, options: Options) -> DssApp:
    from hca_local.dss.app import DssApp

    return DssApp(
        *describe("dss"),
        root=root.dss,
        store=store,
        public_url=state.url("dss"),
        s3_url=state.url("s3"),
        access_key=key,
        users=users,
        checkout_seconds=options.checkout_seconds,
        replication_seconds=options.replication_seconds,
        async_threshold=options.async_threshold,
        elasticsearch_url=options.elasticsearch_url,
    )


def _provider(root: Root, state: State, secrets: Secrets, auth: Callable[[], AuthApp]) -> Provider:
    """Open the provider, which asks `auth` about its users: each needs the other."""
    from hca_local.oidc.provider import Provider

    return Provider(
        root.oidc,
        issuer=state.url("auth"),
        app_metadata=lambda email: auth().authorization(email),
        is_enabled=lambda email: auth().is_enabled(email),
        users=Users.from_records(secrets.users),
    )


def _auth(root: Root, state: State, users: KnowsUsers) -> AuthApp:
    from hca_local.auth.app import AuthApp

    return AuthApp(*describe("auth"), root=root.auth, public_url=state.url("auth"), users=users, admins=[OWNER.email])


class _Auth:
    """The provider and the auth service at one address."""

    def __init__(self, provider: Provider, service: AuthApp) -> None:
        self._provider = provider
        self._service = service

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        app = self._provider if self._provider.handles(environ.get("PATH_INFO", "")) else self._service
        return app(environ, start_response)


class _WithSecrets:
    """The DSS, which also tells how its users log in, at the address where programs expect that."""

    def __init__(self, dss: DssApp, provider: Provider) -> None:
        self._dss = dss
        self._provider = provider

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        told = environ.get("PATH_INFO") == "/internal/application_secrets"
        return (self._provider if told else self._dss)(environ, start_response)
