"""calculate-late-fees: a line a bill and day that follows the rule to the paisa, months in the books, nothing twice."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal as D
from random import Random

import psycopg2
import pytest

from actors.common import reference
from actors.sales import generate_invoice_for_resident, interest, late_fees, reverse_receipt
from actors.sales.rules.interest import LateBill
from infra.store.connections import transaction
from periodic.sales import calculate_late_fees
from tests.support.deaths import outlives_every_death
from tests.support.society import PERIOD

LINES = "select day::text, amount from sales.interest_line order by day"
BY_BILL = """select invoice_id::text, sum(amount) from sales.interest_line group by invoice_id"""


def on(day):
    """The run of 00:00 on a day."""
    return calculate_late_fees.fn(f"{day}T00:00:00+05:30")


def days(first, last):
    begun = date.fromisoformat(first)
    return [
        (begun + timedelta(days=n)).isoformat() for n in range((date.fromisoformat(last) - begun).days + 1)
    ]


def test_each_day_adds_a_line_and_they_sum_to_the_formula(member, bill, resolve, ask, books_hold):
    """45 days of example 1 at 21 %: 5.64 or 5.65 a day, 254.01 in all."""
    resolve(21)
    bill(member, PERIOD)

    for day in days("2026-04-15", "2026-05-30"):
        on(day)

    lines = ask(LINES)
    assert [day for day, _ in lines] == days("2026-04-16", "2026-05-30")
    assert {amount for _, amount in lines} == {D("5.64"), D("5.65")}
    assert sum(amount for _, amount in lines) == D("254.01")
    books_hold()


def test_the_first_day_after_the_grace_makes_up_for_it(member, bill, resolve, ask):
    resolve(21, 10)
    bill(member, PERIOD)

    for day in days("2026-04-16", "2026-04-27"):
        on(day)

    assert ask(LINES) == [("2026-04-26", D("62.09")), ("2026-04-27", D("5.65"))]


def test_a_run_again_and_a_run_after_missed_days_end_alike(member, bill, resolve, ask):
    resolve(21)
    bill(member, PERIOD)
    on("2026-04-16")
    assert on("2026-05-03")["days"] == 17
    caught_up = ask(LINES)

    assert on("2026-05-03") == {
        "marked_overdue": 0, "days": 0, "lines": 0, "amount": "0.00", "without_resolution": [], "refused": {},
    }  # fmt: skip
    assert on("2026-04-20")["days"] == 0
    assert ask(LINES) == caught_up
    assert [day for day, _ in caught_up] == days("2026-04-16", "2026-05-03")
    assert ask("select count(*), min(day)::text, max(day)::text from sales.interest_run") == [
        (18, "2026-04-16", "2026-05-03")
    ]


def test_a_month_that_is_over_enters_the_books_once(member, bill, resolve, posted, ask, books_hold):
    resolve(21)
    bill(member, PERIOD)
    for day in days("2026-04-16", "2026-04-30"):
        on(day)
    assert posted("INTEREST") == []

    for day in ("2026-05-01", "2026-05-02"):
        on(day)

    fifteen_days = D("84.67")
    assert posted("INTEREST") == [("30 Apr", "11200", fifteen_days), ("30 Apr", "40610", -fifteen_days)]
    books_hold()


def test_interest_that_a_month_charged_is_taxed_when_it_is_received(
    member, bill, resolve, pay, posted, books_hold
):
    """Charged 84.67 in April and 169.34 with the receipt: the sums of the sheet's single entry, 254.01 and 45.72."""
    resolve(21)
    bill(member, PERIOD)
    on("2026-05-30")

    pay(member, "10110.73", "2026-05-30")

    entries = posted("INTEREST", "INTEREST_TAX")
    sums = {account: sum(a for _, each, a in entries if each == account) for _, account, _ in entries}
    assert sums == {"11200": D("299.73"), "40610": D("-254.01"), "23020": D("-22.86"), "23010": D("-22.86")}
    books_hold()


def test_a_society_that_resolved_no_interest_is_named_and_charged_none(society, ask):
    generate_invoice_for_resident.fn(str(society.unit_ids[0]), PERIOD)

    assert on("2026-05-01")["without_resolution"] == ["Green Valley"]
    assert ask(LINES) == []


