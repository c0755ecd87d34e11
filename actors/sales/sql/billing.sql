-- Statements of billing: what a flat is charged, the draft, the number, the posting.

-- name: lock_units
-- Whoever holds a flat's row decides about its account: bills and payments of a flat take turns. In order of ids, so that
-- two pages that share flats wait for one another and do not lock each other out.
select id from sales.unit where id = any (%(unit_ids)s::uuid[]) order by id for no key update;

-- name: units_to_bill
-- All that the bills of some flats and a month need, a row a flat in the order asked for: its society, owner, charges in
-- force, arrears, and the bill itself when it was made before. Each part is found by a primary key or by invoice
-- (unit_id, period); arrears by the partial indexes invoice_unpaid and late_interest_owed.
select
    unit.id, unit.label, unit.is_let, unit.charged_from,
    community.id as community_id, community.gst_mode, community.noc_percent, community.law_scope,
    community.due_day, community.tax_invoice_series, community.bill_of_supply_series,
    turnover.amount as turnover,
    owner.id as resident_id, owner.name as bill_to,
    (select invoice.id from sales.invoice where invoice.unit_id = unit.id and invoice.period = %(period)s)
        as invoice_id,
    coalesce((select amount - paid_amount from sales.opening_arrears where unit_id = unit.id and as_of < %(period)s), 0)
        + coalesce((
            select sum(total - paid_amount) from sales.invoice
            where unit_id = unit.id and voided_at is null and paid_amount < total and period < %(period)s), 0)
        + coalesce((
            select sum(charged - received + taxed - tax_received) from sales.late_interest
            where unit_id = unit.id and (received < charged or tax_received < taxed)), 0)
        as arrears,
    (select json_agg(json_build_array(head, quantity::text, price::text) order by head, basis)::text from (
        select tariff.head, tariff.basis, tariff.rate as price,
            case tariff.basis
                when 'AREA' then unit.area_sqft
                when 'UNIT' then 1
                else (
                    select count(*) from sales.vehicle
                    where vehicle.unit_id = unit.id and vehicle.kind = tariff.basis
                        and vehicle.parked_from <= %(period)s
                        and (vehicle.parked_to is null or vehicle.parked_to >= %(period)s))
            end as quantity
        from (
            select distinct on (head, basis) head, basis, rate, effective_to from sales.tariff
            where community_id = unit.community_id and tariff_group = unit.tariff_group
                and effective_from <= %(period)s
            order by head, basis, effective_from desc
        ) as tariff
        where tariff.effective_to is null or tariff.effective_to >= %(period)s
        union all
        select own.head, 'UNIT', own.amount, 1
        from (
            select distinct on (head) head, amount, effective_to from sales.unit_charge
            where unit_id = unit.id and effective_from <= %(period)s
            order by head, effective_from desc
        ) as own
        where own.effective_to is null or own.effective_to >= %(period)s
    ) as charge) as charges
from unnest(%(unit_ids)s::uuid[]) with ordinality as asked (unit_id, place)
join sales.unit on unit.id = asked.unit_id
join sales.community on community.id = unit.community_id
left join sales.community_turnover as turnover
    on turnover.community_id = community.id and turnover.financial_year = %(financial_year)s
left join sales.ownership on ownership.unit_id = unit.id and ownership.owned_to is null
left join sales.resident as owner on owner.id = ownership.resident_id
order by place;

-- name: insert_drafts_once
-- Bills without numbers, with their lines. The unique key (unit_id, period) makes a second insert a no-op that returns
-- no row; a concurrent first insert is waited for.
with draft as (
    insert into sales.invoice (
        community_id, unit_id, resident_id, bill_to, period, kind, invoice_date, due_date,
        heads_total, taxable_value, cgst_rate, sgst_rate, cgst, sgst, round_off, total, arrears)
    select * from unnest(
        %(community_ids)s::uuid[], %(unit_ids)s::uuid[], %(resident_ids)s::uuid[], %(bill_tos)s::text[],
        %(periods)s::date[], %(kinds)s::text[], %(invoice_dates)s::date[], %(due_dates)s::date[],
        %(heads_totals)s::numeric[], %(taxable_values)s::numeric[], %(cgst_rates)s::numeric[],
        %(sgst_rates)s::numeric[], %(cgsts)s::numeric[], %(sgsts)s::numeric[], %(round_offs)s::numeric[],
        %(totals)s::numeric[], %(arrears)s::numeric[])
    on conflict (unit_id, period) do nothing
    returning id, unit_id
), lines as (
    insert into sales.invoice_line (invoice_id, position, head, quantity, rate, amount)
    select draft.id, line.position, line.head, line.quantity, line.rate, line.amount
    from unnest(
        %(line_units)s::uuid[], %(positions)s::int[], %(heads)s::text[], %(quantities)s::numeric[],
        %(rates)s::numeric[], %(amounts)s::numeric[]
    ) as line (unit_id, position, head, quantity, rate, amount)
    join draft using (unit_id)
)
select id::text, unit_id::text from draft;

