"""How soon the first answer of an API is there: start-up, one request, and the data printed."""

from __future__ import annotations

from collections.abc import Iterator

from bench.peers import HCA, PYTHON
from bench.place import Place
from bench.race import Contender, race
from bench.row import Row, by_time
from bench.stub import made_files, serving

NEEDS = ("nginx",)
ROUNDS = 21
IMPORTS = "import requests, click"


def rows(place: Place) -> Iterator[Row]:
    """Ask for a bundle; the description of the API is there, as on any second run."""
    with serving(place) as stub:
        words = ("dss", "get-bundle", "--uuid", stub.add_bundle(list(made_files(10))), "--replica", "aws")
        ours = Contender("hca", (HCA, *words), stub.environ)
        imports = Contender(IMPORTS, (PYTHON, "-c", IMPORTS), stub.environ)
        race([ours, imports], 1)
        yield by_time("P2", "hca dss get-bundle, one request", race([ours, imports], ROUNDS), IMPORTS, 1.5)
