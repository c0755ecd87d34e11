"""The reminder ladder at work: a day's steps are planned page by page, and their letters are sent one by one.

A step of a bill has one row in sales.reminder. Planning closes the steps that will not come and puts the one to take
into its member's open letter; sending asks again, takes the steps, and settles the letter, all in the transaction that
hands it to the mail server. So a run that died goes on, a mail server that is away delays letters and loses none, and
nothing is taken twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import reference
from actors.common.rules.calendar import india_date
from actors.common.rules.money import rupees
from actors.common.rules.quiet_hours import outside_quiet_hours
from actors.sales import dues, reminder_letters, store
from actors.sales.letters import NotIssued
from actors.sales.reminder_letters import Letter, Unreached
from actors.sales.rules.reminders import (
    MAILED,
    PUSHED,
    Change,
    Span,
    Standing,
    Step,
    decide,
    ladder_on,
    ladders,
    reason_to_skip,
)
from actors.sales.store import statements
from infra.queue import current_job
from infra.settings import settings
from infra.store.rows import all_rows, checked_id, one_row

PAGE = 1_000
"""Bills decided, and letters sent on their way, in a transaction."""
NO_ADDRESS = "no mail address"
REFUSED = "mail address refused"
NO_PUSH = "no push gateway"
NO_LOGIN = "no login to push to"
FIRST = UUID(int=0)
"""Lies before every id."""


class UnknownLetter(LookupError):
    """No reminder has this id."""


@dataclass(frozen=True)
class Decided:
    """A step of a bill: to take, or skipped for a reason."""

    invoice_id: UUID
    step: Step
    community_id: UUID
    resident_id: UUID
    reason: str | None


def plan(day: date, moment: datetime) -> dict[str, int]:
    """Decide every step whose day has come by `day`, a page a transaction. Returns the decisions, counted.

    What is decided stands, so a second run goes on where the first one died.

    Parameters:
      moment: when the run was due.
    """
    counts: Counter[str] = Counter()
    with store.transaction() as sales:
        societies = _ladders(sales)
    after = (date.min, FIRST)
    while societies and not current_job().cancellation_requested():
        with store.transaction() as sales:
            page = _page(sales, societies, day, after)
            decided = [decision for row in page for decision in _decide(row, societies, day)]
            for row in _write(sales, decided, day, moment):
                counts[_what(row.step, row.reason)] += 1
        if len(page) < PAGE:
            break
        after = (page[-1].due_date, UUID(page[-1].id))
    return dict(sorted(counts.items()))


def open_letters(connection: Connection, after: UUID = FIRST) -> list[UUID]:
    """A page of letters that are planned and not settled, in order of their ids."""
    rows = all_rows(connection, statements.letters_to_send, after=str(after), page=PAGE)
    return [UUID(row.id) for row in rows]


def letter_time(connection: Connection) -> datetime:
    """From when a letter may go out: now, or at the end of the quiet hours."""
    return outside_quiet_hours(reference.now(connection, "sales"))


def note_unreached(connection: Connection, day: date) -> None:
    """Make what reached nobody since the last run the news of this day's."""
    with connection.cursor() as cursor:
        cursor.execute(statements.note_unreached, {"day": day})


def unreached(connection: Connection, day: date, community_id: UUID | None = None) -> list[Unreached]:
    """A day's news of reminders that reached nobody, in a society or in all; each bill once, and at its notice."""
    rows = all_rows(
        connection,
        statements.unreached_on,
        day=day,
        community_id=None if community_id is None else str(community_id),
    )
    return [
        Unreached(
            UUID(row.community_id),
            row.label,
            row.name,
            row.phone,
            row.number,
            Step(row.step),
            row.reason,
            rupees(row.balance),
        )
        for row in rows
    ]


def letter_before_due(connection: Connection, invoice_id: str) -> UUID | None:
    """The letter of the day before the due date, about all bills of the member that fall due with this one.

    None when that step was decided before. Raises UnknownInvoice, NotIssued.
    """
    known = checked_id(invoice_id, "invoice", store.UnknownInvoice)
    bill = one_row(connection, statements.hold_member_of_bill, invoice_id=known)
    if bill is None:
        raise store.UnknownInvoice(f"no invoice has the id {invoice_id}")
    if bill.number is None:
        raise NotIssued(f"the bill of flat {bill.label} that falls due on {bill.due_date} is a draft")
    step = Step.BEFORE_DUE
    found = one_row(connection, statements.reminder_of_bill, invoice_id=known, step=step.value)
    if found is not None and found.outcome is not None:
        return None
    if found is not None and found.letter_id is not None:
        return UUID(found.letter_id)
    member = {"community_id": str(bill.community_id), "resident_id": str(bill.resident_id)}
    together = all_rows(
        connection, statements.bills_due_with, invoice_id=known, due_date=bill.due_date, **member
    )
    decided = [
        Decided(UUID(row.id), step, UUID(bill.community_id), UUID(bill.resident_id), None) for row in together
    ]
    moment = reference.now(connection, "sales")
    planned = _write(connection, decided, india_date(moment), moment)
    return UUID(planned[0].letter_id)


