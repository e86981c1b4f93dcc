"""The tables that say which header is which property."""

from __future__ import annotations

import pytest

from hca_gen3.dictionary import Dictionary
from hca_gen3.mapping import GROUPS, KEYS, NODES, PROPERTIES, SECTIONS, VERSIONS, normalise, property_names

EXCEPTIONS = {
    "Type": "dataset_type",
    "was derived from": "wasDerivedFromSample",
    "isDescribedBy": "is_described_by",
    "isDerivedFrom": "is_derived_from",
    "isSourceOf": "is_source_of",
}


@pytest.mark.parametrize(
    ("sheet", "count"), [("dataset_description", 24), ("subjects", 27), ("samples", 19), ("manifest", 10)]
)
def test_every_header_of_2_0_0_is_its_property_in_words(sheet, count):
    assert len(PROPERTIES[sheet]) == count
    assert {header: EXCEPTIONS.get(header, normalise(header)) for header in PROPERTIES[sheet].values()} == {
        header: name for name, header in PROPERTIES[sheet].items()
    }


@pytest.mark.parametrize("sheet", PROPERTIES)
def test_the_dictionary_that_comes_with_us_has_the_properties_in_the_order_of_the_sheet(sheet):
    own = [name for name in Dictionary().node(NODES[sheet]).properties if name in PROPERTIES[sheet]]
    assert own == list(PROPERTIES[sheet])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("sheet", PROPERTIES)
def test_every_version_leads_to_properties_of_2_0_0(sheet, version):
    assert set(property_names(sheet, version).values()) - {"additional_fields"} <= set(PROPERTIES[sheet])


@pytest.mark.parametrize("sheet", KEYS)
def test_the_key_of_a_sheet_is_a_column_in_every_version(sheet):
    assert all(KEYS[sheet] in property_names(sheet, version).values() for version in VERSIONS)


def test_sections_and_groups_name_properties():
    names = set(PROPERTIES["dataset_description"])
    assert set(SECTIONS.values()) | {name for group in GROUPS for name in group} <= names


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("    Title", "title"),
        ("subject_id", "subject_id"),
        (" Subject  ID ", "subject_id"),
        ("age range (min)", "age_range_min"),
        ("Additional Fields (e.g. MINDS)", "additional_fields_e_g_minds"),
        ("Additional Fields (e.g.MINDS)", "additional_fields_e_g_minds"),
        ("—", ""),
    ],
)
def test_spellings_of_a_header_are_one(header, name):
    assert normalise(header) == name


def test_a_description_of_1_2_3_means_the_subtitle():
    assert property_names("dataset_description", "1.2.3")["description"] == "subtitle"
    assert "description" not in property_names("dataset_description", "2.0.0")
