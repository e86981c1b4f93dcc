"""Every failure a user can meet, and the exit code it ends with.

```text
HcaError                exit 1   message, hint
├── ConfigError              3   file, key
├── PluginError              4   plugin, distribution
├── AuthError                5   service, status, code, request_id      no, expired or refused credentials (401, 403)
├── SpecError               10   service               an API description cannot be used
├── ArgumentError            2   operation, parameter  a call does not match the description
├── ApiError                 6   status, code, title, details, request_id, url
│   └── NotFoundError        7                         404
├── NetworkError             8   url, attempts         no answer, or only 5xx/429 after all retries: try again later
└── TransferError            9   report                some files failed; the others are complete
    └── IntegrityError       9   name, expected, actual
```

The command line adds three codes of its own: 2 for a usage error, 130 when interrupted, 1 for a bug (with a
traceback in a log file). A library user catches `HcaError`, or the branch that interests them:

```python
try:
    client.get_bundle(uuid=uuid, replica="aws")
except NotFoundError as error:
    print(error.message, error.hint)
```
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ApiError",
    "ArgumentError",
    "AuthError",
    "ConfigError",
    "HcaError",
    "IntegrityError",
    "NetworkError",
    "NotFoundError",
    "PluginError",
    "SpecError",
    "TransferError",
]


class HcaError(Exception):
    """Something went wrong that the user can understand: one sentence, and a hint at what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        # By default pickle calls the class with the positional arguments alone, but some of ours need others.
        return _unpickled, (type(self), self.args), self.__dict__


def _unpickled(kind: type[HcaError], arguments: tuple[Any, ...]) -> HcaError:
    return kind.__new__(kind, *arguments)


class ConfigError(HcaError):
    """The configuration cannot be read, or asks for something that does not exist."""

    exit_code = 3

    def __init__(
        self, message: str, *, file: str | None = None, key: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.file = file
        self.key = key


class PluginError(HcaError):
    """A plugin cannot be loaded, or two plugins claim the same name."""

    exit_code = 4

    def __init__(
        self, message: str, *, plugin: str | None = None, distribution: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.plugin = plugin
        self.distribution = distribution


class AuthError(HcaError):
    """There are no credentials for a service, or it refused them (HTTP 401 or 403).

    `status`, `code` and `request_id` are those of the service's answer, as for `ApiError`; None if it was not asked.
    """

    exit_code = 5

    def __init__(
        self,
        message: str,
        *,
        service: str | None = None,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.service = service
        self.status = status
        self.code = code
        self.request_id = request_id


class SpecError(HcaError):
    """An API description (Swagger 2 or OpenAPI 3) cannot be used."""

    exit_code = 10

    def __init__(self, message: str, *, service: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.service = service


class ArgumentError(HcaError):
    """A call does not match the API description."""

    exit_code = 2

    def __init__(
        self, message: str, *, operation: str | None = None, parameter: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.operation = operation
        self.parameter = parameter


class ApiError(HcaError):
    """A service answered with an error (HTTP 4xx, or 5xx to a request that must not be repeated).

    `status` is the HTTP status, `code` and `title` come from the service's problem document, `details` is that
    document (parsed JSON, or text), `request_id` is what to quote to the service's operators.
    """

    exit_code = 6

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        title: str | None = None,
        details: Any = None,
        request_id: str | None = None,
        url: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code
        self.title = title
        self.details = details
        self.request_id = request_id
        self.url = url


class NotFoundError(ApiError):
    """What was asked for does not exist (HTTP 404)."""

    exit_code = 7


class NetworkError(HcaError):
    """No usable answer after `attempts` tries of `url`: trying again later may help."""

    exit_code = 8

    def __init__(
        self, message: str, *, url: str | None = None, attempts: int | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.url = url
        self.attempts = attempts


class TransferError(HcaError):
    """Some files could not be transferred; all others are complete. `report` lists every file."""

    exit_code = 9

    def __init__(self, message: str, *, report: Any = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.report = report


class IntegrityError(TransferError):
    """Bytes arrived that are not the bytes that were asked for; they never get their final name."""

    def __init__(
        self,
        message: str,
        *,
        name: str | None = None,
        expected: str | None = None,
        actual: str | None = None,
        report: Any = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, report=report, hint=hint)
        self.name = name
        self.expected = expected
        self.actual = actual
