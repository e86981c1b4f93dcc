"""AWS Signature Version 4: who sent a request, and links that prove it (pure; no clock, no I/O)."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from calendar import timegm
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_to_bytes, urlsplit, urlunsplit

from hca_local.s3.errors import S3Error

MAX_SKEW = 15 * 60
MAX_EXPIRES = 7 * 24 * 3600
UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256().hexdigest()

_ALGORITHM = "AWS4-HMAC-SHA256"
_SCOPE = re.compile(r"(?P<id>[^/\s]+)/(?P<date>[0-9]{8})/(?P<region>[a-z0-9-]+)/s3/aws4_request")
_PART = re.compile(r"\s*(Credential|SignedHeaders|Signature)=([^,\s]+)\s*")
_QUERY_NAMES = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")


@dataclass(frozen=True)
class AccessKey:
    """Who may sign, and for what: `bucket` and `prefix` limit it to part of the store, `expires_at` (unix) in time.

    Beyond that part, all of the buckets `readable` may be read. Nothing can be deleted if `may_delete` is false.
    """

    id: str
    secret: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None
    bucket: str | None = None
    prefix: str = ""
    readable: frozenset[str] = frozenset()
    may_delete: bool = True

    @property
    def unrestricted(self) -> bool:
        """Whether the whole store may be touched."""
        return self.bucket is None and not self.prefix

    def allows(self, bucket: str, key: str) -> bool:
        """Whether this object, or a listing of this prefix, may be touched."""
        return self.bucket in (None, bucket) and key.startswith(self.prefix)

    def may_read(self, bucket: str, key: str) -> bool:
        """Whether this object, or a listing of this prefix, may be read."""
        return bucket in self.readable or self.allows(bucket, key)


Keyring = Callable[[str], AccessKey | None]


@dataclass(frozen=True)
class SignedRequest:
    """A request as it came over the wire.

    `path` and `query` are still percent-encoded; `headers` has lower-case names with hyphens (WSGI cannot tell `_`
    from `-`) and values decoded as Latin-1, which keeps every byte.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Proof:
    """A signature that was found to be right; what remains to be checked is the body, against `payload`.

    `payload` is the x-amz-content-sha256 that was signed, `signed_headers` the exact names of the signed headers.
    """

    access_key: AccessKey
    signed_headers: tuple[str, ...]
    payload: str
    chunks: ChunkSigner = field(repr=False)


class ChunkSigner:
    """The chain of signatures over the chunks of a streamed body; each call moves it one chunk on."""

    def __init__(self, key: bytes, timestamp: str, scope: str, seed: str) -> None:
        self._key, self._timestamp, self._scope, self._previous = key, timestamp, scope, seed

    def chunk(self, sha256: str) -> str:
        """The signature of the next chunk, whose SHA-256 this is."""
        return self._next("AWS4-HMAC-SHA256-PAYLOAD", EMPTY_SHA256, sha256)

    def trailer(self, sha256: str) -> str:
        """The signature of the trailing headers, whose SHA-256 this is."""
        return self._next("AWS4-HMAC-SHA256-TRAILER", sha256)

    def _next(self, kind: str, *digests: str) -> str:
        text = "\n".join((kind, self._timestamp, self._scope, self._previous, *digests))
        self._previous = _hmac(self._key, text).hex()
        return self._previous


@dataclass(frozen=True)
class _Claim:
    """What a request says about its own signature."""

    key_id: str
    date: str
    region: str
    timestamp: str
    expires: int | None
    signed_headers: tuple[str, ...]
    signature: str
    token: str | None
    payload: str

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/s3/aws4_request"


def verify(request: SignedRequest, keyring: Keyring, *, now: float) -> Proof:
    """Check the signature in a request's Authorization header or query.

    Any region is accepted: it is part of what is signed, and people have their own in the environment.

    Raises:
        S3Error: AccessDenied, InvalidAccessKeyId, SignatureDoesNotMatch, RequestTimeTooSkewed, InvalidToken,
            ExpiredToken, AuthorizationHeaderMalformed, AuthorizationQueryParametersError or InvalidRequest.
    """
    query = parse_query(request.query)
    claim = _claim(request, query)
    _check_signed_headers(request, claim)
    access_key = keyring(claim.key_id)
    if access_key is None:
        raise S3Error("InvalidAccessKeyId", "There is no such access key.")
    key = _signing_key(access_key.secret, claim.date, claim.region)
    canonical = _canonical_request(request, query, claim)
    expected = _sign(key, claim.timestamp, claim.scope, canonical)
    if not same(claim.signature, expected):
        raise S3Error("SignatureDoesNotMatch", "The signature is not the one this request has with your secret key.")
    _check_token(claim, access_key, now)
    _check_time(claim, now)
    chunks = ChunkSigner(key, claim.timestamp, claim.scope, expected)
    return Proof(access_key, claim.signed_headers, claim.payload, chunks)


