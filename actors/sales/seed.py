"""A believable society for the demo and the tests: Green Valley in Pune, the same whenever it is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.reference.seed import FOUNDED, address, id_of, seed_officers
from actors.common.rules.calendar import Period
from actors.common.rules.money import to_paisa, to_rupee
from actors.common.seed_names import DEVANAGARI_NAMES, FIRST_NAMES, LAST_NAMES
from actors.sales.store import statements

STANDARD, DUPLEX = "STANDARD", "DUPLEX"
"""Groups of flats, each with a tariff of its own."""
FLATS_PER_FLOOR = 4
AREAS = (985, 1085, 1340, 1465)
"""Square feet by position on the floor: two flats of two bedrooms, two of three."""
PROPERTY_TAX_PER_SQFT = Decimal("0.7484")

TARIFF = (
    ("SQFT", "AREA", "3.25"),
    ("SERVICE", "UNIT", "1450"),
    ("PARKING", "CAR", "500"),
    ("PARKING", "TWO_WHEELER", "150"),
    ("SINKING", "UNIT", "500"),
    ("REPAIR", "UNIT", "1500"),
)


@dataclass(frozen=True)
class SeededSociety:
    """What stands after seeding, and how many rows this run put in (0 the second time)."""

    community_id: UUID
    name: str
    unit_ids: tuple[UUID, ...]
    rows_inserted: int


def seed(
    connection: Connection,
    *,
    seed_number: int = 2026,
    towers: int = 4,
    flats: int = 240,
    period: str = "2026-04",
    without_tariff: str | None = None,
) -> SeededSociety:
    """Put the society into the database, ready to be billed for `period`; a second run changes nothing.

    Parameters:
      seed_number: Another number makes another society, with other people and vehicles.
      towers: Buildings; the flats are shared out among them.
      flats: How many in all; about one in twelve has arrears, one in seven is let.
      without_tariff: A flat, such as "C-302", that is made a duplex, for which no tariff is set yet: see `set_tariff`.
    """
    draft = _Draft(Random(seed_number), seed_number, Period.parse(period), without_tariff)
    community = draft.society()
    draft.flats(community, towers, flats)
    inserted = 0
    with connection.cursor() as cursor:
        for table, rows in draft.rows.items():
            cursor.execute(
                getattr(statements, f"seed_{table}"), {"rows": json.dumps(rows, ensure_ascii=False)}
            )
            inserted += cursor.rowcount
        cursor.execute(statements.seed_opening_entry, {"community_id": str(community)})
        inserted += cursor.rowcount
    inserted += seed_officers(connection, "sales", community)
    units = tuple(UUID(row["id"]) for row in draft.rows["unit"])
    return SeededSociety(community, draft.rows["community"][0]["name"], units, inserted)


def set_tariff(connection: Connection, community_id: UUID, group: str, begins: date) -> int:
    """The society's general body resolves a tariff for a group of flats. Returns how many rates are new."""
    with connection.cursor() as cursor:
        rows = json.dumps(_tariff(community_id, group, begins))
        cursor.execute(statements.seed_tariff, {"rows": rows})
        return cursor.rowcount


def resolve_late_interest(connection: Connection, community_id: UUID) -> int:
    """The general body resolves 21 % a year with ten days of grace. Returns whether that is new, as 1 or 0."""
    rule = {
        "community_id": str(community_id),
        "effective_from": FOUNDED.isoformat(),
        "percent": "21",
        "grace_days": 10,
        "resolved": "Annual general meeting of 24 March 2019, resolution 7",
    }
    with connection.cursor() as cursor:
        cursor.execute(statements.seed_late_interest_rule, {"rows": json.dumps([rule])})
        return cursor.rowcount


def _tariff(community_id: UUID, group: str, begins: date) -> list[dict[str, Any]]:
    return [
        {
            "community_id": str(community_id),
            "tariff_group": group,
            "head": head,
            "basis": basis,
            "effective_from": begins.isoformat(),
            "rate": rate,
        }
        for head, basis, rate in TARIFF
    ]


