"""The SDK that Gen3 itself publishes, as a client of our fake commons: it keeps the fake honest, and our `Auth`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_commons import FakeCommons
from gen3_dictionary import case

from hca_gen3.auth import Auth
from hca_gen3.exporter import Exporter
from hca_gen3.querier import Querier

REASON = "Gen3's own client is not installed: pip install --no-deps -r tests/gen3-sdk.txt"
submission = pytest.importorskip("gen3.submission", reason=REASON)
sdk_auth = pytest.importorskip("gen3.auth", reason=REASON)


@pytest.fixture(params=["their auth", "our auth"])
def sdk(commons: FakeCommons, home: Path, request: pytest.FixtureRequest) -> Any:
    """Gen3Submission, with credentials as it knows them or with our `Auth`."""
    key = str(home / ".gen3" / "credentials.json")
    auth = sdk_auth.Gen3Auth(refresh_file=key) if request.param == "their auth" else Auth(refresh_file=key)
    return submission.Gen3Submission(auth)


def test_programs_and_projects(commons: FakeCommons, sdk: Any) -> None:
    assert sdk.get_programs() == {"links": ["/v0/submission/demo"]}
    assert sdk.get_projects("demo") == {"links": ["/v0/submission/demo/12L"]}
    ours = Querier(commons.auth())
    assert (ours.get_programs(), ours.get_projects("demo")) == (["demo"], ["12L"])


def test_records_submitted_with_one_are_found_with_the_other(commons: FakeCommons, sdk: Any) -> None:
    document = sdk.submit_record("demo", "12L", [case(f"case-{number:02}") for number in range(15)])
    assert (document["success"], document["created_entity_count"]) == (True, 15)
    exported = sdk.export_node("demo", "12L", "case", "json")["data"]
    ours = Exporter(commons.auth()).export_node("demo", "12L", "case", "json")
    assert ours == exported
    uuid = exported[0]["id"]
    assert sdk.export_record("demo", "12L", uuid, "json") == [
        Exporter(commons.auth()).export_record("demo", "12L", uuid, "json")
    ]


def test_tables_are_the_same(commons: FakeCommons, sdk: Any, tmp_path: Path) -> None:
    sdk.submit_record("demo", "12L", case("case-1"))
    Exporter(commons.auth()).export_node("demo", "12L", "case", "tsv", tmp_path / "ours.tsv")
    assert sdk.export_node("demo", "12L", "case", "tsv") == (tmp_path / "ours.tsv").read_text()


def test_a_bad_record_aborts_all(commons: FakeCommons, sdk: Any) -> None:
    import requests

    with pytest.raises(requests.HTTPError) as caught:
        sdk.submit_record("demo", "12L", [case("good"), case("bad", sex=5)])
    document = caught.value.response.json()
    assert [entity["valid"] for entity in document["entities"]] == [True, False]
    assert commons.of_type("case") == []


def test_the_path_of_a_file_is_no_record(commons: FakeCommons, sdk: Any) -> None:
    import requests

    with pytest.raises(requests.HTTPError) as caught:
        sdk.submit_record("demo", "12L", "cases.json")
    assert caught.value.response.json() == {"message": "JSON parsed from request is an invalid type: str"}


def test_queries_are_cut_after_ten(commons: FakeCommons, sdk: Any) -> None:
    sdk.submit_record("demo", "12L", [case(f"case-{number:02}") for number in range(15)])
    query = "{ experiment { _cases_count cases { id } } case(first: 0) { id } }"
    found = sdk.query(query)["data"]
    assert (found["experiment"][0]["_cases_count"], len(found["experiment"][0]["cases"]), len(found["case"])) == (
        15,
        10,
        15,
    )
    assert Querier(commons.auth()).graphql_query("{ _case_count }") == sdk.query("{ _case_count }")["data"]
    assert len(list(Querier(commons.auth()).records("case", "demo", "12L", ["id"], page=4))) == 15


def test_errors_of_queries(sdk: Any) -> None:
    with pytest.raises(submission.Gen3SubmissionQueryError):
        sdk.query("{ nope { id } }")


def test_the_dictionary(commons: FakeCommons, sdk: Any) -> None:
    names = {link.rpartition("/")[2] for link in sdk.get_project_dictionary("demo", "12L")["links"]}
    assert names == {one["node"] for one in Querier(commons.auth()).node_types()}
