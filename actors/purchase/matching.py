"""The three-way match of a society's bills: a page of them is found, judged, written and posted in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import books, reference
from actors.common.books import Posting
from actors.common.reference import Society
from actors.common.rules.calendar import FinancialYear
from actors.purchase import bills, store
from actors.purchase.bills import Bill, Place
from actors.purchase.rules.matching import Tolerance
from actors.purchase.rules.tds import Nature, TdsYear
from actors.purchase.store import SERVICE, statements
from actors.purchase.verdict import REFUSALS, Terms, Verdict, is_protected, is_taxed, judge
from infra.store.rows import checked_id, one_row

PAGE = 1_000
SOURCE = "VENDOR_BILL"
"""Kind of the entries; their source is the payable."""


OVERRIDING = ("TREASURER", "SECRETARY", "CHAIRPERSON")
"""Offices that may let a bill on hold pass."""


class UnknownBill(LookupError):
    """No vendor's bill has this id."""


class OverrideRefused(ValueError):
    """Who may not let a bill pass, or a bill that needs no override."""


@dataclass(frozen=True)
class RefusedBill:
    """A bill that could not be matched, and why."""

    number: str
    vendor: str
    why: str

    def __str__(self) -> str:
        return f"bill {self.number} of {self.vendor}: {self.why}"


@dataclass
class Matched:
    """What a run found.

    Parameters:
      outcomes: how many bills have a new finding, by outcome.
      looked_at: bills compared, those on hold that stay so included.
      posted: entries in the books.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    looked_at: int = 0
    posted: int = 0
    payable: Decimal = Decimal("0.00")
    tds: Decimal = Decimal("0.00")
    refused: list[RefusedBill] = field(default_factory=list)


def match_bills(community_id: str | UUID, day: date) -> Iterator[tuple[Matched, int]]:
    """Match what came in until a day. Yields after each page the sum so far and how many bills there are to match.

    A second run writes and posts only what is new by then. Raises UnknownSociety; MissingRate where the society's own
    rates are not there; RestrictViolation where the month's books are closed.
    """
    with store.transaction() as purchase:
        office = store.office(purchase, community_id)
        total = bills.count_open(purchase, office.society, day)
        terms = Terms(
            day,
            office.rates,
            Tolerance.on(office.rates, day),
            store.input_credit(purchase, office.society, day),
        )
    run, place = Matched(), Place()
    while True:
        with store.transaction() as purchase:
            store.hold_books(purchase, office.society)
            page = bills.open_bills(purchase, office.society, day, place, PAGE)
            verdicts, years = _judge(purchase, page, terms, run)
            _write(purchase, office.society, verdicts, years, terms)
        run.looked_at += len(page)
        yield run, max(total, run.looked_at)
        if len(page) < PAGE:
            return
        place = page[-1].place


def override_hold(connection: Connection, bill_id: str | UUID, officer: str, role: str, reason: str) -> None:
    """Let a bill on hold pass as it stands, from the next match on; the role is recorded with the match.

    Raises UnknownBill; OverrideRefused where the officer does not hold the role, or the bill is not on hold.
    """
    bill = one_row(connection, statements.bill_to_change, bill_id=checked_id(bill_id, "bill", UnknownBill))
    if bill is None:
        raise UnknownBill(f"no bill has the id {bill_id}")
    office = store.office(connection, bill.community_id)
    store.hold_books(connection, office.society)
    today = reference.today(connection, SERVICE)
    holders = reference.officers(connection, SERVICE, office.society, today, role, else_office=False)
    if role not in OVERRIDING or officer not in {one.email for one in holders}:
        raise OverrideRefused(f"bill {bill.number}: {officer} may not let it pass as {role.lower()}")
    made = one_row(
        connection, statements.override_hold, bill_id=str(bill_id), officer=officer, role=role, reason=reason
    )
    if made is None:
        raise OverrideRefused(f"bill {bill.number} is not on hold, or was let pass before")


def _judge(
    connection: Connection, page: Sequence[Bill], terms: Terms, run: Matched
) -> tuple[list[Verdict], dict[tuple[UUID, Nature], TdsYear]]:
    """The page's bills in their order: each finds what those before it were let pass for. Counts into `run`."""
    if not page:
        return [], {}
    lines = bills.order_lines(connection, page, terms.day)
    years = bills.tds_years(connection, page, FinancialYear.of(terms.day))
    verdicts, seen, changed = [], set[tuple[UUID, int, str]](), {}
    for bill in page:
        of = (bill.vendor_id, bill.nature)
        new = bill.status == "UNMATCHED"
        try:
            doubled = new and (bill.doubled or bill.number_key in seen)
            verdict = judge(bill, lines, years.get(of, TdsYear()), terms, doubled=doubled)
        except REFUSALS as refusal:
            run.refused.append(RefusedBill(bill.number, bill.vendor, str(refusal)))
            continue
        seen.add(bill.number_key)
        if not verdict.is_new:
            continue
        for line, found in zip(bill.lines, verdict.found.lines, strict=True):
            lines[line.key].billed += found.payable_quantity - line.billed.let_pass
        if verdict.credit:
            if is_taxed(bill):
                years[of] = changed[of] = verdict.credit.deduction.year
            run.posted += 1
            run.payable += verdict.credit.net
            run.tds += verdict.credit.deduction.tax
        run.outcomes[verdict.found.outcome.value] += 1
        verdicts.append(verdict)
    return verdicts, changed