def deliver(connection: Connection, letter_id: str | UUID) -> str:
    """Ask again what of a letter still holds, and send that; in one transaction. Returns what was done.

    A second run finds it settled. Raises UnknownLetter, MissingRate, MailError.
    """
    known = checked_id(letter_id, "reminder", UnknownLetter)
    row = one_row(connection, statements.hold_letter, letter_id=known)
    if row is None:
        raise UnknownLetter(f"no reminder has the id {letter_id}")
    if row.settled:
        return "decided before"
    waiting = [UUID(r.invoice_id) for r in all_rows(connection, statements.hold_reminders, letter_id=known)]
    letter = Letter.of(row)
    owed = dues.of_member(
        connection, letter.resident_id, letter.community_id, row.law_scope, letter.day, waiting
    )
    about = owed.only(lambda bill: bill.invoice_id in waiting)
    reasons = {bill.invoice_id: _reason(bill.standing, letter) for bill in about.bills}
    taken = {invoice_id for invoice_id, reason in reasons.items() if reason is None}
    push, note = _push_to(letter.step, letter.user_id)
    _take(connection, letter, reasons, note, sent=bool(taken))
    if not taken:
        said = ", ".join(dict.fromkeys(filter(None, reasons.values())))
        return f"skipped: {said}" if said else "decided before"
    about, rest = owed.only(lambda bill: bill.invoice_id in taken), owed.only(lambda bill: bill.owed > 0)
    if push is not None:
        reminder_letters.push(letter, push, about)
    if letter.email is not None and (letter.step in MAILED or push is None):
        reminder_letters.send_once(connection, letter, about, rest)
    return "sent"


def give_up(connection: Connection, letter_id: str | UUID) -> None:
    """Skip what a letter was to take, because the mail server does not know its address."""
    row = one_row(connection, statements.hold_letter, letter_id=str(letter_id))
    waiting = all_rows(connection, statements.hold_reminders, letter_id=str(letter_id))
    _take(connection, Letter.of(row), {UUID(r.invoice_id): REFUSED for r in waiting}, None, sent=False)


def _reason(standing: Standing, letter: Letter) -> str | None:
    reached = letter.email is not None or _push_to(letter.step, letter.user_id)[0] is not None
    return reason_to_skip(standing, letter.step) or (None if reached else NO_ADDRESS)


def _push_to(step: Step, user_id: str | None) -> tuple[str | None, str | None]:
    """To which login a step is pushed, else why a step that should be is not."""
    if step not in PUSHED:
        return None, None
    if settings().push_url is None:
        return None, NO_PUSH
    return user_id, None if user_id else NO_LOGIN


def _take(
    connection: Connection,
    letter: Letter,
    reasons: Mapping[UUID, str | None],
    note: str | None,
    *,
    sent: bool,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            statements.take_steps,
            {
                "invoice_ids": [str(invoice_id) for invoice_id in reasons],
                "reasons": list(reasons.values()),
                "step": letter.step.value,
                "note": note,
            },
        )
        cursor.execute(statements.settle_letter, {"letter_id": str(letter.id), "sent": sent})


def _ladders(connection: Connection) -> dict[UUID, tuple[Span, ...]]:
    changes: dict[UUID, list[Change]] = {}
    for row in all_rows(connection, statements.reminder_rules):
        known = changes.setdefault(UUID(row.community_id), [])
        if row.step is not None:
            known.append(Change(Step(row.step), row.effective_from, row.days))
    return {community_id: ladders(known) for community_id, known in changes.items()}


def _page(
    connection: Connection, societies: dict[UUID, tuple[Span, ...]], day: date, after: tuple[date, UUID]
) -> list[Any]:
    rungs = [
        (str(community_id), span.first, span.last, rung.step.value, rung.days)
        for community_id, spans in societies.items()
        for span in spans
        for rung in span.ladder
    ]
    if not rungs:
        return []
    columns = (list(column) for column in zip(*rungs, strict=True))
    names = ("communities", "firsts", "lasts", "steps", "days")
    return all_rows(
        connection,
        statements.bills_to_remind_of,
        day=day,
        soonest=min(days for *_, days in rungs),
        after_due=after[0],
        after_id=str(after[1]),
        page=PAGE,
        **dict(zip(names, columns, strict=True)),
    )


def _decide(row: Any, societies: dict[UUID, tuple[Span, ...]], day: date) -> list[Decided]:
    bill, community_id = UUID(row.id), UUID(row.community_id)
    ladder = ladder_on(row.due_date, societies[community_id])
    found = decide(ladder, row.due_date, {Step(step) for step in row.decided}, day)
    steps: list[tuple[Step, str | None]] = list(found.skipped.items())
    if found.take is not None:
        pushed = found.take in PUSHED and row.has_login and settings().push_url is not None
        steps.append((found.take, None if row.has_address or pushed else NO_ADDRESS))
    return [Decided(bill, step, community_id, UUID(row.resident_id), reason) for step, reason in steps]


def _write(connection: Connection, decided: Sequence[Decided], day: date, moment: datetime) -> list[Any]:
    if not decided:
        return []
    return all_rows(
        connection,
        statements.plan_reminders,
        invoice_ids=[str(each.invoice_id) for each in decided],
        steps=[each.step.value for each in decided],
        communities=[str(each.community_id) for each in decided],
        residents=[str(each.resident_id) for each in decided],
        reasons=[each.reason for each in decided],
        day=day,
        moment=moment,
    )


def _what(step: str, reason: str | None) -> str:
    if reason is None:
        return step
    return reason if reason in (NO_ADDRESS, "past due") else "overtaken"