def presign(
    method: str,
    url: str,
    access_key: AccessKey,
    *,
    expires: int,
    now: float,
    query: Mapping[str, str] | None = None,
    region: str = "us-east-1",
) -> str:
    """The URL with a signature that lets anybody send this one request for `expires` seconds.

    `url` is percent-encoded; `query` is added to its own parameters (such as response-content-disposition).
    """
    if not 1 <= expires <= MAX_EXPIRES:
        raise S3Error("AuthorizationQueryParametersError", f"A link lasts 1 to {MAX_EXPIRES} seconds, not {expires}.")
    parts = urlsplit(url)
    timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    scope = f"{timestamp[:8]}/{region}/s3/aws4_request"
    parameters = parse_query(parts.query) + [(name.encode(), value.encode()) for name, value in (query or {}).items()]
    parameters += _auth_parameters(access_key, timestamp, scope, expires)
    claim = _Claim(access_key.id, timestamp[:8], region, timestamp, expires, ("host",), "", None, UNSIGNED)
    request = SignedRequest(method, parts.path or "/", "", {"host": _host(parts.scheme, parts.netloc)})
    canonical = _canonical_request(request, parameters, claim)
    key = _signing_key(access_key.secret, timestamp[:8], region)
    signed = f"{_canonical_query(parameters)}&X-Amz-Signature={_sign(key, timestamp, scope, canonical)}"
    return urlunsplit((parts.scheme, parts.netloc, canonical_path(request.path), signed, ""))


def object_url(endpoint: str, bucket: str, key: str) -> str:
    """The path-style URL of an object; `endpoint` is like `http://127.0.0.1:9000`."""
    return f"{endpoint.rstrip('/')}/{bucket}/{quote(key, safe='/-_.~')}"


def parse_query(query: str) -> list[tuple[bytes, bytes]]:
    """Percent-decoded names and values in the order sent; `+` stays `+`, as in what clients sign."""
    pairs = (item.partition("=") for item in query.split("&") if item)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in pairs]


def canonical_path(path: str) -> str:
    """The path with exactly the escapes that signatures are made over."""
    return quote(unquote_to_bytes(path), safe="/-_.~")


