import pytest

from hca_core.errors import ArgumentError
from hca_core.openapi.model import Operation, Parameter
from hca_core.openapi.request import Request, build

BASE = "https://dss.example.org/v1"
UUID = Parameter("uuid", "path", required=True, description="UUID of the bundle.")
REPLICA = Parameter("replica", "query", required=True, enum=("aws", "gcp"))
GET_BUNDLE = Operation(
    "get_bundle",
    "GET",
    "/bundles/{uuid}",
    parameters=(
        UUID,
        REPLICA,
        Parameter("directurls", "query", "boolean"),
        Parameter("per_page", "query", "integer", schema={"minimum": 10}),
        Parameter("token", "query"),
    ),
    retryable=True,
)


def operation(*parameters: Parameter, path: str = "/x", **changes: object) -> Operation:
    return Operation("do", "POST", path, parameters=parameters, **changes)


def call(target: Operation, /, **arguments: object) -> Request:
    return build([target], arguments, base_url=BASE)


def test_path_and_query() -> None:
    request = call(GET_BUNDLE, uuid="a b", replica="aws", directurls=True, per_page="10", token=None)
    assert request.url == f"{BASE}/bundles/a%20b?replica=aws&directurls=true&per_page=10"
    assert (request.method, request.json, request.form, request.headers) == ("GET", None, None, {})
    assert (request.operation, request.secured, request.retryable) == (GET_BUNDLE, False, True)


def test_queries_are_encoded() -> None:
    url = call(GET_BUNDLE, uuid="u", replica="aws", token="a&b=c d/é?#+", directurls=False).url
    assert url.endswith("?replica=aws&directurls=false&token=a%26b%3Dc%20d%2F%C3%A9%3F%23%2B")


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("../../admin", "..%2F..%2Fadmin"),
        ("a/b", "a%2Fb"),
        ("a?b=c#d", "a%3Fb%3Dc%23d"),
        ("%2e%2e", "%252e%252e"),
        ("a\\b\r\n", "a%5Cb%0D%0A"),
        ("{uuid}", "%7Buuid%7D"),
        ("...", "..."),
        ("é\x00", "%C3%A9%00"),
    ],
)
def test_a_value_stays_one_part_of_the_path(value: str, escaped: str) -> None:
    assert call(GET_BUNDLE, uuid=value, replica="aws").url == f"{BASE}/bundles/{escaped}?replica=aws"


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_value_cannot_name_another_path(value: str) -> None:
    with pytest.raises(ArgumentError, match=rf"get_bundle: uuid must not be '{value}'"):
        call(GET_BUNDLE, uuid=value, replica="aws")


def test_two_values_in_one_part_cannot_name_another_path() -> None:
    target = operation(Parameter("a", "path"), Parameter("b", "path"), path="/x/{a}{b}/y")
    with pytest.raises(ArgumentError, match="a must not be"):
        call(target, a=".", b=".")


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        ({"replica": "aws"}, "get_bundle needs uuid.", "UUID of the bundle."),
        ({"uuid": "u"}, "get_bundle needs replica ('aws' or 'gcp').", None),
        ({"uuid": "u", "replica": None}, "get_bundle needs replica ('aws' or 'gcp').", None),
        ({"uuid": "u", "replica": "az"}, "get_bundle: replica must be one of aws, gcp, not 'az'.", None),
        ({"uuid": "u", "replcia": "aws"}, "get_bundle: there is no parameter 'replcia'.", "Did you mean 'replica'?"),
        (
            {"uuid": "u", "replica": "aws", "zzz": 1},
            "get_bundle: there is no parameter 'zzz'.",
            "Its parameters are: uuid, replica, directurls, per_page, token.",
        ),
        (
            {"uuid": "u", "replica": "aws", "per_page": "many"},
            "get_bundle: per_page must be an integer, not 'many'.",
            None,
        ),
        ({"uuid": "u", "replica": "aws", "per_page": 9}, "get_bundle: per_page must be at least 10, not 9.", None),
        (
            {"uuid": "\udcff", "replica": "aws"},
            "get_bundle: uuid must be a string, not '\\udcff'.",
            "UUID of the bundle.",
        ),
    ],
)
def test_misuse_is_explained(arguments: dict[str, object], message: str, hint: str | None) -> None:
    with pytest.raises(ArgumentError) as caught:
        build([GET_BUNDLE], arguments, base_url=BASE)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert caught.value.operation == "get_bundle"


def test_an_operation_without_parameters_says_so() -> None:
    with pytest.raises(ArgumentError) as caught:
        call(operation(), x=1)
    assert caught.value.hint == "It takes no parameters."


