"""A Gen3 commons just large enough to be submitted to, exported from and queried, with the statuses of the real one."""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from fake_fence import FakeFence
from fake_peregrine import Node, Peregrine
from gen3_dictionary import DICTIONARY, SYSTEM

from hca_core.testing import Answer, Request
from hca_gen3.auth import Auth

ROOT = "/api/v0/submission"
TABLES = {"text/tab-separated-values": ("\t", ","), "text/tsv": ("\t", ","), "text/csv": (",", "#")}


class Refused(Exception):
    """What is wrong with a record, or with all of them if it has no `kind`."""

    def __init__(self, message: str, kind: str = "", *keys: str) -> None:
        super().__init__(message)
        self.message, self.kind, self.keys = message, kind, list(keys)


class FakeCommons(FakeFence):
    """Has, besides its users, the programs and projects in `projects`, and the records in `nodes`, by id.

    What stands before a real one is played by `largest_body` (bytes, above which 413 comes) and `most_records` (above
    which 504 comes, although the records may have been written if `writes_late`). `closed` projects take nothing.
    Program links end with a slash if `slashes`, as those of older commons do.
    """

    def __init__(self) -> None:
        super().__init__()
        self.projects: dict[str, list[str]] = {}
        self.nodes: dict[str, Node] = {}
        self.closed: set[str] = set()
        self.largest_body = self.most_records = 1 << 30
        self.writes_late = self.slashes = False
        self.peregrine = Peregrine(DICTIONARY, self.nodes)

    def __enter__(self) -> FakeCommons:
        super().__enter__()
        return self

    def add_project(self, program: str, project: str) -> None:
        """Register a project, and its program if need be."""
        if program not in self.projects:
            self.projects[program] = []
            self._insert("program", program, {"name": program}, {})
        self.projects[program].append(project)
        owner = next(node.id for node in self.nodes.values() if (node.type, node.name) == ("program", program))
        self._insert("project", f"{program}-{project}", {"code": project, "name": project}, {"programs": [owner]})

    def put(self, project_id: str, *records: Mapping[str, Any]) -> None:
        """Write records that must be good."""
        status, document = self._transaction(project_id, [dict(record) for record in records], writes=True)
        assert status == 200, document

    def of_type(self, kind: str) -> list[Node]:
        """The records of a node type."""
        return [node for node in self.nodes.values() if node.type == kind]

    def submissions(self) -> list[Request]:
        """What was submitted, or tried to be."""
        return [one for one in self.requests if one.method in ("PUT", "POST") and not one.path.endswith("/graphql")]

    def answer(self, request: Request) -> Answer:
        found = super().answer(request)
        if found.status != 404 or not request.path.startswith(ROOT):
            return found
        parts = [unquote(part) for part in request.path.removeprefix(ROOT).split("/") if part]
        if parts[:1] == ["_dictionary"]:
            return self._dictionary(parts[1:])
        if not self.is_known(request):
            return _message(401, "Authentication Error: no valid token")
        if parts == ["graphql"]:
            return self._graphql(request)
        if parts[:1] == ["template"]:
            return _template(parts[1], request)
        if len(parts) > 2 and parts[2] == "_dictionary":
            return self._dictionary(parts[3:])
        if request.method in ("PUT", "POST") and len(parts) in (2, 3):
            return self._submit(request, *parts)
        if len(parts) == 3 and parts[2] == "export":
            return self._export(request, f"{parts[0]}-{parts[1]}")
        if request.method == "GET" and len(parts) < 2:
            return self._listing(parts)
        return _message(404, "The requested URL was not found on the server.")

    def auth(self, **options: Any) -> Auth:
        """Ada, with a token."""
        return Auth(self.url, access_token=self.new_token(), **options)

    def _dictionary(self, parts: list[str]) -> Answer:
        if not parts:
            return Answer.json({"links": [f"/v0/submission/_dictionary/{name}" for name in DICTIONARY]})
        if parts == ["_all"]:
            return Answer.json({**DICTIONARY, "_definitions": {"id": "_definitions"}, "_terms": {"id": "_terms"}})
        found = DICTIONARY.get(parts[0])
        return Answer.json(found) if found else _message(404, f"Entry {parts[0]} not in dictionary")

    def _graphql(self, request: Request) -> Answer:
        if request.method != "POST":
            return _message(405, "The method is not allowed for the requested URL.")
        body = request.json()
        status, document = self.peregrine.answer(body.get("query"), body.get("variables"))
        return Answer.json(document, status)

    def _listing(self, parts: list[str]) -> Answer:
        names = list(self.projects) if not parts else self.projects.get(parts[0])
        if names is None:
            return _message(404, f"program {parts[0]} not found")
        end = "/" if self.slashes else ""
        return Answer.json({"links": ["/".join(["/v0/submission", *parts, name]) + end for name in names]})

    def _submit(self, request: Request, program: str, project: str, action: str = "") -> Answer:
        if len(request.body) > self.largest_body:
            return Answer(
                413, b"<html><title>413 Request Entity Too Large</title></html>", {"Content-Type": "text/html"}
            )
        if project not in self.projects.get(program, []):
            return _message(404, f"project {project} not found")
        if project in self.closed:
            return _message(400, f"Project is in state 'closed', which prevents submissions. {project}")
        try:
            records = _records(request)
        except Refused as error:
            return _message(400, error.message)
        slow = len(records) > self.most_records
        writes = action != "_dry_run" and (not slow or self.writes_late)
        status, document = self._transaction(
            f"{program}-{project}", records, writes=writes, creates=request.method == "POST"
        )
        if slow:
            return Answer(504, b"<html><title>504 Gateway Time-out</title></html>", {"Content-Type": "text/html"})
        return Answer.json(document, status)

    def _transaction(
        self, project_id: str, records: list[Any], *, writes: bool, creates: bool = False
    ) -> tuple[int, dict[str, Any]]:
        """Check all records and write them if all are good."""
        fresh: dict[str, Node] = {}
        entities, wrong = [], []
        for record in records:
            try:
                entities.append(self._entity(project_id, record, fresh, creates))
            except Refused as error:
                wrong.append(error.message)
        if not entities:
            wrong.append("Nothing to submit")
        bad = sum(not entity["valid"] for entity in entities)
        good = not bad and not wrong
        if good and writes:
            self.nodes.update(fresh)
        actions = [entity["action"] for entity in entities] if good else []
        status = 400 if not good else 201 if creates else 200
        return status, {
            "code": status,
            "success": good,
            "message": "Transaction successful." if good else f"Transaction aborted due to {bad} invalid entities.",
            "transaction_id": len(self.requests),
            "created_entity_count": actions.count("create"),
            "updated_entity_count": actions.count("update"),
            "entity_error_count": bad,
            "transactional_error_count": len(wrong),
            "transactional_errors": wrong,
            "entities": entities,
        }

    def _entity(self, project_id: str, record: Any, fresh: dict[str, Node], creates: bool) -> dict[str, Any]:
        kind = record.get("type") if isinstance(record, dict) else None
        if kind not in DICTIONARY:
            raise Refused(f"Invalid entity type: {kind}. Did you include 'type' in the record?")
        name = str(record.get("submitter_id") or "")
        known = self._find(project_id, kind, name)
        node = Node(known.id if known else str(uuid.uuid4()), kind, project_id, {}, {})
        errors = [_error(problem) for problem in self._problems(record, node, fresh)]
        if known and creates:
            errors.append(_error(Refused(f"Cannot create entity that already exists in the DB: {name}", "ERROR", "id")))
        if not errors:
            fresh[node.id] = node
        return {
            "action": (None if errors else "update" if known else "create"),
            "id": node.id,
            "type": kind,
            "valid": not errors,
            "errors": errors,
            "warnings": [],
            "unique_keys": [{"project_id": project_id, "submitter_id": name}],
        }

    def _problems(self, record: dict[str, Any], node: Node, fresh: Mapping[str, Node]) -> Iterator[Refused]:
        """Yield what is wrong with a record; what is right goes into `node`."""
        schema = DICTIONARY[node.type]
        links = {link["name"]: link["target_type"] for link in schema["links"]}
        for key in schema["required"]:
            if record.get(key) in (None, ""):
                yield Refused(f"'{key}' is a required property", "MISSING_PROPERTY", key)
        for key, value in record.items():
            if key in links:
                yield from self._linked(node, key, links[key], value, fresh)
            elif key not in schema["properties"]:
                yield Refused(
                    f"Additional properties are not allowed ('{key}' was unexpected)", "INVALID_PROPERTY", key
                )
            elif problem := _misfit(value, schema["properties"][key]):
                yield Refused(f"{value!r} {problem}", "INVALID_VALUE", key)
            elif key not in ("type", *SYSTEM):
                node.properties[key] = value

    def _linked(self, node: Node, link: str, kind: str, value: Any, fresh: Mapping[str, Node]) -> Iterator[Refused]:
        for target in value if isinstance(value, list) else [value]:
            name = target.get("code") or target.get("submitter_id") if isinstance(target, dict) else None
            among = [one for one in (*self.nodes.values(), *fresh.values()) if one.project_id == node.project_id]
            found = next((one.id for one in among if one.type == kind and one.name == name), None)
            if found is None:
                yield Refused(f"No link destination found for {link}, unique_keys='{name}'", "INVALID_LINK", link)
            else:
                node.links.setdefault(link, []).append(found)

    def _find(self, project_id: str, kind: str, name: str) -> Node | None:
        found = (node for node in self.nodes.values() if (node.project_id, node.type) == (project_id, kind))
        return next((node for node in found if name and node.name == name), None)

    def _insert(self, kind: str, project_id: str, properties: dict[str, Any], links: dict[str, list[str]]) -> None:
        node = Node(str(uuid.uuid4()), kind, project_id, properties, links)
        self.nodes[node.id] = node

    def _export(self, request: Request, project_id: str) -> Answer:
        given = {key: values[0] for key, values in request.params.items()}
        form = given.get("format", "tsv")
        if form not in ("json", "tsv", "csv"):
            return Answer(500, b"<html><title>500 Internal Server Error</title></html>", {"Content-Type": "text/html"})
        of_project = [node for node in self.nodes.values() if node.project_id == project_id]
        if "ids" in given:
            found = [node for node in of_project if node.id in given["ids"].split(",")]
            if not found:
                return _message(404, f"Unable to find {given['ids']}")
            return self._exported(found, form, found[0].type, whole=True)
        if "node_label" not in given:
            return _message(400, "expected either `ids` or `node_label` parameter")
        if given["node_label"] not in DICTIONARY:
            return _message(400, f"Unable to find node label {given['node_label']}")
        kind = given["node_label"]
        return self._exported([node for node in of_project if node.type == kind], form, kind, whole=False)

    def _exported(self, nodes: list[Node], form: str, kind: str, *, whole: bool) -> Answer:
        if form != "json":
            return Answer(200, self._table(nodes, kind, form, "None" if whole else ""), _attachment(form), chunked=True)
        records = [self._record(node, with_nulls=whole) for node in nodes]
        text = json.dumps(records, indent=4) if whole else json.dumps({"data": records})
        return Answer(200, text.encode(), {"Content-Type": "application/json"}, chunked=True)

    def _record(self, node: Node, *, with_nulls: bool) -> dict[str, Any]:
        schema = DICTIONARY[node.type]
        links = {link["name"] for link in schema["links"]}
        values = {key: node.value(key) for key in schema["properties"] if key not in links}
        linked = {link: [self._reference(target) for target in ids] for link, ids in node.links.items()}
        return {key: value for key, value in {**values, **linked}.items() if with_nulls or value is not None}

    def _reference(self, target: str) -> dict[str, str]:
        node = self.nodes[target]
        return {"node_id": target, "code" if node.type == "project" else "submitter_id": node.name}

    def _table(self, nodes: list[Node], kind: str, form: str, nothing: str) -> bytes:
        schema = DICTIONARY[kind]
        links = [link["name"] for link in schema["links"]]
        columns = [key for key in schema["properties"] if key not in links]
        separator, between = ("\t", ",") if form == "tsv" else (",", "#")
        file = io.StringIO()
        writer = csv.writer(file, delimiter=separator, lineterminator="\n")
        writer.writerow([*columns, *(f"{link}.{part}" for link in links for part in ("id", "submitter_id"))])
        for node in nodes:
            values = [node.value(column) for column in columns]
            linked = [self.nodes[target] for link in links for target in node.links.get(link, [])]
            ends = [between.join(one.id for one in linked), between.join(one.name for one in linked)] if links else []
            flat = (between.join(value) if isinstance(value, list) else value for value in values)
            writer.writerow([*(nothing if value is None else value for value in flat), *ends])
        return file.getvalue().encode()


