"""A believable year of a society for demo and tests: events, visitors and complaints, as they stand at its end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.reference.seed import FOUNDED, HOLIDAYS, id_of, seed_society
from actors.common.rules.calendar import INDIA
from actors.common.seed_names import DEVANAGARI_NAMES, FIRST_NAMES, LAST_NAMES
from actors.community.rules.sla import OfficeHours, Priority, Step, due_times
from actors.community.store import statements

NOW = datetime(2026, 4, 10, 7, 30, tzinfo=INDIA)
"""The year ends here: a Friday, before the day's reminders."""
PAGE = 1_000
OPENS, CLOSES = time(9), time(19)
EVENTS = (
    "Yoga on the lawn", "Film evening", "Blood donation camp", "Children's painting day", "Senior citizens' tea",
    "Cricket of the towers", "Diya workshop", "Book exchange", "Health check-up", "Garden morning",
)  # fmt: skip
PLACES = ("Club house", "Amphitheatre", "Central lawn", "Community hall")
COMPLAINTS = (
    ("Plumbing", "Tap drips in the kitchen", "NORMAL"), ("Electrical", "Stair light is out", "NORMAL"),
    ("Housekeeping", "Lobby was not cleaned", "NORMAL"), ("Parking", "Car on my place", "NORMAL"),
    ("Civil", "Damp wall in the bedroom", "NORMAL"), ("Lift", "Lift stops between floors", "EMERGENCY"),
    ("Garden", "Branch hangs over the path", "NORMAL"), ("Water", "Water pipe has burst", "EMERGENCY"),
)  # fmt: skip
STEPS = {
    Priority.NORMAL: [Step(n + 1, timedelta(hours=hours), ()) for n, hours in enumerate((4, 12, 24))],
    Priority.EMERGENCY: [
        Step(n + 1, timedelta(minutes=minutes), ()) for n, minutes in enumerate((30, 120, 240))
    ],
}


@dataclass(frozen=True)
class Seeded:
    """What the year holds, by table, and how many rows this run put in."""

    community_id: UUID
    rows: dict[str, int]
    rows_inserted: int


def seed(
    connection: Connection,
    *,
    seed_number: int = 2026,
    flats: int = 240,
    events: int = 40,
    visitors: int = 4_000,
    complaints: int = 600,
) -> Seeded:
    """Put a society, its residents and their year into the database; a second run changes nothing."""
    community = seed_society(connection, "community", seed_number=seed_number)
    year = _Year(str(community), seed_number)
    year.people(flats)
    year.events(events)
    year.visitors(visitors)
    year.complaints(complaints)
    inserted = 0
    with connection.cursor() as cursor:
        for table, rows in year.rows.items():
            for start in range(0, len(rows), PAGE):
                cursor.execute(
                    getattr(statements, f"seed_{table}"), {"rows": json.dumps(rows[start : start + PAGE])}
                )
                inserted += cursor.rowcount
    return Seeded(community, {table: len(rows) for table, rows in year.rows.items()}, inserted)


