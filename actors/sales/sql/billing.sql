-- Statements of billing: what a flat is charged, the draft, the number, the posting.

-- name: unit_to_bill
-- All that the bill of one flat and month needs, in one row: its society, owner, charges in force, rates of the
-- law, arrears, and the bill itself when it was made before. Each part is found by a primary key or
-- by invoice (unit_id, period); arrears by the partial index invoice_unpaid.
select
    unit.id, unit.label, unit.is_let, unit.charged_from,
    community.id as community_id, community.gst_mode, community.noc_percent, community.law_scope,
    community.due_day,
    turnover.amount as turnover,
    owner.id as resident_id, owner.name as bill_to,
    (select invoice.id from sales.invoice where invoice.unit_id = unit.id and invoice.period = %(period)s)
        as invoice_id,
    coalesce((select amount - paid_amount from sales.opening_arrears where unit_id = unit.id and as_of < %(period)s), 0)
        + coalesce((
            select sum(total - paid_amount) from sales.invoice
            where unit_id = unit.id and voided_at is null and paid_amount < total and period < %(period)s), 0)
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
    ) as charge) as charges,
    (select json_agg(json_build_array(code, scope, effective_from, effective_to, value::text, source))::text
        from sales.tax_rate where scope in ('IN', community.law_scope)) as rates
from sales.unit
join sales.community on community.id = unit.community_id
left join sales.community_turnover as turnover
    on turnover.community_id = community.id and turnover.financial_year = %(financial_year)s
left join sales.ownership on ownership.unit_id = unit.id and ownership.owned_to is null
left join sales.resident as owner on owner.id = ownership.resident_id
where unit.id = %(unit_id)s;

-- name: insert_draft_once
-- The bill without number, with its lines. The unique key (unit_id, period) makes the second insert a no-op that
-- returns no row; a concurrent first insert is waited for.
with draft as (
    insert into sales.invoice (
        community_id, unit_id, resident_id, bill_to, period, kind, invoice_date, due_date,
        heads_total, taxable_value, cgst_rate, sgst_rate, cgst, sgst, round_off, total, arrears)
    values (
        %(community_id)s, %(unit_id)s, %(resident_id)s, %(bill_to)s, %(period)s, %(kind)s,
        %(invoice_date)s, %(due_date)s, %(heads_total)s, %(taxable_value)s, %(cgst_rate)s, %(sgst_rate)s,
        %(cgst)s, %(sgst)s, %(round_off)s, %(total)s, %(arrears)s)
    on conflict (unit_id, period) do nothing
    returning id
), lines as (
    insert into sales.invoice_line (invoice_id, position, head, quantity, rate, amount)
    select draft.id, line.position, line.head, line.quantity, line.rate, line.amount
    from draft, unnest(
        %(heads)s::text[], %(quantities)s::numeric[], %(rates)s::numeric[], %(amounts)s::numeric[]
    ) with ordinality as line (head, quantity, rate, amount, position)
)
select id from draft;

-- name: invoice_of_unit
-- The bill of a flat and month, by the unique key.
select id from sales.invoice where unit_id = %(unit_id)s and period = %(period)s;

-- name: take_number
-- The next number of a series and year. The counter's row stays locked until the bill commits, so that numbers
-- have no gaps and no doubles; take it late, for others wait.
insert into sales.invoice_counter as counter (community_id, series, financial_year, last_number)
values (%(community_id)s, %(series)s, %(financial_year)s, 1)
on conflict (community_id, series, financial_year) do update set last_number = counter.last_number + 1
returning last_number;

-- name: issue_invoice
-- Number the draft and post its entry, together. A bill that is issued already is left alone (no row), and the
-- unique key (source_kind, source_id) refuses a second entry.
with issued as (
    update sales.invoice
    set number = %(number)s, series = %(series)s, financial_year = %(financial_year)s, sequence = %(sequence)s,
        posted_at = now()
    where id = %(invoice_id)s and posted_at is null
    returning id, community_id, unit_id, invoice_date, number, period
), entry as (
    insert into sales.ledger_entry (community_id, entry_date, narration, source_kind, source_id)
    select community_id, invoice_date, 'Bill ' || number || ' for ' || to_char(period, 'YYYY-MM'), 'INVOICE', id
    from issued
    returning id
), lines as (
    insert into sales.ledger_line (entry_id, position, account_code, unit_id, debit, credit)
    select entry.id, line.position, line.account_code, issued.unit_id, line.debit, line.credit
    from entry, issued, unnest(
        %(accounts)s::text[], %(debits)s::numeric[], %(credits)s::numeric[]
    ) with ordinality as line (account_code, debit, credit, position)
)
select number from issued;

-- name: invoice
-- A bill with its lines, supplier and recipient, by primary keys.
select
    invoice.id, invoice.community_id, invoice.unit_id, invoice.number, invoice.period, invoice.invoice_date,
    invoice.due_date, invoice.kind, invoice.bill_to, invoice.taxable_value, invoice.cgst_rate, invoice.sgst_rate,
    invoice.cgst, invoice.sgst, invoice.round_off, invoice.total, invoice.arrears, invoice.paid_amount,
    (sales.clock() at time zone 'Asia/Kolkata')::date > invoice.due_date as past_due,
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
