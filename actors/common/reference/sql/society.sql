-- What a service knows of the societies it works for.

-- name: clock
-- The moment, by the one clock.
select {schema}.clock() as now;

-- name: societies
-- Every society, or one, by name. Few rows.
select id::text as id, name, legal_name, registration_number, address, city, state_name, law_scope, pin_code, gstin, email
from {schema}.community
where %(community_id)s::uuid is null or id = %(community_id)s::uuid
order by name, id;

-- name: officers
-- Who holds an office on a day, by the primary key.
select name, email, role from {schema}.officer
where community_id = %(community_id)s and role = any (%(roles)s)
    and since <= %(day)s and (until is null or until >= %(day)s)
order by array_position(%(roles)s, role), since, email;

-- name: holidays
-- A society's holidays in a span of days, by the primary key.
select day from {schema}.holiday where community_id = %(community_id)s and day between %(first)s and %(last)s;

-- name: tax_rates
-- All rates of a State and of the country; dozens of rows.
select code, scope, effective_from, effective_to, value, source from {schema}.tax_rate
where scope in ('IN', %(scope)s);

-- name: seed_community
insert into {schema}.community
select * from json_populate_recordset(null::{schema}.community, %(rows)s) on conflict do nothing;

-- name: seed_officer
insert into {schema}.officer
select * from json_populate_recordset(null::{schema}.officer, %(rows)s) on conflict do nothing;

-- name: seed_holiday
insert into {schema}.holiday
select * from json_populate_recordset(null::{schema}.holiday, %(rows)s) on conflict do nothing;
