"""The day's attendance of a society, as the manager wants it in the evening."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import letters
from actors.common.reference import Society, officers
from actors.common.rules.calendar import INDIA
from actors.payroll.store import statements
from infra.store.rows import all_rows

GRACE = timedelta(minutes=10)
"""Who comes no later than this after the shift's start is in time; our proposal."""
PRESENT = ("PRESENT", "HALF_DAY")


@dataclass(frozen=True)
class DaysAttendance:
    """A society's day. Lists hold (name, detail), the detail empty where there is nothing to say.

    Parameters:
      missing_punches: no record though the shift has begun, or no punch out though it is over.
      to_come: shifts that begin later, of whom nothing is recorded yet.
    """

    day: date
    staff: int
    present: tuple[tuple[str, str], ...]
    half_day: tuple[tuple[str, str], ...]
    absent: tuple[tuple[str, str], ...]
    on_leave: tuple[tuple[str, str], ...]
    off: tuple[tuple[str, str], ...]
    late: tuple[tuple[str, str], ...]
    overtime: tuple[tuple[str, str], ...]
    missing_punches: tuple[tuple[str, str], ...]
    to_come: tuple[tuple[str, str], ...]

    @property
    def lists(self) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
        """What is named in the letter, most pressing first."""
        return tuple(
            (heading, people)
            for heading, people in (
                ("Absent", self.absent),
                ("No punch", self.missing_punches),
                ("Late", self.late),
                ("Half day", self.half_day),
                ("On paid leave", self.on_leave),
                ("Overtime", self.overtime),
            )
            if people
        )

    @property
    def counts(self) -> dict[str, int]:
        return {
            "staff": self.staff,
            "present": len(self.present),
            "half_day": len(self.half_day),
            "absent": len(self.absent),
            "on_leave": len(self.on_leave),
            "off": len(self.off),
            "late": len(self.late),
            "overtime": len(self.overtime),
            "missing_punches": len(self.missing_punches),
            "to_come": len(self.to_come),
        }


def attendance_of(connection: Connection, community_id: UUID, day: date, now: datetime) -> DaysAttendance:
    """Who was there on a day, as of a moment."""
    rows = all_rows(connection, statements.attendance_of_day, community_id=str(community_id), day=day)

    def of(*states: str) -> list[Any]:
        return [row for row in rows if row.status in states]

    worked = of(*PRESENT)
    unrecorded = [row for row in rows if row.status is None]
    missing = [(row.name, "no record") for row in unrecorded if row.shift_begins + GRACE < now]
    missing += [
        (row.name, f"in at {_time(row.punched_in)}, no punch out")
        for row in worked
        if row.punched_in and row.punched_out is None and row.shift_is_over < now
    ]
    return DaysAttendance(
        day=day,
        staff=len(rows),
        present=_named(of("PRESENT")),
        half_day=_named(of("HALF_DAY")),
        absent=_named(of("ABSENT")),
        on_leave=_named(of("PAID_LEAVE")),
        off=_named(of("WEEKLY_OFF", "HOLIDAY")),
        late=tuple(
            (row.name, f"in at {_time(row.punched_in)}, shift from {_time(row.shift_begins)}")
            for row in worked
            if row.punched_in and row.punched_in > row.shift_begins + GRACE
        ),
        overtime=tuple((row.name, f"{_hours(row.overtime_hours)}") for row in rows if row.overtime_hours),
        missing_punches=tuple(sorted(missing)),
        to_come=_named(row for row in unrecorded if row.shift_begins + GRACE >= now),
    )


def tell_once(connection: Connection, society: Society, found: DaysAttendance) -> bool:
    """Mail the manager the day's attendance, once for each society and day. Returns whether it was sent now."""
    (manager, *_) = officers(connection, "payroll", society, found.day, "MANAGER")
    here = len(found.present) + len(found.half_day)
    subject = f"Attendance of {found.day:%d %b %Y}: {here} of {found.staff} at work"
    if found.absent:
        subject += f", {len(found.absent)} absent"
    if found.missing_punches:
        subject += f", {len(found.missing_punches)} without punch"
    return letters.send_once(
        connection,
        "payroll",
        f"payroll/attendance/{society.id}/{found.day}",
        to=manager.email,
        name=manager.name,
        subject=subject,
        template="attendance_summary",
        society=society,
        found=found,
        figures=[
            ("Present", len(found.present)),
            ("Half day", len(found.half_day)),
            ("Absent", len(found.absent)),
            ("On paid leave", len(found.on_leave)),
            ("Weekly off or holiday", len(found.off)),
            ("Shift still to come", len(found.to_come)),
            ("Without a record", sum(detail == "no record" for _, detail in found.missing_punches)),
            ("Staff", found.staff),
        ],
    )


def _named(rows: Iterable[Any]) -> tuple[tuple[str, str], ...]:
    return tuple((row.name, row.designation) for row in rows)


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(INDIA):%H:%M}"


def _hours(hours: Decimal) -> str:
    return f"{hours.normalize():f} h"
