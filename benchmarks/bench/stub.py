"""A DSS that answers in microseconds: nginx with files and redirects.

`GET /v1/files/UUID` redirects to a second server, as the real one does. A UUID for which there is no file has the
content `UUID` x 57, about 2 KiB, so that any number of small files needs no disk and no time to make.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from bench.place import MIB, Place, free_port, person

__all__ = ["VERSION", "Address", "Stub", "StubFile", "made_files", "serving", "write_manifest"]

VERSION = "2024-01-01T000000.000000Z"
_REPEATED = 57
_DESCRIPTION = Path(__file__).parents[2] / "plugins/hca_dss/hca_dss/data/dss-api.json"
_CONFIG = """
daemon off; worker_processes 2; pid {folder}/pid; error_log {folder}/log error; {user}
events {{ worker_connections 8000; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 10000000; default_type application/octet-stream;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{
        listen 127.0.0.1:{dss}; root {folder};
        location = /v1/swagger.json {{ default_type application/json; try_files /swagger.json =404; }}
        location ~ ^/v1/bundles/(?<bundle>[^/]+)$ {{
            default_type application/json; try_files /bundles/$bundle.json =404;
        }}
        location ~ ^/v1/files/(?<file>[^/]+)$ {{ return 302 {public_blobs}/$file; }}
    }}
    server {{
        listen 127.0.0.1:{blobs}{ssl}; root {folder}/blobs; limit_rate {limit_rate};
        location ~ ^/(?<name>.+)$ {{ try_files $uri @made; }}
        location @made {{ return 200 "{made}"; }}
    }}
}}
"""


@dataclass(frozen=True)
class StubFile:
    """A file of the stub."""

    uuid: str
    name: str
    size: int
    sha256: str

    def as_entry(self) -> dict[str, Any]:
        """Return how a bundle lists it."""
        sums = {"crc32c": "00000000", "sha1": "0" * 40, "s3_etag": "0" * 32, "sha256": self.sha256}
        about = {"name": self.name, "uuid": self.uuid, "version": VERSION, "size": self.size, "indexed": False}
        return {**about, **sums, "content-type": "application/octet-stream"}


def made_files(count: int) -> Iterator[StubFile]:
    """Yield files of about 2 KiB whose contents differ."""
    for number in range(count):
        name = str(UUID(bytes=hashlib.md5(b"%d" % number).digest(), version=4))
        content = name.encode() * _REPEATED
        yield StubFile(name, f"cell_{number}.json", len(content), hashlib.sha256(content).hexdigest())


@dataclass(frozen=True)
class Address:
    """Ports of the DSS and of its files."""

    dss: int
    blobs: int

    @classmethod
    def free(cls) -> Address:
        """Return two that nobody has."""
        return cls(free_port(), free_port())


@dataclass(frozen=True)
class Stub:
    """A running stub; clients reach it at `public`."""

    folder: Path
    public: Address
    environ: dict[str, str]

    @property
    def out(self) -> Path:
        """Where downloads go."""
        return self.folder / "out"

    @property
    def url(self) -> str:
        """Where its API is."""
        return f"http://127.0.0.1:{self.public.dss}/v1"

    def file_url(self, file: StubFile) -> str:
        """Return what a client asks for."""
        return f"{self.url}/files/{file.uuid}?replica=aws&version={VERSION}"

    def add_large(self, name: str, size: int) -> StubFile:
        """Make a file of random bytes that repeat."""
        uuid = str(UUID(bytes=hashlib.md5(name.encode()).digest(), version=4))
        block, digest = os.urandom(min(size, 8 * MIB)), hashlib.sha256()
        with (self.folder / "blobs" / uuid).open("wb") as file:
            for start in range(0, size, len(block)):
                piece = block[: size - start]
                file.write(piece)
                digest.update(piece)
        return StubFile(uuid, name, size, digest.hexdigest())

    def add_bundle(self, files: Sequence[StubFile]) -> str:
        """Make a bundle; return its UUID."""
        uuid = str(UUID(bytes=hashlib.md5(files[0].uuid.encode()).digest(), version=4))
        listed = [file.as_entry() for file in files]
        bundle = {"uuid": uuid, "version": VERSION, "creator_uid": 0, "files": listed}
        (self.folder / "bundles" / f"{uuid}.json").write_text(json.dumps({"bundle": bundle}))
        return uuid

    def legacy_environ(self) -> dict[str, str]:
        """Return the environment of the legacy client, which finds everything it would otherwise fetch."""
        home = self.folder / "legacy-home"
        return legacy_person(home, json.loads((self.folder / "swagger.json").read_text()), self.url)


def legacy_person(home: Path, description: dict[str, Any], url: str, token: str = "") -> dict[str, str]:
    """Return the environment of somebody who uses the legacy client with the service at `url`."""
    environ = person(home)
    folder = home / ".config" / "hca"
    folder.mkdir(parents=True, exist_ok=True)
    # It speaks https to whatever is described in Swagger 2; with `servers` it believes the address.
    described = json.dumps({**description, "openapi": "3.0.0", "servers": [{"url": url}]})
    there = f"{url}/swagger.json"
    (folder / f"{base64.urlsafe_b64encode(there.encode()).decode()}.json").write_text(described)
    settings = {
        "DSSClient": {"swagger_url": there},
        "AuthClient": {"swagger_url": there},
        "application_secrets": {"installed": {"client_id": "x", "client_secret": "x", "token_uri": url}},
        "oauth2_token": {"access_token": token, "token_type": "Bearer", "expires_at": time.time() + 86400},
    }
    (folder / "config.json").write_text(json.dumps(settings))
    return {**environ, "OAUTHLIB_INSECURE_TRANSPORT": "1"}


@contextmanager
def serving(
    place: Place,
    *,
    public: Address | None = None,
    own: Address | None = None,
    tls: bool = False,
    limit_rate: str = "0",
    on_disk: bool = False,
) -> Iterator[Stub]:
    """Give a running stub; `own` are its ports, `public` those that its answers name. Its folder is gone afterwards."""
    folder = place.folder("stub", on_disk=on_disk)
    own = own or Address.free()
    public = public or own
    for name in ("bundles", "blobs"):
        (folder / name).mkdir()
    scheme = "https" if tls else "http"
    config = _CONFIG.format(
        folder=folder,
        user="user root;" if os.geteuid() == 0 else "",
        dss=own.dss,
        blobs=own.blobs,
        public_blobs=f"{scheme}://127.0.0.1:{public.blobs}",
        made="$name" * _REPEATED,
        limit_rate=limit_rate,
        ssl=f" ssl; ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem" if tls else "",
    )
    (folder / "nginx.conf").write_text(config)
    _describe(folder, public)
    environ = {**person(folder / "home"), "HCA_CONFIG_FILE": str(folder / "config.json")}
    if tls:
        make_certificate(place.peers["openssl"], folder)
        environ["REQUESTS_CA_BUNDLE"] = str(folder / "cert.pem")
    words = [place.peers["nginx"], "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", str(folder / "log")]
    server = subprocess.Popen(words)
    try:
        _wait_for(f"http://127.0.0.1:{own.dss}/v1/swagger.json")
        yield Stub(folder, public, environ)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _describe(folder: Path, public: Address) -> None:
    description = json.loads(_DESCRIPTION.read_text())
    description.update(host=f"127.0.0.1:{public.dss}", schemes=["http"])
    (folder / "swagger.json").write_text(json.dumps(description))
    settings = {"DSSClient": {"swagger_url": f"http://127.0.0.1:{public.dss}/v1/swagger.json"}}
    (folder / "config.json").write_text(json.dumps(settings))


def make_certificate(openssl: str, folder: Path) -> None:
    """Make `cert.pem` and `key.pem` for this machine."""
    about = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    words = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *about)
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([openssl, *words, *files], check=True, stderr=subprocess.DEVNULL)


def _wait_for(url: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(100):
        with suppress(OSError), opener.open(url, timeout=5):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nginx does not answer at {url}")


def write_manifest(path: Path, files: Iterable[StubFile]) -> Path:
    """List files in a manifest, all of one bundle."""
    names = ("bundle_uuid", "bundle_version", "file_name", "file_uuid", "file_version", "file_sha256", "file_size")
    with path.open("w") as out:
        out.write("\t".join(names) + "\n")
        for file in files:
            cells = (_BUNDLE, VERSION, file.name, file.uuid, VERSION, file.sha256, str(file.size))
            out.write("\t".join(cells) + "\n")
    return path


_BUNDLE = "5f8f0a6e-0000-4000-8000-000000000000"
