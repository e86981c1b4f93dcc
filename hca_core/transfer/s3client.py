"""Makes the boto3 clients with which S3 is asked."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hca_core.errors import ConfigError
from hca_core.hosts import keeps_secrets

if TYPE_CHECKING:
    import boto3
    from botocore.credentials import RefreshableCredentials
    from botocore.loaders import Loader
    from mypy_boto3_s3 import S3Client

    from hca_core.settings import Settings

__all__ = ["Access", "TemporaryKeys", "make_client"]

_RENEW_IN = 120  # seconds before they expire in which credentials are renewed …
_RENEW_NOW = 30  # … and in which nothing is sent until they are


@dataclass(frozen=True)
class TemporaryKeys:
    """Credentials that hold until `expires`, which has a time zone."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires: datetime


@dataclass(frozen=True)
class Access:
    """How to get to an S3-compatible store.

    `credentials` is called for keys, and again when they are about to expire; otherwise they are found as by any AWS
    tool, with `credentials_file` instead of `~/.aws/credentials`. `pool_size` is the number of connections that are
    kept, `attempts` how often a request is sent until it is answered. The timeouts are in seconds. `accelerate` uses
    Amazon's acceleration, which a bucket must have.
    """

    endpoint_url: str | None = None
    credentials: Callable[[], TemporaryKeys] | None = None
    credentials_file: Path | None = None
    ca_bundle: str | Path | None = None
    proxy: str | None = None
    pool_size: int = 32
    accelerate: bool = False
    attempts: int = 5
    connect_timeout: float = 20.0
    read_timeout: float = 40.0

    @classmethod
    def from_settings(cls, settings: Settings, *, endpoint: str = "s3.endpoint_url") -> Access:
        """Return what the settings say; `endpoint` is the one that has the store's address.

        Raises:
            ConfigError: what is sent could be read on the way, and that is not allowed.
        """
        value = settings.value
        url = value(endpoint)
        if url and not keeps_secrets(url) and not value("network.allow_http"):
            raise ConfigError(
                f"The object store {url} would be asked over plain http.",
                key=endpoint,
                hint="Use its https:// address, or allow plain http with the setting network.allow_http.",
            )
        file = value("s3.credentials_file")
        return cls(
            url,
            credentials_file=Path(file) if file else None,
            ca_bundle=value("network.ca_bundle"),
            proxy=value("network.proxy"),
            attempts=value("network.retries") + 1,
            connect_timeout=value("network.connect_timeout"),
            read_timeout=value("network.read_timeout"),
        )


def make_client(access: Access) -> S3Client:
    """Return a new client, with the credentials that hold now.

    Raises:
        ConfigError: the credentials file does not exist.
    """
    import boto3
    import botocore.session

    session = botocore.session.get_session()
    session.register_component("data_loader", _descriptions(session.get_config_variable("data_path")))
    if access.credentials:
        session.register_component("credential_provider", _Renewed(access.credentials))
    elif access.credentials_file:
        session.set_config_variable("credentials_file", str(_existing(access.credentials_file)))
    amazon = boto3.Session(botocore_session=session)
    client = _client(amazon, access)
    if access.accelerate and not _is_amazon(client.meta.endpoint_url):
        # botocore may have found another store's address in the environment, and would refuse to accelerate that.
        client = _client(amazon, replace(access, accelerate=False))
    client.meta.events.register_last("before-call.s3", _do_not_announce)
    return client


@cache
def _descriptions(path: str | None) -> Loader:
    """Return what knows how Amazon's services are spoken to; to read it takes longer than all else about a client."""
    from botocore.loaders import create_loader

    return create_loader(path)


def _client(session: boto3.Session, access: Access) -> S3Client:
    from botocore.config import Config

    config = Config(
        s3=_special(access),
        max_pool_connections=access.pool_size,
        connect_timeout=access.connect_timeout,
        read_timeout=access.read_timeout,
        proxies={"http": access.proxy, "https": access.proxy} if access.proxy else None,
        # We compute checksums of our own; one more of each part would only cost time.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "total_max_attempts": access.attempts},
    )
    verify = str(access.ca_bundle) if access.ca_bundle else authorities(os.environ)
    return session.client("s3", endpoint_url=access.endpoint_url, verify=verify, config=config)


def _is_amazon(url: str) -> bool:
    return (urlsplit(url).hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _do_not_announce(params: dict[str, Any], **_: object) -> None:
    # Asking the server whether it wants the body costs a round trip: too much for one that fits into memory.
    if isinstance(params.get("body"), io.BytesIO):
        params["headers"].pop("Expect", None)


def _special(access: Access) -> Any:
    # Signing what is sent means hashing it once more. TLS protects it already, and on this machine nobody is on the
    # way.
    special: Any = {"payload_signing_enabled": not keeps_secrets(access.endpoint_url or "https://")}
    if access.endpoint_url:
        special["addressing_style"] = "path"  # few servers but Amazon's have a host name per bucket
    elif access.accelerate:
        special["use_accelerate_endpoint"] = True
    return special


def _existing(credentials_file: Path) -> Path:
    path = credentials_file.expanduser()
    if not path.is_file():
        raise ConfigError(f"The AWS credentials file {path} does not exist.", file=str(path), key="s3.credentials_file")
    return path


def authorities(environ: Mapping[str, str]) -> str | None:
    """Return what `SSL_CERT_FILE` names, unless one of the variables that botocore itself obeys is set."""
    if environ.get("AWS_CA_BUNDLE") or environ.get("REQUESTS_CA_BUNDLE"):
        return None
    return environ.get("SSL_CERT_FILE") or None


class _Renewed:
    """Gives botocore credentials that it renews itself."""

    def __init__(self, credentials: Callable[[], TemporaryKeys]) -> None:
        self._credentials = credentials

    def load_credentials(self) -> RefreshableCredentials:
        from botocore.credentials import RefreshableCredentials

        return RefreshableCredentials.create_from_metadata(
            self._described(),
            refresh_using=self._described,
            method="hca",
            advisory_timeout=_RENEW_IN,
            mandatory_timeout=_RENEW_NOW,
        )

    def _described(self) -> dict[str, str]:
        keys = self._credentials()
        return {
            "access_key": keys.access_key,
            "secret_key": keys.secret_key,
            "token": keys.session_token,
            "expiry_time": keys.expires.isoformat(),
        }
