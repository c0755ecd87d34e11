"""`dhanman-jobs jobs`: list, show, retry, cancel, delete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from infra.cli.options import (
    ActorName,
    All,
    Argument,
    Ids,
    Json,
    Limit,
    Newer,
    Older,
    Queue,
    Reason,
    Service,
    State,
    Yes,
)
from infra.cli.output import FAILED, ago, answer, complain, moment, plain, say, short, table

app = typer.Typer(help="Jobs: list, show, retry, cancel, delete.", no_args_is_help=True)


@app.command("list")
def show_many(
    state: State = None,
    actor: ActorName = None,
    queue: Queue = None,
    service: Service = None,
    older: Older = None,
    newer: Newer = None,
    arg: Argument = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """List jobs, the latest change first.

    States: Scheduled, Enqueued, Processing, Succeeded, Retrying, Failed, Deleted, Cancelled, Awaiting. An Awaiting job
    has as its reason what holds it up: at the root, where that waits itself.

    \b
    Examples:
      dhanman-jobs jobs list --state Failed --newer 24h
      dhanman-jobs jobs list --actor sales.create_invoice --arg unit_id=A-101
      dhanman-jobs jobs list --service payroll --state enqueued --older 10m --json
    """  # noqa: D301
    from infra.cli.stores import filter_of, stores
    from infra.queue.find import find
    from infra.settings import settings

    wanted = filter_of(state, actor, queue, older, newer, arg)
    redact = settings().jobs_redact
    found = [j for store in stores(service) for j in find(store, wanted, limit=limit + 1, redact=redact)]
    found.sort(key=lambda j: j.finished_at or j.started_at or j.enqueued_at, reverse=True)
    more = len(found) > limit
    del found[limit:]
    if answer({"jobs": found, "count": len(found), "more": more}):
        return
    if not found:
        say("no such job")
        return
    table(
        ("id", "state", "actor", "queue", "age", "attempts", "arguments", "reason"),
        [
            (
                j.id[:13],
                j.state,
                j.actor,
                j.queue,
                ago(j.age),
                j.attempts or "",
                short(j.arguments),
                plain(short(j.error or j.reason or "", 120)),
            )
            for j in found
        ],
        right=("age", "attempts"),
        below=("reason", "arguments", "queue"),
    )
    if more:
        say(f"and more: --limit shows more than {limit}")


@app.command()
def show(
    job: Annotated[str, typer.Argument(metavar="ID", help="A job id, or its first 4 characters or more.")],
    service: Service = None,
    json: Json = False,
) -> None:
    """Show one job: arguments, timeline, attempts with their errors, log lines, progress, result.

    \b
    Examples:
      dhanman-jobs jobs show 3f2a9c04
      dhanman-jobs jobs show 3f2a9c04 --json | jq .timeline
    """  # noqa: D301
    from infra.cli.output import Stop
    from infra.cli.stores import one_job, stores
    from infra.queue import find
    from infra.settings import settings

    store, message_id = one_job(stores(service), job)
    detail = find.show(store, message_id, redact=settings().jobs_redact)
    if detail is None:
        raise Stop(f"job {message_id} is gone", FAILED)
    machine = {
        "job": detail.job,
        "result": detail.result,
        "timeline": detail.timeline,
        "log": detail.log,
        "workflow": detail.workflow,
        "before": detail.before,
        "after": detail.after,
    }
    if not answer(machine):
        _tell(detail)


@app.command()
def retry(
    ids: Ids = None,
    every: All = False,
    again: Annotated[
        bool, typer.Option("--again", help="Send the work of Succeeded jobs as new jobs.")
    ] = False,
    state: State = None,
    actor: ActorName = None,
    queue: Queue = None,
    service: Service = None,
    older: Older = None,
    newer: Newer = None,
    arg: Argument = None,
    reason: Reason = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Queue Failed, Deleted and Cancelled jobs again, with all their attempts; run Retrying and Scheduled ones now.

    With --all and no --state: the Failed and the Deleted.

    \b
    Examples:
      dhanman-jobs jobs retry 3f2a9c04
      dhanman-jobs jobs retry --all --actor sales.create_invoice --newer 24h --yes
      dhanman-jobs jobs retry --all --state Retrying
    """  # noqa: D301
    from infra.cli.bulk import Order, carry_out
    from infra.cli.stores import by_whom, filter_of
    from infra.queue import operate

    wanted = filter_of(state, actor, queue, older, newer, arg, default_states=("failed", "rejected"))
    order = Order(
        "retry", lambda store, some: operate.retry(store, some, by=by_whom(), reason=reason, again=again)
    )
    _finish(carry_out, order, ids, every, wanted, service, yes)


