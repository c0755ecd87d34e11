"""Green Valley's staff: twenty and a manager, or up to a thousand, with a year of attendance; the same every time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.reference.seed import FOUNDED, id_of, seed_society
from actors.common.rules.calendar import Period
from actors.common.seed_names import FIRST_NAMES, LAST_NAMES
from actors.payroll import payout
from actors.payroll.store import statements

MANAGER = "Suresh Deshpande"
POSTS = (
    # designation, staff of twenty, basic, dearness allowance, rent, conveyance, shifts
    ("Guard", 8, 9600, 2880, 3000, 1200, (("07:00", "15:00"), ("15:00", "23:00"), ("20:00", "06:00"))),
    ("Housekeeping", 6, 9600, 2880, 2000, 800, (("08:00", "16:30"),)),
    ("Gardener", 2, 9600, 2880, 2200, 800, (("07:00", "15:30"),)),
    ("Electrician", 1, 13000, 3200, 3500, 1200, (("09:00", "18:00"),)),
    ("Plumber", 1, 12400, 3100, 3300, 1200, (("09:00", "18:00"),)),
    ("Lift operator", 1, 10400, 2900, 2600, 1000, (("08:00", "17:00"),)),
    ("Supervisor", 1, 16500, 3500, 6000, 1800, (("09:00", "18:00"),)),
)
_WOMEN = (
    "Aditi Amruta Anjali Ashwini Bhavna Deepa Devika Gayatri Isha Jyoti Kavita Lakshmi Leena Manasi Meera Nandini Neha "
    "Pallavi Pooja Priya Rutuja Shalini Shreya Sneha Swati Tanvi Vaishali Vidya Zoya"
)
WOMENS_NAMES = frozenset(_WOMEN.split())


@dataclass(frozen=True)
class SeededStaff:
    """What stands after seeding, and how many rows this run put in (0 the second time)."""

    community_id: UUID
    manager_id: UUID
    staff_ids: tuple[UUID, ...]
    rows_inserted: int

    @property
    def employee_ids(self) -> tuple[UUID, ...]:
        return (*self.staff_ids, self.manager_id)


def seed(
    connection: Connection,
    *,
    seed_number: int = 2026,
    employees: int = 20,
    first_month: str = "2026-04",
    months: int = 12,
    flawed: bool = False,
) -> SeededStaff:
    """Put a society's staff into the database, with `months` of attendance from `first_month` on; a second run changes
    nothing.

    Parameters:
      employees: Staff beside the manager; as many of each post as a society of twenty has, in proportion.
      flawed: The first three lack something: a bank account; UAN, ESI number and PAN; a salary structure.
    """
    community = seed_society(connection, "payroll", seed_number=seed_number)
    draft = _Draft(Random(seed_number), seed_number, community, flawed=flawed)
    staff = tuple(draft.member(place) for place in range(employees))
    manager = draft.manager()
    inserted = 0
    with connection.cursor() as cursor:
        for table, rows in draft.rows.items():
            cursor.execute(
                getattr(statements, f"seed_{table}"), {"rows": json.dumps(rows, ensure_ascii=False)}
            )
            inserted += cursor.rowcount
        cursor.execute(statements.seed_minimum_wage)
        inserted += cursor.rowcount
        if months:
            first, last = _span(Period.parse(first_month), months)
            cursor.execute(
                statements.seed_attendance,
                {
                    "first": first,
                    "last": last,
                    "seed_number": seed_number,
                    "employees": [str(one) for one in (*staff, manager)],
                },
            )
            inserted += cursor.rowcount
    if employees:
        inserted += _advance(connection, seed_number, staff[-1], Period.parse(first_month))
    return SeededStaff(community, manager, staff, inserted)


def _span(first: Period, months: int) -> tuple[date, date]:
    last = first
    for _ in range(months - 1):
        last = last.next
    return first.first_day, last.last_day


def _advance(connection: Connection, seed_number: int, employee: UUID, period: Period) -> int:
    day = period.first_day + timedelta(days=9)
    given = payout.give_advance(
        connection,
        id_of(seed_number, "advance", employee),
        employee,
        Decimal(6000),
        day,
        instalment=Decimal(1000),
        reason="Advance for a wedding",
    )
    return int(given)


class _Draft:
    """The rows of every table, in the order in which they can be inserted."""

    def __init__(self, random: Random, seed_number: int, community: UUID, *, flawed: bool) -> None:
        self.random = random
        self.seed_number = seed_number
        self.community = community
        self.flawed = flawed
        self.names: set[str] = {MANAGER}
        self.posts = tuple(post for post in POSTS for _ in range(post[1]))
        self.rows: dict[str, list[dict[str, Any]]] = {
            "establishment": [
                {
                    "community_id": str(community),
                    "basis": "CALENDAR",
                    "epf_code": "PUPUN0104821000",
                    "esi_code": "33001048210001001",
                    "pt_registration": "27104821000P",
                    "tan": "PNEG10482A",
                }
            ],
            "employee": [],
            "salary_rate": [],
        }

    def member(self, place: int) -> UUID:
        designation, _, basic, dearness, rent, conveyance, shifts = self.posts[place % len(self.posts)]
        name = self._name()
        employee = self._employee(
            place, name, designation, shifts[place % len(shifts)], sex="F" if self._is_woman(name) else "M"
        )
        if self.flawed and place == 0:
            employee |= {"bank_account": None, "bank_ifsc": None}
        if self.flawed and place == 1:
            employee |= {"uan": None, "ip_number": None, "pan": None}
        if not (self.flawed and place == 2):
            self._structure(employee, BASIC=basic, DA=dearness, HRA=rent, CONVEYANCE=conveyance)
        return UUID(employee["id"])

    def manager(self) -> UUID:
        employee = self._employee("manager", MANAGER, "Manager", ("09:30", "18:30"), sex="M")
        employee |= {"staff_number": "GV-M01", "email": "manager@greenvalley.example.in", "ip_number": None}
        self._structure(employee, BASIC=75000, SPECIAL=30000, HRA=45000)
        return UUID(employee["id"])

    def _employee(
        self, place: int | str, name: str, designation: str, shift: tuple[str, str], *, sex: str
    ) -> dict[str, Any]:
        number = place if isinstance(place, int) else 9_999
        random = self.random
        employee = {
            "id": str(id_of(self.seed_number, "employee", place)),
            "community_id": str(self.community),
            "staff_number": f"GV-{number + 1:04d}",
            "name": name,
            "designation": designation,
            "email": f"{name}.{number + 1}@example.in".lower().replace(" ", ".").replace("'", ""),
            "sex": sex,
            "birth_date": date(
                random.randrange(1970, 2003), random.randrange(1, 13), random.randrange(1, 29)
            ).isoformat(),
            "disabled": False,
            "work_scope": "MH",
            "joined_on": FOUNDED.replace(year=random.randrange(2023, 2026)).isoformat(),
            "left_on": None,
            "leaving_reason": None,
            "uan": f"1002{self.seed_number % 10_000:04d}{number:04d}",
            "ip_number": f"33{self.seed_number % 10_000:04d}{number:04d}",
            "pan": f"{_letters(self.seed_number)}P{name.rsplit(maxsplit=1)[-1][0]}{number:04d}K",
            "bank_account": f"0042{random.randrange(10**8):08d}",
            "bank_ifsc": "DSBX0000042",
            "epf_option": "CEILING",
            "epf_since": FOUNDED.isoformat(),
            "epf_first_wage": "14000.00",
            "shift_starts": shift[0],
            "shift_ends": shift[1],
        }
        self.rows["employee"].append(employee)
        return employee

    def _structure(self, employee: dict[str, Any], **rates: int) -> None:
        self.rows["salary_rate"] += [
            {
                "employee_id": employee["id"],
                "component": component,
                "effective_from": employee["joined_on"],
                "rate": rate,
            }
            for component, rate in rates.items()
        ]

    def _name(self) -> str:
        while True:
            name = f"{self.random.choice(FIRST_NAMES)} {self.random.choice(LAST_NAMES)}"
            if name not in self.names:
                self.names.add(name)
                return name

    def _is_woman(self, name: str) -> bool:
        return name.split(maxsplit=1)[0] in WOMENS_NAMES


def _letters(number: int) -> str:
    """Three letters of a number, for PANs that differ from society to society."""
    return "".join(chr(ord("A") + number // 26**place % 26) for place in range(3))
