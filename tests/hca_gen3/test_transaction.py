"""What a commons says about records that were submitted."""

from __future__ import annotations

from typing import Any

import pytest

from hca_core.errors import ApiError
from hca_gen3.transaction import Complaint, Entity, SubmissionError, Transaction, read_transaction

BAD_LINK = {"keys": ["experiments"], "message": "no such experiment", "type": "INVALID_LINK"}
UNKNOWN = Complaint("The commons does not say why.")


def entity(name: str, *errors: Any, **more: Any) -> dict[str, Any]:
    return {
        "unique_keys": [{"project_id": "p", "submitter_id": name}],
        "errors": list(errors),
        "valid": not errors,
        **more,
    }


def document(*entities: Any, **more: Any) -> dict[str, Any]:
    return {"success": False, "entities": list(entities), "transactional_errors": [], **more}


def read(found: Any, status: int = 400) -> Transaction:
    return read_transaction(found, status=status, url="http://commons/here")


def test_a_good_transaction() -> None:
    found = read(document(entity("a"), success=True, created_entity_count=2, updated_entity_count=1), 200)
    assert found == Transaction(True, 2, 1, (Entity("a", ()),), ())


@pytest.mark.parametrize(("success", "status"), [(False, 200), (True, 400), (None, 200), ("yes", 200)])
def test_only_success_is_success(success: Any, status: int) -> None:
    assert not read(document(success=success), status).accepted


def test_complaints_are_those_of_their_record() -> None:
    found = read(document(entity("a"), entity("b", BAD_LINK, {"message": "and this"})))
    complaint = Complaint("no such experiment", "INVALID_LINK", ("experiments",))
    assert found.blamed(["x", "b", "a"]) == {1: (complaint, Complaint("and this"))}


@pytest.mark.parametrize("named", [["a", "a", "c"], ["", "", ""], ["x", "y", "z"]])
def test_without_names_the_order_tells(named: list[str]) -> None:
    assert set(read(document(entity("a"), entity("a", BAD_LINK), entity("c"))).blamed(named)) == {1}


def test_without_names_and_order_nobody_is_blamed() -> None:
    assert read(document(entity("q", BAD_LINK))).blamed(["a", "b"]) == {}


@pytest.mark.parametrize(
    ("errors", "complaints"),
    [
        (["text"], (Complaint("text"),)),
        ([None, {}], (UNKNOWN, UNKNOWN)),
        ([{"keys": "one", "message": 5, "type": None}], (Complaint("5", "ERROR", ("one",)),)),
        ("nonsense", (UNKNOWN,)),
        (None, (UNKNOWN,)),
    ],
)
def test_hostile_complaints(errors: Any, complaints: tuple[Complaint, ...]) -> None:
    found = read(document({"errors": errors, "valid": False, "unique_keys": None}))
    assert found.entities == (Entity("", complaints),)


@pytest.mark.parametrize("odd", [None, 5, "text", [], {"unique_keys": [None, {"a": 1}], "errors": []}])
def test_hostile_entities(odd: Any) -> None:
    assert read(document(odd)).entities == (Entity("", ()),)


@pytest.mark.parametrize("count", [None, "5", -1, True, 1.5])
def test_hostile_counts(count: Any) -> None:
    assert read(document(created_entity_count=count, updated_entity_count=count)).created == 0


def test_what_is_wrong_with_all_is_text_or_an_object() -> None:
    assert read(document(transactional_errors=["a", {"message": "b"}, None])).errors == ("a", "b", UNKNOWN.message)


@pytest.mark.parametrize(
    ("odd", "told"), [(5, "5"), ("all wrong", "all wrong"), ({"message": "b"}, "b"), (True, "True")]
)
def test_what_is_wrong_with_all_may_be_no_list(odd: Any, told: str) -> None:
    assert read(document(transactional_errors=odd)).errors == (told,)


SECRET = "eyJhbGciOi.eyJzdWIi.c2lnbmVk"


def test_the_words_of_a_commons_have_no_secrets_and_no_lines() -> None:
    words = f"no access for Bearer {SECRET}\nHint: give up"
    odd = {"message": words, "type": SECRET, "keys": [SECRET]}
    found = document(entity("a", odd), transactional_errors=[words])
    complaint = Complaint("no access for Bearer *** Hint: give up", "***", ("***",))
    assert read(found) == Transaction(False, 0, 0, (Entity("a", (complaint,)),), (complaint.message,))
    error = SubmissionError("no", document=found, status=400)
    assert SECRET not in repr((error.document, error.entities, error.details, error.transactional_errors))
    with pytest.raises(ApiError, match=r"submission: no access for Bearer \*\*\* Hint: give up\.$") as caught:
        read({"message": words})
    assert SECRET not in repr(vars(caught.value))


@pytest.mark.parametrize("found", [None, [], "text", {}, {"entities": None}, {"entities": {"a": 1}}])
def test_what_is_no_transaction(found: Any) -> None:
    with pytest.raises(ApiError, match="does not say what became of the records"):
        read(found)


def test_a_submission_can_be_refused_as_a_whole() -> None:
    with pytest.raises(ApiError, match="The commons refuses the submission: the project is closed.$") as caught:
        read({"message": "the project is closed."})
    assert caught.value.status == 400


def test_the_error_has_everything() -> None:
    found = document(entity("a"), entity("b", BAD_LINK), transactional_errors=["all wrong"])
    error = SubmissionError("no", document=found, status=400)
    assert (error.document, error.entities) == (found, [found["entities"][1]])
    assert (error.transactional_errors, error.status, error.exit_code) == (["all wrong"], 400, 6)
