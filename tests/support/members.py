"""A flat of the accountant's case A, its bills, what it pays, and what the books must say of it whatever happened."""

from __future__ import annotations

from itertools import count

import pytest

from actors.sales import generate_invoice_for_resident, process_payment

DUES = """
    select unit.id::text,
        coalesce((select sum(total - paid_amount) from sales.invoice
            where unit_id = unit.id and posted_at is not null and voided_at is null), 0)
        + coalesce((select amount - paid_amount from sales.opening_arrears where unit_id = unit.id), 0)
        + coalesce((select sum(charged - received + taxed - tax_received) from sales.late_interest
            where unit_id = unit.id), 0)
        - coalesce((select sum(unallocated) from sales.receipt where unit_id = unit.id), 0) as owed,
        coalesce((select sum(debit - credit) from sales.ledger_line
            where unit_id = unit.id and account_code = '11200'), 0) as receivable
    from sales.unit"""
TRUTHS = {
    "what members owe is the receivable account, flat by flat": f"""
        select * from ({DUES}) as dues where owed <> receivable""",
    "the trial balance is nought": "select sum(debit - credit) from sales.ledger_line having sum(debit - credit) <> 0",
    "a receipt is what it cleared and what is left of it": """
        select receipt.number from sales.receipt
        left join sales.allocation on receipt_id = receipt.id and undone_on is null
        where reversed_on is null group by receipt.id
        having receipt.amount <> coalesce(sum(allocation.amount), 0) + unallocated""",
    "a bill is paid by what was allocated to it": """
        select invoice.number, paid_amount from sales.invoice
        left join sales.allocation on invoice_id = invoice.id and due = 'BILL' and undone_on is null
        group by invoice.id having paid_amount <> coalesce(sum(amount), 0)""",
    "interest received is what was allocated to it": """
        select late_interest.invoice_id from sales.late_interest
        left join sales.allocation on allocation.invoice_id = late_interest.invoice_id and undone_on is null
        group by late_interest.invoice_id
        having received <> coalesce(sum(amount) filter (where due = 'INTEREST'), 0)
            or tax_received <> coalesce(sum(amount) filter (where due = 'INTEREST_TAX'), 0)
            or taxed <> coalesce(sum(cgst + sgst), 0)""",
    "interest in the books is what the lines say up to the day charged": """
        select late_interest.invoice_id, charged from sales.late_interest
        where charged <> (select coalesce(sum(amount), 0) from sales.interest_line
                where interest_line.invoice_id = late_interest.invoice_id and day <= charged_to)
            or charged <> (select coalesce(sum(amount), 0) from sales.interest_charge
                where interest_charge.invoice_id = late_interest.invoice_id)""",
    "the numbers of receipts have no gap": """
        select series from sales.receipt group by community_id, series, financial_year
        having max(sequence) <> count(*) or min(sequence) <> 1""",
}


@pytest.fixture
def books_hold(ask):
    """Asserts all that must be true of the books at any time."""

    def books_hold():
        for truth, counterexamples in TRUTHS.items():
            assert ask(counterexamples) == [], truth

    return books_hold


@pytest.fixture
def member(society, ask):
    """The id of flat A-102, 1,085 sq ft with a car and a two-wheeler: 9,811 rupees a month."""
    unit = str(society.unit_ids[1])
    ask("delete from sales.vehicle where unit_id = %s", unit)
    for plate, kind in (("MH 12 AA 0001", "CAR"), ("MH 12 AA 0002", "TWO_WHEELER")):
        ask("insert into sales.vehicle values (%s, %s, %s, '2019-04-01')", unit, plate, kind)
    ask("update sales.unit set is_let = false where id = %s", unit)
    assert ask("select count(*) from sales.opening_arrears where unit_id = %s", unit) == [(0,)]
    return unit


@pytest.fixture
def resolve(society, ask):
    """The general body resolves interest: percent, days of grace, first day."""

    def resolve(percent=21, grace=0, begins="2019-04-01"):
        ask(
            """insert into sales.late_interest_rule (community_id, effective_from, percent, grace_days, resolved)
            values (%s, %s, %s, %s, 'Annual general meeting')""",
            str(society.community_id),
            begins,
            percent,
            grace,
        )

    return resolve


@pytest.fixture
def bill():
    """Bills a flat for a month; its id."""
    return generate_invoice_for_resident.fn


@pytest.fixture
def pay():
    """A gateway tells of a payment of a flat: rupees, day or moment."""
    told = count(1)

    def pay(unit, amount, day, *, reference=None, mode="UPI"):
        moment = day if "T" in day else f"{day}T12:00:00+05:30"
        reference = reference or f"pay_{next(told):06d}"
        return process_payment.fn("razorpay", reference, unit, amount, moment, mode)

    return pay


@pytest.fixture
def posted(ask):
    """The lines of the entries of these kinds, in order: (day, account, debit − credit)."""

    def posted(*kinds):
        return [
            (f"{day:%d %b}", account, amount)
            for day, account, amount in ask(
                """select entry_date, account_code, debit - credit
                from sales.ledger_entry join sales.ledger_line on entry_id = id
                where source_kind = any (%s) order by id, position""",
                list(kinds),
            )
        ]

    return posted
