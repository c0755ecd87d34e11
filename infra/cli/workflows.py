"""`dhanman-jobs workflows`: list, show."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.composed import Id, Many, Named, Nested, OpenOnly, one, tell_many
from infra.cli.options import Json, Newer, Service
from infra.cli.output import FAILED, Stop, answer, console, say

app = typer.Typer(
    help="Workflows, pipelines, batches and groups: list, show as a tree.", no_args_is_help=True
)

Kind = Annotated[
    list[str] | None,
    typer.Option("--kind", metavar="KIND", help="Only batch, group, pipeline or workflow; may be repeated."),
]


@app.command("list")
def show_many(
    kind: Kind = None,
    open_only: OpenOnly = False,
    name: Named = None,
    nested: Nested = False,
    service: Service = None,
    newer: Newer = None,
    limit: Many = 50,
    json: Json = False,
) -> None:
    """List workflows, pipelines, batches and groups, the latest first.

    \b
    Examples:
      dhanman-jobs workflows list --open --newer 24h
      dhanman-jobs workflows list --kind pipeline --name sales.update_ledger
    """  # noqa: D301
    from infra.cli.output import USAGE
    from infra.composition.find import KINDS
    from infra.queue.admission import did_you_mean

    for word in kind or ():
        if word not in KINDS:
            raise Stop(f"unknown kind {word!r}{did_you_mean(word, KINDS)}; one of {', '.join(KINDS)}", USAGE)
    tell_many(tuple(kind or KINDS), open_only, name, nested, service, newer, limit)


@app.command()
def show(
    workflow: Id,
    dot: Annotated[bool, typer.Option("--dot", help="Print the graph for Graphviz.")] = False,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", min=1, max=10_000, help="At most so many jobs and nested workflows are drawn."
        ),
    ] = 200,
    service: Service = None,
    json: Json = False,
) -> None:
    """Draw a workflow as a tree: below each step those that wait for it, with the state of each.

    A step that waits for several is drawn below the first of them. Members that wait for nothing and have nothing
    waiting for them are summed up where they are many; nested batches have their counts.

    \b
    Examples:
      dhanman-jobs workflows show 3f2a9c04
      dhanman-jobs workflows show 3f2a9c04 --dot | dot -Tsvg > graph.svg
      dhanman-jobs workflows show 3f2a9c04 --json | jq '.jobs[] | select(.state == "Failed")'
    """  # noqa: D301
    from infra.composition.graph import graph
    from infra.settings import settings
    from infra.store.connections import store_of

    store, facts = one(workflow, service)
    drawn = graph(store, store_of, facts.id, limit=limit, redact=settings().jobs_redact)
    if drawn is None:
        raise Stop(f"workflow {facts.id} is gone", FAILED)
    if dot:
        from infra.cli.dot import dot_of

        say(dot_of(drawn))
        return
    if answer(
        {
            "workflow": drawn.workflow,
            "jobs": list(drawn.jobs.values()),
            "nested": list(drawn.nested.values()),
            "edges": drawn.links,
            "others": drawn.others,
            "failed": drawn.failed,
            "more_nested": drawn.more_nested,
            "waits_for": drawn.held_up_by,
        }
    ):
        return
    from infra.cli.tree import tree_of

    out = console()
    out.print(tree_of(drawn, out.width), no_wrap=True, overflow="ellipsis", crop=True)
