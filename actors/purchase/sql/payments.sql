-- Statements of what is paid to vendors and to the government, and of bills that are taken back. All of them run while the
-- society's row is held.

-- name: bill_to_change
-- A bill and whose it is, by primary key.
select bill.id::text as id, bill.number, bill.status, bill.community_id::text as community_id, vendor.name as vendor
from purchase.vendor_bill as bill join purchase.vendor on vendor.id = bill.vendor_id
where bill.id = %(bill_id)s;

-- name: payee
-- A vendor, by primary key.
select id::text as id, name, community_id::text as community_id from purchase.vendor where id = %(vendor_id)s;

-- name: payment_of_reference
-- What was recorded under a reference, by its unique key.
select payment.id::text as id, payment.vendor_id::text as vendor_id, vendor.name as vendor, payment.amount, payment.paid_on,
    payment.returned_on
from purchase.vendor_payment as payment join purchase.vendor on vendor.id = payment.vendor_id
where payment.community_id = %(community_id)s and payment.reference = %(reference)s;

-- name: owed_to
-- What a vendor is owed on a day; by payable_of_vendor.
select coalesce(sum(to_pay - paid), 0) as owed from purchase.payable
where vendor_id = %(vendor_id)s and paid < to_pay and voided_on is null and credited_on <= %(day)s;

-- name: record_payment
-- A payment with what it pays, the longest due first; reads payable_of_vendor. The unique reference refuses a second one.
with payment as (
    insert into purchase.vendor_payment (id, community_id, vendor_id, reference, paid_on, amount)
    values (%(payment_id)s, %(community_id)s, %(vendor_id)s, %(reference)s, %(day)s, %(amount)s)
), owed as (
    select id, to_pay - paid as open, sum(to_pay - paid) over (order by due_on, id) as until
    from purchase.payable
    where vendor_id = %(vendor_id)s and paid < to_pay and voided_on is null and credited_on <= %(day)s
), share as (
    select id, least(open, %(amount)s - (until - open)) as amount from owed where until - open < %(amount)s
), item as (
    insert into purchase.vendor_payment_item (payment_id, payable_id, amount)
    select %(payment_id)s, id, amount from share
)
update purchase.payable set paid = paid + share.amount from share where payable.id = share.id;

-- name: return_payment
-- What a payment paid is owed again.
with payment as (
    update purchase.vendor_payment set returned_on = %(day)s
    where id = %(payment_id)s and returned_on is null
    returning id
), item as (
    select payable_id, amount from purchase.vendor_payment_item where payment_id in (select id from payment)
)
update purchase.payable set paid = paid - item.amount from item where payable.id = item.payable_id;

-- name: payables_of_bill
-- What a bill gave its vendor, by the unique key (bill_id, match_number).
select id::text as id, paid from purchase.payable where bill_id = %(bill_id)s and voided_on is null;

-- name: void_bill
-- A bill that is taken back gives nothing: its lines are not billed, its credits and their tax leave the vendor's year.
with bill as (
    update purchase.vendor_bill set status = 'VOID' where id = %(bill_id)s returning id
), line as (
    update purchase.vendor_bill_line set payable_quantity = 0 from bill
    where bill_id = bill.id and payable_quantity > 0
), gone as (
    update purchase.payable set voided_on = %(day)s from bill
    where payable.bill_id = bill.id and voided_on is null
    returning vendor_id, tds_year, tds_nature, net, tds_base, tds, tds_short
), summed as (
    select vendor_id, tds_year, tds_nature, sum(net) as net, sum(tds_base) as base, sum(tds) as tds, sum(tds_short) as short
    from gone group by vendor_id, tds_year, tds_nature
)
update purchase.tds_year as year
set credited = credited - summed.net, taxed = taxed - summed.base, deducted = deducted - summed.tds,
    short = year.short - summed.short
from summed
where year.vendor_id = summed.vendor_id and year.financial_year = summed.tds_year and year.nature = summed.tds_nature;

-- name: tds_to_deposit
-- Tax kept back until a month's end that no deposit of an earlier month paid, and the month's own deposit. Reads payable_taxed.
select
    coalesce((select sum(tds) from purchase.payable
        where community_id = %(community_id)s and tds > 0 and credited_on <= %(until)s
            and (voided_on is null or voided_on > %(until)s)), 0)
    - coalesce((select sum(amount) from purchase.tds_deposit
        where community_id = %(community_id)s and month < %(month)s), 0) as amount,
    (select id::text from purchase.tds_deposit
        where community_id = %(community_id)s and month = %(month)s) as deposit_id;

-- name: record_deposit
-- A month's deposit, once.
insert into purchase.tds_deposit (id, community_id, month, amount, due_on, paid_on)
values (%(deposit_id)s, %(community_id)s, %(month)s, %(amount)s, %(due_on)s, %(paid_on)s);