def test_a_missing_cap_and_closed_books_are_named_and_nothing_is_lost(member, bill, resolve, ask, books_hold):
    resolve(21)
    bill(member, PERIOD)
    ask("delete from sales.tax_rate where code = 'LATE_INTEREST_CAP' and value = 21")
    told = on("2026-04-20")
    assert told["refused"] == {
        "Green Valley": "no rate LATE_INTEREST_CAP is recorded for MH/IN on 16 Apr 2026"
    }

    ask("insert into sales.tax_rate select * from kept.tax_rate on conflict do nothing")
    ask("update sales.accounting_period set closed_at = now(), closed_by = 'treasurer'")
    assert on("2026-05-02")["refused"]["Green Valley"].startswith("the books of 2026-04 are closed since ")
    assert ask("select max(day)::text from sales.interest_run") == [("2026-04-30",)]

    ask("update sales.accounting_period set closed_at = null, closed_by = null")
    assert on("2026-05-02")["refused"] == {}
    books_hold()


def test_paid_void_and_coming_bills_bear_nothing(society, bill, resolve, pay, ask):
    resolve(21)
    paid, void, coming = (str(unit) for unit in society.unit_ids[:3])
    bill(paid, PERIOD)
    pay(paid, "20000.00", "2026-04-15")
    ask("update sales.invoice set voided_at = now() where id = %s", bill(void, PERIOD))
    bill(coming, "2026-05")

    on("2026-05-15")

    assert ask(LINES) == []


def test_a_bill_that_was_made_late_makes_up_for_its_days_in_one_line(society, bill, resolve, ask):
    resolve(21)
    bill(str(society.unit_ids[0]), PERIOD)
    on("2026-05-10")
    late = bill(str(society.unit_ids[1]), PERIOD)

    on("2026-05-11")

    ((day, amount, total),) = ask(
        """select day::text, amount, total from sales.interest_line join sales.invoice on invoice.id = invoice_id
        where invoice_id = %s""",
        late,
    )
    assert (day, amount) == ("2026-05-11", (total * 21 * 26 / 36_500).quantize(D("0.01")))


@pytest.mark.parametrize(
    ("told", "paid"),
    [("2026-05-10", "2026-05-08"), ("2026-05-02", "2026-04-28"), ("2026-05-02", "2026-04-15")],
)
def test_a_payment_told_late_counts_from_its_own_day(member, bill, resolve, pay, ask, books_hold, told, paid):
    """Also where the books had more interest already: what was too much is taken back."""
    resolve(21)
    bill(member, PERIOD)
    on(told)

    pay(member, "5000.00", paid)
    books_hold()
    on("2026-05-31")

    late = (date.fromisoformat(paid) - date(2026, 4, 15)).days
    whole = (D("9811.00") * 21 * late / 36_500).quantize(D("0.01"))
    rest = (D("9811.00") - 5000 + whole) * 21 * (46 - late) / 36_500
    ((charged,),) = ask("select sum(amount) from sales.interest_line")
    assert charged == whole + rest.quantize(D("0.01"))
    books_hold()


@pytest.mark.parametrize("grace", [0, 7])
def test_what_the_database_reckons_is_what_the_rule_says(
    society, sales, resolve, pay, ask, books_hold, grace
):
    """Given twelve flats, two bills each, payments in order on random days, and a cap that falls on 18 June."""
    resolve(21, grace)
    random, end = Random(grace), date(2026, 7, 20)
    for unit in society.unit_ids:
        for month in (PERIOD, "2026-06"):
            generate_invoice_for_resident.fn(str(unit), month)
    events = sorted((date(2026, 4, 10) + timedelta(days=random.randrange(95)), random.choice(society.unit_ids))
                    for _ in range(30))  # fmt: skip
    for day in days("2026-04-16", end.isoformat()):
        if random.random() < 0.8:
            on(day)
        for when, unit in events:
            if when.isoformat() == day:
                pay(str(unit), f"{random.randrange(100, 9_000)}.{random.randrange(100):02d}", day)
    on(end.isoformat())

    law = reference.rate_book(sales, "sales", "MH")
    (resolved,) = interest.resolutions(sales, [society.community_id]).values()
    spans = interest.rate_spans(resolved, law, date(2026, 4, 1), end)
    found = dict(ask(BY_BILL))
    bills = ask(
        "select id::text, unit_id::text, due_date, total, paid_amount from sales.invoice where total > 0"
    )
    paid = ask(
        """select allocation.invoice_id::text, allocated_on, of_advance, due, allocation.amount from sales.allocation
        where invoice_id is not null order by allocated_on"""
    )
    paying_days = ask("select unit_id::text, received_on from sales.receipt order by received_on")
    for invoice, unit, due, total, _ in bills:
        before = sum(a for i, d, _, kind, a in paid if i == invoice and kind == "BILL" and d <= due)
        late = LateBill.of(total - before, due, grace)
        for day in sorted({d for u, d in paying_days if u == unit and d > due}):
            part = sum(a for i, d, _, kind, a in paid if i == invoice and kind == "BILL" and d == day)
            late = late.paid(D(part), day, spans)
        assert found.get(invoice, 0) == late.interest_to(end, spans), invoice
    assert len(found) >= 15
    books_hold()


