-- Statements of the seed: whole tables at once, from JSON rows. Rows that stand are left alone.

-- name: seed_locations
insert into inventory.location select * from jsonb_populate_recordset(null::inventory.location, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_items
insert into inventory.item (id, community_id, code, name, category, unit, valuation, nrv, lead_days, max_lead_days,
    peak_daily_use, cover_days, pack)
select id, community_id, code, name, category, unit, valuation, nrv, lead_days, max_lead_days, peak_daily_use, cover_days, pack
from jsonb_populate_recordset(null::inventory.item, %(rows)s::jsonb)
on conflict do nothing;

-- name: movements_of_society
-- How many there are; by movement_of_day.
select count(*) as number from inventory.movement where community_id = %(community_id)s;
