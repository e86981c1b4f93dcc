import pytest

from hca_core.errors import SpecError
from hca_core.openapi.model import Operation, Parameter
from hca_core.openapi.names import check_clashes, identifier, operation_name


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/bundles/{uuid}", "get_bundle"),
        ("GET", "/bundles/all", "get_bundles_all"),
        ("POST", "/bundles/{uuid}/checkout", "post_bundles_checkout"),
        ("GET", "/bundles/checkout/{checkout_job_id}", "get_bundles_checkout"),
        ("GET", "/collections", "get_collections"),
        ("PUT", "/collections", "put_collection"),
        ("DELETE", "/subscriptions/{uuid}", "delete_subscription"),
        ("PATCH", "/bundles/{uuid}", "patch_bundle"),
        ("HEAD", "/files/{uuid}", "head_file"),
        ("POST", "/search", "post_search"),
        ("GET", "/events/{uuid}", "get_event"),
        ("GET", "/.well-known/jwks.json", "get_jwks.json"),
        ("GET", "/.well-known/openid-configuration", "get_openid_configuration"),
        ("POST", "/v1/policies/evaluate", "post_v1_policies_evaluate"),
        ("GET", "/v1/user/{user_id}/owns", "get_v1_user_owns"),
        ("GET", "/v1/user/{user_id}/groups", "get_v1_user_groups"),
        ("PUT", "/v1/user/{user_id}/groups", "put_v1_user_group"),
        ("DELETE", "/v1/resource/{t}/actions", "delete_v1_resource_actions"),
        ("PUT", "/v1/resource/{t}/id/{i}/members", "put_v1_resource_id_member"),
        ("POST", "/v1/area/{upload_area_uuid}/{filename}", "post_v1_area"),
        ("POST", "/glass", "post_glas"),
        ("post", "/x-y/z/", "post_x_y_z"),
    ],
)
def test_operation_names(method: str, path: str, name: str) -> None:
    assert operation_name(method, path) == name


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("uuid", "uuid"),
        ("content-type", "content_type"),
        ("get_jwks.json", "get_jwks_json"),
        ("a/b", "a_b"),
        ("from", "from_"),
        ("2nd", "_2nd"),
        ("filter[x]", "filter_x_"),
    ],
)
def test_identifiers(name: str, word: str) -> None:
    assert identifier(name) == word
    assert word.isidentifier()


def operation(path: str, *names: str) -> Operation:
    parameters = tuple(Parameter(name, "path", required=True) for name in names)
    return Operation("post_v1_area", "POST", path, parameters=parameters)


def test_operations_may_share_a_name_if_their_path_parameters_differ() -> None:
    check_clashes([operation("/v1/area/{a}", "a"), operation("/v1/area/{a}/{f}", "a", "f")])


def test_two_operations_that_cannot_be_told_apart_are_both_named() -> None:
    with pytest.raises(SpecError) as caught:
        check_clashes([operation("/v1/area/{a}", "a"), operation("/v1/{a}/areas", "a")])
    assert "POST /v1/area/{a} and POST /v1/{a}/areas" in caught.value.message
