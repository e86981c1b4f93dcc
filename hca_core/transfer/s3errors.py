"""What the failures of botocore mean, in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hca_core.errors import ApiError, ArgumentError, AuthError, ConfigError, HcaError, NetworkError, NotFoundError
from hca_core.transfer.objects import NO_BUCKET

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

__all__ = ["has_expired", "translated"]

_NO_KEY = frozenset({"NoSuchKey", "404", "NotFound"})
_REFUSED = frozenset(
    {"AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch", "401", "403"}
)
# A request for headers alone is refused without saying why.
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired", "400"})
_CREDENTIALS_HINT = (
    "Check your AWS credentials: the settings s3.credentials_file and s3.endpoint_url, the variables AWS_PROFILE and "
    "AWS_ACCESS_KEY_ID, or ~/.aws/credentials."
)


@contextmanager
def translated(bucket: str, key: str) -> Iterator[None]:
    """Turn botocore's errors about an object into ours."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _refused(error, bucket, key) from error
    except BotoCoreError as error:
        raise _failed(error, f"s3://{bucket}/{key}") from error


def has_expired(error: HcaError) -> bool:
    """Return whether the credentials of a refused request may have been right before."""
    response = getattr(error.__cause__, "response", None) or {}  # which may be there and None, if nobody answered
    return response.get("Error", {}).get("Code") in _EXPIRED


def _refused(error: ClientError, bucket: str, key: str) -> HcaError:
    from hca_core.http.answers import readable

    said = error.response.get("Error", {})
    code, words = readable(said.get("Code", "")), readable(said.get("Message", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    url = f"s3://{bucket}/{key}"
    if code == NO_BUCKET:
        return NotFoundError(f"There is no bucket {bucket!r}.", status=404, code=code, url=url)
    if code in _NO_KEY:
        return NotFoundError(f"There is no object {url}.", status=404, code=code, url=url)
    if code in _REFUSED:
        return AuthError(
            f"The object store refused access to {url} ({code}: {words}).", service="s3", hint=_CREDENTIALS_HINT
        )
    if status >= 500 or status == 429:
        return NetworkError(
            f"The object store failed to serve {url} ({code}: {words}).", url=url, hint="Try again later."
        )
    message = f"The object store refused a request about {url} ({code}: {words})."
    hint = "Set the clock of this computer." if code == "RequestTimeTooSkewed" else None
    return ApiError(message, status=status, code=code, title=words, url=url, hint=hint)


def _failed(error: BotoCoreError, url: str) -> HcaError:
    from botocore import exceptions as boto

    from hca_core.http.answers import readable

    words = readable(error)
    cause = error.kwargs.get("error")
    if isinstance(cause, HcaError):
        return cause  # raised by our own file object while botocore was reading it
    if isinstance(error, (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError)):
        return AuthError(f"No usable AWS credentials for {url}: {words}.", service="s3", hint=_CREDENTIALS_HINT)
    if isinstance(error, (boto.ConnectionError, boto.HTTPClientError, boto.IncompleteReadError)):
        return NetworkError(f"No answer from the object store about {url}: {words}.", url=url, hint="Try again later.")
    if isinstance(error, (boto.ProfileNotFound, boto.ConfigParseError, boto.ConfigNotFound)):
        return ConfigError(f"The AWS configuration cannot be used: {words}.")
    return ArgumentError(f"The object store cannot be asked about {url}: {words}.")
