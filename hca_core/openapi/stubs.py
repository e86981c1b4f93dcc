"""Writes type stubs, from which editors and type checkers learn the operations of a client and their parameters.

What is stubbed is the package that exports the client class: in its `__init__.pyi` the client is a subclass of the
class as written, with an attribute for each operation. So methods written by hand keep the signatures they have, and
the modules of the package are still checked as they are.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from hca_core.errors import PluginError
from hca_core.openapi.describe import parameters, required_names
from hca_core.openapi.model import Api, Operation, Parameter
from hca_core.openapi.names import identifier

if TYPE_CHECKING:
    from hca_core.client import ApiClient

__all__ = ["exports", "stub"]

_WIDTH = 110
_TYPES = {
    "array": "list[Any]",
    "boolean": "bool",
    "integer": "int",
    "number": "float",
    "object": "dict[str, Any]",
    "string": "str",
}
_HEAD = """\
# Made by `hca dev stubs`; do not edit.

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, ParamSpec

from requests import Response

{imports}

__all__ = [{names}]

{values}_P = ParamSpec("_P")

# The other ways to call an operation take the arguments of its `__call__`.
class _Operation(ApiMethod):
    def iterate(self: Callable[_P, Any], *args: _P.args, **kwargs: _P.kwargs) -> Iterator[Any]:
        \"""Yield the items of all pages; a page is fetched when the one before it is used up.\"""

    def paginate(self: Callable[_P, Any], *args: _P.args, **kwargs: _P.kwargs) -> Iterator[Any]:
        \"""Yield the parsed bodies of all pages.\"""

    def collect(self: Callable[_P, Any], *args: _P.args, **kwargs: _P.kwargs) -> Any:
        \"""Return one body with the items of all pages.\"""

    @contextmanager
    def stream(self: Callable[_P, Any], *args: _P.args, **kwargs: _P.kwargs) -> Iterator[Response]:
        \"""Give the response before its body is read; it is closed at the end of the block.\"""
"""


def exports(client: type) -> dict[str, str | None]:
    """Return what the package of `client` exports: each name with the module it comes from, None if there is none.

    Raises:
        PluginError: the package does not export the client class, or has it in its own `__init__.py`.
    """
    package = client.__module__.rpartition(".")[0]
    found = import_module(package) if package else None
    if found is None or getattr(found, client.__name__, None) is not client:
        raise PluginError(
            f"{client.__module__}.{client.__name__} cannot be described, because no package exports it.",
            hint="Write the class in a module of a package, and name it in the package's __init__.py and __all__.",
        )
    names = dict.fromkeys([client.__name__, *getattr(found, "__all__", ())])
    return {name: _home(name, getattr(found, name), package) for name in names}


def _home(name: str, value: object, package: str) -> str | None:
    module = str(getattr(value, "__module__", package))
    is_there = module != package and getattr(sys.modules.get(module), name, None) is value
    return module if is_there else None


def stub(api: Api, client: type[ApiClient], exported: Mapping[str, str | None]) -> str:
    """Return the text of the `__init__.pyi` of the package that exports `client`; `exported` is as from `exports`."""
    attributes = [
        name
        for name in dict.fromkeys(identifier(operation.name) for operation in api.operations)
        if name.isidentifier() and not name.startswith("_") and not hasattr(client, name)
    ]
    classes = _class_names(attributes)
    operations = {
        name: [operation for operation in api.operations if identifier(operation.name) == name] for name in attributes
    }
    parts = [
        _head(client, exported),
        *(_operation_class(classes[name], operations[name], client.tolerated) for name in attributes),
        _client_class(client, {name: (classes[name], _summary(operations[name])) for name in attributes}),
    ]
    return "\n".join(parts)


def _head(client: type, exported: Mapping[str, str | None]) -> str:
    others = {name: module for name, module in exported.items() if name != client.__name__}
    imports = {
        "from hca_core.client import ApiMethod",
        f"from {client.__module__} import {client.__name__} as _{client.__name__}",
        *(f"from {module} import {name} as {name}" for name, module in others.items() if module),
    }
    values = "".join(f"{name}: Any\n" for name, module in others.items() if not module)
    return _HEAD.format(
        imports="\n".join(sorted(imports)), names=", ".join(map(_quoted, exported)), values=values and f"{values}\n"
    )


def _class_names(attributes: Iterable[str]) -> dict[str, str]:
    """A class name for each attribute: `get_bundle` is `_GetBundle`."""
    owners: dict[str, str] = {}
    for attribute in attributes:
        name = "_" + "".join(word[:1].upper() + word[1:] for word in attribute.split("_"))
        while name in owners:
            name += "_"
        owners[name] = attribute
    return {attribute: name for name, attribute in owners.items()}


def _operation_class(name: str, operations: Sequence[Operation], tolerated: Mapping[str, frozenset[str]]) -> str:
    found = {parameter.python_name: parameter for parameter in parameters(operations)}
    needed = required_names(operations)
    receiver = "self_" if "self" in found else "self"
    ignored = sorted(tolerated.get(operations[0].name, frozenset()) - set(found))
    lines = [
        *(_argument(found[word], word in needed) for word in found if word.isidentifier()),
        *(["*", *(f"{word}: Any = ..." for word in ignored)] if ignored else []),
    ]
    arguments = "".join(f"\n        {line}," for line in [receiver, *lines]) + "\n    " if lines else receiver
    answer = "Response" if operations[0].method == "HEAD" else "Any"
    documentation = _docstring(_summary(operations), 8)
    body = f"\n{documentation}" if documentation else " ..."
    return f"class {name}(_Operation):\n    def __call__({arguments}) -> {answer}:{body}\n"


def _argument(parameter: Parameter, required: bool) -> str:
    kind = _kind(parameter)
    if required:
        return f"{parameter.python_name}: {kind}"
    # None is left out of a request like an argument that is not given.
    return f"{parameter.python_name}: {kind if kind == 'Any' else f'{kind} | None'} = ..."


def _kind(parameter: Parameter) -> str:
    if parameter.enum and all(value is None or isinstance(value, (str, int)) for value in parameter.enum):
        return f"Literal[{', '.join(map(_quoted, parameter.enum))}]"
    return _TYPES.get(parameter.type, "Any")


def _client_class(client: type, attributes: Mapping[str, tuple[str, str]]) -> str:
    summary = _docstring((inspect.getdoc(client) or "").partition("\n")[0], 4)
    members = [f"    {name}: {kind}\n{_docstring(text, 4)}".rstrip() for name, (kind, text) in attributes.items()]
    body = "\n\n".join(filter(None, [summary, *members]))
    start = f"class {client.__name__}(_{client.__name__}):"
    return f"{start}\n{body}\n" if body else f"{start} ...\n"


def _summary(operations: Sequence[Operation]) -> str:
    main = operations[0]
    return main.summary.strip() or main.description.strip().partition("\n")[0]


def _docstring(text: str, indent: int) -> str:
    words = "".join(map(_printable, " ".join(text.split())))
    margin = " " * indent
    lines = textwrap.wrap(f'"""{words}"""', _WIDTH, break_long_words=False, break_on_hyphens=False) if words else []
    return "\n".join(f"{margin}{line}" for line in lines)


def _printable(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else ascii(character)[1:-1]


def _quoted(value: object) -> str:
    """A literal as it stands in Python, texts in double quotes."""
    return f'"{"".join(map(_printable, value))}"' if isinstance(value, str) else repr(value)
