-- Statements of the three-way match. All of them run while the society's row is held, so bills are matched one page at a time.

-- name: count_open_bills
-- How many bills are to be matched on a day; by the partial index vendor_bill_open.
select count(*) as bills from purchase.vendor_bill
where community_id = %(community_id)s and received_on <= %(day)s
    and status in ('UNMATCHED', 'HOLD_QTY', 'HOLD_OVER_RECEIPT', 'HOLD_PRICE', 'HOLD_NO_GRN');

-- name: open_bills
-- A page of bills to be matched, in the order in which they came in. Bills on hold are among them: a new receipt, an
-- override or another price may let them pass. Walks vendor_bill_open from the last bill of the page before; doubles are
-- found by vendor_bill_once, the rest by primary keys.
select
    bill.id::text as id, bill.received_on, bill.entry_number, bill.number, bill.number_key, bill.financial_year,
    bill.total, bill.status, bill.vendor_id::text as vendor_id, vendor.name as vendor, vendor.pan, vendor.msme_class,
    vendor.credit_days, bill.purchase_order_id::text as order_id, ordered.number as order_number,
    ordered.status as order_status, ordered.tds_nature, match_override.role as override_role,
    (select count(*) from purchase.match_result where bill_id = bill.id) as matches,
    exists (
        select from purchase.vendor_bill as twin
        where twin.vendor_id = bill.vendor_id and twin.financial_year = bill.financial_year
            and twin.number_key = bill.number_key and twin.id <> bill.id
            and twin.status not in ('UNMATCHED', 'DUPLICATE', 'VOID')) as doubled,
    (select json_agg(json_build_array(
            position, order_position, quantity::text, unit_price::text, cgst::text, sgst::text, payable_quantity::text)
            order by position)::text
        from purchase.vendor_bill_line where bill_id = bill.id) as lines
from purchase.vendor_bill as bill
join purchase.vendor on vendor.id = bill.vendor_id
join purchase.purchase_order as ordered on ordered.id = bill.purchase_order_id
left join purchase.match_override on match_override.bill_id = bill.id
where bill.community_id = %(community_id)s and bill.received_on <= %(day)s
    and bill.status in ('UNMATCHED', 'HOLD_QTY', 'HOLD_OVER_RECEIPT', 'HOLD_PRICE', 'HOLD_NO_GRN')
    and (bill.received_on, bill.entry_number) > (%(after_day)s, %(after_number)s)
order by bill.received_on, bill.entry_number
limit %(page)s;

-- name: order_lines
-- What was ordered, accepted until a day, and let pass for all bills; the page's orders by primary key, their receipts and
-- bills by goods_receipt_line_of_order and vendor_bill_line_of_order.
select
    line.purchase_order_id::text as order_id, line.position, line.account_code, line.quantity, line.unit_price,
    coalesce((
        select json_agg(json_build_array(accepted_on, receipt.quantity::text) order by accepted_on, number)::text
        from purchase.goods_receipt_line as receipt
        join purchase.goods_receipt on goods_receipt.id = receipt.goods_receipt_id
        where receipt.purchase_order_id = line.purchase_order_id and receipt.order_position = line.position
            and accepted_on <= %(day)s), '[]') as receipts,
    coalesce((
        select sum(payable_quantity) from purchase.vendor_bill_line as billed
        where billed.purchase_order_id = line.purchase_order_id and billed.order_position = line.position), 0) as billed
from purchase.purchase_order_line as line
where line.purchase_order_id = any (%(orders)s::uuid[]);

-- name: tds_years
-- The vendors' years so far, by primary key.
select vendor_id::text as vendor_id, nature, credited, taxed, deducted, short from purchase.tds_year
where vendor_id = any (%(vendors)s::uuid[]) and financial_year = %(year)s;

-- name: write_matches
-- What was found, the bills' new states, and how many of each line are let pass; a page in one statement. Constraints of
-- match_line are checked at the end of it.
with found as (
    select * from unnest(
        %(bills)s::uuid[], %(numbers)s::int[], %(outcomes)s::text[], %(states)s::text[], %(payables)s::numeric[],
        %(helds)s::numeric[], %(roles)s::text[]
    ) as found (bill_id, number, outcome, state, payable, held, role)
), result as (
    insert into purchase.match_result (bill_id, number, matched_on, outcome, payable, held, override_role)
    select bill_id, number, %(day)s, outcome, payable, held, role from found
), bill as (
    update purchase.vendor_bill set status = found.state from found where vendor_bill.id = found.bill_id
)
select count(*) as written from found;

-- name: write_match_lines
-- Line by line, as write_matches; both by primary keys.
with found as (
    select * from unnest(
        %(bills)s::uuid[], %(numbers)s::int[], %(positions)s::int[], %(outcomes)s::text[], %(payables)s::numeric[],
        %(helds)s::numeric[], %(opens)s::numeric[], %(quantities)s::numeric[]
    ) as found (bill_id, number, position, outcome, payable, held, open_quantity, payable_quantity)
), line as (
    insert into purchase.match_line (bill_id, match_number, position, outcome, payable, held, open_quantity)
    select bill_id, number, position, outcome, payable, held, open_quantity from found
)
update purchase.vendor_bill_line as billed set payable_quantity = found.payable_quantity
from found
where billed.bill_id = found.bill_id and billed.position = found.position
    and billed.payable_quantity <> found.payable_quantity;