class _Draft:
    """The rows of every table, in the order in which they can be inserted."""

    def __init__(self, random: Random, seed_number: int, period: Period, without_tariff: str | None) -> None:
        self.random = random
        self.seed_number = seed_number
        self.period = period
        self.without_tariff = without_tariff
        self.rows: dict[str, list[dict[str, Any]]] = {
            table: []
            for table in (
                "community",
                "turnover",
                "tower",
                "unit",
                "resident",
                "ownership",
                "vehicle",
                "tariff",
                "unit_charge",
                "opening_arrears",
            )
        }
        self._plates: set[str] = set()

    def id_of(self, *parts: object) -> UUID:
        return id_of(self.seed_number, *parts)

    def society(self) -> UUID:
        community = self.id_of("community")
        self.rows["community"].append(
            {
                **address(self.seed_number),
                "state_code": "27",
                "treasurer_email": "treasurer@greenvalley.example.in",
                "bank_details": "Deccan Sahakari Bank, Baner · A/c 004210009182 · IFSC DSBX0000042",
                "tax_invoice_series": "GV",
                "bill_of_supply_series": "BS",
                "receipt_series": "RC",
                "due_day": 15,
                "gst_mode": "WHOLE",
                "noc_percent": "10",
            }
        )
        first = min(FOUNDED.year, self.period.financial_year.start)
        last = max(2030, self.period.financial_year.start)
        self.rows["turnover"] = [
            {"community_id": str(community), "financial_year": year, "amount": "26400000.00"}
            for year in range(first, last + 1)
        ]
        self.rows["tariff"] = _tariff(community, STANDARD, min(FOUNDED, self.period.first_day))
        return community

    def flats(self, community: UUID, towers: int, flats: int) -> None:
        owner: UUID | None = None
        for tower in range(towers):
            name = f"Tower {chr(ord('A') + tower)}"
            tower_id = self.id_of("tower", tower)
            self.rows["tower"].append({"id": str(tower_id), "community_id": str(community), "name": name})
            for place in range(flats // towers + (tower < flats % towers)):
                floor, position = place // FLATS_PER_FLOOR + 1, place % FLATS_PER_FLOOR
                label = f"{name[-1]}-{floor}{position + 1:02d}"
                unit = self._unit(community, tower_id, label, floor, AREAS[position])
                # A few families own two neighbouring flats.
                if owner is None or self.random.random() > 0.03:
                    owner = self._resident(community, label)
                self.rows["ownership"].append(
                    {"unit_id": str(unit), "resident_id": str(owner), "owned_from": FOUNDED.isoformat()}
                )
                self._vehicles(unit, AREAS[position])

    def _unit(self, community: UUID, tower: UUID, label: str, floor: int, area: int) -> UUID:
        unit = self.id_of("unit", label)
        self.rows["unit"].append(
            {
                "id": str(unit),
                "community_id": str(community),
                "tower_id": str(tower),
                "label": label,
                "floor": floor,
                "area_sqft": str(area),
                "is_let": self.random.random() < 0.14,
                "tariff_group": DUPLEX if label == self.without_tariff else STANDARD,
            }
        )
        tax = to_rupee(area * PROPERTY_TAX_PER_SQFT)
        self.rows["unit_charge"].append(
            {
                "unit_id": str(unit),
                "head": "PROPERTY_TAX",
                "effective_from": min(FOUNDED, self.period.first_day).isoformat(),
                "amount": str(tax),
            }
        )
        if self.random.random() < 20 / 240:
            self.rows["opening_arrears"].append(
                {
                    "unit_id": str(unit),
                    "as_of": (self.period.first_day - timedelta(days=1)).isoformat(),
                    "amount": str(to_paisa(Decimal(self.random.randrange(1_500_00, 32_000_00)) / 100)),
                    "paid_amount": "0.00",
                }
            )
        return unit

    def _resident(self, community: UUID, label: str) -> UUID:
        resident = self.id_of("resident", label)
        mailbox = label.lower().replace("-", "")
        if self.random.random() < 0.12:
            name, language = self.random.choice(DEVANAGARI_NAMES), self.random.choice(("hi", "mr"))
            email = f"flat.{mailbox}@example.in"
        else:
            first, last = self.random.choice(FIRST_NAMES), self.random.choice(LAST_NAMES)
            name, language = f"{first} {last}", "en"
            email = f"{first}.{last}.{mailbox}@example.com".lower().replace("'", "")
        self.rows["resident"].append(
            {
                "id": str(resident),
                "community_id": str(community),
                "name": name,
                "email": email,
                "phone": f"+91 20 5550 {self.random.randrange(10_000):04d}",
                "language": language,
            }
        )
        return resident

    def _vehicles(self, unit: UUID, area: int) -> None:
        cars = self.random.choices((0, 1, 2), (12, 74, 14) if area < 1200 else (4, 62, 34))[0]
        two_wheelers = self.random.choices((0, 1, 2), (40, 46, 14))[0]
        kinds = ["CAR"] * cars + ["TWO_WHEELER"] * two_wheelers
        for kind, plate in zip(kinds, self._new_plates(), strict=False):
            self.rows["vehicle"].append(
                {
                    "unit_id": str(unit),
                    "registration": plate,
                    "kind": kind,
                    "parked_from": min(FOUNDED, self.period.first_day).isoformat(),
                }
            )

    def _new_plates(self) -> Iterator[str]:
        letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
        while True:
            plate = (
                f"MH {self.random.choice(('12', '14'))} "
                f"{''.join(self.random.choices(letters, k=2))} {self.random.randrange(1, 10_000):04d}"
            )
            if plate not in self._plates:
                self._plates.add(plate)
                yield plate
