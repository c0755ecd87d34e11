"""The calendar's work on late bills: marked overdue by the hour, their interest reckoned by the day."""

from __future__ import annotations

from datetime import date
from typing import Any

from psycopg2.errors import RestrictViolation

from actors.common.rules.money import ZERO
from actors.common.rules.rates import MissingRate
from actors.sales import interest, store
from infra.queue import current_job


def mark_overdue(day: date) -> int:
    """Mark every bill overdue whose due date lies before `day`, a page a transaction. Returns how many."""
    marked = 0
    while not current_job().cancellation_requested():
        with store.transaction() as sales:
            found = interest.mark_page(sales, day)
        marked += found
        if found < interest.PAGE:
            break
    return marked


def reckon(until: date) -> dict[str, Any]:
    """Reckon every society's late interest up to `until`, a transaction a society and day; missed days are made up for.

    Returns how many bills were marked overdue, days reckoned, lines and rupees; and by name the societies that never
    resolved interest, and those that cannot be reckoned (a rate is not on record, the books are closed) and why. The
    others go on.
    """
    marked = mark_overdue(until)
    with store.transaction() as sales:
        societies = interest.late_societies(sales)
    resolved = [society for society in societies if society.resolved]
    days, lines, amount = 0, 0, ZERO
    refused: dict[str, str] = {}
    for done, society in enumerate(resolved):
        current_job().progress(done, len(resolved))
        with store.transaction() as sales:
            missing = list(interest.days_to_reckon(sales, society, until))
        try:
            for day in missing:
                if current_job().cancellation_requested():
                    break
                with store.transaction() as sales:
                    found = interest.reckon(sales, society, day)
                days, lines, amount = days + 1, lines + found.lines, amount + found.amount
        except (MissingRate, RestrictViolation) as error:
            refused[society.name] = str(error).splitlines()[0]
            current_job().log(f"{society.name}: {refused[society.name]}")
    return {
        "marked_overdue": marked,
        "days": days,
        "lines": lines,
        "amount": str(amount),
        "without_resolution": [society.name for society in societies if not society.resolved],
        "refused": refused,
    }
