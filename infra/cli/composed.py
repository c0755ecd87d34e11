"""What `batches` and `workflows` have in common: their options, finding one, and how they are told of."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from infra.cli.output import FAILED, Stop, ago, answer, moment, plain, say, short, speed, table

Id = Annotated[
    str,
    typer.Argument(metavar="ID", help="The id of a batch or workflow, or its first 4 characters or more."),
]
OpenOnly = Annotated[bool, typer.Option("--open", help="Only those that are not complete.")]
Named = Annotated[
    str | None, typer.Option("--name", metavar="TEXT", help="Only those whose name contains this.")
]
Nested = Annotated[bool, typer.Option("--nested", help="Also those that are members of others.")]
Many = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")]


def one(typed: str, service: str | None) -> tuple[Any, Any]:
    """The batch or workflow whose id begins so: its store, and what is known of it."""
    from infra.cli.stores import one_workflow, stores
    from infra.composition.find import workflows
    from infra.store.connections import store_of

    store, id_ = one_workflow(stores(service), typed)
    found = workflows(store, store_of, [id_])
    if not found:
        raise Stop(f"{id_} is gone", FAILED)
    return store, found[0]


def opened(facts: Any) -> Any:
    """To act on it."""
    from infra.cli.stores import EveryStore
    from infra.composition.opened import Opened

    return Opened(EveryStore(), facts.service, facts.id, facts.kind, facts.name)


def tell_many(
    kinds: tuple[str, ...],
    open_only: bool,
    name: str | None,
    nested: bool,
    service: str | None,
    newer: str | None,
    limit: int,
) -> None:
    """The list, of whatever kinds."""
    from infra.cli.stores import duration, stores
    from infra.composition.find import list_workflows
    from infra.store.connections import store_of

    found = [
        facts
        for store in stores(service)
        for facts in list_workflows(
            store,
            store_of,
            kinds=kinds,
            open_only=open_only,
            nested=nested,
            name=name,
            newer=duration(newer, "--newer"),
            limit=limit + 1,
        )
    ]
    found.sort(key=lambda facts: (facts.created_at, facts.id), reverse=True)
    more = len(found) > limit
    del found[limit:]
    if answer({"workflows": found, "count": len(found), "more": more}):
        return
    if not found:
        say(f"no {'open ' if open_only else ''}{' or '.join(kinds)}")
        return
    table(
        ("id", "name", "kind", "service", "state", "done", "failed", "age", "rate", "end"),
        [
            (
                f.id[:13],
                short(plain(f.name), 60),
                f.kind,
                f.service,
                f.state,
                f"{f.progress.finished:,} of {f.progress.total:,}",
                f"{f.progress.failed:,}" if f.progress.failed else "",
                ago(f.age),
                speed(f.progress.rate),
                ends_in(f.progress),
            )
            for f in found
        ],
        right=("done", "failed", "age", "rate", "end"),
        below=("name", "service"),
        least=20,
    )
    if more:
        say(f"and more: --limit shows more than {limit}")


def tell_facts(facts: Any, held_up_by: list[Any]) -> None:
    from infra.queue.waiting import reason_of

    progress = facts.progress
    lines = [
        ("name", plain(facts.name)),
        ("id", facts.id),
        ("kind", f"{facts.kind} ({', '.join(facts.services)})"),
        ("state", facts.state),
        ("reason", plain(facts.reason or reason_of(held_up_by) or "")),
        ("members", figures(progress).partition(" ")[2].partition(": ")[2] or "none"),
        ("rate", speed(progress.rate)),
        ("ends", ends_in(progress)),
        ("made", f"{moment(facts.created_at)} ({ago(facts.age)} ago)"),
        ("opened", moment(facts.opened_at) if facts.opened_at != facts.created_at else ""),
        ("completed", moment(facts.completed_at)),
        ("inside", facts.parent),
        ("key", plain(facts.key or "")),
    ]
    for name, value in lines:
        if value:
            say(f"{name:<11}{value}")


def figures(progress: Any) -> str:
    """`240 members: 200 succeeded, 2 failed, 8 running, 30 waiting`."""
    parts = (
        (progress.succeeded, "succeeded"),
        (progress.failed, "failed"),
        (progress.cancelled, "cancelled"),
        (progress.running, "running"),
        (progress.waiting, "waiting"),
    )
    said = ", ".join(f"{number:,} {word}" for number, word in parts if number)
    return members(progress.total) + (f": {said}" if said else "")


def ends_in(progress: Any) -> str:
    """`in 4 min`."""
    if progress.estimated_end is None or not progress.rate:
        return ""
    return f"in {ago(max(1, (progress.total - progress.finished) / progress.rate))}"


def members(number: int) -> str:
    return f"{number:,} member{'' if number == 1 else 's'}"
