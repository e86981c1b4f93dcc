from __future__ import annotations

import pytest

from hca_local.problem import Problem
from hca_local.upload.names import area_uri, check_file_name, file_key, file_url

AREA = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def test_places() -> None:
    assert area_uri("b", AREA) == f"s3://b/{AREA}/"
    assert file_key(AREA, "n") == f"{AREA}/n"
    assert file_url("b", AREA, "n") == f"s3://b/{AREA}/n"


@pytest.mark.parametrize("name", ["a", ".hidden", "a b", "%41", "100%", "Credentials", "é" * 127])
def test_names(name: str) -> None:
    check_file_name(name)


@pytest.mark.parametrize("name", ["", "a/b", "a%2fb", "..", "nul.txt", "x" * 256, "validate", "a\u0085"])
def test_no_names(name: str) -> None:
    with pytest.raises(Problem, match="Invalid file name") as caught:
        check_file_name(name)
    assert caught.value.status == 400
