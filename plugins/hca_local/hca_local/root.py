"""Where a local stack keeps everything: one private folder, known by its marker file."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_core.errors import ConfigError, HcaError
from hca_core.paths import atomic_write, check_private, data_dir, private_dir

if TYPE_CHECKING:
    from hca_local.state import State

__all__ = [
    "Root",
    "Secrets",
    "default_root",
    "ensure_secrets",
    "find_root",
    "known_roots",
    "open_root",
    "read_secrets",
    "write_settings",
]

DSS_DESCRIPTION = "/v1/swagger.json"  # where the DSS publishes its own
STAGING_BUCKET = "staging"  # where uploads put files for the DSS to take
MARKER_TEXT = "This folder belongs to `hca local`. To delete it with all its data, run: hca local reset\n"


@dataclass(frozen=True)
class Root:
    """The folder of one stack, and where things are in it."""

    path: Path

    @property
    def marker(self) -> Path:
        """Tells that this folder is ours; nothing is deleted without it."""
        return self.path / "hca-local-root"

    @property
    def lock_file(self) -> Path:
        """Locked by the process that serves; the lock alone decides whether the stack runs."""
        return self.path / "lock"

    @property
    def state_file(self) -> Path:
        """Which process serves where, or did last."""
        return self.path / "state.json"

    @property
    def secrets_file(self) -> Path:
        """The access key of the object store, and the users."""
        return self.path / "secrets.json"

    @property
    def config_file(self) -> Path:
        """Settings with which `hca` uses this stack (for `HCA_CONFIG_FILE`); holds no secrets."""
        return self.path / "config.json"

    @property
    def aws_file(self) -> Path:
        """The access key in the form that AWS tools read."""
        return self.path / "aws-credentials"

    @property
    def log_file(self) -> Path:
        """What the serving process has to say."""
        return self.path / "logs" / "stack.log"

    @property
    def objects(self) -> Path:
        """Folder of the object store."""
        return self.path / "s3"

    @property
    def dss(self) -> Path:
        """Folder of the DSS."""
        return self.path / "dss"

    @property
    def auth(self) -> Path:
        """Folder of the auth service."""
        return self.path / "auth"

    @property
    def oidc(self) -> Path:
        """Folder of the OpenID provider."""
        return self.path / "oidc"

    @property
    def upload(self) -> Path:
        """Folder of the upload service."""
        return self.path / "upload"


@dataclass(frozen=True)
class Secrets:
    """What gives access to a stack. `users` are records of `hca_local.users`."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    owner_token: str = field(repr=False)
    users: list[dict[str, Any]] = field(repr=False)

    @property
    def upload_api_key(self) -> str:
        """The `Api-Key` of those who run the upload service."""
        return hmac.new(self.secret_access_key.encode(), b"upload Api-Key", hashlib.sha256).hexdigest()


def default_root(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the stack if none is named: `HCA_LOCAL_ROOT`, else `local` in hca's data folder."""
    return Path(environ["HCA_LOCAL_ROOT"]) if environ.get("HCA_LOCAL_ROOT") else data_dir(environ) / "local"


def known_roots(environ: Mapping[str, str] = os.environ) -> list[Root]:
    """Return the roots that this environment refers to: the default one, and those listed in `HCA_CONFIG_FILE`."""
    listed = [Path(name) for name in environ.get("HCA_CONFIG_FILE", "").split(os.pathsep) if name]
    folders = [default_root(environ), *(file.parent for file in listed if file.name == "config.json")]
    return [root for folder in folders if (root := _find_quietly(folder))]


def _find_quietly(folder: Path) -> Root | None:
    try:
        return find_root(folder)
    except (HcaError, OSError):
        return None


def find_root(folder: Path) -> Root | None:
    """Return the root in `folder`, or None if there is none.

    Raises:
        ConfigError: it belongs to another user.
    """
    root = Root(folder.expanduser().resolve())
    if not root.marker.is_file():
        return None
    _check_owner(root.path)
    return root


def open_root(folder: Path) -> Root:
    """Return the root in `folder`, made if there is nothing yet; only the user can read it.

    Raises:
        ConfigError: the folder holds other things, or belongs to another user.
    """
    root = Root(folder.expanduser().resolve())
    if root.path.exists():
        _check_usable(root)
    private_dir(root.path)
    if not root.marker.exists():
        atomic_write(root.marker, MARKER_TEXT)
    return root


def _check_usable(root: Root) -> None:
    if not root.path.is_dir():
        raise ConfigError(f"{root.path} is not a folder.", file=str(root.path))
    _check_owner(root.path)
    if not root.marker.is_file() and any(root.path.iterdir()):
        raise ConfigError(
            f"{root.path} holds other things than a local stack.",
            file=str(root.path),
            hint="Name an empty or a new folder with --root.",
        )


def _check_owner(path: Path) -> None:
    if os.name == "posix" and path.stat().st_uid != os.getuid():
        raise ConfigError(f"{path} belongs to another user.", file=str(path), hint="Name another folder with --root.")


def ensure_secrets(root: Root) -> Secrets:
    """Return the secrets of a root, made at random if there are none yet."""
    if not root.secrets_file.exists():
        atomic_write(root.secrets_file, json.dumps(asdict(_new_secrets()), indent=2) + "\n")
    return read_secrets(root)


def _new_secrets() -> Secrets:
    from hca_local.users import OWNER, to_record

    token = f"hca-local-{secrets.token_urlsafe(32)}"
    return Secrets(
        access_key_id=f"HCALOCAL{secrets.token_hex(6).upper()}",
        secret_access_key=secrets.token_hex(20),
        owner_token=token,
        users=[to_record(OWNER, token)],
    )


def read_secrets(root: Root) -> Secrets:
    """Return the secrets of a root.

    Raises:
        ConfigError: others can read the file, or it is damaged.
    """
    check_private(root.secrets_file)
    try:
        return Secrets(**json.loads(root.secrets_file.read_bytes()))
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"{root.secrets_file} is damaged.",
            file=str(root.secrets_file),
            hint="Delete that file: new secrets are made at the next `hca local up`, and the data stays.",
        ) from error


def write_settings(root: Root, state: State, found: Secrets) -> None:
    """Write the files with which `hca` and AWS tools use this stack."""
    settings = {
        "DSSClient": {"swagger_url": state.url("dss") + DSS_DESCRIPTION},
        "AuthClient": {"swagger_url": state.url("auth") + "/swagger.json"},
        "upload": {"preprod_api_url_template": state.url("upload") + "/v1", "s3_endpoint_url": state.url("s3")},
        "s3": {"endpoint_url": state.url("s3"), "credentials_file": str(root.aws_file)},
    }
    atomic_write(root.config_file, json.dumps(settings, indent=2) + "\n")
    lines = ["[default]", f"aws_access_key_id = {found.access_key_id}"]
    lines.append(f"aws_secret_access_key = {found.secret_access_key}")
    atomic_write(root.aws_file, "\n".join(lines) + "\n")
