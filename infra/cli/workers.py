"""`dhanman-jobs workers`."""

from __future__ import annotations

from infra.cli.options import Json, Service
from infra.cli.output import ago, answer, moment, say, table


def workers(service: Service = None, json: Json = False) -> None:
    """Show the worker processes: what they serve, what they run, and whether they live.

    \b
    Examples:
      dhanman-jobs workers
      dhanman-jobs workers --json | jq '.workers[] | select(.alive | not)'
    """  # noqa: D301
    from infra.cli.stores import stores
    from infra.queue import overview
    from infra.settings import settings

    found = overview.workers(stores(service), settings().jobs_server_timeout)
    if answer({"workers": found}):
        return
    if not found:
        say("no worker; start one with `dramatiq actors`")
        return
    table(
        ("worker", "heartbeat", "running", "threads", "memory", "since", "queues", "services"),
        [
            (
                w.name,
                ago(w.heartbeat_age) + ("" if w.alive else " silent"),
                w.running,
                w.threads,
                "" if w.memory_bytes is None else f"{w.memory_bytes / 2**20:.0f} MiB",
                moment(w.since)[:19],
                ", ".join(w.queues),
                ", ".join(w.services),
            )
            for w in found
        ],
        right=("running", "threads", "memory"),
    )
