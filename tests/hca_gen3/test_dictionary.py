"""Gen3 data dictionaries: ours, and those of other people."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft4Validator

from hca_core.errors import ArgumentError
from hca_gen3.dictionary import Dictionary

NODES = ("experiment", "dataset_description", "case", "sample", "manifest")
LINK = {"experiments": [{"submitter_id": "demo"}]}
FILE = {
    "type": "manifest",
    "submitter_id": "a",
    "filename": "a",
    "timestamp": "1",
    "description": "2",
    "file_type": "3",
}


def node(tmp_path, text, **others):
    for name, content in {"case": text, **others}.items():
        (tmp_path / f"{name}.yaml").write_text(content, encoding="utf-8")
    return Dictionary(tmp_path).node("case")


@pytest.mark.parametrize("name", NODES)
def test_our_dictionary_is_json_schema_that_allows_nothing_else(name):
    schema = Dictionary().node(name).schema
    Draft4Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    assert "$ref" not in json.dumps(schema)
    assert set(schema["required"]) <= set(schema["properties"])


@pytest.mark.parametrize(("name", "count"), [("dataset_description", 21), ("case", 11), ("sample", 9), ("manifest", 4)])
def test_our_dictionary_requires_what_the_sheets_must_say(name, count):
    required = set(Dictionary().node(name).schema["required"])
    assert len(required - {"type", "submitter_id", "experiments", "cases"}) == count


def test_a_good_record_has_no_problem():
    assert Dictionary().node("manifest").problem(FILE | LINK) is None


@pytest.mark.parametrize(
    ("record", "name", "what"),
    [
        (FILE | LINK | {"file_type": 3}, "file_type", "3 is not of the type string"),
        (FILE | LINK | {"is_source_of": [1]}, "is_source_of", "1 is not of the type string"),
        (FILE | LINK | {"size": "3"}, "", "Additional properties"),
        (FILE, "", "'experiments' is a required property"),
        (FILE | LINK | {"type": "case"}, "type", "'case' is none of manifest"),
    ],
)
def test_what_is_wrong_with_a_record_is_told(record, name, what):
    found = Dictionary().node("manifest").problem(record)
    assert found is not None
    assert found[0] == name
    assert what in found[1]


def test_references_within_and_between_files_are_followed(tmp_path):
    found = node(
        tmp_path,
        """
        required: [age]
        systemProperties: [added]
        properties:
          $ref: "_definitions.yaml#/every_node"
          added: {type: string}
          age:
            $ref: ["_definitions.yaml#/weeks", "_definitions.yaml#/limits"]
            term: {$ref: "_terms.yaml#/age"}
            maximum: 5
        """,
        _definitions="""
        every_node: {id: {type: string}, type: {type: string}, sex: {$ref: "#/text"}}
        text: {type: string}
        weeks: {type: integer, maximum: 3}
        limits: {minimum: 1}
        """,
    )
    assert found.properties == {
        "type": {"type": "string"},
        "sex": {"type": "string"},
        "age": {"type": "integer", "minimum": 1, "maximum": 5, "term": {}},
    }
    assert (found.is_required("age"), found.is_required("sex")) == (True, False)


@pytest.mark.parametrize("suffix", ["yml", "json"])
def test_other_suffixes_are_fine(tmp_path, suffix):
    (tmp_path / f"case.{suffix}").write_text('{"properties": {"age": {"type": "string"}}}')
    assert list(Dictionary(tmp_path).node("case").properties) == ["age"]


def test_a_slip_in_the_schema_does_no_harm_where_it_is_not_used(tmp_path):
    found = node(tmp_path, "properties: {age: {enum: [a, a]}, sex: {type: string}}\nrequired: []")
    assert found.problem({"age": "a", "sex": "f"}) is None


def test_a_schema_that_does_not_work_is_named(tmp_path):
    found = node(tmp_path, "properties: {age: {type: text}}")
    with pytest.raises(ArgumentError, match=r"case\.yaml has a schema that does not work"):
        found.problem({"age": "1"})


def test_a_node_without_a_file_is_missing(tmp_path):
    assert Dictionary(tmp_path).find("sample") is None
    with pytest.raises(ArgumentError, match=r"has no sample\.yaml\.$"):
        Dictionary(tmp_path).node("sample")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: b: c", r"case\.yaml:1:5 is not YAML: mapping values"),
        ("a: \ufffe", r"case\.yaml"),
        ("!!python/object/apply:os.getcwd []", r"case\.yaml:1:1 is not YAML: could not determine a constructor"),
        ("- a", "does not describe a node"),
        ("", "does not describe a node"),
        ("title: case", "does not describe the properties"),
        ("properties: {}\nrequired: age", "does not describe the properties"),
        ('properties: {age: {$ref: "#/nowhere"}}', r"\$ref #/nowhere leads nowhere"),
        ('properties: {age: {$ref: "_definitions.yaml#/a"}}', r"\$ref _definitions\.yaml#/a leads nowhere"),
        ('properties: {age: {$ref: "../secret.yaml#/a"}}', r"leads nowhere"),
        ('properties: {age: {$ref: "/etc/hostname#/a"}}', r"leads nowhere"),
        ('properties: {age: {$ref: "#/properties"}}', r"leads back to itself"),
        ("&a {properties: *a}", r"nested too deeply"),
    ],
)
def test_a_dictionary_that_cannot_be_understood_is_refused(tmp_path, text, what):
    (tmp_path / "secret.yaml").write_text("a: {type: string}")
    folder = tmp_path / "dictionary"
    folder.mkdir()
    with pytest.raises(ArgumentError, match=what):
        node(folder, text)
