"""What others use, and what it costs to have it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hca_core.errors import PluginError
from hca_gen3.pacs import PacsConfig, open_pacs

LIGHT = """
import sys
from hca_gen3.pacs import PacsConfig, open_pacs
PacsConfig.from_mapping({"pacs_ip": "127.0.0.1"})
print([name for name in ("pynetdicom", "pydicom", "requests") if name in sys.modules])
"""


def test_importing_and_configuring_is_light() -> None:
    assert subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True).stdout == "[]\n"


def test_without_the_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynetdicom", None)
    with pytest.raises(PluginError) as caught:
        open_pacs(PacsConfig(host="127.0.0.1"))
    assert caught.value.hint == "Run: pip install 'hca-gen3[pacs]'"
