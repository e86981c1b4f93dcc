"""Where an upload area is: `s3://<bucket>/<area uuid>/`."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from hca_core.paths import check_uuid
from hca_upload.errors import UploadException

__all__ = ["UploadAreaURI"]

_HINT = "It looks like s3://org-humancellatlas-upload-STAGE/AREA_UUID/."


class UploadAreaURI:
    """The URI of an upload area, with or without a slash at the end.

    Knowing it is all that it takes to upload into the area, so it is handed out and kept like a password.

    Raises:
        UploadException: it is not one.
    """

    def __init__(self, uri: str) -> None:
        self.bucket_name, self.area_uuid = _parts(uri)

    @property
    def uri(self) -> str:
        """The URI with a slash at the end."""
        return f"s3://{self.bucket_name}/{self.area_uuid}/"

    @property
    def deployment_stage(self) -> str:
        """The deployment of the upload service: what follows the bucket's last hyphen, such as `prod`."""
        return self.bucket_name.rpartition("-")[2]

    def __str__(self) -> str:
        return self.uri

    def __repr__(self) -> str:
        return f"UploadAreaURI({self.uri!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UploadAreaURI) and self.uri == other.uri

    def __hash__(self) -> int:
        return hash(self.uri)


def _parts(uri: str) -> tuple[str, str]:
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise UploadException(f"{uri!r} is not the URI of an upload area: {error}.", hint=_HINT) from error
    bucket, name = parts.netloc, parts.path.strip("/")
    if parts.scheme != "s3" or parts.query or parts.fragment or not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,62}", bucket):
        raise UploadException(f"{uri!r} is not the URI of an upload area.", hint=_HINT)
    try:
        return bucket, check_uuid(name)
    except Exception as error:
        raise UploadException(f"{uri!r} does not end with the UUID of an upload area.", hint=_HINT) from error