@pytest.mark.parametrize("number", range(4))
def test_the_books_hold_through_whatever_comes(society, resolve, ask, pay, books_hold, number):
    """Bills, payments on time, late, told twice and told late, bounced cheques, missed nights: in any order."""
    random = Random(number)
    resolve(18, random.choice((0, 5)))
    resolve(15, 3, "2026-05-20")
    units = [str(unit) for unit in society.unit_ids[:5]]
    told = []
    for day in days("2026-04-01", "2026-07-05"):
        if day.endswith("-01"):
            for unit in units:
                generate_invoice_for_resident.fn(unit, day[:7])
        if random.random() < 0.6:
            on(day)
        for unit in units:
            chance = random.random()
            back = (date.fromisoformat(day) - timedelta(days=random.choice((0, 0, 0, 1, 5)))).isoformat()
            if chance < 0.05:
                whole = random.choice((9811, 5000, 120, 25_000, random.randrange(1, 12_000)))
                amount = f"{whole}.{random.randrange(100):02d}"
                told.append((unit, amount, back, f"pay_{len(told)}"))
                pay(*told[-1][:3], reference=told[-1][3])
            elif chance < 0.06 and told:
                again = random.choice(told)
                assert not pay(*again[:3], reference=again[3])["new"]
        if random.random() < 0.03 and told:
            ((receipt,),) = ask(
                "select id::text from sales.receipt where reference = %s", random.choice(told)[3]
            )
            reverse_receipt.fn(receipt, "cheque bounced", day)
        if day.endswith(("-10", "-25")):
            books_hold()

    books_hold()
    assert len(told) > 10


def test_a_payment_waits_for_the_night_and_the_night_for_a_payment(
    sales_database, member, bill, resolve, society
):
    resolve(21)
    bill(member, PERIOD)
    late_fees.mark_overdue(date(2026, 4, 20))
    with transaction("sales") as night:
        (green,) = interest.late_societies(night)
        interest.reckon(night, green, date(2026, 4, 16))
        payment = psycopg2.connect(sales_database)
        with payment.cursor() as cursor:
            cursor.execute("set lock_timeout = '100ms'")
            with pytest.raises(psycopg2.errors.LockNotAvailable):
                cursor.execute("select from sales.community for share")
        payment.close()


def test_a_death_at_any_commit_leaves_what_an_undisturbed_night_leaves(
    sales_database, society, resolve, ask, monkeypatch
):
    resolve(21)
    ask("update sales.community set due_day = 28")
    for unit in society.unit_ids[:3]:
        generate_invoice_for_resident.fn(str(unit), PERIOD)

    def reset():
        ask(
            """set session_replication_role = replica;
            delete from sales.interest_charge; delete from sales.interest_line; delete from sales.interest_run;
            delete from sales.late_interest;
            delete from sales.ledger_line using sales.ledger_entry where entry_id = id and source_kind = 'INTEREST';
            delete from sales.ledger_entry where source_kind = 'INTEREST';
            update sales.invoice set overdue_since = null;
            set session_replication_role = origin"""
        )

    def seen():
        return (
            ask("select day, invoice_id, amount from sales.interest_line order by 1, 2"),
            ask("select invoice_id, charged_to, amount from sales.interest_charge order by 1"),
            ask("select day, lines, amount from sales.interest_run order by 1"),
            ask("select invoice_id, begun, charged from sales.late_interest order by 1"),
            ask("select count(*), sum(debit) from sales.ledger_line"),
        )

    commits = outlives_every_death(
        monkeypatch, lambda: late_fees.reckon(date(2026, 5, 2)), reset=reset, seen=seen
    )
    assert commits == 1 + 1 + 1 + 4  # marking, the societies, their missing days, each of the four
