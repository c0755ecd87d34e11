"""`dhanman-jobs recurring`: what runs by the calendar, when next, and what became of the last run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from infra.cli.options import Json, Reason, Service
from infra.cli.output import FAILED, Stop, answer, say, table

app = typer.Typer(
    no_args_is_help=True, help="Jobs that run by the calendar: list, next, history, trigger, pause, resume."
)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The recurring job's name, e.g. generate-monthly-invoices.")
]


@app.command(name="list")
def list_(service: Service = None, json: Json = False) -> None:
    """Every recurring job: schedule in words, next run, last run and its outcome, who paused it and why.

    \b
    Examples:
      dhanman-jobs recurring list
      dhanman-jobs recurring list --service sales --json
    """  # noqa: D301
    from infra.cli.stores import stores
    from infra.scheduling.operate import list_recurring

    found = [job for store in stores(service) for job in list_recurring(store)]
    if answer({"recurring": [_machine(job) for job in found]}):
        return
    if not found:
        say("no recurring job is known; `dhanman-jobs migrate` or a worker's start makes the code's known")
        return
    table(
        ("name", "service", "schedule", "next run", "last run", "outcome", "remarks"),
        [
            (
                j.name,
                j.service,
                f"{j.words} ({j.zone})",
                _next(j),
                _local(j.last_at, j.zone),
                _outcome(j),
                _remarks(j),
            )
            for j in found
        ],
        below=("remarks", "schedule", "last run"),
    )


@app.command(name="next")
def next_(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One job only.")] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=1000, help="How many runs.")] = 10,
    service: Service = None,
    json: Json = False,
) -> None:
    """The runs to come, soonest first.

    \b
    Examples:
      dhanman-jobs recurring next --count 20
      dhanman-jobs recurring next process-monthly-salaries
    """  # noqa: D301
    import heapq
    from itertools import islice

    from infra.cli.stores import stores
    from infra.scheduling.operate import list_recurring

    jobs = [
        j
        for store in stores(service)
        for j in list_recurring(store, name)
        if not (j.paused_at or j.orphaned_at)
    ]
    if name is not None and not jobs:
        _one(name, service)
        raise Stop(f"{name} is paused or orphaned: it does not run", FAILED)
    to_come = list(islice(heapq.merge(*(_runs(job, count) for job in jobs)), count))
    if answer(
        {"next": [{"name": j.name, "service": j.service, "at": at.isoformat()} for at, _, j in to_come]}
    ):
        return
    table(("at", "name", "service"), [(_local(at, j.zone), j.name, j.service) for at, _, j in to_come])


@app.command()
def history(
    name: Name,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many ticks.")] = 20,
    service: Service = None,
    json: Json = False,
) -> None:
    """What became of a job's ticks, the latest first.

    \b
    Examples:
      dhanman-jobs recurring history generate-monthly-invoices --limit 12
    """  # noqa: D301
    from infra.scheduling import operate

    store, job = _one(name, service)
    ticks = operate.history(store, name, limit)
    if answer({"name": name, "ticks": [vars(tick) for tick in ticks]}):
        return
    table(
        ("due", "done at", "outcome", "job", "reason"),
        [
            (_local(t.due_at, job.zone), _local(t.at, job.zone), t.outcome, t.message_id, t.reason)
            for t in ticks
        ],
    )


@app.command()
def trigger(name: Name, service: Service = None, json: Json = False) -> None:
    """Run a recurring job now, whatever the calendar says.

    \b
    Examples:
      dhanman-jobs recurring trigger check-overdue-invoices
    """  # noqa: D301
    from infra.cli.actors import loaded_broker
    from infra.cli.stores import by_whom
    from infra.scheduling import operate

    store, job = _one(name, service)
    broker = loaded_broker()
    if job.actor_name not in broker.actors:
        raise Stop(f"{name} runs {job.actor_name}, which this code does not declare", FAILED)
    message_id = operate.trigger(store, broker, name, by=by_whom())
    if not answer({"name": name, "id": message_id}):
        say(f"triggered {name}: job {message_id}")


@app.command()
def pause(name: Name, reason: Reason = None, service: Service = None, json: Json = False) -> None:
    """Let a recurring job not run until it is resumed.

    \b
    Examples:
      dhanman-jobs recurring pause send-payment-reminders --reason "mail server moves"
    """  # noqa: D301
    from infra.cli.stores import by_whom
    from infra.scheduling import operate

    store, _ = _one(name, service)
    done = operate.pause(store, name, by=by_whom(), reason=reason)
    if not answer({"name": name, "paused": done}):
        say(f"paused {name}" if done else f"{name} was paused already")


@app.command()
def resume(name: Name, service: Service = None, json: Json = False) -> None:
    """Let a paused recurring job run again, from its next time on.

    \b
    Examples:
      dhanman-jobs recurring resume send-payment-reminders
    """  # noqa: D301
    from infra.scheduling import operate

    store, _ = _one(name, service)
    done = operate.resume(store, name)
    if not answer({"name": name, "resumed": done}):
        say(f"resumed {name}" if done else f"{name} was not paused")


def _one(name: str, service: str | None) -> tuple[Any, Any]:
    from infra.cli.stores import stores
    from infra.queue.admission import did_you_mean
    from infra.scheduling.operate import list_recurring

    among = stores(service)
    for store in among:
        for job in list_recurring(store, name):
            return store, job
    names = [job.name for store in among for job in list_recurring(store)]
    raise Stop(f"no recurring job {name!r}{did_you_mean(name, names)}", FAILED)


def _runs(job: Any, count: int) -> Iterator[tuple[datetime, str, Any]]:
    """The next runs of one job, with what orders those of one moment."""
    from infra.scheduling.ledger import schedule

    at: datetime | None = datetime.now(UTC)
    for _ in range(count):
        at = None if at is None else schedule(job.spec, job.zone).next_after(at)
        if at is None:
            return
        yield at, job.name, job


def _machine(job: Any) -> dict[str, Any]:
    return {**vars(job), "words": job.words}


def _local(at: datetime | None, zone: str) -> str:
    from zoneinfo import ZoneInfo

    return "" if at is None else f"{at.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M}"


def _next(job: Any) -> str:
    return "" if job.paused_at or job.orphaned_at else _local(job.next_at, job.zone)


def _outcome(job: Any) -> str:
    from infra.queue.states import NAMES

    return NAMES[job.last_state] if job.last_state else job.last_outcome or ""


def _remarks(job: Any) -> str:
    remarks = []
    if job.orphaned_at:
        remarks.append("orphaned: no code declares it")
    if job.paused_at:
        remarks.append(f"paused by {job.paused_by}" + (f": {job.pause_reason}" if job.pause_reason else ""))
    if job.changed_at:
        remarks.append(f"changed by {job.changed_by}, the code says {job.code_spec}")
    if job.added_by:
        remarks.append(f"added by {job.added_by}")
    return "; ".join(remarks)
