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
from zoneinfo import ZoneInfo

from dramatiq import Message
from dramatiq.logging import get_logger

from infra.queue.enqueue import put
from infra.queue.message import Envelope, seal
from infra.scheduling.cron import Cron, cron
from infra.store.connections import Store
from infra.store.sql import Statements, load

MOST = 5_000
"""Recurring jobs a transaction."""
MOST_TICKS = 1_000
"""Ticks of one job a transaction, where all are made up for; the rest follow in the next."""
ENOUGH = 20_000
"""Ticks after which a transaction takes no further job."""
PUNCTUAL = timedelta(seconds=90)
"""A tick this old is not missed: periodiq wakes once a minute."""

log = get_logger(__name__)


@dataclass(frozen=True)
class Tick:
    """One moment at which a recurring job was due, and what became of it."""

    name: str
    due_at: datetime
    outcome: str
    envelope: Envelope | None = None
    reason: str | None = None

    @property
    def message_id(self) -> str | None:
        """The id of its run."""
        return self.envelope.message.message_id if self.envelope else None


def fire(store: Store, broker: Any) -> int:
    """Sends what is due in one store. Returns how many runs were sent. Raises psycopg2.Error."""
    sent = 0
    while True:
        with store.transaction() as cursor:
            more, now_sent = _fire_some(store, broker, cursor)
        sent += now_sent
        if not more:
            return sent


def fire_waiting(store: Store, broker: Any) -> int:
    """Sends runs that waited for the one before them, where that has ended. Returns how many."""
    sql = statements(store)
    with store.transaction() as cursor:
        cursor.execute(sql.waiting_ticks, {"actors": list(broker.actors), "most": MOST})
        rows = cursor.fetchall()
        if not rows:
            return 0
        cursor.execute(sql.still_running, {"names": [row[0] for row in rows]})
        running = dict(cursor.fetchall())
        ticks = [
            _sent(broker, name, actor_name, args, kwargs, due_at, when.zone, "after the run before it")
            for name, due_at, actor_name, args, kwargs, spec, zone in rows
            if name not in running and (when := _readable(store, name, spec, zone))
        ]
        if ticks:
            cursor.execute(sql.rewrite_ticks, _columns(ticks))
        return _put(store, cursor, ticks)


def _fire_some(store: Store, broker: Any, cursor: Any) -> tuple[bool, int]:
    """Returns whether more may be due, and how many runs were sent."""
    sql = statements(store)
    cursor.execute(sql.due, {"actors": list(broker.actors), "most": MOST})
    rows = cursor.fetchall()
    if not rows:
        return False, 0
    more = len(rows) == MOST
    names: list[str] = []
    schedules = {row[0]: when for row in rows if (when := _readable(store, row[0], row[4], row[5]))}
    due = [row for row in rows if row[0] in schedules]
    busy = _busy(sql, cursor, {row[0]: schedules[row[0]].zone for row in due if row[7] != "allow"})
    ticks: list[Tick] = []
    nexts: list[datetime | None] = []
    to_make_up = cache(_to_make_up)  # many jobs share a schedule, and were missed since the same moment
    for name, actor_name, args, kwargs, _, _, missed, overlap, next_at, now in due:
        when = schedules[name]
        if len(ticks) >= ENOUGH:
            more = True
            break
        names.append(name)
        dues, passed_over = to_make_up(when, missed, next_at, now)
        cut = len(dues) == MOST_TICKS
        more = more or cut
        nexts.append(when.next_after(dues[-1] if cut else now))
        ticks += [
            Tick(name, due_at, "missed", reason="nobody was there to send it") for due_at in passed_over
        ]
        for due_at in dues:
            outcome, reason = _by_overlap(overlap, busy.get(name))
            if due_at != next_at and missed == "once":
                since = f"also for what was missed since {_said(next_at, when.zone)}"
                reason = f"{reason}; {since}" if reason else since
            tick = (
                _sent(broker, name, actor_name, args, kwargs, due_at, when.zone, reason)
                if outcome == "sent"
                else Tick(name, due_at, outcome, reason=reason)
            )
            if tick.message_id is not None and overlap != "allow":
                busy[name] = f"run {tick.message_id}"
            ticks.append(tick)
    cursor.execute(sql.move_on, {"names": names, "nexts": nexts})
    new = write_ticks(sql, cursor, ticks)
    sent = _put(store, cursor, [tick for tick in ticks if (tick.name, tick.due_at) in new])
    return more and bool(names), sent