def _message(status: int, message: str) -> Answer:
    return Answer.json({"message": message}, status)


def _error(problem: Refused) -> dict[str, Any]:
    return {"keys": problem.keys, "message": problem.message, "type": problem.kind}


def _attachment(form: str) -> dict[str, str]:
    kind = {"tsv": "text/tab-separated-values", "csv": "text/csv", "json": "application/json"}[form]
    return {"Content-Type": kind, "Content-Disposition": f"attachment; filename=submission.{form}"}


def _template(kind: str, request: Request) -> Answer:
    form = request.params.get("format", ["tsv"])[0]
    if kind not in DICTIONARY:
        return _message(404, f"Entry {kind} not in dictionary")
    schema = DICTIONARY[kind]
    links = [link["name"] for link in schema["links"]]
    own = [key for key in schema["properties"] if key not in (*SYSTEM, *links)]
    columns = [f"*{key}" if key in schema["required"] and key != "type" else key for key in own]
    columns += [f"*{link}.{part}" for link in links for part in ("id", "submitter_id")]
    return Answer(200, (",\t"[form == "tsv"].join(columns) + "\n").encode(), _attachment(form))


def _records(request: Request) -> list[Any]:
    kind = request.headers.get("Content-Type", "application/json").partition(";")[0]
    if kind in TABLES:
        return _rows(request.body.decode(), *TABLES[kind])
    try:
        found = json.loads(request.body, object_pairs_hook=_unique)
    except ValueError as error:
        raise Refused(f"Unable to parse json: {error}") from error
    if not isinstance(found, (dict, list)):
        raise Refused(f"JSON parsed from request is an invalid type: {type(found).__name__}")
    return found if isinstance(found, list) else [found]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise Refused("Duplicate keys in JSON")
    return dict(pairs)


def _rows(text: str, separator: str, between: str) -> list[dict[str, Any]]:
    records = []
    for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=separator):
        record: dict[str, Any] = {}
        properties = DICTIONARY.get(row.get("type") or "", {}).get("properties", {})
        for column, cell in row.items():
            link, _, key = column.lstrip("*").partition(".")
            if not cell:
                continue
            if key:
                record[link] = [{key: name.strip()} for name in cell.split(between)]
            else:
                record[link] = _typed(cell, properties.get(link, {}), between)
        records.append(record)
    return records


def _typed(cell: str, schema: Mapping[str, Any], between: str) -> Any:
    if schema.get("type") == "array":
        return [part.strip() for part in cell.split(between)]
    if schema.get("type") == "number":
        try:
            return float(cell)
        except ValueError:
            return cell
    return cell


_KINDS = {"string": str, "array": list, "number": (int, float), "object": dict}


def _misfit(value: Any, schema: Mapping[str, Any]) -> str | None:
    if "enum" in schema:
        return None if value in schema["enum"] else f"is not one of {schema['enum']}"
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return None if any(isinstance(value, _KINDS[kind]) for kind in kinds) else f"is not of type {', '.join(kinds)}"
