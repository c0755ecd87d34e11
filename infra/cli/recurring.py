"""`dhanman-jobs recurring`: what runs by the calendar, when next, and what became of the last run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import typer

from infra.cli import recurring_orders as orders
from infra.cli.options import Json, Service
from infra.cli.output import FAILED, Stop, answer, say, table
from infra.cli.recurring_import import import_schedules
from infra.cli.recurring_shown import Name, local, machine, next_run, one, outcome, paused, remarks, tell

app = typer.Typer(
    no_args_is_help=True,
    help="Jobs that run by the calendar: list, show, next, history; trigger, pause, resume; reschedule, add, remove.",
)


@app.command(name="list")
def list_(service: Service = None, json: Json = False) -> None:
    """Every recurring job: schedule in words, next run, last run and its outcome, who paused it and why.

    \b
    Examples:
      dhanman-jobs recurring list
      dhanman-jobs recurring list --service sales --json
    """  # noqa: D301
    from infra.cli.stores import stores
    from infra.scheduling.find import list_recurring
    from infra.settings import settings

    redact = settings().jobs_redact
    found = [job for store in stores(service) for job in list_recurring(store, redact=redact)]
    if answer({"recurring": [machine(job) for job in found]}):
        return
    if not found:
        say("no recurring job is known; `dhanman-jobs migrate` or a worker's start makes the code's known")
        return
    table(
        ("name", "service", "schedule", "zone", "next run", "last run", "outcome", "remarks"),
        [
            (
                j.name,
                j.service,
                j.words,
                j.zone,
                next_run(j),
                local(j.last_at, j.zone),
                outcome(j.last_outcome, j.last_state),
                remarks(j),
            )
            for j in found
        ],
        below=("remarks", "schedule", "zone", "last run"),
        fold=True,
    )


@app.command()
def show(name: Name, service: Service = None, json: Json = False) -> None:
    """Everything about one recurring job: schedule, policies, arguments, the next runs and the last ticks.

    \b
    Examples:
      dhanman-jobs recurring show generate-monthly-invoices
      dhanman-jobs recurring show generate-monthly-invoices --json | jq .next
    """  # noqa: D301
    from infra.scheduling.find import history as past

    store, job = one(name, service)
    runs = list(job.next_runs(5))
    ticks = past(store, name, 5)
    if not answer({"recurring": machine(job), "next": [at.isoformat() for at in runs], "ticks": ticks}):
        tell(job, runs, ticks)


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
    from infra.scheduling.find import list_recurring

    if name is None:
        jobs = [job for store in stores(service) for job in list_recurring(store)]
    else:
        jobs = [one(name, service)[1]]
        if reason := jobs[0].orphan_reason or (jobs[0].paused_at and paused(jobs[0])):
            raise Stop(f"{name} does not run: {reason}", FAILED)
    to_come = list(islice(heapq.merge(*(_runs(job, count) for job in jobs)), count))
    if answer(
        {"next": [{"name": j.name, "service": j.service, "at": at.isoformat()} for at, _, j in to_come]}
    ):
        return
    table(("at", "name", "service"), [(local(at, j.zone), j.name, j.service) for at, _, j in to_come])


@app.command()
def history(
    name: Name,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many ticks.")] = 20,
    service: Service = None,
    json: Json = False,
) -> None:
    """What became of a job's ticks, the latest first; also of a job that was removed.

    \b
    Examples:
      dhanman-jobs recurring history generate-monthly-invoices --limit 12
    """  # noqa: D301
    from infra.cli.stores import stores
    from infra.scheduling import find
    from infra.scheduling.cron import DEFAULT_ZONE

    among = stores(service)
    if any(find.list_recurring(store, name) for store in among):
        store, job = one(name, service)
        zone, ticks = job.zone, find.history(store, name, limit)
    else:  # it was removed, or never there
        zone = DEFAULT_ZONE
        ticks = next((past for store in among if (past := find.history(store, name, limit))), [])
        if not ticks:
            one(name, service)
    if answer({"name": name, "ticks": [vars(tick) for tick in ticks]}):
        return
    table(
        ("due", "done at", "outcome", "job", "reason"),
        [
            (
                local(tick.due_at, zone),
                local(tick.at, zone),
                outcome(tick.outcome, tick.state),
                tick.message_id,
                tick.reason,
            )
            for tick in ticks
        ],
    )


def _runs(job: Any, count: int) -> Iterator[tuple[datetime, str, Any]]:
    """The next runs of one job, with what orders those of one moment."""
    return ((at, job.name, job) for at in job.next_runs(count))


app.command()(orders.trigger)
app.command()(orders.pause)
app.command()(orders.resume)
app.command()(orders.reschedule)
app.command()(orders.add)
app.command()(orders.remove)
app.command("import")(import_schedules)