def _readable(store: Store, name: str, spec: str, zone: str) -> Cron | None:
    """The job's schedule; None, which is logged, where this machine cannot read it, as without its zone."""
    try:
        return schedule(spec, zone)
    except ValueError as error:
        log.warning("The recurring job %s of %s cannot be fired: %s", name, store.schema, error)
        return None


def _sent(
    broker: Any,
    name: str,
    actor_name: str,
    args: list[Any],
    kwargs: dict[str, Any],
    due_at: datetime,
    zone: ZoneInfo,
    reason: str | None,
) -> Tick:
    """The tick with its run; without, and why, where the actor would not take it: that must not hold up the others."""
    try:
        envelope = seal(message_of(broker, name, actor_name, args, kwargs, due_at, zone), None, broker)
    except Exception as error:  # noqa: BLE001 - JobRefused, or whatever the actor's own unique_key raises
        log.warning("The recurring job %s was not sent: %s", name, error)
        return Tick(name, due_at, "skipped", reason=f"refused: {error}")
    return Tick(name, due_at, "sent", envelope, reason)


def _put(store: Store, cursor: Any, ticks: list[Tick]) -> int:
    """Enqueues the runs of these ticks. A tick whose unique key a job holds already says so. Returns how many runs."""
    envelopes = [tick.envelope for tick in ticks if tick.envelope is not None]
    if not envelopes:
        return 0
    holders = put(cursor, store.schema, envelopes)
    unsent = [
        Tick(tick.name, tick.due_at, "skipped", reason=f"job {holder} has its unique key")
        for tick in ticks
        if tick.message_id is not None and (holder := holders.get(tick.message_id))
    ]
    if unsent:
        cursor.execute(statements(store).rewrite_ticks, _columns(unsent))
    return len(envelopes) - len(unsent)


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
        return "skipped", f"{running} had not ended"
    return "waiting", f"for {running}"


def _busy(sql: Statements, cursor: Any, zones: dict[str, ZoneInfo]) -> dict[str, str]:
    """By name, the run that has not ended or not even begun, in words."""
    if not zones:
        return {}
    names = list(zones)
    # In this order: what waits no longer, because it was sent a moment ago, is running by the second question.
    cursor.execute(sql.waiting_before, {"names": names})
    waiting = {
        name: f"the run of {_said(due_at, zones[name])}, which waits itself"
        for name, due_at in cursor.fetchall()
    }
    cursor.execute(sql.still_running, {"names": names})
    return {name: f"run {message_id}" for name, message_id in cursor.fetchall()} | waiting


def _said(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def message_of(
    broker: Any,
    name: str,
    actor_name: str,
    args: list[Any],
    kwargs: dict[str, Any],
    due_at: datetime,
    zone: ZoneInfo,
) -> Message[Any]:
    """The run's message. Its id follows from name and tick, so it can enter the queue once only.

    Parameters:
      zone: the schedule's. Its day and month are what `scheduled_for` says; its name is the option `scheduled_zone`.
    """
    actor = broker.get_actor(actor_name)
    options: dict[str, Any] = {}
    if takes_scheduled_for(actor):
        kwargs = {**kwargs, "scheduled_for": due_at.astimezone(zone).isoformat()}
        options["scheduled_zone"] = zone.key
    message: Message[Any] = actor.message_with_options(args=tuple(args), kwargs=kwargs, **options)
    return message.copy(message_id=str(uuid.uuid5(RUNS, f"{name} {due_at.astimezone(UTC).isoformat()}")))


def write_ticks(sql: Statements, cursor: Any, ticks: list[Tick]) -> set[tuple[str, datetime]]:
    """Writes ticks into the ledger. Returns those that were not there."""
    cursor.execute(sql.write_ticks, _columns(ticks))
    return set(cursor.fetchall())


def _columns(ticks: list[Tick]) -> dict[str, Any]:
    return {
        "names": [tick.name for tick in ticks],
        "dues": [tick.due_at for tick in ticks],
        "outcomes": [tick.outcome for tick in ticks],
        "message_ids": [tick.message_id for tick in ticks],
        "reasons": [tick.reason for tick in ticks],
    }


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
