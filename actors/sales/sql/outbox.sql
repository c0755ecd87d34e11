-- Statements of the outbox: facts for other systems, read from the books.

-- name: tell_invoice
-- An issued bill, by primary key; once, by the unique key (event, subject_id).
insert into sales.outbox (event, subject_id, payload)
select %(event)s, invoice.id, jsonb_build_object(
    'invoice_id', invoice.id, 'number', invoice.number, 'community_id', invoice.community_id,
    'unit_id', invoice.unit_id, 'resident_id', invoice.resident_id, 'period', to_char(invoice.period, 'YYYY-MM'),
    'invoice_date', invoice.invoice_date, 'due_date', invoice.due_date, 'total', invoice.total::text,
    'cgst', invoice.cgst::text, 'sgst', invoice.sgst::text)
from sales.invoice where invoice.id = %(subject_id)s and posted_at is not null
on conflict (event, subject_id) do nothing
returning id;

-- name: tell_receipt
-- A receipt with what it cleared at once, by primary keys; once, likewise. A reversal is told of reversed receipts alone.
insert into sales.outbox (event, subject_id, payload)
select %(event)s, receipt.id, jsonb_build_object(
    'receipt_id', receipt.id, 'number', receipt.number, 'community_id', receipt.community_id,
    'unit_id', receipt.unit_id, 'gateway', receipt.gateway, 'reference', receipt.reference, 'mode', receipt.mode,
    'amount', receipt.amount::text, 'received_at', receipt.received_at, 'reversed_on', receipt.reversed_on,
    'cleared', (
        select coalesce(jsonb_agg(jsonb_build_object(
            'due', due, 'invoice_id', invoice_id, 'amount', allocation.amount::text) order by position), '[]')
        from sales.allocation where receipt_id = receipt.id and not of_advance))
from sales.receipt
where receipt.id = %(subject_id)s and (%(event)s <> 'receipt.reversed' or reversed_on is not null)
on conflict (event, subject_id) do nothing
returning id;

-- name: was_told
-- Whether an event stands in the outbox, by the unique key.
select id from sales.outbox where event = %(event)s and subject_id = %(subject_id)s;
