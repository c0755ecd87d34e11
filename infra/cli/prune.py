"""`dhanman-jobs prune`."""

from __future__ import annotations

from infra.cli.options import Json, Service
from infra.cli.output import answer, table

NUMBERS = ("partitions made", "partitions dropped", "results forgotten", "dead workers", "counters of limits")


def prune(service: Service = None, json: Json = False) -> None:
    """Do now what workers do every JOBS_EXPIRATION_INTERVAL.

    Partitions of the coming days are made; those older than JOBS_RETENTION_* are dropped, and with them the jobs in
    them; results past their time are forgotten, and so are workers that died long ago and counters of limits.

    \b
    Examples:
      dhanman-jobs prune
      JOBS_RETENTION_DONE=1d dhanman-jobs prune --service sales
    """  # noqa: D301
    from infra.cli.stores import stores
    from infra.maintenance import pruner
    from infra.settings import settings

    done = {store.schema: pruner.prune(store, settings()) for store in stores(service)}
    if answer({"schemas": done}):
        return
    table(
        ("schema", *NUMBERS, ""),
        [
            (
                schema,
                p.made,
                p.dropped,
                p.results,
                p.workers,
                p.limits,
                "another process is at it" if p.busy else "",
            )
            for schema, p in done.items()
        ],
        right=NUMBERS,
    )
