"""Google Cloud Storage, where the DSS takes files for its `gcp` replica from."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from hca_core.errors import ApiError, AuthError, HcaError, NetworkError, NotFoundError, TransferError
from hca_core.transfer.digest import checksums
from hca_core.transfer.job import ByteStream
from hca_core.transfer.objects import Labels, ObjectInfo, Stored, split_url

if TYPE_CHECKING:
    from hca_core.settings import Settings
    from hca_core.transfer.content import Content

__all__ = ["GCSStore"]

_TIMEOUT = (20.0, 300.0)  # seconds to connect, and to wait for an answer while a large piece is stored
_PIECE = 8 * 1024 * 1024  # bytes that are asked for, and held, at a time
_CREDENTIALS_HINT = "Name a key file in GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth application-default login`."


class GCSStore:
    """Google Cloud Storage; safe to use from several threads.

    What other stores call tags is an object's custom metadata here. `STORAGE_EMULATOR_HOST` names another server
    than Google's.
    """

    def __init__(self, *, ca_bundle: str | None = None, proxy: str | None = None) -> None:
        self._ca_bundle, self._proxy = ca_bundle, proxy
        self._lock = threading.Lock()
        self._made: Any = None

    @classmethod
    def from_settings(cls, settings: Settings) -> GCSStore:
        """Return the store with the network settings."""
        return cls(ca_bundle=settings.value("network.ca_bundle"), proxy=settings.value("network.proxy"))

    def put(
        self,
        path: Path,
        bucket: str,
        key: str,
        *,
        content_type: str = "application/octet-stream",
        metadata: Labels | None = None,
        tags: Labels | None = None,
        content: Content | None = None,
        on_bytes: Callable[[int], object] | None = None,
    ) -> Stored:
        """Send a file; see `hca_core.transfer.objects.ObjectStore`.

        It is read beforehand. What breaks off is continued, but not by a later call. Google compares its own CRC-32C
        with one that is computed while the file is sent.
        """
        size = path.stat().st_size
        sums = content.checksums if content else checksums(path, size)
        with _translated(bucket, key), path.open("rb") as file:
            blob = self._client().bucket(bucket).blob(key)
            blob.metadata = {**(metadata(sums) if metadata else {}), **(tags(sums) if tags else {})}
            source = cast(BinaryIO, _Told(file, on_bytes) if on_bytes else file)
            blob.upload_from_file(source, size=size, content_type=content_type, checksum="crc32c", timeout=_TIMEOUT)
        if base64.b64decode(blob.crc32c or "").hex() not in ("", sums.crc32c):
            raise TransferError(f"{path} changed while it was sent.", hint="Upload it when it is complete.")
        return Stored(str(blob.etag), sums)

    def head(self, bucket: str, key: str, *, tags: bool = True) -> ObjectInfo | None:
        """Return what the store knows about an object, or None if there is none; its metadata are its tags, too."""
        with _translated(bucket, key):
            blob = self._client().bucket(bucket).get_blob(key, timeout=_TIMEOUT)
        if blob is None:
            return None
        found = blob.metadata or {}
        return ObjectInfo(blob.size, str(blob.etag), blob.content_type or "", found if tags else {}, found)

    def unfinished(self, bucket: str, key: str) -> int:
        """Return 0: Google does not tell which uploads are unfinished."""
        return 0

    def open(self, url: str, *, offset: int = 0, validator: str | None = None) -> ByteStream:
        """Open an object for reading from byte `offset` on, or from the start if it is not `validator` any more."""
        bucket, key = split_url(url)
        with _translated(bucket, key):
            blob = self._client().bucket(bucket).get_blob(key, timeout=_TIMEOUT)
            if blob is None:
                raise NotFoundError(f"There is no object {url}.", status=404, url=url)
            changed = validator is not None and validator != f'"{blob.generation}"'
            return _Stream(blob, 0 if changed else offset, url)

    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = self._make_client()
            return self._made

    def _make_client(self) -> Any:
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import storage

        if os.environ.get("STORAGE_EMULATOR_HOST"):
            return storage.Client(project="none", credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
        import google.auth
        from google.auth.transport.requests import AuthorizedSession

        credentials, project = google.auth.default(scopes=["https://www.googleapis.com/auth/devstorage.read_write"])
        session: Any = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
        session.verify = self._ca_bundle or True
        session.proxies.update({"https": self._proxy} if self._proxy else {})
        return storage.Client(project=project or "none", credentials=credentials, _http=session)


class _Told:
    """A file that tells how far it was read; sending again what was sent before takes it back."""

    def __init__(self, file: BinaryIO, on_bytes: Callable[[int], object]) -> None:
        self._file, self._on_bytes = file, on_bytes
        self._told = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._tell()
        return data

    def seek(self, position: int, whence: int = 0) -> int:
        # Only the next read shows whether a seek was for sending again, or for measuring.
        return self._file.seek(position, whence)

    def tell(self) -> int:
        return self._file.tell()

    def _tell(self) -> None:
        position = self._file.tell()
        if position != self._told:
            self._on_bytes(position - self._told)
            self._told = position


class _Stream:
    """The bytes of an object from an offset on, as an answer."""

    def __init__(self, blob: Any, offset: int, url: str) -> None:
        self._reader = blob.open("rb", chunk_size=_PIECE)
        self._reader.seek(offset)
        self._place = (blob.bucket.name, blob.name)
        self.url = url
        self.status = 206 if offset else 200
        place = {"Content-Range": f"bytes {offset}-{blob.size - 1}/{blob.size}"} if offset else {}
        self.headers: Mapping[str, str] = {"ETag": f'"{blob.generation}"', **place}

    def readinto(self, buffer: memoryview) -> int:
        with _translated(*self._place):
            return int(self._reader.readinto(buffer))

    def close(self) -> None:
        self._reader.close()


@contextmanager
def _translated(bucket: str, key: str) -> Iterator[None]:
    """Turn Google's errors about an object into ours."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError, TransportError

    url = f"gs://{bucket}/{key}"
    try:
        yield
    except HcaError:
        raise
    except GoogleAPICallError as error:
        raise _refused(error.code, error.message, url) from error
    except (TransportError, RetryError, ConnectionError) as error:
        raise NetworkError(f"No answer from Google about {url}: {error}.", url=url, hint="Try again later.") from error
    except GoogleAuthError as error:
        raise AuthError(f"No usable Google credentials for {url}.", service="gs", hint=_CREDENTIALS_HINT) from error
    except OSError as error:
        # What requests raises is an OSError, too, but without a number; a file's own error has one.
        if error.errno is not None:
            raise
        raise NetworkError(f"No answer from Google about {url}.", url=url, hint="Try again later.") from error


def _refused(status: int | None, words: str, url: str) -> HcaError:
    if status == 404:
        return NotFoundError(f"There is no bucket or object {url}.", status=404, url=url)
    if status in (401, 403):
        return AuthError(f"Google refused access to {url}: {words}.", service="gs", hint=_CREDENTIALS_HINT)
    if status is None or status == 429 or status >= 500:
        return NetworkError(f"Google failed to serve {url}: {words}.", url=url, hint="Try again later.")
    return ApiError(f"Google refused a request about {url}: {words}.", status=status, url=url)
