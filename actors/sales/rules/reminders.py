"""When a member is reminded of a bill, by which step of the ladder, and when not."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from actors.common.rules.calendar import INDIA
from actors.common.rules.quiet_hours import outside_quiet_hours


class Step(StrEnum):
    """A step of the ladder, the gentlest first."""

    FRIENDLY = "FRIENDLY"
    BEFORE_DUE = "BEFORE_DUE"
    POLITE = "POLITE"
    FIRM = "FIRM"
    STATEMENT = "STATEMENT"
    NOTICE = "NOTICE"


COMING = frozenset({Step.FRIENDLY, Step.BEFORE_DUE})
"""Steps that speak of a due date to come; the others speak of one that is over."""
QUOTES_INTEREST = frozenset({Step.FIRM, Step.STATEMENT, Step.NOTICE})
PUSHED = frozenset({Step.FRIENDLY, Step.BEFORE_DUE})
"""Steps that go to the member's phone."""
MAILED = frozenset(Step) - {Step.BEFORE_DUE}
"""Steps that are letters; the one before the due date is mailed only where nothing reaches the phone."""


@dataclass(frozen=True)
class Rung:
    """A step and its day: so many after the due date, before it with a minus."""

    step: Step
    days: int


STANDARD = (
    Rung(Step.FRIENDLY, -5),
    Rung(Step.BEFORE_DUE, -1),
    Rung(Step.POLITE, 1),
    Rung(Step.FIRM, 7),
    Rung(Step.STATEMENT, 15),
    Rung(Step.NOTICE, 30),
)
"""The ladder of a society that has decided nothing else (DOMAIN A4, our proposal)."""


@dataclass(frozen=True)
class Change:
    """A society's own day of a step, for bills that fall due from a day on; None: the step is left out."""

    step: Step
    effective_from: date
    days: int | None


@dataclass(frozen=True)
class Span:
    """Due dates for which one ladder holds, both included."""

    first: date
    last: date
    ladder: tuple[Rung, ...]


@dataclass(frozen=True)
class Decision:
    """What a day brings for a bill: at most one step to take, and what will not come any more, and why."""

    take: Step | None = None
    skipped: dict[Step, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """What matters about an invoice when its reminder comes up."""

    balance: Decimal
    void: bool = False
    disputed: bool = False
    past_due: bool = False


def ladders(changes: Iterable[Change] = ()) -> tuple[Span, ...]:
    """A society's ladders by due date, the earliest first; together they hold for every day."""
    known = sorted(changes, key=lambda change: change.effective_from)
    firsts = sorted({date.min, *(change.effective_from for change in known)})
    lasts = [first - timedelta(days=1) for first in firsts[1:]] + [date.max]
    return tuple(
        Span(first, last, _ladder(change for change in known if change.effective_from <= first))
        for first, last in zip(firsts, lasts, strict=True)
    )


def _ladder(changes: Iterable[Change]) -> tuple[Rung, ...]:
    days: dict[Step, int | None] = {rung.step: rung.days for rung in STANDARD}
    days.update({change.step: change.days for change in changes})
    rungs = [Rung(step, after) for step, after in days.items() if after is not None]
    return tuple(
        sorted(rungs, key=lambda rung: rung.days)
    )  # stable: on one day the sharper step is the later one


def ladder_on(due: date, spans: Iterable[Span]) -> tuple[Rung, ...]:
    """The ladder of a bill that falls due on `due`."""
    return next(span.ladder for span in spans if span.first <= due <= span.last)


def decide(ladder: Iterable[Rung], due: date, decided: Collection[Step], today: date) -> Decision:
    """What `today` brings for a bill that is owed.

    Of several steps whose days have come, as after an outage, the latest is taken and the others are skipped. A step
    that speaks of the due date to come is not taken when it is over.
    """
    come = [rung.step for rung in ladder if due + timedelta(days=rung.days) <= today]
    if not come:
        return Decision()
    *earlier, latest = come
    skipped = {step: f"overtaken by {latest}" for step in earlier if step not in decided}
    if latest in decided:
        return Decision(None, skipped)
    if latest in COMING and today > due:
        return Decision(None, {**skipped, latest: "past due"})
    return Decision(latest, skipped)


def reminder_time(due: date) -> datetime:
    """24 hours before the due date begins, put off to the end of the quiet hours.

    Due 15 Apr → 14 Apr 08:00 IST. The moment and the quiet hours are our proposal: to confirm.
    """
    return outside_quiet_hours(datetime.combine(due, time(), INDIA) - timedelta(hours=24))


def reason_to_skip(invoice: Standing, step: Step) -> str | None:
    """Why a step is not taken, or None when it should. Asked again at sending.

    Void, disputed and paid bills are left in peace; a bill past its due date is for the later steps of the ladder.
    """
    if invoice.void:
        return "void"
    if invoice.disputed:
        return "disputed"
    if invoice.balance <= 0:
        return "paid"
    return "past due" if invoice.past_due and step in COMING else None
