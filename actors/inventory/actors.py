"""The jobs of inventory. Each may run twice and does its work once."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import reference
from actors.common.letters.several import send_to_each
from actors.common.reference import Society, UnknownSociety, officers, societies, society
from actors.common.rules.calendar import india_date
from actors.common.rules.money import rupees
from actors.common.spreadsheets import XLSX
from actors.inventory import alerts, expiry, movements, report, store
from actors.inventory.movements import checked_day
from actors.inventory.rules.levels import WINDOW_DAYS
from infra.gateways.files import keep_file
from infra.gateways.mail import Attachment
from infra.middleware.retries import OVER_HOURS, RetryPolicy
from infra.queue import actor, current_job, enqueue_many
from infra.settings import settings

MOVES = RetryPolicy(give_up_on=movements.REFUSALS, at_end="fail")
"""No retry fills an empty shelf: the job is Failed at once, with the item's name."""
LETTERS = RetryPolicy(delays=OVER_HOURS, give_up_on=(UnknownSociety, *movements.REFUSALS), at_end="fail")
"""A mail server may be away for hours."""


@actor(queue_name="default", service="inventory", retry_policy=MOVES)
def receive_stock(
    item_id: str,
    quantity: str,
    value: str,
    reference: str,
    day: str | None = None,
    lot_number: str | None = None,
    expires_on: str | None = None,
) -> dict[str, str]:
    """Take a delivery into the store and post it, once for each reference. Returns the movement and its value.

    Parameters:
      value: Rupees for all of it, without recoverable tax.
      day: YYYY-MM-DD; today when it is not given.
    """
    with store.transaction() as inventory:
        entered, new = movements.receive_once(
            inventory,
            item_id,
            quantity,
            value,
            reference,
            _day(inventory, day),
            lot_number=lot_number,
            expires_on=checked_day(expires_on) if expires_on else None,
        )
    return _outcome(entered, new)


@actor(queue_name="default", service="inventory", retry_policy=MOVES)
def issue_stock(item_id: str, quantity: str, reference: str, day: str | None = None) -> dict[str, str]:
    """Give out stock, what expires first, and post its cost; once for each item and reference.

    Returns the movement and its value (below zero).
    """
    with store.transaction() as inventory:
        on = _day(inventory, day)
        entered, new = movements.issue_once(inventory, item_id, quantity, reference, on)
    return _outcome(entered, new)


@actor(queue_name="default", service="inventory", retry_policy=MOVES)
def return_stock(issue_id: str, quantity: str, reference: str, day: str | None = None) -> dict[str, str]:
    """Take back what was issued and not used, at the cost at which it left. Returns the movement and its value."""
    with store.transaction() as inventory:
        on = _day(inventory, day)
        entered, new = movements.return_once(inventory, issue_id, quantity, reference, on)
    return _outcome(entered, new)


@actor(queue_name="default", service="inventory", retry_policy=MOVES)
def adjust_stock(lot_id: str, counted: str, reference: str, day: str | None = None) -> dict[str, str]:
    """Bring a lot to what was counted. Returns the movement and its value; nothing where the count agrees."""
    with store.transaction() as inventory:
        on = _day(inventory, day)
        entered, new = movements.adjust_once(inventory, lot_id, counted, reference, on)
    return _outcome(entered, new) if entered else {}


@actor(queue_name="default", service="inventory", retry_policy=MOVES)
def reverse_movement(movement_id: str, day: str | None = None) -> dict[str, str]:
    """Take back a delivery, a count or a write-down that was wrong. Returns the reversal and its value."""
    with store.transaction() as inventory:
        entered, new = movements.reverse_once(inventory, movement_id, _day(inventory, day))
    return _outcome(entered, new)


@actor(queue_name="default", service="inventory", retry_policy=MOVES)
def write_down_stock(community_id: str, day: str) -> dict[str, Any]:
    """Bring a society's stock to the lower of cost and net realisable value, at a year's or quarter's end.

    Returns which items, and the loss.
    """
    with store.transaction() as inventory:
        of = society(inventory, "inventory", community_id)
        done = movements.write_down_once(inventory, of.id, checked_day(day))
    return {
        "items": [movement.item.label for movement in done],
        "written_down": str(-sum(movement.value for movement in done)),
    }


@actor(queue_name="default", service="inventory", retry_policy=LETTERS)
def check_low_stock(community_id: str, at: str) -> dict[str, Any]:
    """Find what is at or below its reorder level, and tell manager and treasurer; once until there is enough again.

    Parameters:
      at: The moment of the check, ISO with zone.

    Returns counts, and the items that could not be judged.
    """
    moment = datetime.fromisoformat(at)
    with store.transaction() as inventory:
        of = society(inventory, "inventory", community_id)
        found = alerts.check(inventory, of, moment)
        to = officers(inventory, "inventory", of, india_date(moment), "MANAGER", "TREASURER")
    refused: tuple[str, ...] = ()
    if found.told:
        count = len(found.told)
        refused = send_to_each(
            "inventory",
            to,
            f"inventory/low-stock/{of.id}/{at}",
            subject=f"Low stock: {count} item{'' if count == 1 else 's'} to order",
            template="low_stock",
            society=of,
            check=found,
            day=india_date(moment),
            window=WINDOW_DAYS,
        ).refused
    return {
        "items": found.checked,
        "alerts": [item.code for item in found.told],
        "still_low": len(found.still_low),
        "refused": [*found.refused, *refused],
    }


