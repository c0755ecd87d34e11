"""Reminders of events: which are due, and to whom; each person hears of each once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.letters import send_once
from actors.common.reference import Society, society
from actors.common.rules.calendar import INDIA
from actors.community import store
from actors.community.rules.events import BEFORE, Due, Step, reason_to_skip, reminder_time, steps_ahead
from actors.community.store import NO_ID, PAGE, UnknownEvent, statements
from infra.gateways.mail import MailRefused
from infra.store.rows import all_rows, checked_id, one_row

LOOK_AHEAD = timedelta(hours=24)
"""Until the next daily look at the events."""
GREETINGS = {"en": "Dear", "hi": "नमस्कार", "mr": "नमस्कार"}
"""By the resident's language; the letters themselves are in English."""


@dataclass(frozen=True)
class Event:
    """An event, and its society."""

    id: str
    society: Society
    title: str
    place: str
    starts_at: datetime
    cancelled: bool

    @property
    def when(self) -> str:
        """`Saturday, 11 April 2026, 18:30`."""
        return f"{self.starts_at.astimezone(INDIA):%A, %-d %B %Y, %H:%M}"

    @property
    def subject(self) -> str:
        return f"Reminder: {self.title} on {self.starts_at.astimezone(INDIA):%a %-d %b, %H:%M}"


@dataclass(frozen=True)
class Undecided:
    """A page of those for whom a reminder was not decided.

    Parameters:
      people: who gets it; those of the page who do not were decided already.
      last: whether nobody is left beyond this page.
    """

    people: tuple[Any, ...]
    last: bool


def reminders_ahead(
    connection: Connection, now: datetime, event_id: str | UUID | None = None
) -> Iterator[tuple[str, datetime, Due]]:
    """(event, its start, reminder) of all that is to be arranged until the next look, or of one event."""
    after_start, after_id = now, NO_ID
    wanted = checked_id(event_id, "event", UnknownEvent) if event_id else None
    while True:
        page = all_rows(
            connection,
            statements.events_ahead,
            now=now,
            until=now + LOOK_AHEAD + max(BEFORE.values()),
            event_id=wanted,
            after_start=after_start,
            after_id=after_id,
            page=PAGE,
        )
        for row in page:
            for due in steps_ahead(row.starts_at, now, now + LOOK_AHEAD):
                yield row.id, row.starts_at, due
        if len(page) < PAGE:
            return
        after_start, after_id = page[-1].starts_at, page[-1].id


def event(connection: Connection, event_id: str | UUID) -> Event:
    """Raises UnknownEvent."""
    key = checked_id(event_id, "event", UnknownEvent)
    row = one_row(connection, statements.event, event_id=key)
    if row is None:
        raise UnknownEvent(f"no event has the id {event_id}")
    return Event(
        key,
        society(connection, "community", row.community_id),
        row.title,
        row.place,
        row.starts_at,
        row.cancelled,
    )


def reason_to_stop(of: Event, starts_at: datetime, now: datetime) -> str | None:
    """Why nobody is reminded any more of this start, or None."""
    if of.cancelled:
        return "cancelled"
    if of.starts_at != starts_at:
        return f"moved to {of.when}"
    return "begun" if now >= starts_at else None


def people_to_remind(connection: Connection, of: Event, step: Step) -> Undecided:
    """The next page; those who get no reminder are decided here, at once."""
    later = list(Step)[list(Step).index(step) + 1 :]
    rows = all_rows(
        connection,
        statements.people_to_remind,
        event_id=of.id,
        starts_at=of.starts_at,
        step=step.value,
        later_steps=[one.value for one in later],
        page=PAGE,
    )
    due = reminder_time(of.starts_at, step)
    skipped: dict[str, str] = {}
    for row in rows:
        reason = "no time before the start" if due is None else None
        if due is not None:
            reason = reason_to_skip(email=row.email, registered_at=row.registered_at, due=due)
        if reason is None and row.told_later:
            reason = "a later reminder went out before"
        if reason:
            skipped[row.id] = reason
    _decide(connection, of, step, list(skipped), list(skipped.values()))
    return Undecided(tuple(row for row in rows if row.id not in skipped), last=len(rows) < PAGE)


def remind(of: Event, step: Step, person: Any) -> str:
    """Mail one person, in a transaction with the decision. Returns what was done: sent, decided before, or refused."""
    try:
        with store.transaction() as community:
            if not _decide(community, of, step, [person.id], [None]):
                return "decided before"
            send_once(
                community,
                "community",
                f"community/event/{of.id}/{of.starts_at.astimezone(INDIA):%Y-%m-%dT%H:%M}/{step}/{person.id}",
                to=person.email,
                name=person.name,
                subject=of.subject,
                template="event_reminder",
                society=of.society,
                event=of,
                greeting=GREETINGS[person.language],
            )
    except MailRefused as error:
        with store.transaction() as community:
            _decide(community, of, step, [person.id], [f"refused by the mail server: {error}"])
        return f"{person.name}: {error}"
    return "sent"


def _decide(
    connection: Connection, of: Event, step: Step, people: list[str], reasons: Sequence[str | None]
) -> bool:
    if not people:
        return False
    decided = all_rows(
        connection,
        statements.decide_reminders,
        event_id=of.id,
        starts_at=of.starts_at,
        step=step.value,
        people=people,
        reasons=list(reasons),
    )
    return bool(decided)
