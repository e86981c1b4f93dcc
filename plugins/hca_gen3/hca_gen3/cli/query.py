"""`hca gen3 programs`, `projects`, `nodes` and `query`: what there is in a commons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from hca_core.cli.context import Context, pass_context
from hca_core.cli.options import content, make_option
from hca_core.openapi.model import Parameter
from hca_gen3.cli.options import endpoint_options, open_auth
from hca_gen3.cli.project import chosen_project, project_options

__all__ = ["nodes", "programs", "projects", "query"]

VARIABLES = Parameter("variables", "body", "object", description="Values of the query's variables.")


@click.command("programs")
@endpoint_options
@pass_context
def programs(context: Context, endpoint: str | None, key_file: str | None) -> None:
    """List the programs that you may see."""
    from hca_gen3.querier import Querier

    context.emit(Querier(open_auth(context, endpoint, key_file)).get_programs())


@click.command("projects")
@click.argument("program", required=False)
@endpoint_options
@pass_context
def projects(context: Context, program: str | None, endpoint: str | None, key_file: str | None) -> None:
    """List the projects of PROGRAM, or of all programs that you may see."""
    from hca_gen3.querier import Querier

    querier = Querier(open_auth(context, endpoint, key_file))
    chosen = [program] if program else querier.get_programs()
    context.emit([{"program": name, "project": project} for name in chosen for project in querier.get_projects(name)])


@click.command("nodes")
@click.argument("node", required=False)
@project_options
@click.option("--all-projects", is_flag=True, help="Of all projects that you may see.")
@click.option(
    "--fields",
    metavar="NAME,...",
    help="Which properties, such as submitter_id,experiments.submitter_id.  [default: all but links]",
)
@endpoint_options
@pass_context
def nodes(
    context: Context,
    /,
    node: str | None,
    program: str | None,
    project: str | None,
    all_projects: bool,
    fields: str | None,
    endpoint: str | None,
    key_file: str | None,
) -> None:
    """List the node types of a commons, or all records of the type NODE in a project.

    However many there are, they are printed as they come.
    """
    from hca_gen3.querier import Querier

    querier = Querier(open_auth(context, endpoint, key_file))
    if node is None:
        context.emit(querier.node_types())
        return
    chosen = [name.strip() for name in (fields or "").split(",") if name.strip()]
    if all_projects:
        context.emit(querier.records(node, fields=chosen))
    else:
        context.emit(querier.records(node, *chosen_project(context, program, project), chosen))


@click.command("query")
@click.argument("query")
@click.option("--all", "everything", is_flag=True, help="All records wherever the query does not say how many (first).")
@endpoint_options
@pass_context
def query(
    context: Context,
    /,
    query: str,
    everything: bool,
    variables: Mapping[str, Any] | None,
    endpoint: str | None,
    key_file: str | None,
) -> None:
    """Send QUERY, which is GraphQL, @FILE with it, or - for standard input, and print the answer's data.

    A commons sends ten records of a list at most unless the query says `first`; 0 are all. Where that may have left
    something out, you are warned.
    """
    from hca_gen3.limits import cut, open_fields, unlimited
    from hca_gen3.querier import Querier

    try:
        text = content(query)
    except ValueError as error:
        raise click.BadParameter(f"{error}.", param_hint="QUERY") from None
    querier = Querier(open_auth(context, endpoint, key_file))
    found = querier.graphql_query(unlimited(text) if everything else text, variables)
    context.emit(found)
    if not everything:
        _warn(context, list(cut(found, {field.key for field in open_fields(text)})))


def _warn(context: Context, lists: list[str]) -> None:
    """Tell of lists in an answer that may be longer in the commons."""
    if not lists:
        return
    others = len(lists) - 1
    more = f" and {others} other {'list' if others == 1 else 'lists'}" if others else ""
    context.say(
        f"Warning: {lists[0]}{more} may be cut: it has 10 records, the most that a commons sends unless the query says "
        "`first`. With --all you get all of them."
    )


query.params.append(make_option(VARIABLES, required=False))
