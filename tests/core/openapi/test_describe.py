from hca_core.openapi.describe import documentation, parameters, signature
from hca_core.openapi.model import Operation, Parameter

UUID = Parameter("uuid", "path", required=True, description="UUID of the bundle.")
GET_BUNDLE = Operation(
    "get_bundle",
    "GET",
    "/bundles/{uuid}",
    summary="Show a bundle",
    description="In pages.",
    parameters=(
        Parameter("per_page", "query", "integer", default=500),
        UUID,
        Parameter("replica", "query", required=True, enum=("aws", "gcp")),
        Parameter("from", "query"),
        Parameter("files", "body", "array"),
    ),
    paginated=True,
    streaming=True,
    secured=True,
    statuses=("200", "404", "500", "default"),
)


def test_signature() -> None:
    assert str(signature([GET_BUNDLE])) == (
        "(uuid: str, replica: Literal['aws', 'gcp'], per_page: int | None = 500, from_: str | None = None, "
        "files: list[typing.Any] | None = None) -> Any"
    )


def test_operations_that_share_a_name_share_a_signature() -> None:
    one = Operation("post_area", "POST", "/area/{uuid}", parameters=(UUID, Parameter("note", "query", required=True)))
    two = Operation("post_area", "POST", "/area/{uuid}/{f}", parameters=(UUID, Parameter("f", "path", required=True)))
    assert [parameter.name for parameter in parameters([one, two])] == ["uuid", "note", "f"]
    assert str(signature([one, two])) == "(uuid: str, note: str | None = None, f: str | None = None) -> Any"


def test_documentation_tells_all_that_a_caller_needs() -> None:
    text = documentation([GET_BUNDLE])
    assert text.startswith("Show a bundle\n\nIn pages.\n\nParameters:\n    uuid (str): UUID of the bundle.\n")
    assert "    replica ('aws' or 'gcp')\n" in text
    assert "    per_page (int, optional): Default: 500." in text
    assert "get_bundle.iterate(...)" in text
    assert "with get_bundle.stream(...) as response:" in text
    assert "AuthError: the operation needs credentials" in text
    assert "(documented: 404, 500); NotFoundError for 404." in text


def test_documentation_says_nothing_that_does_not_apply() -> None:
    text = documentation([Operation("get_echo", "GET", "/echo", summary="Echo.")])
    absent = ("Parameters", "Pages", "Streaming", "Returns", "AuthError", "documented")
    assert not [word for word in absent if word in text]


def test_documentation_says_what_comes_back_if_nothing_changes() -> None:
    text = documentation([Operation("put_group", "PUT", "/groups", statuses=("200", "304"))])
    assert "Returns:\n    None if nothing had to be changed (304)." in text
