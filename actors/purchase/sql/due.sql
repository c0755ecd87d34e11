-- Statements of what is to be paid, when, and of what the treasurer was reminded.

-- name: due_until
-- Payments of a society that are due until a day, the longest due first; by payable_due.
select
    payable.id::text as id, vendor.id::text as vendor_id, vendor.name as vendor, vendor.msme_class, vendor.bank_account,
    vendor.ifsc, vendor.pan, bill.number as bill_number, bill.bill_date, ordered.number as order_number, payable.credited_on,
    payable.accepted_on, payable.due_on, payable.net, payable.gst, payable.tds, payable.tds_nature, payable.msme,
    payable.to_pay, payable.to_pay - payable.paid as amount,
    array(select step from purchase.payment_reminder where payable_id = payable.id) as steps
from purchase.payable
join purchase.vendor on vendor.id = payable.vendor_id
join purchase.vendor_bill as bill on bill.id = payable.bill_id
join purchase.purchase_order as ordered on ordered.id = bill.purchase_order_id
where payable.community_id = %(community_id)s and payable.due_on <= %(until)s and payable.credited_on <= %(day)s
    and payable.paid < payable.to_pay and payable.voided_on is null
    and (not %(untold)s or not exists (
        select from purchase.payment_reminder where payable_id = payable.id and step = 'D+1'))
order by payable.due_on, vendor.name, bill.number, payable.id;

-- name: note_run
-- The week's list as it was first proposed.
with run as (
    insert into purchase.payment_run (community_id, week_of, payments, amount)
    values (%(community_id)s, %(week_of)s, %(payments)s, %(amount)s)
    on conflict do nothing
    returning community_id, week_of
)
insert into purchase.payment_run_item (community_id, week_of, payable_id, amount, interest)
select community_id, week_of, payable_id, item.amount, interest
from run, unnest(%(payables)s::uuid[], %(amounts)s::numeric[], %(interests)s::numeric[])
    as item (payable_id, amount, interest);

-- name: note_steps
-- Steps that were told, and those that they overtook; what was decided before stands.
insert into purchase.payment_reminder (payable_id, step, outcome, decided_on)
select payable_id, step, outcome, %(day)s
from unnest(%(payables)s::uuid[], %(steps)s::text[], %(outcomes)s::text[]) as told (payable_id, step, outcome)
on conflict (payable_id, step) do nothing;
