"""The services' figures of a day: what they are called, and how they are asked for a page of societies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import psycopg2

from infra.queue import current_job
from infra.settings import SERVICES
from infra.store import connections
from infra.store.rows import all_rows, one_row
from infra.store.sql import load

PATIENCE = "60s"
NOT_THERE = "it tells none yet"


@dataclass(frozen=True)
class Wording:
    """How a figure is shown.

    Parameters:
      money: rupees; else a count.
      flow: what happens in a day, and so adds up over the month; else what there is at a day's end.
    """

    label: str
    money: bool = False
    flow: bool = False


KNOWN: dict[str, Wording] = {
    "billed": Wording("Billed", money=True, flow=True),
    "collected": Wording("Collected", money=True, flow=True),
    "dues": Wording("Dues of members", money=True),
    "overdue_bills": Wording("Overdue bills"),
    "advance_balances": Wording("Advances held", money=True),
    "expenses_booked": Wording("Expenses booked", money=True, flow=True),
    "paid_to_vendors": Wording("Paid to vendors", money=True, flow=True),
    "bills_on_hold": Wording("Vendor bills on hold"),
    "approvals_waiting": Wording("Orders that wait for approval"),
    "staff_present": Wording("Staff present"),
    "staff_absent": Wording("Staff absent"),
    "staff_on_leave": Wording("Staff on leave"),
    "visitors": Wording("Visitors", flow=True),
    "overstays": Wording("Visitors who overstayed", flow=True),
    "complaints_opened": Wording("Complaints opened", flow=True),
    "complaints_open": Wording("Complaints open"),
    "complaints_overdue": Wording("Complaints overdue"),
    "low_stock_items": Wording("Items low in stock"),
    "stock_value": Wording("Value of the stock", money=True),
    "items_expiring_30_days": Wording("Items that expire within 30 days"),
}


_ORDER = {figure: place for place, figure in enumerate(KNOWN)}


def wording(figure: str) -> Wording:
    """One that is not known is shown as a count, under its own name."""
    return KNOWN.get(figure) or Wording(figure.replace("_", " ").capitalize())


@dataclass(frozen=True)
class Line:
    """A figure of a society on a day and on the day before, and its sum from the month's first day on.

    Parameters:
      month: None where it is no flow.
    """

    figure: str
    today: Decimal
    before: Decimal
    month: Decimal | None

    @property
    def wording(self) -> Wording:
        return wording(self.figure)

    @property
    def change(self) -> Decimal:
        return self.today - self.before


@dataclass(frozen=True)
class ServiceFigures:
    """What a service tells of a society; or why it tells nothing."""

    service: str
    lines: tuple[Line, ...] = ()
    why_none: str | None = None


def figures_of(community_ids: Sequence[str], day: date) -> dict[str, list[ServiceFigures]]:
    """What each service but common tells of each of these societies, by id.

    A service whose database is away, or that tells no figures, is named with the reason, and so is one whose figures of
    a single society cannot be had; the others are asked all the same.
    """
    found: dict[str, list[ServiceFigures]] = {community_id: [] for community_id in community_ids}
    for service in SERVICES:
        if service == "common":
            continue
        for community_id, figures in _of_page(service, community_ids, day).items():
            found[community_id].append(figures)
    return found


def _of_page(service: str, community_ids: Sequence[str], day: date) -> dict[str, ServiceFigures]:
    try:
        lines = _ask(service, community_ids, day)
    except (psycopg2.Error, SystemExit) as error:  # a URL that cannot be read ends the process elsewhere
        if len(community_ids) > 1 and not isinstance(error, psycopg2.OperationalError):
            alone = [_of_page(service, [community_id], day) for community_id in community_ids]
            return {community_id: each for page in alone for community_id, each in page.items()}
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        current_job().log(f"no figures of {service}: {why}")
        return {
            community_id: ServiceFigures(service, why_none=_in_short(error)) for community_id in community_ids
        }
    if lines is None:
        return {community_id: ServiceFigures(service, why_none=NOT_THERE) for community_id in community_ids}
    return {
        community_id: ServiceFigures(
            service, tuple(lines.get(community_id, ())), None if community_id in lines else NOT_THERE
        )
        for community_id in community_ids
    }


def _ask(service: str, community_ids: Sequence[str], day: date) -> dict[str, list[Line]] | None:
    sql = load("actors.common.reports").bind(service)
    with connections.transaction(service) as connection:
        if not one_row(connection, sql.has_figures).there:
            return None
        one_row(connection, sql.short_of_patience, patience=PATIENCE)
        found: dict[str, list[Line]] = {}
        for row in all_rows(connection, sql.figures_of_page, community_ids=list(community_ids), day=day):
            month = row.month if wording(row.figure).flow else None
            found.setdefault(row.community_id, []).append(Line(row.figure, row.today, row.before, month))
    for lines in found.values():
        lines.sort(key=lambda line: _ORDER.get(line.figure, len(_ORDER)))
    return found


def _in_short(error: BaseException) -> str:
    """For officers, who can do nothing about it; the job's log says more."""
    if isinstance(error, psycopg2.errors.QueryCanceled):
        return "they took too long"
    return (
        "its database is away"
        if isinstance(error, psycopg2.OperationalError)
        else "they could not be worked out"
    )
