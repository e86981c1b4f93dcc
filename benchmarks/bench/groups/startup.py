"""How long commands take that need no network, and the first answer of one that does."""

from __future__ import annotations

from collections.abc import Iterator

from bench.peers import HCA, PYTHON
from bench.place import Place, person
from bench.race import Contender, race
from bench.row import Row, by_time
from bench.stub import made_files, serving

ROUNDS = 21
CLICK = "python -c 'import click'"
REQUESTS = "python -c 'import requests, click'"
OFFLINE = (("--version", 1.1), ("--help", 1.4), ("dss get-bundle --help", 1.5))


def rows(place: Place) -> Iterator[Row]:
    """Measure whole processes; bytecode and caches are there, as on any second run."""
    environ = person(place.folder("home"))
    for words, goal in OFFLINE:
        ours = Contender("hca", (HCA, *words.split()), environ)
        click = Contender(CLICK, (PYTHON, "-c", "import click"), environ)
        race([ours, click], 1)
        yield by_time("P1", f"hca {words}", race([ours, click], ROUNDS), CLICK, goal)
    if "nginx" in place.peers:
        yield first_answer(place)


def first_answer(place: Place) -> Row:
    """Measure one call of an API on this machine."""
    with serving(place) as stub:
        words = ("dss", "get-bundle", "--uuid", stub.add_bundle(list(made_files(10))), "--replica", "aws")
        ours = Contender("hca", (HCA, *words), stub.environ)
        imports = Contender(REQUESTS, (PYTHON, "-c", "import requests, click"), stub.environ)
        race([ours, imports], 1)
        return by_time("P2", "hca dss get-bundle, one request", race([ours, imports], ROUNDS), REQUESTS, 1.5)
