"""How recurring jobs are named, and how they are said: to people in their zone's time, to machines as they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from infra.cli.output import FAILED, USAGE, Stop, plain, say, short

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The recurring job's name, e.g. generate-monthly-invoices.")
]

MISSED = {
    "once": "once: the latest tick that nobody sent is made up for",
    "all": "all: each tick that nobody sent is made up for",
    "skip": "skip: what nobody sent is not made up for",
}
OVERLAP = {
    "allow": "allow: a run starts though the one before it has not ended",
    "skip": "skip: no run starts before the one before it has ended",
    "queue": "queue: a run waits until the one before it has ended",
}


def one(name: str, service: str | None) -> tuple[Any, Any]:
    """The store and the recurring job of that name: the one that runs, where orphans have it too. Raises Stop where
    there is none, or more than one.
    """
    from infra.cli.stores import stores
    from infra.queue.admission import did_you_mean
    from infra.scheduling.find import list_recurring
    from infra.settings import settings

    among = stores(service)
    redact = settings().jobs_redact
    found = [(store, job) for store in among for job in list_recurring(store, name, redact=redact)]
    found = [(store, job) for store, job in found if not job.orphaned_at] or found
    if len(found) == 1:
        return found[0]
    if found:
        services = " and ".join(store.service for store, _ in found)
        raise Stop(f"{name} is in {services}: say which with --service", USAGE)
    names = [job.name for store in among for job in list_recurring(store)]
    raise Stop(f"no recurring job {name!r}{did_you_mean(name, names)}", FAILED)


def machine(job: Any) -> dict[str, Any]:
    """All that is known of it, for JSON."""
    return {
        **vars(job),
        "words": job.words,
        "code_words": job.code_words,
        "overdue": job.overdue,
        "orphan_reason": job.orphan_reason,
    }


def local(at: datetime | None, zone: str) -> str:
    """A moment on the clocks of the job's zone; of a zone that this machine does not have, in UTC."""
    from zoneinfo import ZoneInfo

    if at is None:
        return ""
    try:
        return f"{at.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M}"
    except (KeyError, ValueError):
        return f"{at.astimezone(ZoneInfo('UTC')):%a %Y-%m-%d %H:%M} UTC"


def next_run(job: Any) -> str:
    """When it runs next; of one that should have run, since when."""
    if job.overdue:
        return f"overdue since {local(job.next_at, job.zone)}"
    if job.next_at is not None and job.next_at <= job.asked_at:
        return "now"
    return "" if job.orphan_reason else local(job.next_at, job.zone)


def outcome(tick_outcome: str | None, state: str | None) -> str:
    """What became of a tick: the state of its run, where it has one."""
    from infra.queue.states import NAMES

    return NAMES[state] if state else tick_outcome or ""


def remarks(job: Any) -> str:
    """What is peculiar about it."""
    said = []
    if job.orphan_reason:
        said.append(f"orphaned: {job.orphan_reason}")
    if job.paused_at:
        said.append(paused(job))
    if job.changed_at:
        said.append(f"changed by {job.changed_by}" + _the_code_says(job))
    if job.added_by:
        said.append(f"added by {job.added_by}")
    return plain("; ".join(said))


def paused(job: Any) -> str:
    """By whom and why."""
    return f"paused by {job.paused_by}" + (f": {job.pause_reason}" if job.pause_reason else "")


def tell(job: Any, runs: Sequence[datetime], ticks: Sequence[Any]) -> None:
    """Everything about one job."""
    facts = [
        ("name", job.name),
        ("service", job.service),
        ("actor", job.actor_name),
        ("schedule", job.words),
        ("as written", job.spec),
        ("zone", job.zone),
        (
            "the code",
            job.changed_at and job.code_spec and f"{job.code_words} ({job.code_spec}, {job.code_zone})",
        ),
        ("changed", job.changed_at and f"by {job.changed_by}, {local(job.changed_at, job.zone)}"),
        ("added", job.added_by and f"by {job.added_by}, {local(job.added_at, job.zone)}"),
        ("missed", MISSED[job.missed]),
        ("overlap", OVERLAP[job.overlap]),
        ("paused", job.paused_at and f"{paused(job)}, since {local(job.paused_at, job.zone)}"),
        ("orphaned", job.orphan_reason),
        ("next run", job.next_at and next_run(job)),
    ]
    for name, value in facts:
        if value:
            say(f"{name:<11}{plain(value)}")
    if job.arguments:
        say(
            "",
            "arguments",
            *(f"  {name} = {plain(short(repr(value), 500))}" for name, value in job.arguments.items()),
        )
    if runs:
        say("", "next runs", *(f"  {local(at, job.zone)}" for at in runs))
    if ticks:
        say("", "last ticks")
    for tick in ticks:
        words = [outcome(tick.outcome, tick.state)]
        words += [text for text in (tick.message_id and f"job {tick.message_id}", tick.reason) if text]
        say(f"  {local(tick.due_at, job.zone)}  {plain(', '.join(words))}")


def _the_code_says(job: Any) -> str:
    if job.code_spec is None:
        return ""
    zone = "" if job.code_zone == job.zone else f" ({job.code_zone})"
    return f", the code says {job.code_spec}{zone}"
