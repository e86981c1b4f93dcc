"""Which column or element of a SPARC metadata sheet is which property of a Gen3 node."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = [
    "DROPPED",
    "GROUPS",
    "KEYS",
    "NODES",
    "PROPERTIES",
    "SECTIONS",
    "VERSIONS",
    "normalise",
    "property_names",
]

VERSIONS = ("1.2.3", "2.0.0")

NODES = {"dataset_description": "dataset_description", "subjects": "case", "samples": "sample", "manifest": "manifest"}
"""The node of the Gen3 dictionary that each sheet becomes."""

KEYS = {"subjects": "subject_id", "samples": "sample_id", "manifest": "filename"}
"""The property that tells the rows of a sheet apart."""

PROPERTIES: Mapping[str, Mapping[str, str]] = {
    "dataset_description": {
        "metadata_version": "Metadata Version",
        "dataset_type": "Type",
        "title": "Title",
        "subtitle": "Subtitle",
        "keywords": "Keywords",
        "funding": "Funding",
        "acknowledgments": "Acknowledgments",
        "study_purpose": "Study purpose",
        "study_data_collection": "Study data collection",
        "study_primary_conclusion": "Study primary conclusion",
        "study_organ_system": "Study organ system",
        "study_approach": "Study approach",
        "study_technique": "Study technique",
        "study_collection_title": "Study collection title",
        "contributor_name": "Contributor name",
        "contributor_orcid": "Contributor ORCiD",
        "contributor_affiliation": "Contributor affiliation",
        "contributor_role": "Contributor role",
        "identifier_description": "Identifier description",
        "relation_type": "Relation type",
        "identifier": "Identifier",
        "identifier_type": "Identifier type",
        "number_of_subjects": "Number of subjects",
        "number_of_samples": "Number of samples",
    },
    "subjects": {
        "subject_id": "subject id",
        "pool_id": "pool id",
        "subject_experimental_group": "subject experimental group",
        "age": "age",
        "sex": "sex",
        "species": "species",
        "strain": "strain",
        "rrid_for_strain": "RRID for strain",
        "age_category": "age category",
        "also_in_dataset": "also in dataset",
        "member_of": "member of",
        "laboratory_internal_id": "laboratory internal id",
        "date_of_birth": "date of birth",
        "age_range_min": "age range (min)",
        "age_range_max": "age range (max)",
        "body_mass": "body mass",
        "genotype": "genotype",
        "phenotype": "phenotype",
        "handedness": "handedness",
        "reference_atlas": "reference atlas",
        "experimental_log_file_path": "experimental log file path",
        "experiment_date": "experiment date",
        "disease_or_disorder": "disease or disorder",
        "intervention": "intervention",
        "disease_model": "disease model",
        "protocol_title": "protocol title",
        "protocol_url_or_doi": "protocol url or doi",
    },
    "samples": {
        "sample_id": "sample id",
        "subject_id": "subject id",
        "wasDerivedFromSample": "was derived from",
        "pool_id": "pool id",
        "sample_experimental_group": "sample experimental group",
        "sample_type": "sample type",
        "sample_anatomical_location": "sample anatomical location",
        "also_in_dataset": "also in dataset",
        "member_of": "member of",
        "laboratory_internal_id": "laboratory internal id",
        "date_of_derivation": "date of derivation",
        "experimental_log_file_path": "experimental log file path",
        "reference_atlas": "reference atlas",
        "pathology": "pathology",
        "laterality": "laterality",
        "cell_type": "cell type",
        "plane_of_section": "plane of section",
        "protocol_title": "protocol title",
        "protocol_url_or_doi": "protocol url or doi",
    },
    "manifest": {
        "filename": "filename",
        "timestamp": "timestamp",
        "description": "description",
        "file_type": "file type",
        "additional_types": "Additional Types",
        "is_described_by": "isDescribedBy",
        "is_derived_from": "isDerivedFrom",
        "is_source_of": "isSourceOf",
        "supplemental_json_metadata": "Supplemental JSON Metadata",
        "additional_metadata": "Additional Metadata",
    },
}
"""Of each sheet of version 2.0.0: the header (or element) of every property, in the order of the sheet."""

SECTIONS = {
    "Basic information": "title",
    "Study information": "study_purpose",
    "Contributor information": "contributor_name",
    "Related protocol, paper, dataset, etc.": "identifier_description",
    "Participant information": "number_of_subjects",
}
"""Headings between the elements of a dataset description of version 2.0.0, each before the property named here."""

GROUPS = (
    ("contributor_name", "contributor_orcid", "contributor_affiliation", "contributor_role"),
    ("identifier_description", "relation_type", "identifier", "identifier_type"),
)
"""Elements whose values belong together: the second ORCiD is that of the second contributor."""

_OF_1_2_3: Mapping[str, Mapping[str, str]] = {
    "dataset_description": {
        "Metadata Version DO NOT CHANGE": "metadata_version",
        "Name": "title",
        "Description": "subtitle",
        "Keywords": "keywords",
        "Contributors": "contributor_name",
        "Contributor ORCID ID": "contributor_orcid",
        "Contributor Affiliation": "contributor_affiliation",
        "Contributor Role": "contributor_role",
        "Acknowledgements": "acknowledgments",
        "Funding": "funding",
        "Number of subjects": "number_of_subjects",
        "Number of samples": "number_of_samples",
    },
    "subjects": {
        "experimental group": "subject_experimental_group",
        "experimental log file name": "experimental_log_file_path",
        "Additional Fields (e.g.MINDS)": "additional_fields",
    },
    "samples": {
        "wasDerivedFromSample": "wasDerivedFromSample",
        "experimental group": "sample_experimental_group",
        "specimen type": "sample_type",
        "specimen anatomical location": "sample_anatomical_location",
        "experimental log file name": "experimental_log_file_path",
        "Additional Fields (e.g.MINDS)": "additional_fields",
    },
    "manifest": {},
}
"""What version 1.2.3 calls otherwise; its dataset description is listed in full, as it has other elements."""

DROPPED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "1.2.3": {
        "dataset_description": (
            "Is Contact Person",
            "Originating Article DOI",
            "Protocol URL or DOI",
            "Additional Links",
            "Link Description",
            "Completeness of data set",
            "Parent dataset ID",
            "Title for complete data set",
        ),
        "subjects": ("protocol.io location",),
        "samples": ("protocol.io location",),
        "manifest": (),
    },
    "2.0.0": {
        "dataset_description": tuple(SECTIONS),
        "subjects": (),
        "samples": (),
        "manifest": ("isAboutAnatomicalEntity", "species", "organ"),
    },
}
"""Headers and elements of each version and sheet for which Gen3 has no property, on purpose."""

_WORD = re.compile(r"[^\W_]+")


def normalise(header: str) -> str:
    """Return what two spellings of a header have in common: `  Age range (Min)` is `age_range_min`."""
    return "_".join(_WORD.findall(header.casefold()))


def property_names(sheet: str, version: str) -> dict[str, str]:
    """Return the property of each normalised header of a sheet.

    A property's own name is a header, too, except in the dataset description of version 1.2.3, where `Description`
    and others mean something else.
    """
    current = {normalise(header): name for name, header in PROPERTIES[sheet].items()}
    if version == "2.0.0":
        return current
    old = {normalise(header): name for header, name in _OF_1_2_3[sheet].items()}
    return old if sheet == "dataset_description" else current | old
