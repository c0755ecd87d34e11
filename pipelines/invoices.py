"""Bills: one of them, step by step, and a whole society's month.

Each function opens its flow in one transaction and returns the id, for `dhanman-jobs workflows show` and
`batches watch`. Called again, it opens nothing while the first is open, and afterwards a flow that finds all done.
A step without arguments is handed the bill's id by the one before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from actors.common.rules.calendar import Period
from actors.sales import (
    create_invoice,
    generate_invoice_for_resident,
    generate_invoices_for_residents,
    runs,
    send_bulk_generation_summary,
    send_invoice_notification,
    store,
    update_ledger,
)
from actors.sales.rules.billing import BillingError
from infra.composition import Batch, Workflow
from infra.queue import transaction

ONE_BY_ONE = 500
"""Flats up to which each is a job, seen and retried by itself; beyond, jobs would cost more than bills."""
PAGE = 100
"""Flats a job in a larger society: a second's work, and the numbers' lock is never held for long."""


def process_invoice(invoice_id: str | UUID) -> str:
    """Post a drafted bill, then mail it to the member. Returns the workflow's id.

    It asks the database nothing, so in `with transaction(connection):` it follows a draft of the same transaction.
    """
    flow = Workflow(f"invoice {invoice_id}", key=f"invoice/{invoice_id}")
    flow.add(update_ledger.message(str(invoice_id)) | send_invoice_notification.message())  # type: ignore[call-arg]
    return flow.run()


def bill_unit(unit_id: str | UUID, period: str) -> str:
    """Bill one flat for one month in three jobs, draft → posting → letter. Returns the workflow's id.

    Raises UnknownUnit, PeriodError.
    """
    unit, month = str(unit_id), str(Period.parse(period))
    with store.transaction() as sales:
        flat = runs.flat(sales, unit)
    flow = Workflow(f"bill of flat {flat.label} for {month}", key=f"bill/{unit}/{month}")
    flow.add(
        create_invoice.message(unit, month)
        | update_ledger.message()  # type: ignore[call-arg]
        | send_invoice_notification.message()  # type: ignore[call-arg]
    )
    return flow.run()


def bill_every_society(period: str) -> list[str]:
    """Open `generate_bulk_invoices` for each society that has a flat to bill. Returns the batches' ids.

    Raises PeriodError.
    """
    month = Period.parse(period)
    with store.transaction() as sales:
        societies = runs.societies_to_bill(sales, month)
    return [generate_bulk_invoices(community_id, str(month)) for community_id in societies]


def generate_bulk_invoices(community_id: str | UUID, period: str) -> str:
    """Bill every flat of a society for one month, and mail the treasurer. Returns the batch's id.

    A society of up to ONE_BY_ONE flats is billed by a job a flat; a larger one by a job a page of PAGE flats. Either
    way a flat that cannot be billed fails alone, as a job of its own; the treasurer's summary names it, and
    `Batch.get(id).retry_failed()` bills it once it is put right. The letters are no members: each is enqueued in its
    bill's transaction, and a mail server that is away must not hold up the summary.

    Raises UnknownCommunity, PeriodError, and BillingError for a society without flats.
    """
    month = Period.parse(period)
    with store.transaction() as sales, transaction(sales):
        society = runs.flats_to_bill(sales, community_id, month)
        if not society.unit_ids:
            raise BillingError(f"{society.name} has no flat to bill for {month}")
        batch = Batch(
            f"bills of {month}, {society.name}"[:200],
            on_complete=send_bulk_generation_summary,
            on_success=send_bulk_generation_summary,  # heard after a repair; else it is the same news
            key=f"bills/{society.community_id}/{month}",
        )
        paged = len(society.unit_ids) > ONE_BY_ONE
        if paged:
            batch.add_many(
                generate_invoices_for_residents.message(list(page), str(month))
                for page in batched(society.unit_ids)
            )
        else:
            batch.add_many(
                generate_invoice_for_resident.message(unit, str(month)) for unit in society.unit_ids
            )
        batch_id = batch.run()
        runs.note_run(
            sales, batch_id, society.community_id, month, flats=len(society.unit_ids) if paged else None
        )
    return batch_id


def batched(unit_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Pages of PAGE flats, in order."""
    return (unit_ids[start : start + PAGE] for start in range(0, len(unit_ids), PAGE))
