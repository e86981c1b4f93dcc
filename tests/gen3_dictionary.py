"""The data dictionary of the commons in our tests: SPARC datasets, as a commons gives it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

SYSTEM = ("id", "project_id", "state", "created_datetime", "updated_datetime")

_CASE = [
    "subject_id",
    "pool_id",
    "subject_experimental_group",
    "age",
    "sex",
    "species",
    "strain",
    "rrid_for_strain",
    "age_category",
    "also_in_dataset",
    "member_of",
]
_CASE_OPTIONAL = [
    "laboratory_internal_id",
    "date_of_birth",
    "age_range_min",
    "age_range_max",
    "body_mass",
    "genotype",
    "phenotype",
    "handedness",
    "reference_atlas",
    "experimental_log_file_path",
    "experiment_date",
    "disease_or_disorder",
    "intervention",
    "disease_model",
    "protocol_title",
    "protocol_url_or_doi",
]
_DATASET = [
    "metadata_version",
    "dataset_type",
    "title",
    "subtitle",
    "keywords",
    "study_purpose",
    "study_data_collection",
    "study_primary_conclusion",
    "study_organ_system",
    "study_approach",
    "study_technique",
    "contributor_name",
    "contributor_orcid",
    "contributor_affiliation",
    "contributor_role",
    "identifier_description",
    "relation_type",
    "identifier",
    "identifier_type",
    "number_of_subjects",
    "number_of_samples",
]
_DATASET_OPTIONAL = ["funding", "acknowledgments", "study_collection_title"]
_MANIFEST = ["filename", "timestamp", "description", "file_type"]
_MANIFEST_OPTIONAL = [
    "additional_types",
    "is_described_by",
    "is_derived_from",
    "is_source_of",
    "supplemental_json_metadata",
    "additional_metadata",
]
_SAMPLE = [
    "sample_id",
    "subject_id",
    "was_derived_from_sample",
    "pool_id",
    "sample_experimental_group",
    "sample_type",
    "sample_anatomical_location",
    "also_in_dataset",
    "member_of",
]

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": {"type": "string"}}
_EITHER = {"type": ["string", "array"]}


def _node(
    name: str,
    target: str | None,
    required: Iterable[str],
    properties: Mapping[str, Any],
    *,
    category: str = "administrative",
) -> dict[str, Any]:
    link = [] if target is None else [_link(name, target)]
    linked = {one["name"]: {"type": ["array", "object"]} for one in link}
    own = {"type": {"enum": [name]}, "submitter_id": _TEXT} if name not in ("program", "project") else {}
    return {
        "id": name,
        "title": name.replace("_", " ").capitalize(),
        "type": "object",
        "category": category,
        "additionalProperties": False,
        "links": link,
        "required": ["type", *(["submitter_id"] if own else []), *linked, *required],
        "systemProperties": list(SYSTEM),
        "uniqueKeys": [["id"], ["project_id", "submitter_id"] if own else ["code"]],
        "properties": {"type": {"enum": [name]}, **dict.fromkeys(SYSTEM, _TEXT), **own, **linked, **properties},
    }


def _link(name: str, target: str) -> dict[str, Any]:
    backref = name if name.endswith("s") else f"{name}s"
    return {"name": f"{target}s", "backref": backref, "label": "part_of", "target_type": target, "required": True}


def _all(names: Iterable[str], schema: Mapping[str, Any] = _TEXT) -> dict[str, Any]:
    return {key: dict(schema) for key in names}


DICTIONARY: dict[str, dict[str, Any]] = {
    "program": _node("program", None, ["name"], _all(["name", "dbgap_accession_number"])),
    "project": _node("project", "program", ["code", "name"], _all(["code", "name", "dbgap_accession_number"])),
    "experiment": _node("experiment", "project", [], _all(["experiment_description"])),
    "case": _node(
        "case",
        "experiment",
        _CASE,
        {**_all([*_CASE, *_CASE_OPTIONAL]), "disease_or_disorder": {"enum": ["disease", "disorder"]}},
    ),
    "dataset_description": _node(
        "dataset_description", "experiment", _DATASET, _all([*_DATASET, *_DATASET_OPTIONAL], _TEXTS)
    ),
    "manifest": _node(
        "manifest",
        "experiment",
        _MANIFEST,
        {**_all(_MANIFEST), **_all(_MANIFEST_OPTIONAL, _EITHER)},
        category="data_file",
    ),
    "sample": _node("sample", "case", _SAMPLE, {**_all(_SAMPLE), "mass": {"type": "number"}}, category="biospecimen"),
}


def case(name: str, **changed: Any) -> dict[str, Any]:
    """A case of `experiment-1` that the dictionary allows."""
    values = {**dict.fromkeys(_CASE, "x"), "subject_id": name}
    return {
        "type": "case",
        "submitter_id": name,
        "experiments": [{"submitter_id": "experiment-1"}],
        **values,
        **changed,
    }


def experiment(name: str = "experiment-1", project: str = "12L", **changed: Any) -> dict[str, Any]:
    """An experiment that the dictionary allows."""
    return {"type": "experiment", "submitter_id": name, "projects": [{"code": project}], **changed}
