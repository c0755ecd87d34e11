"""`dhanman-jobs queues`: list, pause, resume."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from infra.cli.options import Json, Reason, Service
from infra.cli.output import USAGE, Stop, ago, answer, say, table

app = typer.Typer(invoke_without_command=True)
Name = Annotated[str, typer.Argument(metavar="QUEUE", help="Such as default.")]


@app.callback()
def default(context: typer.Context, service: Service = None, json: Json = False) -> None:
    """Queues: depth and latency; pause and resume. Without a further word: list.

    \b
    Examples:
      dhanman-jobs queues
      dhanman-jobs queues pause low-priority --reason "the mail server is down"
      dhanman-jobs queues resume low-priority
    """  # noqa: D301
    if context.invoked_subcommand is None:
        show(service, json)


@app.command("list")
def show(service: Service = None, json: Json = False) -> None:
    """Show each queue: what waits, since when, what runs, and how long jobs waited lately.

    \b
    Examples:
      dhanman-jobs queues list
      dhanman-jobs queues list --service sales --json
    """  # noqa: D301
    from infra.cli.stores import stores
    from infra.queue.overview import MOST, MOST_DELAYED, queue_depths
    from infra.settings import settings

    found = [q for store in stores(service) for q in queue_depths(store, settings().jobs_queues)]
    if answer({"queues": found}):
        return
    idle = [q for q in found if not (q.ready or q.running or q.delayed or q.latency_p50 or q.paused_by)]
    if len(idle) == len(found) and service is None:
        say(f"nothing waits or runs in {len(found)} queues")
        return
    shown = [q for q in found if service is not None or q not in idle]
    table(
        ("service", "queue", "ready", "oldest", "running", "delayed", "p50", "p95", "weight", "paused"),
        [
            (
                q.service,
                q.name,
                _count(q.ready, MOST),
                ago(q.oldest),
                q.running,
                _count(q.delayed, MOST_DELAYED),
                ago(q.latency_p50),
                ago(q.latency_p95),
                "not in JOBS_QUEUES" if q.weight is None else q.weight,
                f"by {q.paused_by}" + (f": {q.paused_because}" if q.paused_because else "")
                if q.paused_by
                else "",
            )
            for q in shown
        ],
        right=("ready", "oldest", "running", "delayed", "p50", "p95"),
    )
    if len(shown) < len(found):
        say(f"nothing waits or runs in {len(idle)} other queues")


@app.command()
def pause(name: Name, reason: Reason = None, service: Service = None, json: Json = False) -> None:
    """Let a queue's jobs wait. Those that run go on.

    \b
    Examples:
      dhanman-jobs queues pause default --reason "migration of the ledger"
      dhanman-jobs queues pause default --service payroll
    """  # noqa: D301
    from infra.cli.stores import by_whom, stores
    from infra.queue.overview import pause_queue

    among = stores(service)
    _known(name, among)
    changed = {store.service: pause_queue(store, name, by=by_whom(), reason=reason) for store in among}
    _report(name, "paused", changed)


@app.command()
def resume(name: Name, service: Service = None, json: Json = False) -> None:
    """Let a paused queue's jobs run again.

    \b
    Examples:
      dhanman-jobs queues resume default
    """  # noqa: D301
    from infra.cli.stores import stores
    from infra.queue.overview import resume_queue

    among = stores(service)
    _known(name, among)
    _report(name, "resumed", {store.service: resume_queue(store, name) for store in among})


def _report(name: str, verb: str, changed: dict[str, bool]) -> None:
    if answer({"queue": name, verb: changed}):
        return
    now = [service for service, did in changed.items() if did]
    before = [service for service, did in changed.items() if not did]
    if now:
        say(f"{verb} {name} of {', '.join(now)}")
    if before:
        say(f"{name} of {', '.join(before)} was {'paused already' if verb == 'paused' else 'not paused'}")


def _known(name: str, among: list[Any]) -> None:
    from infra.queue.admission import did_you_mean
    from infra.queue.overview import queue_names
    from infra.settings import settings

    names = {n for store in among for n in queue_names(store, settings().jobs_queues)}
    if name not in names:
        raise Stop(
            f"unknown queue {name!r}{did_you_mean(name, names)}; there are {', '.join(sorted(names))}", USAGE
        )


def _count(number: int, most: int) -> str:
    return f"{number:,}" + ("+" if number >= most else "")
