-- Statements of payments: a flat's account, the receipt, and what it clears.

-- name: hold_accounts
-- Flats whose account this transaction decides about; in order of ids, as lock_units. The share lock on the society keeps
-- the night's interest out, which holds the society while it reckons.
select unit.id
from sales.unit join sales.community on community.id = unit.community_id
where unit.id = any (%(unit_ids)s::uuid[])
order by unit.id
for no key update of unit for share of community;

-- name: accounts
-- The flats with what they owe beside bills; by primary keys, ownership_current and interest_run's key.
select unit.id, unit.label, community.id as community_id, community.law_scope, community.receipt_series,
    coalesce(owner.name, 'Flat ' || unit.label) as owner,
    coalesce((select amount - paid_amount from sales.opening_arrears where unit_id = unit.id), 0) as arrears,
    (select max(day) from sales.interest_run where interest_run.community_id = community.id) as accrued_to
from sales.unit
join sales.community on community.id = unit.community_id
left join sales.ownership on ownership.unit_id = unit.id and ownership.owned_to is null
left join sales.resident as owner on owner.id = ownership.resident_id
where unit.id = any (%(unit_ids)s::uuid[]);

-- name: open_bills
-- Bills of flats on which something is owed, the oldest first, and those asked for besides; each with the late interest
-- that its lines say up to the day of payment, as far as it is not charged, less what is charged beyond that day. Bills
-- by (unit_id, period), lines by their key: a probe a day since the last charge.
select invoice.id, invoice.unit_id, invoice.number, invoice.due_date,
    case when invoice.voided_at is null then total - paid_amount else 0 end as principal,
    case when taxable_value > 0 then cgst_rate else 0 end as cgst_rate,
    case when taxable_value > 0 then sgst_rate else 0 end as sgst_rate,
    late.grace_days, late.since, late.settled, late.charged, late.charged_to, late.received, late.taxed,
    late.tax_received,
    (select coalesce(sum(case when line.day <= reckoned.day then amount else -amount end), 0)
        from generate_series(
            1, greatest(reckoned.day, late.charged_to) - least(reckoned.day, late.charged_to)) as step
        join sales.interest_line as line
            on line.day = least(reckoned.day, late.charged_to) + step and line.invoice_id = invoice.id)
        as uncharged
from unnest(%(unit_ids)s::uuid[], %(days)s::date[]) as asked (unit_id, day)
join sales.invoice on invoice.unit_id = asked.unit_id and invoice.posted_at is not null
left join sales.late_interest as late on late.invoice_id = invoice.id
cross join lateral (select greatest(asked.day, late.since) as day) as reckoned
where voided_at is null and paid_amount < total or received < charged or tax_received < taxed
    or invoice.id = any (%(besides)s::uuid[])
order by invoice.due_date, invoice.id;

-- name: insert_receipts_once
-- The payments that were not told before, still without numbers. The unique key (gateway, reference) makes a doubled
-- call a no-op that returns no row; a concurrent first call is waited for.
insert into sales.receipt (
    id, community_id, unit_id, received_from, gateway, reference, mode, amount, unallocated, received_at, received_on)
select id, community_id, unit_id, received_from, gateway, reference, mode, amount, amount, received_at,
    (received_at at time zone 'Asia/Kolkata')::date
from unnest(
    %(ids)s::uuid[], %(communities)s::uuid[], %(units)s::uuid[], %(owners)s::text[], %(gateways)s::text[],
    %(references)s::text[], %(modes)s::text[], %(amounts)s::numeric[], %(moments)s::timestamptz[]
) as payment (id, community_id, unit_id, received_from, gateway, reference, mode, amount, received_at)
on conflict (gateway, reference) do nothing
returning id;

-- name: receipt_of_payment
-- The receipt that a payment has, by the unique key.
select receipt.id, receipt.unit_id, unit.label, receipt.amount, receipt.number
from sales.receipt join sales.unit on unit.id = receipt.unit_id
where gateway = %(gateway)s and reference = %(reference)s;

-- name: drop_lines
-- Lines of days after a payment, which were reckoned without it; by the key, a probe a day.
delete from sales.interest_line
using unnest(%(invoice_ids)s::uuid[], %(firsts)s::date[], %(lasts)s::date[]) as span (invoice_id, first, last),
    generate_series(0, span.last - span.first) as step
where interest_line.day = span.first + step and interest_line.invoice_id = span.invoice_id;

-- name: add_lines
-- Late interest up to a day that had none yet, or not all of it.
insert into sales.interest_line as line (day, invoice_id, amount)
select * from unnest(%(days)s::date[], %(invoice_ids)s::uuid[], %(amounts)s::numeric[])
on conflict (day, invoice_id) do update set amount = line.amount + excluded.amount;

-- name: keep_late_interest
-- What late bills have run up, as of a payment.
update sales.late_interest
set since = kept.since, settled = kept.settled, begun = true, charged = kept.charged, charged_to = kept.charged_to,
    received = kept.received, taxed = kept.taxed, tax_received = kept.tax_received
