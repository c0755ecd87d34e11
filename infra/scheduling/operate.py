"""What operators may do to recurring jobs, whether from the command line or the dashboard.

Each order is one transaction, and moves `next_at` to the first tick of the schedule after now: nothing is made up for
that was due before. Raises RecurringRefused, also for a name that is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from infra.queue.enqueue import put
from infra.queue.message import seal
from infra.scheduling.add import Added, NewRecurring, add, add_many
from infra.scheduling.cron import Cron, cron
from infra.scheduling.errors import RecurringRefused, WrongRecurring
from infra.scheduling.find import ELSEWHERE
from infra.scheduling.ledger import Tick, message_of, schedule, statements, write_ticks
from infra.store.connections import Store

__all__ = [
    "Added",
    "NewRecurring",
    "RecurringRefused",
    "Rescheduled",
    "WrongRecurring",
    "add",
    "add_many",
    "pause",
    "remove",
    "reschedule",
    "reset",
    "resume",
    "trigger",
]

INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Rescheduled:
    """What became of a schedule.

    Parameters:
      changed: False where it was so before.
      next_at: the next tick; of a paused job, if it is resumed before.
    """

    changed: bool
    before: Cron
    after: Cron
    next_at: datetime | None


@dataclass(frozen=True)
class _Row:
    """A recurring job's row, locked."""

    actor_name: str
    args: list[Any]
    kwargs: dict[str, Any]
    spec: str
    zone: str
    code_spec: str | None
    code_zone: str | None
    changed: bool
    orphaned: bool
    added: bool
    now: datetime

    @property
    def cron(self) -> Cron:
        return schedule(self.spec, self.zone)

    def refuse_orphan(self, name: str) -> None:
        if not self.orphaned:
            return
        if self.code_spec is None:
            why = f"no code runs {self.actor_name} any more"
        else:
            why = ELSEWHERE if self.added else "no code declares it any more"
        raise RecurringRefused(f"{name} is orphaned: {why}")


def pause(store: Store, name: str, *, by: str, reason: str | None) -> bool:
    """Whether it was not paused before."""
    with _locked(store, name) as (cursor, _):
        cursor.execute(statements(store).pause, {"name": name, "by": by, "reason": reason})
        return bool(cursor.fetchall())


def resume(store: Store, name: str) -> bool:
    """Whether it was paused."""
    with _locked(store, name) as (cursor, row):
        parameters = {"name": name, "next_at": row.cron.next_after(row.now)}
        cursor.execute(statements(store).resume, parameters)
        return bool(cursor.fetchall())


def reschedule(store: Store, name: str, *, spec: str, zone: str | None = None, by: str) -> Rescheduled:
    """Another schedule, kept when the code is deployed anew. The code's own schedule is a reset.

    Parameters:
      zone: default the zone it has.

    Raises WrongRecurring, naming the field, for a spec or a zone that cannot be.
    """
    with _locked(store, name) as (cursor, row):
        row.refuse_orphan(name)
        try:
            wanted = cron(spec, zone or row.zone)
        except (ValueError, TypeError) as error:
            raise WrongRecurring(str(error)) from None
        if wanted == row.cron:
            return Rescheduled(False, row.cron, row.cron, wanted.next_after(row.now))
        own = None if row.code_spec is None else schedule(row.code_spec, row.code_zone or row.zone)
        return _write(store, cursor, name, row, wanted, None if wanted == own else by)


def reset(store: Store, name: str) -> Rescheduled:
    """Back to the code's own schedule, which it follows from now on."""
    with _locked(store, name) as (cursor, row):
        if row.code_spec is None or row.code_zone is None:
            raise RecurringRefused(
                f"{name} was added at run time: there is no schedule of the code's to go back to"
            )
        row.refuse_orphan(name)
        if not row.changed:
            return Rescheduled(False, row.cron, row.cron, row.cron.next_after(row.now))
        return _write(store, cursor, name, row, schedule(row.code_spec, row.code_zone), None)


def remove(store: Store, name: str) -> None:
    """Takes away a job that was added at run time, or an orphan. Its ticks stay in the ledger until they expire."""
    with _locked(store, name) as (cursor, row):
        if row.code_spec is not None and not row.orphaned:
            raise RecurringRefused(f"{name} cannot be removed: the code declares it. Pause it instead")
        cursor.execute(statements(store).remove, {"name": name})


def trigger(store: Store, broker: Any, name: str, *, by: str) -> str:
    """Sends a run now, whatever the calendar says, also of a paused job. Returns its job's id. Raises JobRefused."""
    sql = statements(store)
    with _locked(store, name) as (cursor, row):
        row.refuse_orphan(name)
        if row.actor_name not in broker.actors:
            raise RecurringRefused(f"{name} runs {row.actor_name}, which this code does not declare")
        try:
            zone = row.cron.zone
        except ValueError as error:
            raise RecurringRefused(f"{name} was not triggered: {error}") from None
        moment, written = row.now, False
        while not written:
            # One of whole minutes may be a tick of the calendar, which must come as well.
            moment += INSTANT
            message = message_of(broker, name, row.actor_name, row.args, row.kwargs, moment, zone)
            run = seal(message, None, broker)
            written = bool(write_ticks(sql, cursor, [Tick(name, moment, "triggered", run, f"by {by}")]))
        if holder := put(cursor, store.schema, [run]).get(message.message_id):
            raise RecurringRefused(f"{name} was not triggered: job {holder} has its unique key")
    return message.message_id


@contextmanager
def _locked(store: Store, name: str) -> Iterator[tuple[Any, _Row]]:
    """A transaction in which nobody else fires or changes the job."""
    with store.transaction() as cursor:
        cursor.execute(statements(store).row, {"name": name})
        rows = cursor.fetchall()
        if not rows:
            raise RecurringRefused(f"no recurring job {name!r} in {store.schema}")
        yield cursor, _Row(*rows[0])


def _write(store: Store, cursor: Any, name: str, row: _Row, wanted: Cron, by: str | None) -> Rescheduled:
    next_at = wanted.next_after(row.now)
    parameters = {"name": name, "spec": wanted.spec, "zone": wanted.zone.key, "next_at": next_at, "by": by}
    cursor.execute(statements(store).reschedule, parameters)
    return Rescheduled(True, row.cron, wanted, next_at)
