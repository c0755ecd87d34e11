"""Visitors' passes: in, out, expired, overstayed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.reference import Officer, Society, officers, society
from actors.common.rules.calendar import INDIA, india_date
from actors.community.rules.passes import PassStatus, is_valid
from actors.community.store import PAGE, UnknownPass, statements
from infra.store.rows import all_rows, checked_id, one_row


class NotAdmitted(ValueError):
    """The pass does not let in now."""


@dataclass(frozen=True)
class Overstay:
    """A visitor who is inside after their time, as the alert tells it.

    Parameters:
      told: who gets the alert: the gates, the manager, the host.
      without_address: the host's name, where no letter can reach them.
    """

    society: Society
    visitor: str
    host: str
    flat: str
    checked_in_at: datetime
    valid_to: datetime
    overstayed_at: datetime
    told: tuple[Officer, ...]
    without_address: str | None

    @property
    def figures(self) -> list[tuple[str, str]]:
        return [
            ("Visitor", self.visitor),
            ("Host", f"{self.host}, flat {self.flat}"),
            ("Came in", _shown(self.checked_in_at)),
            ("Pass valid until", _shown(self.valid_to)),
            ("Inside still at", _shown(self.overstayed_at)),
        ]

    @property
    def subject(self) -> str:
        return f"Visitor still inside: {self.visitor}, flat {self.flat}"


def expire_unused(connection: Connection, at: datetime) -> int:
    """Expire a page of passes with which nobody came. Returns how many."""
    return len(all_rows(connection, statements.expire_unused, at=at, page=PAGE))


def note_overstays(connection: Connection, at: datetime) -> list[str]:
    """Mark a page of visitors who are inside after their time. Returns the passes' ids."""
    return [row.id for row in all_rows(connection, statements.note_overstays, at=at, page=PAGE)]


def overstay(connection: Connection, pass_id: str | UUID) -> Overstay:
    """Raises UnknownPass, also for a visitor who was not found inside after their time."""
    row = one_row(connection, statements.overstay, pass_id=checked_id(pass_id, "pass", UnknownPass))
    if row is None:
        raise UnknownPass(f"no visitor with the pass {pass_id} was found inside after their time")
    of = society(connection, "community", row.community_id)
    told = [
        *(Officer(name, email, "GATE") for name, email in row.gates),
        *officers(connection, "community", of, india_date(row.overstayed_at), "MANAGER"),
    ]
    if row.host_email:
        told.append(Officer(row.host, row.host_email, "HOST"))
    return Overstay(
        of,
        row.visitor,
        row.host,
        row.flat,
        row.checked_in_at,
        row.valid_to,
        row.overstayed_at,
        tuple(told),
        None if row.host_email else row.host,
    )


def check_in(connection: Connection, pass_id: str | UUID, gate_id: str | UUID, at: datetime) -> None:
    """Let a visitor in. Raises NotAdmitted before the pass's time, from its last moment on, and when it is used up."""
    key = checked_id(pass_id, "pass", UnknownPass)
    row = one_row(connection, statements.hold_pass, pass_id=key)
    if row is None:
        raise UnknownPass(f"no pass has the id {pass_id}")
    if not is_valid(PassStatus(row.status), row.valid_from, row.valid_to, at):
        raise NotAdmitted(
            f"the pass is {row.status.lower()}, valid from {_shown(row.valid_from)} until before {_shown(row.valid_to)}"
        )
    with connection.cursor() as cursor:
        cursor.execute(statements.check_in, {"pass_id": key, "gate_id": str(gate_id), "at": at})


def check_out(connection: Connection, pass_id: str | UUID, gate_id: str | UUID, at: datetime) -> bool:
    """Let a visitor out, also after their time. Returns whether they were inside."""
    key = checked_id(pass_id, "pass", UnknownPass)
    return one_row(connection, statements.check_out, pass_id=key, gate_id=str(gate_id), at=at) is not None


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(INDIA):%-d %b %Y, %H:%M}"