AREA = Parameter("area", "path", required=True)
FILENAME = Parameter("filename", "path", required=True)
CREATE = Operation("post_v1_area", "POST", "/area/{area}", parameters=(AREA, Parameter("note", "query")))
NOTIFY = Operation("post_v1_area", "POST", "/area/{area}/{filename}", parameters=(AREA, FILENAME))


@pytest.mark.parametrize("operations", [[CREATE, NOTIFY], [NOTIFY, CREATE]])
def test_the_path_is_chosen_by_the_arguments(operations: list[Operation]) -> None:
    assert build(operations, {"area": "a"}, base_url=BASE).url == f"{BASE}/area/a"
    assert build(operations, {"area": "a", "filename": "f"}, base_url=BASE).url == f"{BASE}/area/a/f"
    assert build(operations, {"area": "a", "note": "n"}, base_url=BASE).url == f"{BASE}/area/a?note=n"
    with pytest.raises(ArgumentError, match=r"^post_v1_area needs area\.$"):
        build(operations, {}, base_url=BASE)
    with pytest.raises(ArgumentError, match="note does not go with the other arguments"):
        build(operations, {"area": "a", "filename": "f", "note": "n"}, base_url=BASE)


@pytest.mark.parametrize(
    ("array_format", "query"),
    [
        ("csv", "ids=1%2C2"),
        ("ssv", "ids=1%202"),
        ("tsv", "ids=1%092"),
        ("pipes", "ids=1%7C2"),
        ("multi", "ids=1&ids=2"),
        ("json", "ids=%5B1%2C2%5D"),
    ],
)
def test_arrays_travel_as_declared(array_format: str, query: str) -> None:
    ids = Parameter("ids", "query", "array", item_type="integer", array_format=array_format)
    assert call(operation(ids), ids=["1", 2]).url == f"{BASE}/x?{query}"


def test_arrays_in_a_path_and_objects_in_a_query() -> None:
    target = operation(Parameter("ids", "path", "array"), Parameter("filter", "query", "object"), path="/x/{ids}")
    assert call(target, ids=["a", "b"], filter={"a": [1]}).url == f"{BASE}/x/a%2Cb?filter=%7B%22a%22%3A%5B1%5D%7D"


def test_a_json_body_has_the_properties_that_were_given() -> None:
    target = operation(
        Parameter("creator_uid", "body", "integer", required=True),
        Parameter("files", "body", "array", item_type="object"),
        Parameter("note", "body"),
        REPLICA,
        body_schema={"type": "object"},
    )
    request = call(target, creator_uid="8", files=({"uuid": "u"},), replica="aws")
    assert request.json == {"creator_uid": 8, "files": [{"uuid": "u"}]}
    assert request.url == f"{BASE}/x?replica=aws"


def test_a_json_body_without_properties_is_an_empty_object() -> None:
    assert call(operation(Parameter("email", "body"), body_schema={})).json == {}
    assert call(operation()).json is None


@pytest.mark.parametrize("body", [[1, 2], {"a": 1}, []])
def test_one_parameter_can_be_the_whole_body(body: object) -> None:
    target = operation(Parameter("body", "body", "any", whole=True), body_schema={})
    assert call(target, body=body).json == body
    assert call(target).json is None


def test_what_json_cannot_say_is_refused() -> None:
    target = operation(Parameter("details", "body", "object"), body_schema={})
    circle: dict[str, object] = {}
    circle["x"] = circle
    for details in ({"when": object()}, {"x": float("nan")}, circle):
        with pytest.raises(ArgumentError, match="do: the arguments cannot be sent as JSON"):
            call(target, details=details)


def test_forms() -> None:
    target = operation(
        Parameter("code", "form", required=True), Parameter("scope", "form", "array", array_format="multi")
    )
    request = call(target, code="a b", scope=["x", "y"])
    assert (request.form, request.json) == ({"code": ["a b"], "scope": ["x", "y"]}, None)


def test_headers() -> None:
    target = operation(Parameter("Api-Key", "header", required=True), Parameter("X-Count", "header", "integer"))
    assert call(target, Api_Key="k", **{"X-Count": 5}).headers == {"Api-Key": "k", "X-Count": "5"}


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00", "\u20ac"])
def test_a_header_cannot_smuggle(value: str) -> None:
    with pytest.raises(ArgumentError, match="do: Api_Key must not have line breaks"):
        call(operation(Parameter("Api-Key", "header")), Api_Key=value)


def test_keywords_of_python_have_another_name() -> None:
    target = operation(Parameter("from", "query"))
    assert call(target, from_="x").url == call(target, **{"from": "x"}).url == f"{BASE}/x?from=x"


def test_a_request_does_not_show_what_may_be_secret() -> None:
    target = operation(Parameter("hmac_secret_key", "body"), Parameter("token", "query"), body_schema={})
    assert "hush" not in repr(call(target, hmac_secret_key="hush", token="hush"))
