"""A large society, billed a page of flats a job: the same bills as one by one, and a bad flat still fails alone."""

from __future__ import annotations

import pytest

from actors.sales import generate_invoice_for_resident, generate_invoices_for_residents
from actors.sales.rules.billing import BillingError
from actors.sales.seed import seed
from infra.composition import Batch
from pipelines import invoices
from pipelines.invoices import generate_bulk_invoices
from tests.support.deaths import outlives_every_death
from tests.support.society import BAD_FLAT, PERIOD

BOOKS = """select unit.label, invoice.kind, heads_total, taxable_value, cgst, sgst, round_off, total, arrears, due_date,
        bill_to,
        (select array_agg((head, quantity, rate, invoice_line.amount)::text order by position)
            from sales.invoice_line where invoice_id = invoice.id),
        (select array_agg((account_code, debit, credit, ledger_line.unit_id = unit.id)::text order by position)
            from sales.ledger_entry join sales.ledger_line on entry_id = ledger_entry.id where source_id = invoice.id),
        (select count(*) from sales.reminder where invoice_id = invoice.id and step = 'BEFORE_DUE')
    from sales.invoice join sales.unit on unit.id = invoice.unit_id order by unit.label"""
GAPLESS = """select bool_and(sequences = (select array_agg(n) from generate_series(1, cardinality(sequences)) n))
    from (select array_agg(sequence order by sequence) as sequences from sales.invoice group by series) numbers"""
CLEAR = """set session_replication_role = replica;
    delete from sales.invoice_line; delete from sales.reminder;
    delete from sales.ledger_line; delete from sales.ledger_entry;
    delete from sales.invoice; delete from sales.invoice_counter; delete from sales_jobs.queue;
    set session_replication_role = origin"""


@pytest.fixture
def paged(monkeypatch):
    """Societies of more than five flats are billed five flats a job."""
    monkeypatch.setattr(invoices, "ONE_BY_ONE", 5)
    monkeypatch.setattr(invoices, "PAGE", 5)


def units_of(society):
    return [str(unit) for unit in society.unit_ids]


def test_a_page_makes_the_bills_that_single_jobs_make(society, ask):
    for unit in units_of(society):
        generate_invoice_for_resident.fn(unit, PERIOD)
    one_by_one, jobs = (
        ask(BOOKS),
        ask("select actor_name, count(*) from sales_jobs.queue group by 1 order by 1"),
    )
    ask(CLEAR)

    told = generate_invoices_for_residents.fn(units_of(society), PERIOD)

    assert told == {"billed": 12, "stood": 0, "apart": 0}
    assert ask(BOOKS) == one_by_one
    assert ask("select actor_name, count(*) from sales_jobs.queue group by 1 order by 1") == jobs
    assert ask(GAPLESS) == [(True,)]


def test_a_second_run_of_a_page_changes_nothing(society, ask):
    units = units_of(society)
    generate_invoice_for_resident.fn(units[3], PERIOD)
    assert generate_invoices_for_residents.fn(units, PERIOD) == {"billed": 11, "stood": 1, "apart": 0}
    books = ask(BOOKS)

    assert generate_invoices_for_residents.fn(units, PERIOD) == {"billed": 0, "stood": 12, "apart": 0}
    assert ask(BOOKS) == books


def test_a_society_is_billed_in_pages_and_a_bad_flat_fails_under_its_name(
    flawed_society, paged, work, mailbox, repair, ask
):
    batch_id = generate_bulk_invoices(flawed_society.community_id, PERIOD)
    assert Batch.get(batch_id).progress().total == 3
    work()

    batch = Batch.get(batch_id)
    assert (batch.progress().total, batch.progress().succeeded, batch.progress().failed) == (4, 3, 1)
    (failure,) = batch.failures()
    assert failure.actor_name == "sales.generate_invoice_for_resident"
    assert failure.error.startswith(f"BillingError: flat {BAD_FLAT} has no tariff for {PERIOD}")
    told = [letter for letter in mailbox.letters if letter["Subject"].startswith("Bills of ")]
    assert [letter["Subject"] for letter in told] == ["Bills of April 2026: 11 of 12 flats billed, 1 failed"]
    assert f"{BAD_FLAT} " in told[0].get_body(("plain",)).get_content()

    repair(flawed_society)
    assert batch.retry_failed() == 1
    work()

    told = [letter["Subject"] for letter in mailbox.letters if letter["Subject"].startswith("Bills of ")]
    assert told[1].startswith("Bills of April 2026: all 12 flats billed, ₹ ")
    assert ask(GAPLESS) == [(True,)]
    assert ask("select count(*) from sales.invoice") == [(12,)]


def test_where_the_tables_refuse_a_page_each_flat_fails_alone_and_can_be_billed_later(
    society, paged, work, mailbox, ask
):
    ask(
        "insert into sales.accounting_period select id, '2026-04-01', now(), 'treasurer' from sales.community"
    )
    batch_id = generate_bulk_invoices(society.community_id, PERIOD)
    work()
    batch = Batch.get(batch_id)
    assert ask("select count(*) from sales.invoice") == [(0,)]
    assert (batch.progress().failed, len(batch.failures())) == (12, 12)
    (letter,) = mailbox.letters
    assert letter["Subject"] == "Bills of April 2026: 0 of 12 flats billed, 12 failed"
    assert "the books of 2026-04 are closed" in letter.get_body(("plain",)).get_content()

    ask("update sales.accounting_period set closed_at = null, closed_by = null")
    assert batch.retry_failed() == 12
    work()

    assert ask("select count(*) from sales.invoice where posted_at is not null") == [(12,)]
    assert ask(GAPLESS) == [(True,)]


def test_a_cancelled_run_in_pages_counts_flats_not_jobs(society, paged, work, mailbox):
    batch_id = generate_bulk_invoices(society.community_id, PERIOD)
    Batch.get(batch_id).cancel(by="treasurer")
    work()

    (letter,) = mailbox.letters
    assert letter["Subject"] == "Bills of April 2026: 0 of 12 flats billed, 12 not"
    assert "12 not begun when the run was cancelled" in letter.get_body(("plain",)).get_content()


def test_outside_a_batch_a_page_says_what_it_could_not_bill(sales, ask):
    society = seed(sales, towers=1, flats=4, period=PERIOD, without_tariff="A-101")
    sales.commit()

    with pytest.raises(BillingError, match="1 of 4 flats cannot be billed: flat A-101 has no tariff"):
        generate_invoices_for_residents.fn(units_of(society), PERIOD)

    assert ask("select count(*) from sales.invoice") == [(3,)]


def test_a_death_at_any_commit_of_a_page_leaves_whole_bills(society, ask, monkeypatch):
    outlived = outlives_every_death(
        monkeypatch,
        lambda: generate_invoices_for_residents.fn(units_of(society), PERIOD),
        reset=lambda: ask(CLEAR),
        seen=lambda: (ask(BOOKS), ask("select count(*) from sales_jobs.queue")),
    )
    assert outlived == 1
