"""Names of a package that are imported when they are first used."""

from __future__ import annotations

import collections

import pytest

from hca_core.lazy import lazily


def test_names_are_found_where_they_are() -> None:
    find = lazily("some", {"Counter": "collections", "Count": "collections:Counter"})
    assert find("Counter") is find("Count") is collections.Counter


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'some' has no attribute 'nope'"):
        lazily("some", {"Counter": "collections"})("nope")
