"""The page about Gen3 does what it says, with a commons and a PACS on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from dicom_files import OTHER_STUDY, STUDY, study
from dicom_peer import DicomPeer
from documented import blocks, missing, run
from fake_commons import FakeCommons
from sds_folder import make_dataset, subject_row

PAGE = "docs/gen3.md"


@pytest.fixture
def commons(home: Path) -> Iterator[FakeCommons]:
    with FakeCommons() as server:
        server.add_project("demo", "12L")
        server.save_key(home / ".gen3" / "credentials.json")
        yield server


@pytest.mark.slow
def test_the_page_about_gen3_works(commons: FakeCommons, tmp_path: Path) -> None:
    subjects = [subject_row(f"sub-{uid}", species="mouse") for uid in (STUDY, OTHER_STUDY)]
    make_dataset(tmp_path / "lungs", subjects=subjects)
    assert len(blocks(PAGE, "shell", "python")) >= 7
    with DicomPeer([*study(2), *study(1, uid=OTHER_STUDY)]) as peer:
        pacs = {"pacs_ip": "127.0.0.1", "pacs_port": peer.port, "pacs_aec": peer.title, "pacs_aet": "HCA"}
        (tmp_path / "pacs.json").write_text(json.dumps(pacs))
        assert missing(PAGE, run(PAGE, tmp_path)) == []
        asked = [uid for _, uids in peer.asked for uid in uids]
        assert len(asked) == len(set(asked))  # the second download asked for nothing again
    again, first = tmp_path / "records-again", tmp_path / "records"
    for name in ("experiment", "dataset_description", "subjects", "manifest"):
        assert json.loads((again / f"{name}.json").read_text()) == json.loads((first / f"{name}.json").read_text())