-- name: invoice_of_unit
-- The bill of a flat and month, by the unique key.
select id from sales.invoice where unit_id = %(unit_id)s and period = %(period)s;

-- name: take_numbers
-- The last of so many next numbers of a series and year. The counter's row stays locked until the documents commit, so
-- that numbers have no gaps and no doubles; take it late, for others wait.
insert into sales.invoice_counter as counter (community_id, series, financial_year, last_number)
values (%(community_id)s, %(series)s, %(financial_year)s, %(count)s)
on conflict (community_id, series, financial_year) do update set last_number = counter.last_number + %(count)s
returning last_number;

-- name: advances
-- What members have paid in advance, the oldest receipt of a flat first, by receipt_with_advance.
select id::text, unit_id::text, unallocated from sales.receipt
where unit_id = any (%(unit_ids)s::uuid[]) and unallocated > 0
order by received_at, id;

-- name: issue_invoices
-- Number drafts; a bill that is issued already is left alone (no row). What an advance pays of it stands on it.
update sales.invoice
set number = issue.number, series = issue.series, financial_year = issue.financial_year, sequence = issue.sequence,
    posted_at = now(), advance = issue.advance, paid_amount = issue.advance
from unnest(
    %(invoice_ids)s::uuid[], %(numbers)s::text[], %(series)s::text[], %(financial_years)s::int[],
    %(sequences)s::int[], %(advances)s::numeric[]
) as issue (id, number, series, financial_year, sequence, advance)
where invoice.id = issue.id and posted_at is null
returning invoice.id;

-- name: take_advances
-- Receipts' advances that new bills take, as allocations of these receipts.
with taken as (
    select * from unnest(%(receipt_ids)s::uuid[], %(invoice_ids)s::uuid[], %(amounts)s::numeric[], %(days)s::date[])
        as taken (receipt_id, invoice_id, amount, day)
), paid as (
    update sales.receipt set unallocated = unallocated - taken.amount
    from taken where receipt.id = taken.receipt_id
)
insert into sales.allocation (receipt_id, position, due, invoice_id, amount, allocated_on, of_advance)
select taken.receipt_id,
    1 + coalesce((select max(position) from sales.allocation where receipt_id = taken.receipt_id), 0),
    'BILL', taken.invoice_id, taken.amount, taken.day, true
from taken;

-- name: invoice
-- A bill with its lines, supplier and recipient, by primary keys.
select
    invoice.id, invoice.community_id, invoice.unit_id, invoice.number, invoice.period, invoice.invoice_date,
    invoice.due_date, invoice.kind, invoice.bill_to, invoice.taxable_value, invoice.cgst_rate, invoice.sgst_rate,
    invoice.cgst, invoice.sgst, invoice.round_off, invoice.total, invoice.arrears, invoice.advance,
    invoice.paid_amount,
    invoice.voided_at is not null as void, invoice.disputed_at is not null as disputed,
    coalesce(invoice.series, case invoice.kind
        when 'TAX_INVOICE' then community.tax_invoice_series else community.bill_of_supply_series end) as series,
    community.legal_name, community.registration_number, community.address, community.city, community.state_name,
    community.state_code, community.pin_code, community.gstin, community.email, community.bank_details,
    unit.label as unit_label, tower.name as tower_name,
    resident.email as resident_email, resident.language,
    (select json_agg(json_build_array(head, amount::text, quantity::text, rate::text) order by position)::text
        from sales.invoice_line where invoice_id = invoice.id) as lines
from sales.invoice
join sales.community on community.id = invoice.community_id
join sales.unit on unit.id = invoice.unit_id
join sales.tower on tower.id = unit.tower_id
join sales.resident on resident.id = invoice.resident_id
where invoice.id = %(invoice_id)s;

-- name: lock_invoice
-- Whoever holds this row decides about the bill; a second run waits, then sees what the first did.
select number from sales.invoice where id = %(invoice_id)s for update;