@actor(queue_name="default", service="inventory", retry_policy=LETTERS)
def report_stock(community_id: str, day: str) -> dict[str, Any]:
    """Write a society's stock report of a day as a spreadsheet into var/reports/, and mail it to the treasurer.

    Returns the file, and the value in rupees.
    """
    from actors.inventory.workbook import workbook

    on = checked_day(day)
    with store.transaction() as inventory:
        of = society(inventory, "inventory", community_id)
        found = report.report_on(inventory, of, on)
        to = officers(inventory, "inventory", of, on, "TREASURER")
    content = workbook(found)
    file = keep_file(settings().home / "var" / "reports" / "inventory" / _file_name(of, on), content)
    told = send_to_each(
        "inventory",
        to,
        f"inventory/stock-report/{of.id}/{on}",
        subject=f"Stock report {on:%d %b %Y}: {rupees(found.value)}",
        template="stock_report",
        attachments=[Attachment(file.name, content, XLSX)],
        society=of,
        report=found,
        figures=_figures(found),
        day=on,
    )
    return {"file": file.name, "value": str(found.value), "refused": [*found.without_terms, *told.refused]}


@actor(queue_name="default", service="inventory", retry_policy=LETTERS)
def check_expiry(community_id: str, day: str) -> dict[str, Any]:
    """Set expired lots apart and write them off; tell of those that expire in 30 days, in 7, and today, each once.

    Returns counts and the loss. What was written off before a cancellation stays so; the next run goes on.
    """
    on = checked_day(day)
    written_off = 0
    while True:
        if current_job().cancellation_requested():
            return {"written_off": written_off, "cancelled": True}
        with store.transaction() as inventory:
            of = society(inventory, "inventory", community_id)
            lots = expiry.write_off_expired(inventory, of, on)
        if not lots:
            break
        written_off += lots
    with store.transaction() as inventory:
        notices = expiry.record_notices(inventory, of, on)
        news = expiry.news_of(inventory, of, on)
        to = officers(inventory, "inventory", of, on, "MANAGER", "TREASURER")
    refused: tuple[str, ...] = ()
    if news.notices or news.written_off:
        refused = send_to_each(
            "inventory",
            to,
            # the same news is the same letter; a second check of the day that finds more writes again
            f"inventory/expiry/{of.id}/{on}/{len(news.notices)}+{len(news.written_off)}",
            subject=_expiry_subject(news, on),
            template="expiry",
            society=of,
            news=news,
            loss=rupees(news.loss),
            day=on,
        ).refused
    return {
        "notices": notices,
        "written_off": written_off,
        "loss": str(news.loss),
        "refused": list(refused),
    }


def check_low_stock_everywhere(at: datetime) -> int:
    """Send `check_low_stock` for every society. Returns how many."""
    return _for_each_society(check_low_stock, at.isoformat())


def report_stock_everywhere(day: date) -> int:
    """Send `report_stock` for every society. Returns how many."""
    return _for_each_society(report_stock, day.isoformat())


def check_expiry_everywhere(day: date) -> int:
    """Send `check_expiry` for every society. Returns how many."""
    return _for_each_society(check_expiry, day.isoformat())


def _for_each_society(job: Any, when: str) -> int:
    with store.transaction() as inventory:
        found = societies(inventory, "inventory")
    enqueue_many(
        job.message_with_options(args=(str(of.id), when), unique_key=f"{job.fn.__name__}/{of.id}/{when}")
        for of in found
    )
    return len(found)


def _day(inventory: Connection, text: str | None) -> date:
    return checked_day(text) if text else reference.today(inventory, "inventory")


def _outcome(entered: store.Entered, new: bool) -> dict[str, str]:
    if not new:
        current_job().log("entered before: nothing to do")
    return {"movement": str(entered.id), "quantity": str(entered.quantity), "value": str(entered.value)}


def _file_name(of: Society, day: date) -> str:
    return f"stock-{of.name.lower().replace(' ', '-')}-{day}.xlsx"


def _figures(found: report.StockReport) -> list[tuple[str, str]]:
    return [
        ("Items in stock", str(len(found.items))),
        ("Value by each item's own method", rupees(found.value)),
        ("Value if all were FIFO", rupees(found.fifo_value)),
        ("Value if all were weighted average", rupees(found.average_value)),
        (
            "11300 Inventory in the books",
            rupees(found.booked) + ("" if found.booked == found.value else " — DIFFERS: please check"),
        ),
        ("Write-down due (AS-2)", rupees(found.write_down_due)),
        ("Slow movers", f"{len(found.slow_movers)}, {rupees(found.slow_value)}"),
    ]


def _expiry_subject(news: expiry.News, day: date) -> str:
    said = []
    if news.written_off:
        said.append(f"{len(news.written_off)} expired, {rupees(news.loss)} written off")
    if news.notices:
        said.append(f"{len(news.notices)} to use soon")
    return f"Stock, {day:%d %b}: {'; '.join(said)}"
