"""The flows of bills on `dramatiq actors`, as an operator starts it: what fails alone, and that twice is once."""

from __future__ import annotations

import uuid

import pytest

from actors.common.rules.calendar import PeriodError
from actors.sales import bills, runs, store
from actors.sales.rules.billing import BillingError
from infra.composition import Batch, Workflow
from infra.queue import transaction
from pipelines.invoices import bill_unit, generate_bulk_invoices, process_invoice
from tests.support.society import AT_WORK, BAD_FLAT, PERIOD
from tests.support.waiting import wait_for
from tests.support.worker import workers_of

STEPS = "select actor_name, state::text from sales_jobs.job where workflow_id = %s order by enqueued_at, actor_name"
BOOKS = """select number, total, (select label from sales.unit where unit.id = unit_id), posted_at,
        (select array_agg(debit - credit order by position) from sales.ledger_entry
            join sales.ledger_line on entry_id = ledger_entry.id where source_id = invoice.id)
    from sales.invoice order by number"""
GAPLESS = """select array_agg(sequence order by sequence) = array_agg(row_number order by row_number)
    from (select sequence, row_number() over (partition by series order by sequence)::int from sales.invoice) numbers"""


@pytest.fixture
def worker(sales_database, tmp_path):
    """Starts the real actors' workers."""
    with workers_of(lambda: sales_database) as run:
        yield lambda: run(module="actors", env={"JOBS_HOME": str(tmp_path)})


@pytest.fixture
def finished(ask):
    """Waits until nothing is queued or running and every workflow is complete."""
    return lambda: wait_for(lambda: not ask(AT_WORK), "all jobs are done", within=30)


def test_one_bill_in_three_jobs(society, worker, finished, mailbox, ask):
    workflow_id = bill_unit(society.unit_ids[0], PERIOD)
    worker()
    finished()

    assert sorted(ask(STEPS, workflow_id)) == [
        ("sales.create_invoice", "done"),
        ("sales.send_invoice_notification", "done"),
        ("sales.update_ledger", "done"),
    ]
    assert Workflow.get(workflow_id).progress().outcome == "done"
    assert ask("select posted_at is not null from sales.invoice") == [(True,)]
    assert len(mailbox.letters) == 1
    assert ask("select step from sales.reminder") == [("BEFORE_DUE",)]


def test_a_draft_and_its_workflow_commit_together_or_not_at_all(
    society, sales, worker, finished, mailbox, ask
):
    for kept in (False, True):
        with transaction(sales):
            invoice_id, _ = bills.draft_once(sales, str(society.unit_ids[kept]), PERIOD)
            workflow_id = process_invoice(invoice_id)
        (sales.commit if kept else sales.rollback)()
    worker()
    finished()

    assert ask("select id::text, posted_at is not null from sales.invoice") == [(str(invoice_id), True)]
    assert ask("select workflow_id::text, outcome::text from sales_jobs.workflow") == [(workflow_id, "done")]
    assert len(mailbox.letters) == 1


def test_a_step_that_fails_holds_the_next_ones_until_it_is_repaired(
    flawed_society, repair, worker, finished, mailbox, ask
):
    ((unit,),) = ask("select id::text from sales.unit where label = %s", BAD_FLAT)
    workflow_id = bill_unit(unit, PERIOD)
    worker()
    finished()
    assert sorted(ask(STEPS, workflow_id)) == [
        ("sales.create_invoice", "failed"),
        ("sales.send_invoice_notification", "awaiting"),
        ("sales.update_ledger", "awaiting"),
    ]

    repair(flawed_society)
    assert Workflow.get(workflow_id).retry_failed() == 1
    finished()

    assert {state for _, state in ask(STEPS, workflow_id)} == {"done"}
    assert len(mailbox.letters) == 1


def test_a_society_is_billed_each_flat_once_without_gaps_and_everyone_hears_of_it(
    society, worker, finished, mailbox, ask
):
    batch_id = generate_bulk_invoices(society.community_id, PERIOD)
    worker()
    finished()

    assert ask("select name from sales_jobs.workflow") == [(f"bills of {PERIOD}, Green Valley",)]
    progress = Batch.get(batch_id).progress()
    assert (progress.total, progress.succeeded, progress.outcome) == (12, 12, "done")
    assert ask("select count(*), count(distinct unit_id) from sales.invoice where posted_at is not null") == [
        (12, 12)
    ]
    assert ask(GAPLESS) == [(True,)]
    assert ask("select sum(debit) = sum(credit) from sales.ledger_line") == [(True,)]
    addressees = sorted(letter["To"].addresses[0].username for letter in mailbox.letters)
    assert len(addressees) == 13
    assert addressees.count("treasurer") == 1