class _Year:
    def __init__(self, community: str, seed_number: int) -> None:
        self._community, self._seed_number = community, seed_number
        self._random = Random(seed_number)
        self._gate = self._id("gate", "Main gate")
        hours = dict.fromkeys(range(1, 7), (OPENS, CLOSES))
        years = range(FOUNDED.year, NOW.year + 2)
        self._office = OfficeHours(
            hours, {NOW.date().replace(year, month, day) for year in years for month, day, _ in HOLIDAYS}
        )
        # In the order in which tables refer to one another.
        self.rows: dict[str, list[dict[str, Any]]] = {
            "person": [],
            "event": [],
            "registration": [],
            "gate": [
                {"id": self._gate, "community_id": community, "name": "Main gate",
                 "email": "gate@greenvalley.example.in"}
            ],
            "visitor_pass": [],
            "gate_log": [],
            "office_hours": [
                {"community_id": community, "weekday": day, "opens": str(OPENS), "closes": str(CLOSES)}
                for day in hours
            ],
            "maintenance_request": [],
            "escalation": [],
        }  # fmt: skip

    def people(self, flats: int) -> None:
        """One in a flat; one in eight with a name in Devanagari, one in thirty without a mail address."""
        for number in range(flats):
            flat = f"{'ABCD'[number % 4]}-{number // 16 + 1}{number // 4 % 4 + 1:02d}"
            first, last = self._random.choice(FIRST_NAMES), self._random.choice(LAST_NAMES)
            name, language = f"{first} {last}", "en"
            if self._random.random() < 0.125:
                name, language = self._random.choice(DEVANAGARI_NAMES), self._random.choice(("hi", "mr"))
            email = f"flat.{flat.lower().replace('-', '')}@example.in"
            self.rows["person"].append(
                {"id": self._id("person", flat), "community_id": self._community, "flat": flat, "name": name,
                 "email": None if self._random.random() < 0.033 else email, "language": language}
            )  # fmt: skip

    def events(self, number: int) -> None:
        """Over the year and the two weeks after it; one in twelve is cancelled."""
        for place in range(number):
            day = NOW - timedelta(days=365) + timedelta(days=379) * (place + 1) / number
            starts = day.replace(
                hour=self._random.choice((7, 10, 17, 18, 19)), minute=0, second=0, microsecond=0
            )
            event = self._id("event", place)
            cancelled = starts - timedelta(days=2) if self._random.random() < 1 / 12 else None
            self.rows["event"].append(
                {"id": event, "community_id": self._community, "title": self._random.choice(EVENTS),
                 "place": self._random.choice(PLACES), "starts_at": starts.isoformat(),
                 "cancelled_at": cancelled.isoformat() if cancelled and cancelled < NOW else None}
            )  # fmt: skip
            come = self._random.randrange(len(self.rows["person"]) // 8, len(self.rows["person"]) // 3 + 1)
            for person in self._random.sample(self.rows["person"], come):
                at = min(starts, NOW) - timedelta(days=self._random.uniform(0.1, 20))
                gone = at + timedelta(hours=1) if self._random.random() < 0.05 else None
                self.rows["registration"].append(
                    {"event_id": event, "person_id": person["id"], "registered_at": at.isoformat(),
                     "withdrawn_at": gone.isoformat() if gone else None}
                )  # fmt: skip

    def visitors(self, number: int) -> None:
        """Most came and left, some never came, a few stayed too long; the last are expected today."""
        for place in range(number):
            day = NOW.date() - timedelta(days=365 * (number - 1 - place) // max(1, number - 1))
            begins = datetime.combine(day, time(self._random.randrange(8, 20)), INDIA)
            ends = begins + timedelta(hours=self._random.choice((1, 2, 4)))
            visit = {
                "id": self._id("pass", place), "community_id": self._community,
                "host_id": self._random.choice(self.rows["person"])["id"],
                "visitor": f"{self._random.choice(FIRST_NAMES)} {self._random.choice(LAST_NAMES)}",
                "one_time": True, "valid_from": begins.isoformat(), "valid_to": ends.isoformat(),
                "status": "ISSUED", "checked_in_at": None, "checked_out_at": None, "overstayed_at": None,
            }  # fmt: skip
            if ends <= NOW - timedelta(hours=8):
                self._visit(visit, begins, ends)
            self.rows["visitor_pass"].append(visit)

    def _visit(self, visit: dict[str, Any], begins: datetime, ends: datetime) -> None:
        fate = self._random.random()
        if fate < 0.12:
            visit["status"] = "EXPIRED"
            return
        came = begins + (ends - begins) * self._random.uniform(0.05, 0.6)
        left = (
            ends + timedelta(minutes=50)
            if fate > 0.97
            else came + (ends - came) * self._random.uniform(0.2, 0.95)
        )
        if left > ends:
            visit["overstayed_at"] = (ends + timedelta(minutes=30)).isoformat()
        visit |= {"status": "USED", "checked_in_at": came.isoformat(), "checked_out_at": left.isoformat()}
        for direction, at in (("IN", came), ("OUT", left)):
            self.rows["gate_log"].append(
                {"community_id": self._community, "pass_id": visit["id"], "gate_id": self._gate,
                 "direction": direction, "at": at.isoformat()}
            )  # fmt: skip

    def complaints(self, number: int) -> None:
        """Most are solved in time; some of the last days are open, told to a level or with their next steps ahead."""
        for place in range(number):
            opened = NOW - timedelta(
                days=365 * (number - 1 - place) / max(1, number - 1), minutes=place % 50 + 5
            )
            category, title, priority = self._random.choice(COMPLAINTS)
            closed: datetime | None = opened + timedelta(hours=self._random.expovariate(1 / 8) + 0.2)
            stuck = opened > NOW - timedelta(days=10) and self._random.random() < 0.4
            if stuck or (closed and closed > NOW - timedelta(hours=2)):
                closed = None
            due = due_times(opened, Priority(priority), STEPS[Priority(priority)], self._office)
            heard = [level for level, at in due.items() if at <= min(closed or NOW, NOW)]
            request = self._id("complaint", place)
            self.rows["maintenance_request"].append(
                {"id": request, "community_id": self._community, "number": f"C-{place + 1:05d}",
                 "person_id": self._random.choice(self.rows["person"])["id"], "category": category, "title": title,
                 "priority": priority, "state": "RESOLVED" if closed else "OPEN", "level": max(heard, default=0),
                 "opened_at": opened.isoformat(), "closed_at": closed.isoformat() if closed else None}
            )  # fmt: skip
            for level, at in due.items():
                over = at <= NOW
                outcome = None if not over else "ESCALATED" if level in heard else "NOT_NEEDED"
                self.rows["escalation"].append(
                    {"request_id": request, "level": level, "due_at": at.isoformat(), "outcome": outcome,
                     "decided_at": at.isoformat() if outcome else None}
                )  # fmt: skip

    def _id(self, *parts: object) -> str:
        return str(id_of(self._seed_number, "community", *parts))
