"""`dhanman-jobs batches`: list, show, watch, cancel, retry."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from infra.cli.composed import Id, Many, Named, Nested, OpenOnly, members, one, opened, tell_facts, tell_many
from infra.cli.options import Json, Newer, Reason, Service
from infra.cli.output import FAILED, Stop, answer, plain, say, short

app = typer.Typer(help="Batches: list, show, watch, cancel, retry.", no_args_is_help=True)

KINDS = ("batch", "group")
INTERRUPTED = 130
MANY = 20
"""To cancel more members than that is asked about."""

YesForMany = Annotated[
    bool,
    typer.Option(
        "--yes", "-y", help=f"Do not ask, as is done before more than {MANY} members are cancelled."
    ),
]


@app.command("list")
def show_many(
    open_only: OpenOnly = False,
    name: Named = None,
    nested: Nested = False,
    service: Service = None,
    newer: Newer = None,
    limit: Many = 50,
    json: Json = False,
) -> None:
    """List batches and groups, the latest first. `workflows list` has pipelines and workflows too.

    States: Awaiting (waits for what comes before it), Open, Cancelling, and once nothing of it can go on by itself:
    Complete (all succeeded), Failed (some did not), Cancelled.

    \b
    Examples:
      dhanman-jobs batches list --open
      dhanman-jobs batches list --name 2026-04 --service sales
      dhanman-jobs batches list --json | jq '.workflows[] | select(.progress.failed > 0) | .id'
    """  # noqa: D301
    tell_many(KINDS, open_only, name, nested, service, newer, limit)


@app.command()
def show(
    batch: Id,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=10_000, help="At most so many failed members.")
    ] = 20,
    service: Service = None,
    json: Json = False,
) -> None:
    """Show one batch: figures, callbacks, and the members that failed, with arguments and error.

    \b
    Examples:
      dhanman-jobs batches show 3f2a9c04
      dhanman-jobs batches show 3f2a9c04 --json | jq '.failed[].arguments'
    """  # noqa: D301
    from infra.composition.find import callbacks, failed_members
    from infra.queue.waiting import blockers
    from infra.settings import settings
    from infra.store.connections import store_of

    store, facts = one(batch, service)
    redact = settings().jobs_redact
    following = callbacks(facts, store_of, redact=redact)
    failed = failed_members(facts, store_of, limit=limit, redact=redact)
    held_up = blockers(store, [facts.id])[facts.id] if facts.state == "Awaiting" else []
    if answer({"workflow": facts, "callbacks": following, "failed": failed, "waits_for": held_up}):
        return
    tell_facts(facts, held_up)
    if following:
        say("", "callbacks")
        for callback in following:
            when = "on success" if callback.condition == "success" else "on complete"
            job = callback.job
            say(f"  {when:<12}{job.actor} {job.id[:8]} {job.state}" + _because(job))
    if failed:
        say("", "failed members")
        for job in failed:
            say(
                f"  {job.id[:13]}  {job.actor}  {plain(short(job.arguments))}",
                f"    {job.state}" + _because(job),
            )
        left = facts.progress.failed - len(failed)
        if left > 0:
            say(f"  … and {left:,} more: --limit {min(10_000, limit + left)} shows more")


@app.command()
def watch(batch: Id, service: Service = None, json: Json = False) -> None:
    """Follow a batch until it is complete. Exit code 0 when all its members succeeded, else 1; 130 after Ctrl-C.

    With --json, waits and then answers once.

    \b
    Examples:
      dhanman-jobs batches watch 3f2a9c04
      dhanman-jobs batches watch 3f2a9c04 --json && next-step
    """  # noqa: D301
    from infra.cli.watching import follow

    _, facts = one(batch, service)
    try:
        succeeded = follow(facts)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    if not succeeded:
        raise typer.Exit(FAILED)


@app.command()
def cancel(
    batch: Id, reason: Reason = None, yes: YesForMany = False, service: Service = None, json: Json = False
) -> None:
    """Cancel a batch: members that wait never start, those that run are asked to stop. Nested batches too.

    \b
    Examples:
      dhanman-jobs batches cancel 3f2a9c04 --reason "wrong month"
    """  # noqa: D301
    from infra.cli.bulk import ask
    from infra.cli.stores import by_whom

    _, facts = one(batch, service)
    left = facts.progress.waiting + facts.progress.running
    if left > MANY and not yes:
        ask("cancel", f"{left:,} members of {facts.kind} {facts.name!r}")
    changed = opened(facts).cancel(by=by_whom(), reason=reason)
    if not changed and facts.progress.complete:
        raise Stop(
            f"{facts.kind} {facts.name!r} is {facts.state} already: nothing of it waits or runs", FAILED
        )
    if not answer({"id": facts.id, "changed": changed}):
        say(
            f"{facts.kind} {plain(facts.name)!r}: {members(changed)} cancelled, or asked to stop where they run"
        )


@app.command()
def retry(
    batch: Id,
    cancelled: Annotated[bool, typer.Option("--cancelled", help="The Cancelled members, too.")] = False,
    reason: Reason = None,
    service: Service = None,
    json: Json = False,
) -> None:
    """Queue the Failed and Deleted members of a batch again, with all their attempts. Nested batches too.

    A batch that is complete is open again until they are finished. A callback that has run does not run again; one
    that waits for success runs once all have succeeded.

    \b
    Examples:
      dhanman-jobs batches retry 3f2a9c04 --reason "the tariff is there now"
      dhanman-jobs batches retry 3f2a9c04 --cancelled
    """  # noqa: D301
    from infra.cli.stores import by_whom

    _, facts = one(batch, service)
    changed = opened(facts).retry_failed(by=by_whom(), reason=reason, cancelled=cancelled)
    if answer({"id": facts.id, "changed": changed}):
        return
    if changed:
        say(f"{facts.kind} {plain(facts.name)!r}: {members(changed)} queued again")
    else:
        say(
            f"{facts.kind} {plain(facts.name)!r}: no member has failed"
            + ("" if cancelled else " (--cancelled?)")
        )


def _because(job: Any) -> str:
    why = job.error or job.reason
    return f": {plain(short(why, 300))}" if why else ""