def _write(
    connection: Connection,
    society: Society,
    verdicts: Sequence[Verdict],
    years: dict[tuple[UUID, Nature], TdsYear],
    terms: Terms,
) -> None:
    if not verdicts:
        return
    year = FinancialYear.of(terms.day).start
    one_row(
        connection,
        statements.write_matches,
        day=terms.day,
        bills=[str(one.bill.id) for one in verdicts],
        numbers=[one.number for one in verdicts],
        outcomes=[one.found.outcome.value for one in verdicts],
        states=[str(one.state) for one in verdicts],
        payables=[one.found.payable for one in verdicts],
        helds=[one.found.held for one in verdicts],
        roles=[one.bill.override_role for one in verdicts],
    )
    lines = [
        (one, line, found)
        for one in verdicts
        for line, found in zip(one.bill.lines, one.found.lines, strict=True)
    ]
    store.run(
        connection,
        statements.write_match_lines,
        bills=[str(one.bill.id) for one, _, _ in lines],
        numbers=[one.number for one, _, _ in lines],
        positions=[line.position for _, line, _ in lines],
        outcomes=[found.outcome.value for _, _, found in lines],
        payables=[found.payable for _, _, found in lines],
        helds=[found.held for _, _, found in lines],
        opens=[found.open_quantity for _, _, found in lines],
        quantities=[found.payable_quantity for _, _, found in lines],
    )
    credits = [(one, one.credit) for one in verdicts if one.credit]
    store.run(
        connection,
        statements.write_payables,
        community_id=str(society.id),
        day=terms.day,
        year=year,
        ids=[str(credit.id) for _, credit in credits],
        bills=[str(one.bill.id) for one, _ in credits],
        numbers=[one.number for one, _ in credits],
        vendors=[str(one.bill.vendor_id) for one, _ in credits],
        nets=[credit.net for _, credit in credits],
        gsts=[credit.gst for _, credit in credits],
        natures=[one.bill.nature.value for one, _ in credits],
        tds_bases=[credit.deduction.base for _, credit in credits],
        tdss=[credit.deduction.tax for _, credit in credits],
        tds_shorts=[credit.deduction.short for _, credit in credits],
        accepteds=[credit.accepted_on for _, credit in credits],
        dues=[credit.due_on for _, credit in credits],
        msmes=[is_protected(one.bill) for one, _ in credits],
    )
    store.run(
        connection,
        statements.write_tds_years,
        year=year,
        vendors=[str(vendor) for vendor, _ in years],
        natures=[nature.value for _, nature in years],
        crediteds=[now.credited for now in years.values()],
        taxeds=[now.taxed for now in years.values()],
        deducteds=[now.deducted for now in years.values()],
        shorts=[now.short for now in years.values()],
    )
    books.post(
        connection,
        SERVICE,
        [
            Posting(
                community_id=society.id,
                day=terms.day,
                narration=f"Bill {one.bill.number} of {one.bill.vendor}, order {one.bill.order_number}",
                source_kind=SOURCE,
                source_id=credit.id,
                entry=credit.entry,
            )
            for one, credit in credits
        ],
    )
