"""Turns an API description (Swagger 2.0, OpenAPI 3.0 or 3.1) into plain data: an `Api`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

from hca_core.errors import SpecError
from hca_core.openapi.document import References
from hca_core.openapi.model import Api, Location, Operation, Parameter
from hca_core.openapi.names import check_clashes, operation_name

__all__ = ["parse"]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_TYPES = frozenset({"string", "integer", "number", "boolean", "array", "object"})
# The transport sets these; OpenAPI 3 says that parameters with these names are to be ignored.
_OWN_HEADERS = frozenset({"accept", "authorization", "content-type"})
_FORM = "application/x-www-form-urlencoded"
_ARRAY_STYLES = {"spaceDelimited": "ssv", "pipeDelimited": "pipes"}


class _Unusable(Exception):
    """An operation cannot be used; the message continues `GET /x cannot be used: `."""


def parse(
    document: Mapping[str, Any], *, source_url: str | None = None, safe_posts: frozenset[str] = frozenset()
) -> Api:
    """Return the API that `document` describes, operations in document order.

    `source_url` is where the document came from: the service's own address is relative to it, or missing and then
    the same. `safe_posts` are the names of POST operations that change nothing and may be repeated.

    Raises:
        SpecError: the document is no usable description; the message names the operation or the place.
    """
    try:
        return _Reader(document, source_url, safe_posts).api()
    except RecursionError:
        raise SpecError("The API description is nested too deeply.") from None


class _Reader:
    """One pass over one document."""

    def __init__(self, document: Mapping[str, Any], source_url: str | None, safe_posts: frozenset[str]) -> None:
        self._document = document
        self._source_url = source_url
        self._safe_posts = safe_posts
        self._swagger = _is_swagger(document)
        self._references = References(document)

    def api(self) -> Api:
        info = _mapping(self._document.get("info", {}), "info")
        base_url = _swagger_base if self._swagger else _openapi_base
        operations = tuple(self._operations())
        check_clashes(operations)
        return Api(
            title=str(info.get("title", "")),
            version=str(info.get("version", "")),
            base_url=_checked_base(base_url(self._document, self._source_url)),
            description=str(info.get("description", "")),
            operations=operations,
        )

    def _operations(self) -> Iterator[Operation]:
        paths = _mapping(self._document.get("paths", {}), "paths")
        for path, found in paths.items():
            item = _mapping(self._resolved(found) if "$ref" in found else found, f"paths.{path}")
            shared = item.get("parameters", [])
            for method, raw in item.items():
                if method in _METHODS:
                    yield self._operation(method.upper(), path, _mapping(raw, f"{method} {path}"), shared)

    def _operation(self, method: str, path: str, raw: Mapping[str, Any], shared: Any) -> Operation:
        name = operation_name(method, path)
        try:
            parameters, body_schema, body_required = self._inputs(raw, shared)
            _check_parameters(path, parameters)
        except (_Unusable, SpecError) as problem:
            raise SpecError(f"{method} {path} ({name}) cannot be used: {str(problem).rstrip('.')}.") from None
        responses = _mapping(raw.get("responses", {}), f"responses of {method} {path}")
        statuses = tuple(map(str, responses))
        return Operation(
            name=name,
            method=method,
            path=path,
            summary=str(raw.get("summary", "")),
            description=str(raw.get("description", "")),
            tag=_first_tag(raw),
            parameters=parameters,
            body_schema=body_schema,
            body_required=body_required,
            secured=self._secured(raw),
            paginated="206" in statuses,
            streaming="302" in statuses,
            answers_json=_declares_json(responses.get("200")),
            retryable=method in _REPEATABLE or name in self._safe_posts,
            statuses=statuses,
        )

    def _inputs(
        self, raw: Mapping[str, Any], shared: Any
    ) -> tuple[tuple[Parameter, ...], Mapping[str, Any] | None, bool]:
        """All parameters (the body's first), the JSON body's schema, and whether a body is required."""
        merged = self._merged(shared, raw.get("parameters", []))
        others = [entry for entry in merged if entry["in"] not in ("body", "formData")]
        if self._swagger:
            body, schema, required = self._swagger_body(raw, merged)
            build = _swagger_parameter
        else:
            body, schema, required = self._openapi_body(raw)
            build = _openapi_parameter
        return (*body, *(build(entry) for entry in others if _is_sent(entry))), schema, required

    def _merged(self, shared: Any, own: Any) -> list[dict[str, Any]]:
        """The path's parameters and the operation's own, which win."""
        merged: dict[tuple[str, str], dict[str, Any]] = {}
        for entry in (*_sequence(shared, "parameters"), *_sequence(own, "parameters")):
            entry = self._resolved(entry)
            if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or "in" not in entry:
                raise _Unusable("a parameter has no name or no place")
            merged[entry["name"], str(entry["in"])] = entry
        return list(merged.values())

    def _swagger_body(
        self, raw: Mapping[str, Any], entries: list[dict[str, Any]]
    ) -> tuple[Iterable[Parameter], Mapping[str, Any] | None, bool]:
        consumes = raw.get("consumes", self._document.get("consumes")) or []
        bodies = [entry for entry in entries if entry["in"] == "body"]
        fields = [entry for entry in entries if entry["in"] == "formData"]
        if len(bodies) + bool(fields) > 1:
            raise _Unusable("it declares more than one body")
        if fields:
            if consumes and _FORM not in consumes:
                raise _Unusable(f"its form is not {_FORM}")
            return [_swagger_parameter(entry) for entry in fields], None, any(map(_is_required, fields))
        if not bodies:
            return (), None, False
        if consumes and not any(map(_is_json, consumes)):
            raise _Unusable("its body is not JSON")
        schema = _schema(bodies[0].get("schema", {}))
        required = _is_required(bodies[0])
        return _body_parameters(schema, "body", required), schema, required

    def _openapi_body(self, raw: Mapping[str, Any]) -> tuple[Iterable[Parameter], Mapping[str, Any] | None, bool]:
        if "requestBody" not in raw:
            return (), None, False
        body = _mapping(self._resolved(raw["requestBody"]), "requestBody")
        content = _mapping(body.get("content", {}), "content of requestBody")
        required = _is_required(body)
        kind = next(filter(_is_json, content), None) or next((key for key in content if key.startswith(_FORM)), None)
        if kind is None:
            raise _Unusable(f"its body is neither JSON nor {_FORM}")
        schema = _schema(_mapping(content[kind], "content of requestBody").get("schema", {}))
        if _is_json(kind):
            return _body_parameters(schema, "body", required), schema, required
        return _body_parameters(schema, "form", required), None, required

    def _secured(self, raw: Mapping[str, Any]) -> bool:
        choices = raw.get("security", self._document.get("security")) or []
        # An empty alternative means that credentials are optional.
        return bool(choices) and {} not in choices

    def _resolved(self, node: Any) -> Any:
        return self._references.resolve(node)


def _is_swagger(document: Mapping[str, Any]) -> bool:
    if str(document.get("swagger")) == "2.0":
        return True
    version = document.get("openapi", document.get("swagger"))
    if re.match(r"3\.[01](\.|$)", str(version)):
        return False
    found = "neither `swagger` nor `openapi`" if version is None else f"version {version}"
    raise SpecError(f"Not an API description this program can read: it has {found}, not Swagger 2.0 or OpenAPI 3.")


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise SpecError(f"The API description is broken: {where} is not an object.")
    return value


def _sequence(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise SpecError(f"The API description is broken: {where} is not a list.")
    return value


def _schema(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}  # `true` is the schema that allows everything


def _is_required(entry: Mapping[str, Any]) -> bool:
    return entry.get("required") is True


def _is_json(media_type: Any) -> bool:
    kind = str(media_type).partition(";")[0].strip().lower()
    return kind in ("application/json", "*/*", "application/*") or kind.endswith("+json")


def _first_tag(raw: Mapping[str, Any]) -> str:
    tags = raw.get("tags")
    return str(tags[0]) if isinstance(tags, list) and tags else ""


def _declares_json(answer: Any) -> bool:
    """Whether an answer has a JSON body (OpenAPI 3 only: the types of Swagger 2 hold for the whole document)."""
    content = answer.get("content") if isinstance(answer, Mapping) else None
    return isinstance(content, Mapping) and any(str(kind).lower().startswith("application/json") for kind in content)


def _is_sent(entry: Mapping[str, Any]) -> bool:
    """Whether a parameter is ours to send."""
    if entry["in"] == "cookie":
        if _is_required(entry):
            raise _Unusable(f"it needs the cookie {entry['name']!r}")
        return False
    return entry["in"] != "header" or entry["name"].lower() not in _OWN_HEADERS


def _swagger_parameter(entry: Mapping[str, Any]) -> Parameter:
    array_format = str(entry.get("collectionFormat", "csv"))
    return _parameter(entry, {key: entry[key] for key in entry if key not in ("name", "in", "required")}, array_format)


def _openapi_parameter(entry: Mapping[str, Any]) -> Parameter:
    if "schema" not in entry and entry.get("content"):
        media = next(iter(_mapping(entry["content"], f"content of {entry['name']}").values()))
        return _parameter(entry, _schema(_mapping(media, "content").get("schema")), "json")
    default_style = "form" if entry["in"] == "query" else "simple"
    style = entry.get("style", default_style)
    exploded = entry.get("explode", style == "form") and entry["in"] == "query"
    array_format = "multi" if exploded else _ARRAY_STYLES.get(style, "csv")
    return _parameter(entry, _schema(entry.get("schema", {})), array_format)


def _parameter(entry: Mapping[str, Any], schema: Mapping[str, Any], array_format: str) -> Parameter:
    location = "form" if entry["in"] == "formData" else entry["in"]
    if location not in ("path", "query", "header", "form"):
        raise _Unusable(f"the parameter {entry['name']!r} is in {location!r}")
    made = _described(entry["name"], cast(Location, location), schema)
    return made._replace(
        required=location == "path" or _is_required(entry),
        description=str(entry.get("description", made.description)),
        array_format=array_format if made.type == "array" or array_format == "json" else "csv",
    )


def _body_parameters(schema: Mapping[str, Any], location: Location, required: bool) -> Iterator[Parameter]:
    properties, needed = _flattened(schema)
    if not properties and location == "body":
        yield _described("body", "body", schema)._replace(required=required, whole=True)
    for name, described in properties.items():
        made = _described(name, location, _schema(described))
        array_format = "multi" if location == "form" and made.type == "array" else "csv"
        yield made._replace(required=name in needed, array_format=array_format)


def _flattened(schema: Mapping[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """The properties of a schema and of all it is composed of, and which of them are required."""
    properties = dict(_mapping(schema.get("properties", {}), "properties of a body"))
    required = set(_sequence(schema.get("required", []), "required of a body"))
    for part in _sequence(schema.get("allOf", []), "allOf of a body"):
        more, needed = _flattened(_schema(part))
        properties |= more
        required |= needed
    return properties, required


def _described(name: str, location: Location, schema: Mapping[str, Any]) -> Parameter:
    """A parameter with all that its schema says about it."""
    kind = _json_type(schema)
    items = schema.get("items")
    item_type = _json_type(items) if kind == "array" and isinstance(items, Mapping) else None
    return Parameter(
        name=name,
        location=location,
        type=kind,
        description=str(schema.get("description", "")),
        default=schema.get("default"),
        enum=tuple(_sequence(schema.get("enum", []), f"enum of {name}")),
        item_type=None if item_type == "any" else item_type,
        schema=schema,
    )


def _json_type(schema: Mapping[str, Any]) -> str:
    declared = schema.get("type")
    if isinstance(declared, list):  # OpenAPI 3.1: ["string", "null"]
        named = [kind for kind in declared if kind != "null"]
        declared = named[0] if len(named) == 1 else None
    if declared in _TYPES:
        return cast(str, declared)
    if declared is not None:
        raise _Unusable(f"the type {declared!r} is not supported")
    return _implied_type(schema)


def _implied_type(schema: Mapping[str, Any]) -> str:
    if "properties" in schema or "additionalProperties" in schema:
        return "object"
    if "items" in schema:
        return "array"
    if all(isinstance(value, str) for value in schema.get("enum", [0])):
        return "string"
    parts = [part for key in ("allOf", "anyOf", "oneOf") for part in schema.get(key, ()) if isinstance(part, Mapping)]
    kinds = {_json_type(part) for part in parts if part.get("type") != "null"}
    if "allOf" in schema:
        kinds.discard("any")  # a part that only adds a description
    return kinds.pop() if len(kinds) == 1 else "any"


def _check_parameters(path: str, parameters: Iterable[Parameter]) -> None:
    names: dict[str, Parameter] = {}
    for parameter in parameters:
        other = names.setdefault(parameter.python_name, parameter)
        if other is not parameter:
            raise _Unusable(
                f"{other.name!r} ({other.location}) and {parameter.name!r} ({parameter.location}) have the same name"
            )
    declared = {parameter.name for parameter in names.values() if parameter.location == "path"}
    missing = set(re.findall(r"\{([^{}]*)\}", path)) ^ declared
    if missing:
        raise _Unusable(f"path and path parameters do not agree about {', '.join(sorted(missing))}")


def _swagger_base(document: Mapping[str, Any], source_url: str | None) -> str:
    source = urlsplit(source_url or "")
    host = document.get("host") or source.netloc
    if not host:
        raise SpecError("The API description names no host, and where it came from is unknown.")
    schemes = document.get("schemes") or [source.scheme or "https"]
    scheme = next((choice for choice in (source.scheme, "https") if choice in schemes), schemes[0])
    return f"{scheme}://{host}/{str(document.get('basePath', '')).lstrip('/')}"


def _openapi_base(document: Mapping[str, Any], source_url: str | None) -> str:
    servers = _sequence(document.get("servers") or [{"url": "/"}], "servers")
    server = _mapping(servers[0], "servers[0]")
    url = str(server.get("url", "/"))
    for name, variable in _mapping(server.get("variables", {}), "variables of servers[0]").items():
        url = url.replace(f"{{{name}}}", str(_mapping(variable, f"server variable {name}").get("default", "")))
    return urljoin(source_url or "", url)


def _checked_base(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and parts.username is None
    except ValueError:
        usable = False
    if not usable or re.search(r"[\s{}\\?#]", url):
        raise SpecError(f"The API description gives {url!r} as the service's address, which is not a web address.")
    return url.rstrip("/")
