"""`hca gen3`: finds its commands when they are used, so that its help imports none of them."""

from __future__ import annotations

import click

from hca_core.cli.groups import LazyGroup
from hca_core.records import CommandSpec

__all__ = ["COMMANDS", "gen3"]

COMMANDS = (
    CommandSpec("auth", "Show who you are at a commons, or get a token.", "hca_gen3.cli.auth:auth"),
    CommandSpec("convert", "Convert the metadata of a SPARC dataset to JSON for Gen3.", "hca_gen3.cli.convert:convert"),
    CommandSpec("download", "Download a dataset from a PACS or from iRODS.", "hca_gen3.cli.download:download"),
    CommandSpec("export-node", "Export all records of a node type.", "hca_gen3.cli.export:export_node"),
    CommandSpec("export-record", "Export one record.", "hca_gen3.cli.export:export_record"),
    CommandSpec("nodes", "List node types, or the records of one.", "hca_gen3.cli.query:nodes"),
    CommandSpec("programs", "List the programs of a commons.", "hca_gen3.cli.query:programs"),
    CommandSpec("projects", "List the projects of programs.", "hca_gen3.cli.query:projects"),
    CommandSpec("query", "Send a GraphQL query.", "hca_gen3.cli.query:query"),
    CommandSpec("submit", "Submit files of records.", "hca_gen3.cli.submit:submit"),
)


@click.group("gen3", cls=LazyGroup, specs=COMMANDS)
def gen3() -> None:
    """Work with a Gen3 data commons and with SPARC datasets.

    Commands that talk to a commons need its API key: get one from your profile page there and save it as
    ~/.gen3/credentials.json.
    """
