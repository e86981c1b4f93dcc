"""The upload service as one WSGI application: its areas, its operations, its rules about who may do what."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hca_core.openapi.model import Api
from hca_local.jobs import Jobs, Workers
from hca_local.router import Answer, Call, Handler, Router
from hca_local.s3.blobs import BLOCK, Readable
from hca_local.upload.areas import Areas
from hca_local.upload.bucket import Bucket
from hca_local.upload.checksumming import LARGE, Checksumming
from hca_local.upload.contents import Contents
from hca_local.upload.database import open_database
from hca_local.upload.errors import denied
from hca_local.upload.files import Files
from hca_local.upload.keys import Keys
from hca_local.upload.lifecycle import Lifecycle
from hca_local.upload.names import BUCKET
from hca_local.upload.validating import Validating
from hca_local.upload.validations import Validations
from hca_local.users import Users

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from hca_local.s3.store import ObjectStore

__all__ = ["UploadApp"]

KEY_HEADER = "Api-Key"


class UploadApp:
    """Serves the operations of `api`, and its description `document` with the address of this service in it.

    What it knows is kept in `root`, the files in `bucket` of `store`. `api_key` is what those who run the service send;
    it must stay the same, for the access keys that were given out follow from it. `keys.find` is for the keyring of the
    object store: it knows those access keys, with which files can also be copied from the buckets `readable`.
    `validator` is a command that is run on files to be validated; without one, they are all valid. `now` tells unix
    seconds.

    Bodies of files have no limit of their own; the server that runs this application has one.

    Raises:
        HcaError: the records cannot be used, for example because a newer version of hca wrote them.
    """

    def __init__(
        self,
        api: Api,
        document: Mapping[str, Any],
        *,
        root: Path,
        store: ObjectStore,
        public_url: str,
        api_key: str,
        bucket: str = BUCKET,
        readable: Collection[str] = (),
        validator: Sequence[str] | None = None,
        large: int = LARGE,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._api_key = api_key.encode()
        self._opened = ExitStack()
        database = self._opened.enter_context(closing(open_database(root)))
        jobs = self._opened.enter_context(closing(Jobs(root, now)))
        # A validator may take an hour, for which nothing else has to wait.
        long_jobs = self._opened.enter_context(closing(Jobs(root / "validation", now)))
        self.keys = Keys(database, bucket=bucket, master=api_key, readable=readable, now=now)
        areas, files, objects = Areas(database, now), Files(database), Bucket(store, bucket)
        lifecycle = Lifecycle(areas, self.keys, objects, jobs)
        checksumming = Checksumming(areas, files, objects, jobs, large=large)
        validating = Validating(
            areas, Validations(database), objects, long_jobs, validator=validator, api_host=urlsplit(public_url).netloc
        )
        parts = (lifecycle, checksumming, Contents(areas, files, objects), validating)
        self._router = Router(
            api,
            {
                **{name: handler for part in parts for name, handler in part.handlers.items()},
                **_service_handlers(),
                # Two operations have this name.
                "post_v1_area": lambda call: _either(call, checksumming.announce, lifecycle.create),
            },
            public_url=public_url,
            users=Users({}),
            documents=_documents(api, document, public_url),
            admit=self._admit,
        )
        self._opened.enter_context(closing(Workers(jobs, {**lifecycle.tasks, **checksumming.tasks})))
        self._opened.enter_context(closing(Workers(long_jobs, validating.tasks)))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = self._router(environ, start_response)
        _drain(environ["wsgi.input"])
        return answer

    def close(self) -> None:
        """End the jobs, which go on at the next start, and close the records; no request may follow."""
        self._opened.close()

    def _admit(self, call: Call) -> None:
        if KEY_HEADER in call.arguments:
            given = call.arguments[KEY_HEADER].encode("utf-8", "surrogateescape")
            if not hmac.compare_digest(given, self._api_key):
                raise denied()


def _drain(body: Readable) -> None:
    """Read what nobody has read of a body; cheroot would read it into one buffer before it sends the answer."""
    with suppress(ValueError):  # it is not in the chunked transfer coding
        while body.read(BLOCK):
            pass


def _either(call: Call, with_file: Handler, without: Handler) -> Answer:
    return (with_file if "filename" in call.arguments else without)(call)


def _service_handlers() -> dict[str, Handler]:
    """The operations that are about the service itself."""
    return {
        "get_version": lambda _: Answer(200, {"upload_service_version": version("hca-local")}),
        "get_health": lambda _: Answer(200),
        "get_v1_health": lambda _: Answer(200),
    }


def _documents(api: Api, document: Mapping[str, Any], public_url: str) -> dict[str, Any]:
    """What is served beside the operations, by path."""
    base_path, public = urlsplit(api.base_url).path, urlsplit(public_url)
    here = {"host": public.netloc, "schemes": [public.scheme], "basePath": base_path or "/"}
    return {f"{base_path}{path}": {**document, **here} for path in ("/swagger.json", "/v1/swagger.json")}