@app.command()
def cancel(
    ids: Ids = None,
    every: All = False,
    state: State = None,
    actor: ActorName = None,
    queue: Queue = None,
    service: Service = None,
    older: Older = None,
    newer: Newer = None,
    arg: Argument = None,
    reason: Reason = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Cancel jobs: those that wait never start, those that run are asked to stop. They are not retried.

    With --all and no --state: all that are not finished.

    \b
    Examples:
      dhanman-jobs jobs cancel 3f2a9c04 --reason "wrong month"
      dhanman-jobs jobs cancel --all --actor sales.generate_invoice_for_resident --arg period=2026-04
    """  # noqa: D301
    from infra.cli.bulk import Order, carry_out
    from infra.cli.stores import by_whom, filter_of
    from infra.queue import operate
    from infra.queue.states import UNFINISHED

    wanted = filter_of(state, actor, queue, older, newer, arg, default_states=UNFINISHED)
    order = Order("cancel", lambda store, some: operate.cancel(store, some, by=by_whom(), reason=reason))
    _finish(carry_out, order, ids, every, wanted, service, yes)


@app.command()
def delete(
    ids: Ids = None,
    every: All = False,
    state: State = None,
    actor: ActorName = None,
    queue: Queue = None,
    service: Service = None,
    older: Older = None,
    newer: Newer = None,
    arg: Argument = None,
    reason: Reason = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Delete jobs that wait or Failed. They stay visible as Deleted, and can be retried, until they expire.

    With --all and no --state: the Scheduled, Enqueued, Retrying, Awaiting and Failed.

    \b
    Examples:
      dhanman-jobs jobs delete 3f2a9c04 77b1
      dhanman-jobs jobs delete --all --state Failed --older 7d --yes
    """  # noqa: D301
    from infra.cli.bulk import Order, carry_out
    from infra.cli.stores import by_whom, filter_of
    from infra.queue import operate

    deletable = ("scheduled", "queued", "retrying", "awaiting", "failed")
    wanted = filter_of(state, actor, queue, older, newer, arg, default_states=deletable)
    order = Order("delete", lambda store, some: operate.delete(store, some, by=by_whom(), reason=reason))
    _finish(carry_out, order, ids, every, wanted, service, yes)


def _finish(carry_out: Callable[..., Any], *what: Any) -> None:
    """Tells what became of each job; exit code 1 when one was refused."""
    changes = carry_out(*what)
    refused = [c for c in changes if not c.done]
    if not answer({"changes": changes, "changed": len(changes) - len(refused), "refused": len(refused)}):
        done = [c for c in changes if c.done]
        for change in done[:20]:
            say(f"{change.id} {change.what}")
        if len(done) > 20:
            say(f"… {len(done):,} jobs in all")
        for change in refused[:20]:
            complain(f"{change.id} left as it is: {change.what}")
        if len(refused) > 20:
            complain(f"… {len(refused):,} jobs left as they are")
        if not changes:
            say("no such job")
    if refused:
        raise typer.Exit(FAILED)


def _tell_neighbours(title: str, others: Sequence[Any]) -> None:
    from infra.queue.waiting import MOST

    if not others:
        return
    say("", title)
    for other in others:
        say(
            f"  {plain(str(other.node))}"
            + (", whatever the outcome" if other.condition == "finished" else "")
        )
    if len(others) == MOST:
        say("  … and perhaps more: `workflows show` draws them")


def _tell(detail: Any) -> None:
    job = detail.job
    facts = [
        ("id", job.id),
        ("state", job.state),
        ("actor", f"{job.actor} ({job.service})"),
        ("queue", f"{job.queue}, priority {job.priority}"),
        ("attempts", job.attempts),
        ("enqueued", f"{moment(job.enqueued_at)} ({ago(job.age)} ago)"),
        ("due", moment(job.eta)),
        ("started", moment(job.started_at)),
        ("finished", moment(job.finished_at)),
        ("worker", job.worker),
        ("unique key", job.unique_key),
        ("workflow", detail.workflow and plain(str(detail.workflow))),
        ("progress", "" if job.progress is None else f"{job.progress[0]:,} of {job.progress[1]:,}"),
        ("reason", job.reason),
        ("error", job.error),
        ("result", "" if detail.result is None else short(detail.result, 2_000)),
    ]
    for name, value in facts:
        if value not in (None, ""):
            say(f"{name:<11}{value}")
    if job.arguments:
        say("", "arguments")
        for name, value in job.arguments.items():
            say(f"  {name} = {value!r}")
    _tell_neighbours("waits for" if job.state == "Awaiting" else "waited for", detail.before)
    _tell_neighbours("followed by", detail.after)
    say("", "timeline")
    for step in detail.timeline:
        words = [step.state]
        if step.attempt and step.state != "Enqueued":
            words.append(f"attempt {step.attempt}")
        if step.duration_ms is not None:
            words.append(f"after {ago(step.duration_ms / 1000)}")
        words += [text for text in (step.worker and f"on {step.worker}", step.reason, step.error) if text]
        say(f"  {moment(step.at)}  {', '.join(words)}")
    for step in detail.timeline:
        if step.traceback:
            say(
                "",
                f"attempt {step.attempt} failed",
                *(f"  {line}" for line in step.traceback.rstrip().splitlines()),
            )
    if detail.log:
        say("", "log", *(f"  {moment(line.at)}  {line.line}" for line in detail.log))
