"""What operators may do to recurring jobs, whether from the command line or the dashboard."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infra.queue.enqueue import put
from infra.queue.message import seal
from infra.scheduling.ledger import Tick, message_of, schedule, statements, write_ticks
from infra.store.connections import Store


@dataclass(frozen=True)
class RecurringJob:
    """A recurring job as the store has it.

    Parameters:
      spec, zone: what counts; `code_spec` and `code_zone` are None for one that an operator added.
      last_outcome: of the last tick: sent, triggered, skipped, missed, waiting.
      last_state: of that run's job, as the store calls it.
    """

    name: str
    service: str
    actor_name: str
    args: list[Any]
    kwargs: dict[str, Any]
    spec: str
    zone: str
    code_spec: str | None
    code_zone: str | None
    missed: str
    overlap: str
    next_at: datetime | None
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str | None
    changed_at: datetime | None
    changed_by: str | None
    orphaned_at: datetime | None
    added_by: str | None
    last_at: datetime | None
    last_outcome: str | None
    last_id: str | None
    last_state: str | None

    @property
    def words(self) -> str:
        """The schedule as a sentence."""
        return schedule(self.spec, self.zone).words()


@dataclass(frozen=True)
class PastTick:
    """One line of the ledger."""

    due_at: datetime
    at: datetime
    outcome: str
    message_id: str | None
    reason: str | None


def list_recurring(store: Store, name: str | None = None) -> list[RecurringJob]:
    """The recurring jobs of one service, by name."""
    return [
        RecurringJob(row[0], store.service, *row[1:])
        for row in store.fetch(statements(store).list, {"name": name})
    ]


def history(store: Store, name: str, most: int) -> list[PastTick]:
    """The latest ticks, the last one first."""
    return [PastTick(*row) for row in store.fetch(statements(store).history, {"name": name, "most": most})]


def pause(store: Store, name: str, *, by: str, reason: str | None) -> bool:
    """Whether it was not paused before."""
    return bool(store.fetch(statements(store).pause, {"name": name, "by": by, "reason": reason}))


def resume(store: Store, name: str) -> bool:
    """Whether it was paused. Its next tick is the next one by the calendar."""
    *_, spec, zone, now = store.fetch(statements(store).row, {"name": name})[0]
    parameters = {"name": name, "next_at": schedule(spec, zone).next_after(now)}
    return bool(store.fetch(statements(store).resume, parameters))


def trigger(store: Store, broker: Any, name: str, *, by: str) -> str:
    """Sends a run now, whatever the calendar says. Returns its job's id. Raises JobRefused for an unknown actor."""
    sql = statements(store)
    with store.pool.borrowed() as conn:
        conn.autocommit = False
        with conn, conn.cursor() as cursor:
            cursor.execute(sql.row, {"name": name})
            actor_name, args, kwargs, *_, now = cursor.fetchall()[0]
            message = message_of(broker, name, actor_name, args, kwargs, now)
            write_ticks(sql, cursor, [Tick(name, now, "triggered", message, f"by {by}")])
            put(cursor, store.schema, [seal(message, None, broker)])
    return message.message_id
