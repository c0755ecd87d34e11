"""The tick ledger: a row for each recurring job and moment at which it was due, written in the transaction that
enqueues the run. Whoever comes first fires, be it periodiq or a worker that catches up; the others find the row.
"""

from __future__ import annotations

import inspect
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from dramatiq import Message

from infra.queue.enqueue import put
from infra.queue.message import seal
from infra.scheduling.cron import Cron, cron
from infra.store.connections import Store
from infra.store.sql import Statements, load

MOST = 5_000
"""Recurring jobs a transaction."""
MOST_TICKS = 1_000
"""Ticks of one job a transaction, where all are made up for; the rest follow in the next."""
PUNCTUAL = timedelta(seconds=90)
"""A tick this old is not missed: periodiq wakes once a minute."""


@dataclass(frozen=True)
class Tick:
    """One moment at which a recurring job was due, and what became of it."""

    name: str
    due_at: datetime
    outcome: str
    message: Message[Any] | None = None
    reason: str | None = None


def fire(store: Store, broker: Any) -> int:
    """Sends what is due in one store. Returns how many runs were sent. Raises psycopg2.Error."""
    sent = 0
    while True:
        with store.pool.borrowed() as conn:
            conn.autocommit = False
            with conn, conn.cursor() as cursor:
                found, now_sent = _fire_some(store, broker, cursor)
        sent += now_sent
        if found < MOST:
            return sent


def fire_waiting(store: Store, broker: Any) -> int:
    """Sends runs that waited for the one before them, where that has ended. Returns how many."""
    sql = statements(store)
    with store.pool.borrowed() as conn:
        conn.autocommit = False
        with conn, conn.cursor() as cursor:
            cursor.execute(sql.waiting_ticks, {"actors": list(broker.actors), "most": MOST})
            rows = cursor.fetchall()
            if not rows:
                return 0
            cursor.execute(sql.still_running, {"names": [row[0] for row in rows]})
            running = dict(cursor.fetchall())
            ready = [row for row in rows if row[0] not in running]
            messages = [message_of(broker, row[0], row[2], row[3], row[4], row[1]) for row in ready]
            if ready:
                parameters = {
                    "names": [row[0] for row in ready],
                    "dues": [row[1] for row in ready],
                    "message_ids": [message.message_id for message in messages],
                }
                cursor.execute(sql.send_waiting, parameters)
                put(cursor, store.schema, [seal(message, None, broker) for message in messages])
            return len(ready)


def _fire_some(store: Store, broker: Any, cursor: Any) -> tuple[int, int]:
    """Returns how many jobs were due, and how many runs were sent."""
    sql = statements(store)
    cursor.execute(sql.due, {"actors": list(broker.actors), "most": MOST})
    rows = cursor.fetchall()
    if not rows:
        return 0, 0
    names = [row[0] for row in rows]
    busy = _busy(sql, cursor, [row[0] for row in rows if row[7] != "allow"])
    ticks: list[Tick] = []
    nexts: list[datetime | None] = []
    for name, actor_name, args, kwargs, spec, zone, missed, overlap, next_at, now in rows:
        when = schedule(spec, zone)
        dues, passed_over = _to_make_up(when, missed, next_at, now)
        nexts.append(when.next_after(dues[-1] if len(dues) == MOST_TICKS else now))
        ticks += [
            Tick(name, due_at, "missed", reason="nobody was there to send it") for due_at in passed_over
        ]
        for due_at in dues:
            outcome, reason = _by_overlap(overlap, busy.get(name))
            message = (
                message_of(broker, name, actor_name, args, kwargs, due_at) if outcome == "sent" else None
            )
            if message is not None and overlap != "allow":
                busy[name] = message.message_id
            if due_at != next_at and missed == "once":
                reason = f"also for what was missed since {next_at:%Y-%m-%d %H:%M %Z}"
            ticks.append(Tick(name, due_at, outcome, message, reason))
    cursor.execute(sql.move_on, {"names": names, "nexts": nexts})
    new = write_ticks(sql, cursor, ticks)
    messages = [
        tick.message for tick in ticks if tick.message is not None and (tick.name, tick.due_at) in new
    ]
    if messages:
        put(cursor, store.schema, [seal(message, None, broker) for message in messages])
    return len(rows), len(messages)


def _to_make_up(
    when: Cron, missed: str, next_at: datetime, now: datetime
) -> tuple[list[datetime], list[datetime]]:
    """The ticks to be sent, and those to be noted as missed, of all from `next_at` to now."""
    if missed == "all":
        return [next_at, *when.ticks_between(next_at, now, limit=MOST_TICKS - 1)], []
    latest = when.latest_until(now) or next_at
    latest = max(latest, next_at)
    if missed == "skip" and now - latest > PUNCTUAL:
        return [], [latest]
    return [latest], []


def _by_overlap(overlap: str, running: str | None) -> tuple[str, str | None]:
    """What becomes of a tick whose predecessor runs, or waits."""
    if running is None or overlap == "allow":
        return "sent", None
    if overlap == "skip":
        return "skipped", f"run {running} had not ended"
    return "waiting", f"for run {running}"


def _busy(sql: Statements, cursor: Any, names: list[str]) -> dict[str, str]:
    """By name, the run that has not ended."""
    if not names:
        return {}
    cursor.execute(sql.still_running, {"names": names})
    return dict(cursor.fetchall())


def message_of(
    broker: Any, name: str, actor_name: str, args: list[Any], kwargs: dict[str, Any], due_at: datetime
) -> Message[Any]:
    """The run's message. Its id follows from name and tick, so it can enter the queue once only."""
    actor = broker.get_actor(actor_name)
    if takes_scheduled_for(actor):
        kwargs = {**kwargs, "scheduled_for": due_at.isoformat()}
    message: Message[Any] = actor.message_with_options(args=tuple(args), kwargs=kwargs)
    return message.copy(message_id=str(uuid.uuid5(RUNS, f"{name} {due_at.astimezone(UTC).isoformat()}")))


def write_ticks(sql: Statements, cursor: Any, ticks: list[Tick]) -> set[tuple[str, datetime]]:
    """Writes ticks into the ledger. Returns those that were not there."""
    parameters = {
        "names": [tick.name for tick in ticks],
        "dues": [tick.due_at for tick in ticks],
        "outcomes": [tick.outcome for tick in ticks],
        "message_ids": [tick.message.message_id if tick.message else None for tick in ticks],
        "reasons": [tick.reason for tick in ticks],
    }
    cursor.execute(sql.write_ticks, parameters)
    return set(cursor.fetchall())


@lru_cache(maxsize=10_000)
def schedule(spec: str, zone: str) -> Cron:
    """The schedule of a stored spec, read once."""
    return cron(spec, zone)


@cache
def takes_scheduled_for(actor: Any) -> bool:
    """Whether a run of this actor is told for which moment it was scheduled."""
    return "scheduled_for" in inspect.signature(actor.fn).parameters


def statements(store: Store) -> Statements:
    return load("infra.scheduling").bind(store.schema)


RUNS = uuid.UUID("3b0f1c0e-0b5f-4b0a-8f6e-2f3f9a1f6b17")
