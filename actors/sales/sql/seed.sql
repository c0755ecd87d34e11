-- Statements of the seed: whole tables at once, from JSON rows that have every column. Rows that stand are left alone.

-- name: seed_community
insert into sales.community select * from jsonb_populate_recordset(null::sales.community, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_turnover
insert into sales.community_turnover
select * from jsonb_populate_recordset(null::sales.community_turnover, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_tower
insert into sales.tower select * from jsonb_populate_recordset(null::sales.tower, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_unit
insert into sales.unit select * from jsonb_populate_recordset(null::sales.unit, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_resident
insert into sales.resident select * from jsonb_populate_recordset(null::sales.resident, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_ownership
insert into sales.ownership select * from jsonb_populate_recordset(null::sales.ownership, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_vehicle
insert into sales.vehicle select * from jsonb_populate_recordset(null::sales.vehicle, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_tariff
insert into sales.tariff select * from jsonb_populate_recordset(null::sales.tariff, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_unit_charge
insert into sales.unit_charge select * from jsonb_populate_recordset(null::sales.unit_charge, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_opening_arrears
insert into sales.opening_arrears
select * from jsonb_populate_recordset(null::sales.opening_arrears, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_late_interest_rule
insert into sales.late_interest_rule
select * from jsonb_populate_recordset(null::sales.late_interest_rule, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_opening_entry
-- The arrears in the books: each flat's receivable against the opening balances. The unique source lets it in once.
with owed as (
    select opening_arrears.unit_id, opening_arrears.amount, opening_arrears.as_of
    from sales.opening_arrears
    join sales.unit on unit.id = opening_arrears.unit_id
    where unit.community_id = %(community_id)s and opening_arrears.amount > 0
), entry as (
    insert into sales.ledger_entry (community_id, entry_date, narration, source_kind, source_id)
    select %(community_id)s, max(as_of), 'Arrears brought forward', 'OPENING_BALANCE', %(community_id)s
    from owed having count(*) > 0
    on conflict (source_kind, source_id) do nothing
    returning id
)
insert into sales.ledger_line (entry_id, position, account_code, unit_id, debit, credit)
select entry.id, row_number() over (order by unit_id), '11200', unit_id, amount, 0 from entry, owed
union all
select entry.id, (select count(*) + 1 from owed), '39010', null, 0, (select sum(amount) from owed) from entry;

-- name: asked_for
-- What the bills of a month ask for, arrears and advance as they stand on them. By invoice_of_period.
select unit.label, invoice.unit_id, invoice_date, due_date, total + arrears - advance as asked
from sales.invoice join sales.unit on unit.id = invoice.unit_id
where invoice.community_id = %(community_id)s and period = %(period)s and posted_at is not null and voided_at is null
order by unit.label;