def test_one_bad_flat_fails_alone_and_is_billed_once_it_is_repaired(
    flawed_society, repair, worker, finished, mailbox, ask
):
    batch_id = generate_bulk_invoices(flawed_society.community_id, PERIOD)
    worker()
    finished()

    batch = Batch.get(batch_id)
    assert (batch.progress().succeeded, batch.progress().failed) == (11, 1)
    (failure,) = batch.failures()
    assert failure.error == (
        f"BillingError: flat {BAD_FLAT} has no tariff for {PERIOD}: only its property tax could be billed"
    )
    before = ask(BOOKS)
    assert len(before) == 11

    repair(flawed_society)
    assert batch.retry_failed() == 1
    finished()

    assert batch.progress().outcome == "done"
    assert batch.failures() == []
    after = ask(BOOKS)
    assert len(after) == 12
    assert [bill for bill in after if bill[2] != BAD_FLAT] == before
    assert ask(GAPLESS) == [(True,)]
    assert len(mailbox.letters) == 12 + 2  # and the treasurer twice: what failed; that nothing is left


def test_a_second_call_finds_the_open_batch_and_a_later_one_changes_nothing(
    society, worker, finished, mailbox, ask
):
    batch_id = generate_bulk_invoices(society.community_id, PERIOD)
    assert generate_bulk_invoices(society.community_id, PERIOD) == batch_id
    assert generate_bulk_invoices(society.community_id, "2026-05") != batch_id
    worker()
    finished()
    books = ask(BOOKS)
    assert len(books) == 24

    again = generate_bulk_invoices(society.community_id, PERIOD)
    finished()

    assert again != batch_id
    assert Batch.get(again).progress().succeeded == 12
    assert ask(BOOKS) == books
    assert len([letter for letter in mailbox.letters if list(letter.iter_attachments())]) == 24


def test_a_flat_that_is_billed_by_all_flows_at_once_has_one_bill_and_one_letter(
    society, worker, finished, mailbox, ask
):
    unit = society.unit_ids[3]
    assert bill_unit(unit, PERIOD) == bill_unit(unit, PERIOD)
    generate_bulk_invoices(society.community_id, PERIOD)
    worker()
    worker()
    finished()

    assert ask("select count(*) from sales.invoice where unit_id = %s", str(unit)) == [(1,)]
    assert ask("select count(*), count(distinct invoice_id) from sales.mail_log") == [(12, 12)]
    assert ask(GAPLESS) == [(True,)]


def test_a_cancelled_batch_bills_nobody_and_a_new_one_bills_everybody(society, worker, finished, ask):
    batch_id = generate_bulk_invoices(society.community_id, PERIOD)
    assert Batch.get(batch_id).cancel(by="treasurer", reason="wrong month") == 12
    worker()
    finished()
    assert Batch.get(batch_id).progress().outcome == "cancelled"
    assert ask(BOOKS) == []

    generate_bulk_invoices(society.community_id, PERIOD)
    finished()

    assert len(ask(BOOKS)) == 12


def test_a_flat_that_is_handed_over_later_is_no_failure(society, sales_database, ask):
    ask("update sales.unit set charged_from = '2026-05-01' where label = 'A-101'")
    ask("update sales.unit set charged_from = '2026-04-30' where label = 'A-102'")

    assert Batch.get(generate_bulk_invoices(society.community_id, PERIOD)).progress().total == 11


def test_what_cannot_be_meant_is_refused_where_it_is_called(society, sales, ask):
    with pytest.raises(PeriodError, match="period '2026-4' is not a month"):
        generate_bulk_invoices(society.community_id, "2026-4")
    with pytest.raises(PeriodError, match="period 'April' is not a month"):
        bill_unit(society.unit_ids[0], "April")
    with pytest.raises(store.UnknownUnit, match="no flat has the id"):
        bill_unit(uuid.uuid4(), PERIOD)
    with pytest.raises(runs.UnknownCommunity, match="no society has the id"):
        generate_bulk_invoices(uuid.uuid4(), PERIOD)
    with pytest.raises(runs.UnknownCommunity, match="'Green Valley' is not the id of any society"):
        generate_bulk_invoices("Green Valley", PERIOD)
    ask("update sales.unit set charged_from = '2027-01-01'")
    with pytest.raises(BillingError, match="Green Valley has no flat to bill for 2026-04"):
        generate_bulk_invoices(society.community_id, PERIOD)

    assert ask("select count(*) from sales_jobs.workflow") == [(0,)]
    assert ask("select count(*) from sales.billing_run") == [(0,)]