def same(given: str, expected: str) -> bool:
    """Compare in a time that does not tell where the difference is."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())


def _claim(request: SignedRequest, query: Sequence[tuple[bytes, bytes]]) -> _Claim:
    names = [name for name, _ in query]
    authorization = request.headers.get("authorization")
    if b"X-Amz-Algorithm" not in names:
        if authorization is None:
            raise S3Error("AccessDenied", "Requests must be signed.")
        return _header_claim(request, authorization)
    if authorization is not None:
        raise S3Error("InvalidArgument", "A request is signed in its header or in its query, not in both.")
    if len(set(names)) < len(names):
        raise S3Error("InvalidArgument", "A query parameter is given twice.")
    return _query_claim(request, {name.decode("latin-1"): value.decode("latin-1") for name, value in query})


def _header_claim(request: SignedRequest, authorization: str) -> _Claim:
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != _ALGORITHM:
        raise S3Error("InvalidRequest", f"The authorization mechanism must be {_ALGORITHM}.")
    matches = [_PART.fullmatch(part) for part in rest.split(",")]
    parts = {match[1]: match[2] for match in matches if match}
    if len(matches) != 3 or len(parts) != 3:
        raise S3Error("AuthorizationHeaderMalformed", "Credential, SignedHeaders and Signature are needed.")
    payload = request.headers.get("x-amz-content-sha256")
    if payload is None:
        raise S3Error("InvalidRequest", "The header x-amz-content-sha256 is missing.")
    timestamp = request.headers.get("x-amz-date", "")
    token = request.headers.get("x-amz-security-token")
    return _make_claim(parts, timestamp, None, token, payload, "AuthorizationHeaderMalformed")


def _query_claim(request: SignedRequest, query: Mapping[str, str]) -> _Claim:
    code = "AuthorizationQueryParametersError"
    parts = {name: query.get(f"X-Amz-{name}", "") for name in _QUERY_NAMES}
    if parts["Algorithm"] != _ALGORITHM or not all(parts.values()):
        raise S3Error(code, f"X-Amz-{', X-Amz-'.join(_QUERY_NAMES)} are needed, for {_ALGORITHM}.")
    if not re.fullmatch(r"[0-9]{1,6}", parts["Expires"]) or not 1 <= int(parts["Expires"]) <= MAX_EXPIRES:
        raise S3Error(code, f"X-Amz-Expires must be a number of seconds from 1 to {MAX_EXPIRES}.")
    payload = request.headers.get("x-amz-content-sha256", UNSIGNED)
    token = query.get("X-Amz-Security-Token")
    return _make_claim(parts, parts["Date"], int(parts["Expires"]), token, payload, code)


def _make_claim(
    parts: Mapping[str, str], timestamp: str, expires: int | None, token: str | None, payload: str, code: str
) -> _Claim:
    scope = _SCOPE.fullmatch(parts["Credential"])
    if scope is None:
        raise S3Error(code, "The credential must be <key id>/<date>/<region>/s3/aws4_request.")
    if _unix(timestamp) is None or not timestamp.startswith(scope["date"]):
        raise S3Error("AccessDenied", "The request needs an x-amz-date of the credential's day.")
    signed = tuple(parts["SignedHeaders"].split(";"))
    return _Claim(
        scope["id"], scope["date"], scope["region"], timestamp, expires, signed, parts["Signature"], token, payload
    )


def _check_signed_headers(request: SignedRequest, claim: _Claim) -> None:
    signed = {name.replace("_", "-") for name in claim.signed_headers}
    # Otherwise the holder of a link could add a header to it, such as a source to copy from.
    needed = {"host"} | {name for name in request.headers if name.startswith("x-amz-")}
    if missing := sorted(needed - signed):
        raise S3Error("AccessDenied", f"These headers are not signed: {', '.join(missing)}.")
    if any(name.replace("_", "-") not in request.headers for name in claim.signed_headers):
        raise S3Error("SignatureDoesNotMatch", "A signed header did not arrive.")


def _check_token(claim: _Claim, access_key: AccessKey, now: float) -> None:
    if not same(claim.token or "", access_key.session_token or ""):
        raise S3Error("InvalidToken", "The session token is missing or not the one of this access key.")
    if access_key.expires_at is not None and now >= access_key.expires_at:
        raise S3Error("ExpiredToken", "The access key has expired.")


def _check_time(claim: _Claim, now: float) -> None:
    age = now - (_unix(claim.timestamp) or 0)
    if claim.expires is None and abs(age) > MAX_SKEW:
        raise S3Error("RequestTimeTooSkewed", "The request's time and the server's differ by more than 15 minutes.")
    if claim.expires is not None and age < -MAX_SKEW:
        raise S3Error("AccessDenied", "The link is not valid yet.")
    if claim.expires is not None and age > claim.expires:
        raise S3Error("AccessDenied", "Request has expired.")


def _canonical_request(request: SignedRequest, query: Sequence[tuple[bytes, bytes]], claim: _Claim) -> bytes:
    signed = [pair for pair in query if pair[0] != b"X-Amz-Signature"]
    values = [(name, request.headers[name.replace("_", "-")].encode("latin-1")) for name in claim.signed_headers]
    headers = b"".join(b"%s:%s\n" % (name.encode("latin-1"), b" ".join(value.split())) for name, value in values)
    target = "\n".join((request.method, canonical_path(request.path), _canonical_query(signed)))
    ending = "\n".join((";".join(claim.signed_headers), claim.payload))
    return b"\n".join((target.encode(), headers, ending.encode("latin-1")))


def _canonical_query(query: Sequence[tuple[bytes, bytes]]) -> str:
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query)
    return "&".join(f"{name}={value}" for name, value in pairs)


def _auth_parameters(access_key: AccessKey, timestamp: str, scope: str, expires: int) -> list[tuple[bytes, bytes]]:
    parameters = {
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{access_key.id}/{scope}",
        "X-Amz-Date": timestamp,
        "X-Amz-Expires": str(expires),
        "X-Amz-SignedHeaders": "host",
    }
    if access_key.session_token is not None:
        parameters["X-Amz-Security-Token"] = access_key.session_token
    return [(name.encode(), value.encode()) for name, value in parameters.items()]


def _signing_key(secret: str, date: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for text in (date, region, "s3", "aws4_request"):
        key = _hmac(key, text)
    return key


def _sign(key: bytes, timestamp: str, scope: str, canonical: bytes) -> str:
    text = "\n".join((_ALGORITHM, timestamp, scope, hashlib.sha256(canonical).hexdigest()))
    return _hmac(key, text).hex()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode("latin-1"), "sha256")


def _unix(timestamp: str) -> int | None:
    if not re.fullmatch(r"[0-9]{8}T[0-9]{6}Z", timestamp):
        return None
    try:
        return timegm(time.strptime(timestamp, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return None


def _host(scheme: str, netloc: str) -> str:
    default = {"http": ":80", "https": ":443"}.get(scheme, "")
    return netloc.removesuffix(default) if default else netloc
