"""The day's letter on bills that stand still: what is held and why, which are doubled, which could not be matched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.letters.several import Told, send_to_each
from actors.common.reference import Society
from actors.common.rules.money import ZERO, grouped, rupees
from actors.purchase import store
from actors.purchase.matching import RefusedBill
from actors.purchase.rules.matching import Outcome
from actors.purchase.store import SERVICE, statements
from infra.store.rows import all_rows

SHOWN = 100
"""Bills named in a letter; the rest are counted."""

WORDS = {
    Outcome.DUPLICATE: "Double",
    Outcome.HOLD_PRICE: "Price",
    Outcome.HOLD_NO_GRN: "No receipt",
    Outcome.HOLD_OVER_RECEIPT: "Over-receipt",
    Outcome.HOLD_QTY: "Quantity",
}


@dataclass(frozen=True)
class Exceptions:
    """Bills that stand still: the first of them as lines of a table, and how many in all.

    Parameters:
      holds: on hold, whenever that was found.
      doubles: doubled, found on the day.
    """

    rows: tuple[dict[str, object], ...]
    holds: int
    doubles: int
    held: Decimal

    @property
    def bills(self) -> int:
        return self.holds + self.doubles

    @property
    def headline(self) -> str:
        """`10 bills on hold, 1 double`."""
        said = []
        if self.holds:
            said.append(f"{_bills(self.holds)} on hold")
        if self.doubles:
            said.append(f"{self.doubles if self.holds else _bills(self.doubles)} double")
        return ", ".join(said)

    @property
    def new(self) -> int:
        return sum(bool(row["new"]) for row in self.rows)


def send(community_id: str | UUID, day: date, refused: Sequence[RefusedBill]) -> Told:
    """Write to the treasurer and the manager once a day while a bill stands still; nothing does: no letter."""
    with store.transaction() as purchase:
        society = store.office(purchase, community_id).society
        found = exceptions(purchase, society, day)
        officers = store.officers(purchase, society, day, "TREASURER", "MANAGER")
    if not found.bills and not refused:
        return Told(0, ())
    return send_to_each(
        SERVICE,
        officers,
        f"purchase/match-exceptions/{society.id}/{day:%Y-%m-%d}",
        subject=_subject(found, refused),
        template="exceptions",
        society=society,
        day=f"{day:%d %B %Y}",
        found=found,
        held=rupees(found.held),
        more=found.bills - len(found.rows),
        refused=refused[:SHOWN],
        more_refused=len(refused[SHOWN:]),
    )


def exceptions(connection: Connection, society: Society, day: date) -> Exceptions:
    """What stands still on a day."""
    rows = all_rows(connection, statements.exceptions, community_id=str(society.id), day=day, shown=SHOWN)
    if not rows:
        return Exceptions((), 0, 0, ZERO)
    return Exceptions(
        tuple(_row(row, day) for row in rows), rows[0].holds, rows[0].doubles, rows[0].held_in_all
    )


def _subject(found: Exceptions, refused: Sequence[RefusedBill]) -> str:
    said = []
    if found.bills:
        new = f" ({found.new} new)" if found.new else ""
        said.append(f"{found.headline}{new}: {rupees(found.held)} held")
    if refused:
        said.append(f"{_bills(len(refused))} not matched")
    return "; ".join(said)


def _bills(many: int) -> str:
    return "1 bill" if many == 1 else f"{many} bills"


def _row(row: Any, day: date) -> dict[str, object]:
    lines = [_why(*line) for line in json.loads(row.lines or "[]")]
    if row.status == Outcome.DUPLICATE:
        lines = [
            f"{row.vendor} billed this number before in the same financial year; {rupees(row.total)} is not paid"
        ]
    return {
        "new": row.matched_on == day,
        "since": f"{row.matched_on:%d %b}",
        "vendor": row.vendor,
        "bill": row.number,
        "bill_date": f"{row.bill_date:%d %b %Y}",
        "order": row.order_number,
        "outcome": WORDS[Outcome(row.status)],
        "why": lines,
        "payable": rupees(row.payable),
        "held": rupees(row.held),
    }


def _why(item: str, outcome: str, *figures: str | None) -> str:
    """What stops a line: `Brooms: billed 100, received 60`."""
    billed, price, ordered, ordered_price, received, others = (Decimal(figure or 0) for figure in figures)
    if outcome == Outcome.HOLD_PRICE:
        return f"{item}: {_price(price)} each, ordered at {_price(ordered_price)}"
    if outcome == Outcome.HOLD_NO_GRN:
        return f"{item}: billed {_many(billed)}, nothing received"
    if outcome == Outcome.HOLD_OVER_RECEIPT:
        return f"{item}: billed {_many(billed)}, received {_many(received)} of {_many(ordered)} ordered"
    before = f" after {_many(others)} on other bills" if others else ""
    return f"{item}: billed {_many(billed)}{before}, received {_many(received)}"


def _many(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"


def _price(price: Decimal) -> str:
    return grouped(price) if price == price.quantize(Decimal("0.01")) else _many(price)
