"""A believable society for demo and tests, the same in every service: Green Valley in Pune."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from uuid import UUID, uuid5

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.rules.gstin import gstin
from infra.store import sql

NAMESPACE = UUID("6f1d6f0e-5a3e-4c1b-9d0f-2b7a90c1e4d2")
FOUNDED = date(2019, 4, 1)
"""From this day on officers serve, tariffs hold, flats are owned and staff is employed."""

OFFICERS = (
    ("MANAGER", "Suresh Deshpande", "manager"),
    ("TREASURER", "Meera Kulkarni", "treasurer"),
    ("SECRETARY", "Anil Joshi", "secretary"),
    ("CHAIRPERSON", "Lakshmi Iyer", "chair"),
    ("COMMITTEE", "Farhan Shaikh", "farhan.shaikh"),
    ("COMMITTEE", "Grace D'Souza", "grace.dsouza"),
    ("ADMIN", "Rohit Pawar", "it"),
)
HOLIDAYS = (
    (1, 26, "Republic Day"),
    (5, 1, "Maharashtra Day"),
    (8, 15, "Independence Day"),
    (10, 2, "Gandhi Jayanti"),
)
"""Those of the same day each year."""


def id_of(seed_number: int, *parts: object) -> UUID:
    """The id of a seeded thing, the same in every service and at every run: `("community",)` is the society."""
    return uuid5(NAMESPACE, "/".join(map(str, (seed_number, *parts))))


def community_id(seed_number: int = 2026) -> UUID:
    return id_of(seed_number, "community")


def address(seed_number: int) -> dict[str, Any]:
    """What stands on the society's documents, by column of `community`."""
    return {
        "id": str(community_id(seed_number)),
        "name": "Green Valley",
        "legal_name": "Green Valley Co-operative Housing Society Ltd.",
        "registration_number": "PNA/PNA(4)/HSG/TC/10482/2019",
        "address": "Survey No. 42, Baner-Pashan Link Road, Baner",
        "city": "Pune",
        "state_name": "Maharashtra",
        "law_scope": "MH",
        "pin_code": "411045",
        "gstin": gstin("27", "AABAG4821K"),
        "email": "office@greenvalley.example.in",
    }


def seed_society(connection: Connection, service: str, *, seed_number: int = 2026) -> UUID:
    """Put the society, its officers and holidays into a service's database; a second run changes nothing."""
    community = address(seed_number)
    holidays = [
        {"community_id": community["id"], "day": date(year, month, day).isoformat(), "name": name}
        for year in range(FOUNDED.year, 2032)
        for month, day, name in HOLIDAYS
    ]
    statements = sql.load("actors.common.reference").bind(service)
    with connection.cursor() as cursor:
        cursor.execute(statements.seed_community, {"rows": json.dumps([community])})
        cursor.execute(statements.seed_holiday, {"rows": json.dumps(holidays)})
    seed_officers(connection, service, community["id"])
    return UUID(community["id"])


def seed_officers(connection: Connection, service: str, community_id: UUID | str) -> int:
    """Put the officers of a society into a service's database. Returns how many are new."""
    officers = [
        {
            "community_id": str(community_id),
            "role": role,
            "name": name,
            "email": f"{mailbox}@greenvalley.example.in",
            "since": FOUNDED.isoformat(),
        }
        for role, name, mailbox in OFFICERS
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            sql.load("actors.common.reference").bind(service).seed_officer, {"rows": json.dumps(officers)}
        )
        return cursor.rowcount
