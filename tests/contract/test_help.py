"""Every command explains itself without the network, and without a word from a service."""

import json
import subprocess
import sys

WALK = """
import contextlib, io, json, socket
import click
from hca_core.cli.root import hca

def refuse(*arguments, **options):
    raise AssertionError("the network was asked")

socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse

def walk(command, words):
    with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
        hca.main([*words, "--help"], prog_name="hca")
    yield " ".join(words), shown.getvalue()
    if isinstance(command, click.Group):
        with click.Context(command, info_name=command.name) as ctx:
            for name in command.list_commands(ctx):
                yield from walk(command.get_command(ctx, name), [*words, name])

print(json.dumps(dict(walk(hca, []))))
"""


def test_every_help_works_without_the_network() -> None:
    run = subprocess.run([sys.executable, "-c", WALK], capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
    shown = json.loads(run.stdout)
    assert len([words for words in shown if words.startswith("dss ")]) >= 25
    assert {"local up", "config list", "plugins list", "clear-hca-cache"} <= set(shown)
    for words, text in shown.items():
        assert text.startswith(f"Usage: hca {words}".rstrip()), words
    for option in ("uuid", "version", "replica", "directurls", "presignedurls", "token", "per-page", "start-at"):
        assert f"--{option}" in shown["dss get-bundle"]