-- name: write_payables
-- What the vendors are owed now.
insert into purchase.payable (
    id, bill_id, match_number, community_id, vendor_id, credited_on, net, gst, tds_nature, tds_year, tds_base, tds,
    tds_short, to_pay, accepted_on, due_on, msme)
select id, bill_id, match_number, %(community_id)s, vendor_id, %(day)s, net, gst, nature, %(year)s, tds_base, tds,
    tds_short, net + gst - tds, accepted_on, due_on, msme
from unnest(
    %(ids)s::uuid[], %(bills)s::uuid[], %(numbers)s::int[], %(vendors)s::uuid[], %(nets)s::numeric[], %(gsts)s::numeric[],
    %(natures)s::text[], %(tds_bases)s::numeric[], %(tdss)s::numeric[], %(tds_shorts)s::numeric[],
    %(accepteds)s::date[], %(dues)s::date[], %(msmes)s::bool[]
) as owed (
    id, bill_id, match_number, vendor_id, net, gst, nature, tds_base, tds, tds_short, accepted_on, due_on, msme);

-- name: write_tds_years
-- The vendors' years with this page in them.
insert into purchase.tds_year (vendor_id, financial_year, nature, credited, taxed, deducted, short)
select vendor_id, %(year)s, nature, credited, taxed, deducted, short
from unnest(
    %(vendors)s::uuid[], %(natures)s::text[], %(crediteds)s::numeric[], %(taxeds)s::numeric[], %(deducteds)s::numeric[],
    %(shorts)s::numeric[]
) as now (vendor_id, nature, credited, taxed, deducted, short)
on conflict (vendor_id, financial_year, nature) do update
    set credited = excluded.credited, taxed = excluded.taxed, deducted = excluded.deducted, short = excluded.short;

-- name: override_hold
-- An officer's word on a bill on hold; once.
insert into purchase.match_override (bill_id, role, officer, reason)
select id, %(role)s, %(officer)s, %(reason)s from purchase.vendor_bill
where id = %(bill_id)s and status in ('HOLD_QTY', 'HOLD_OVER_RECEIPT', 'HOLD_PRICE', 'HOLD_NO_GRN')
on conflict (bill_id) do nothing
returning bill_id;

-- name: exceptions
-- Bills on hold, and the doubles of a day, the newest finding first; with what was billed, ordered and received of the
-- lines that stop them. Reads vendor_bill_open and match_result_of_day, then primary keys.
with stopped as (
    select id from purchase.vendor_bill
    where community_id = %(community_id)s and received_on <= %(day)s
        and status in ('HOLD_QTY', 'HOLD_OVER_RECEIPT', 'HOLD_PRICE', 'HOLD_NO_GRN')
    union all
    select vendor_bill.id
    from purchase.match_result join purchase.vendor_bill on vendor_bill.id = match_result.bill_id
    where matched_on = %(day)s and outcome = 'DUPLICATE' and community_id = %(community_id)s and status = 'DUPLICATE'
), counted as (
    select bill.*, last.number as match_number, last.matched_on, last.payable, last.held, vendor.name as vendor,
        ordered.number as order_number, sum(last.held) over () as held_in_all,
        count(*) filter (where bill.status = 'DUPLICATE') over () as doubles,
        count(*) filter (where bill.status <> 'DUPLICATE') over () as holds
    from stopped
    join purchase.vendor_bill as bill on bill.id = stopped.id
    join purchase.vendor on vendor.id = bill.vendor_id
    join purchase.purchase_order as ordered on ordered.id = bill.purchase_order_id
    cross join lateral (
        select number, matched_on, payable, held from purchase.match_result
        where bill_id = bill.id order by number desc limit 1) as last
    order by last.matched_on desc, vendor.name, bill.number, bill.entry_number
    limit %(shown)s
)
select
    number, bill_date, vendor, order_number, status, matched_on, payable, held, total, holds, doubles, held_in_all,
    (select json_agg(json_build_array(
            ordered.item, found.outcome, billed.quantity::text, billed.unit_price::text, ordered.quantity::text,
            ordered.unit_price::text,
            coalesce((select sum(receipt.quantity) from purchase.goods_receipt_line as receipt
                join purchase.goods_receipt on goods_receipt.id = goods_receipt_id
                where receipt.purchase_order_id = billed.purchase_order_id
                    and receipt.order_position = billed.order_position and accepted_on <= %(day)s), 0)::text,
            (select sum(other.payable_quantity) from purchase.vendor_bill_line as other
                where other.purchase_order_id = billed.purchase_order_id
                    and other.order_position = billed.order_position and other.bill_id <> billed.bill_id)::text)
            order by found.position)::text
        from purchase.match_line as found
        join purchase.vendor_bill_line as billed on billed.bill_id = found.bill_id and billed.position = found.position
        join purchase.purchase_order_line as ordered
            on ordered.purchase_order_id = billed.purchase_order_id and ordered.position = billed.order_position
        where found.bill_id = counted.id and found.match_number = counted.match_number
            and found.outcome like 'HOLD%%') as lines
from counted
order by matched_on desc, vendor, number, entry_number;
