"""How methods, commands and keywords get their names from paths and parameters."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hca_core.errors import SpecError

if TYPE_CHECKING:
    from hca_core.openapi.model import Operation

__all__ = ["check_clashes", "identifier", "operation_name"]

_SINGULAR_METHODS = frozenset({"POST", "PUT"})


def operation_name(method: str, path: str) -> str:
    """Return the name of the operation `method path`: the method, then the fixed parts of the path.

    `/.well-known` and every `{parameter}` segment are left out, `-` becomes `_`. One final `s` is dropped when the
    operation concerns a single thing: POST, PUT, or a path that ends in `/{uuid}`. So `GET /bundles/{uuid}` is
    `get_bundle`, `GET /bundles/all` is `get_bundles_all` and `PUT /collections` is `put_collection`.
    """
    segments = path.replace("/.well-known", "").replace("-", "_").split("/")
    fixed = [segment for segment in segments if segment and not segment.startswith("{")]
    name = "_".join([method.lower(), *fixed])
    singular = method.upper() in _SINGULAR_METHODS or path.endswith("/{uuid}")
    return name[:-1] if singular and name.endswith("s") else name


def identifier(name: str) -> str:
    """Return `name` as something that can be written in Python: `content-type` is `content_type`."""
    word = re.sub(r"\W", "_", name)
    if word[:1].isdigit():
        word = f"_{word}"
    return f"{word}_" if keyword.iskeyword(word) else word


def check_clashes(operations: Iterable[Operation]) -> None:
    """Make sure that every operation can be reached.

    Operations may share a name: a call means the one whose path parameters are all given, and of several such the
    one with most of them (`post_v1_area(upload_area_uuid=…)` creates an area, with `filename=…` as well it announces
    a file). Two operations with one name and the same path parameters cannot be told apart.

    Raises:
        SpecError: there are two such operations; it names both.
    """
    seen: dict[tuple[str, frozenset[str]], Operation] = {}
    for operation in operations:
        other = seen.setdefault((operation.name, operation.path_parameters), operation)
        if other is not operation:
            raise SpecError(
                f"{other.method} {other.path} and {operation.method} {operation.path} are both called "
                f"{operation.name!r} and take the same path parameters."
            )
