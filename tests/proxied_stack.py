"""A local stack whose users reach it through proxies that can spoil everything."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from hca_core.testing import FaultProxy
from hca_local.guard import Guard
from hca_local.listener import open_listeners
from hca_local.parts import open_parts
from hca_local.root import ensure_secrets, open_root, write_settings
from hca_local.stack import MAX_BODY
from hca_local.state import SERVICES, State


class SecureState(State):
    """A stack whose services are reached over TLS."""

    def url(self, service: str) -> str:
        return super().url(service).replace("http://", "https://")


@dataclass(frozen=True)
class ProxiedStack:
    """A stack that runs in this process; `dss` and `s3` are the proxies before two of its services.

    `environ` has what `hca` must know to use it.
    """

    dss: FaultProxy
    s3: FaultProxy
    environ: Mapping[str, str]

    def enter(self, patch: pytest.MonkeyPatch) -> None:
        """Let `hca` in this process use the stack."""
        for name, value in self.environ.items():
            patch.setenv(name, value)

    def s3_client(self) -> Any:
        """Return a client of the object store."""
        import boto3

        return boto3.Session().client("s3", endpoint_url=self.s3.url, region_name="us-east-1")

    def heal(self) -> None:
        """Let everything go right again."""
        self.dss.heal()
        self.s3.heal()


@contextmanager
def proxied_stack(folder: Path, settings: Mapping[str, Any], *, secure: bool = False) -> Iterator[ProxiedStack]:
    """Serve a stack; `settings` are those of its users, beside the addresses of the services.

    The services take the proxies for themselves: what they sign and the addresses they give out are the proxies'.
    """
    root = open_root(folder / "stack")
    certificate = _issue(folder) if secure else None
    with ExitStack() as opened:
        listeners = open_listeners(SERVICES, None, {})
        for listener in listeners.values():
            opened.enter_context(listener)
        proxies = {
            name: opened.enter_context(FaultProxy(f"http://127.0.0.1:{listener.port}", certificate))
            for name, listener in listeners.items()
        }
        ports = {name: proxy.port for name, proxy in proxies.items()}
        state = (SecureState if secure else State)(os.getpid(), "test", ports, ready=True)
        secrets = ensure_secrets(root)
        parts = opened.enter_context(closing(open_parts(root, secrets, state)))
        for name, app in parts.apps.items():
            listeners[name].serve(Guard(app, ports[name]), max_body=MAX_BODY[name])
        write_settings(root, state, secrets)
        ours = {"network": {"ca_bundle": str(folder / "ca.pem")}} if secure else {}
        own = folder / "settings.json"
        own.write_text(json.dumps({**settings, "network": {**settings.get("network", {}), **ours.get("network", {})}}))
        environ = {
            "HCA_CONFIG_FILE": os.pathsep.join(map(str, (root.config_file, own))),
            "HCA_TOKEN": secrets.owner_token,
            "AWS_SHARED_CREDENTIALS_FILE": str(root.aws_file),
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        yield ProxiedStack(proxies["dss"], proxies["s3"], environ)


def _issue(folder: Path) -> tuple[Path, Path]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued = authority.issue_cert("127.0.0.1")
    (folder / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(folder / "key.pem")
    return folder / "cert.pem", folder / "key.pem"
