"""Every documented method exists, takes what it is documented to take, and has the documented defaults.

Where none is documented, our signatures may still show the one that the service applies.
"""

from __future__ import annotations

import inspect
import io
import json
from importlib import import_module

import pytest
from documented_interface import METHODS

from hca_core.client import ApiClient
from hca_core.errors import SpecError
from hca_core.openapi.names import identifier

CLIENTS = {"DSSClient": "hca.dss", "AuthClient": "hca.auth"}
EACH = [(client, method) for client, methods in METHODS.items() for method in methods]


def client_class(name: str) -> type[ApiClient]:
    found: type[ApiClient] = getattr(import_module(CLIENTS[name]), name)
    return found


@pytest.mark.parametrize(("client", "method"), EACH)
def test_a_documented_method_takes_what_is_documented(client: str, method: str) -> None:
    with client_class(client)() as made:
        parameters = made.method(method).__signature__.parameters
    for argument, special in METHODS[client][method].items():
        found = parameters[argument]
        assert (found.default is found.empty) == special.get("required", False), argument
        if "default" in special:
            assert found.default == special["default"], argument


@pytest.mark.parametrize("client", CLIENTS)
def test_no_operation_is_undocumented(client: str) -> None:
    with client_class(client)() as made:
        ours = {identifier(operation.name) for operation in made.api.operations}
    assert ours - METHODS[client].keys() <= {"get_jwks_json"}  # its documented name has a dot


@pytest.mark.parametrize("client", CLIENTS)
def test_what_all_clients_have(client: str) -> None:
    found = client_class(client)
    options = dict(list(inspect.signature(found).parameters.items())[:2])
    assert {name: option.default for name, option in options.items()} == {"config": None, "swagger_url": None}
    for name in ("clear_cache", "expired_token", "load_swagger_json"):
        assert callable(getattr(found, name))


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("pointer", ["$ref", "see"])
def test_load_swagger_json_resolves_references(client: str, pointer: str) -> None:
    document = {"definitions": {"a": {"type": "string"}, "b": {pointer: "#/definitions/a"}}, "x": {"$ref": 1, "see": 1}}
    for file in (io.StringIO(json.dumps(document)), io.BytesIO(json.dumps(document).encode())):
        loaded = client_class(client).load_swagger_json(file, pointer)
        assert loaded == {**document, "definitions": {"a": {"type": "string"}, "b": {"type": "string"}}}


def test_load_swagger_json_names_what_is_wrong() -> None:
    with pytest.raises(SpecError, match="not valid JSON"):
        ApiClient.load_swagger_json(io.StringIO("{"))
    with pytest.raises(SpecError, match="does not exist"):
        ApiClient.load_swagger_json(io.StringIO('{"a": {"$ref": "#/nowhere"}}'))
