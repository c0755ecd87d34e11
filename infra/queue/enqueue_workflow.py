"""Opening: a workflow enters the stores whole, or not at all.

Its row, its members, what waits for it, and the edges between them are written in one transaction; where it spans
databases, in one a database, its home's last. Its id makes a second writing a no-op, in each of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import psycopg2

from infra.queue.enqueue import MISSING, not_migrated
from infra.queue.errors import StoreUnavailable
from infra.queue.opening import Opening, check, services_of
from infra.queue.transaction import cursor_for, is_open
from infra.queue.write_workflow import write
from infra.settings import settings
from infra.store.connections import DISCONNECTED, Store, shown, statement_at_fault


def open_all(broker: Any, openings: Sequence[Opening]) -> None:
    """Writes workflows in the caller's transaction when one is open, else in one of its own, tried again while the
    database is away. Staged, where this thread is in the after-hooks of a run.

    Raises JobRefused, KeyTaken, StoreUnavailable, StoreNotMigrated.
    """
    run = broker.staging()
    if run is not None:
        check(broker, openings)
        run.stage_openings(openings)
        return
    if is_open():
        _write_in_callers(broker, openings)
    else:
        _write_with_patience(broker, openings)
    if broker.hears("after_enqueue"):
        for opening in openings:
            for step in (*opening.members, *opening.callbacks):
                broker.emit_after("enqueue", step.message, step.delay)


@contextmanager
def committed_together(cursors: dict[str, Any]) -> Iterator[Callable[[Store], Any]]:
    """Cursors for stores, by URL, each in a transaction that begins when it is first asked for. At the end they are
    committed, the first one last. Those that are there already stay their owner's.
    """
    with ExitStack() as transactions:

        def cursor_for(store: Store) -> Any:
            if store.url not in cursors:
                cursors[store.url] = transactions.enter_context(store.transaction())
            return cursors[store.url]

        yield cursor_for


def _write_in_callers(broker: Any, openings: Sequence[Opening]) -> None:
    """In the caller's transaction, of which nothing is left when it is refused."""
    cursor = cursor_for(broker.store(openings[0].home))
    assert cursor is not None
    cursor.execute("savepoint opening")
    try:
        write(broker, openings, cursor_for)
    except BaseException:
        with suppress(psycopg2.Error):  # then the connection is gone, and all with it
            cursor.execute("rollback to savepoint opening; release savepoint opening")
        raise
    cursor.execute("release savepoint opening")


def _write_with_patience(broker: Any, openings: Sequence[Opening]) -> None:
    patience = settings().jobs_send_timeout.total_seconds()
    deadline = time.monotonic() + patience
    pause = 0.05
    services = {service for opening in openings for service in services_of(broker, opening)}
    stores = [broker.store(service) for service in (openings[0].home, *sorted(services))]
    while True:
        try:
            with committed_together({}) as cursor_for:
                cursor_for(stores[0])  # that of its home is committed last
                write(broker, openings, cursor_for)
            return
        except MISSING:
            raise not_migrated(stores[0]) from None
        except DISCONNECTED as error:
            if statement_at_fault(error):
                raise
            for store in stores:
                store.pool.clear()
            if time.monotonic() + pause > deadline:
                raise StoreUnavailable(
                    f"the job store {stores[0].schema} on {shown(stores[0].url)} did not answer within "
                    f"{patience:g} s, nothing was enqueued: {str(error).strip()}"
                ) from None
            time.sleep(pause)
            pause = min(pause * 2, 1.0)