from unnest(
    %(invoice_ids)s::uuid[], %(sinces)s::date[], %(settled)s::numeric[], %(charged)s::numeric[],
    %(charged_to)s::date[], %(received)s::numeric[], %(taxed)s::numeric[], %(tax_received)s::numeric[]
) as kept (invoice_id, since, settled, charged, charged_to, received, taxed, tax_received)
where late_interest.invoice_id = kept.invoice_id;

-- name: charge
-- Late interest that a receipt calls for, in the books from now on.
insert into sales.interest_charge (id, invoice_id, charged_to, receipt_id, amount)
select * from unnest(
    %(ids)s::uuid[], %(invoice_ids)s::uuid[], %(days)s::date[], %(receipt_ids)s::uuid[], %(amounts)s::numeric[]);

-- name: pay_bills
-- Principal that was paid, or with a minus taken back.
update sales.invoice set paid_amount = paid_amount + paid.amount
from unnest(%(invoice_ids)s::uuid[], %(amounts)s::numeric[]) as paid (invoice_id, amount)
where invoice.id = paid.invoice_id;

-- name: pay_arrears
-- Opening arrears that were paid, or with a minus taken back.
update sales.opening_arrears set paid_amount = paid_amount + paid.amount
from unnest(%(unit_ids)s::uuid[], %(amounts)s::numeric[]) as paid (unit_id, amount)
where opening_arrears.unit_id = paid.unit_id;

-- name: allocate
insert into sales.allocation (receipt_id, position, due, invoice_id, amount, cgst, sgst, allocated_on)
select * from unnest(
    %(receipt_ids)s::uuid[], %(positions)s::int[], %(dues)s::text[], %(invoice_ids)s::uuid[], %(amounts)s::numeric[],
    %(cgsts)s::numeric[], %(sgsts)s::numeric[], %(days)s::date[]);

-- name: number_receipts
update sales.receipt
set number = numbered.number, series = numbered.series, financial_year = numbered.financial_year,
    sequence = numbered.sequence, unallocated = numbered.unallocated
from unnest(
    %(ids)s::uuid[], %(numbers)s::text[], %(series)s::text[], %(years)s::int[], %(sequences)s::int[],
    %(unallocated)s::numeric[]
) as numbered (id, number, series, financial_year, sequence, unallocated)
where receipt.id = numbered.id;

-- name: receipt
-- A receipt with its society and what it cleared, by primary keys.
select receipt.id, receipt.community_id, receipt.unit_id, receipt.number, receipt.received_from, receipt.gateway,
    receipt.reference, receipt.mode, receipt.amount, receipt.unallocated, receipt.received_at, receipt.received_on,
    receipt.reversed_on, receipt.reversed_why,
    community.legal_name, community.registration_number, community.address, community.city, community.state_name,
    community.state_code, community.pin_code, community.gstin, community.email, community.bank_details,
    unit.label as unit_label, tower.name as tower_name, resident.email as resident_email,
    coalesce(resident.language, 'en') as language,
    (select coalesce(json_agg(json_build_array(
            allocation.due, allocation.invoice_id, allocation.amount::text, allocation.cgst::text,
            allocation.sgst::text, invoice.number, invoice.period, allocation.of_advance) order by position),
            '[]')::text
        from sales.allocation left join sales.invoice on invoice.id = allocation.invoice_id
        where allocation.receipt_id = receipt.id and allocation.undone_on is null) as parts
from sales.receipt
join sales.community on community.id = receipt.community_id
join sales.unit on unit.id = receipt.unit_id
join sales.tower on tower.id = unit.tower_id
left join sales.ownership on ownership.unit_id = unit.id and ownership.owned_to is null
left join sales.resident on resident.id = ownership.resident_id
where receipt.id = %(receipt_id)s;

-- name: free_tax
-- GST on a bill's interest that other receipts cleared and that is not due after all: theirs again, as an advance. By
-- allocation_of_invoice.
with freed as (
    update sales.allocation set undone_on = %(day)s
    where invoice_id = %(invoice_id)s and due = 'INTEREST_TAX' and receipt_id <> %(receipt_id)s and undone_on is null
    returning receipt_id, amount
), each as (
    select receipt_id, sum(amount) as amount from freed group by receipt_id
), given as (
    update sales.receipt set unallocated = unallocated + each.amount from each where receipt.id = each.receipt_id
)
select coalesce(sum(amount), 0) as amount from freed;

-- name: undo_receipt
-- A receipt that is taken back: nothing is left of it, and what it cleared is open again.
with undone as (
    update sales.allocation set undone_on = %(day)s where receipt_id = %(receipt_id)s and undone_on is null
)
update sales.receipt set reversed_on = %(day)s, reversed_why = %(why)s, unallocated = 0
where id = %(receipt_id)s;
