-- What the daily report of a society asks.

-- name: societies_of_page
-- By the primary key.
select id::text as id, name, legal_name, registration_number, address, city, state_name, law_scope, pin_code, gstin, email
from common.community
where id = any (%(community_ids)s::uuid[])
order by name, id;

-- name: every_society
-- Ids alone; societies are few thousand at most.
select id::text as id from common.community order by id;

-- name: officers_of_page
-- Who holds one of the offices on a day, by the primary key, in the order of the roles.
select community_id::text as community_id, name, email, role
from common.officer
where community_id = any (%(community_ids)s::uuid[]) and role = any (%(roles)s)
    and since <= %(day)s and (until is null or until >= %(day)s)
order by community_id, array_position(%(roles)s, role), since, email;

-- name: short_of_patience
-- Figures that take longer than this are done without: nobody waits at two in the morning, but others want the database.
select set_config('statement_timeout', %(patience)s, true);

-- name: has_figures
-- Whether a service tells figures at all.
select to_regprocedure('{schema}.daily_figures(uuid, date)') is not null as there;

-- name: figures_of_page
-- Of each society and figure: the day's, the day before's, and the sum from the month's first day on. Asks the service's own
-- function for each day from the first; its indexes are that function's matter.
select societies.id::text as community_id, found.figure,
    coalesce(sum(found.amount) filter (where days.day = %(day)s::date), 0) as today,
    coalesce(sum(found.amount) filter (where days.day = %(day)s::date - 1), 0) as before,
    coalesce(sum(found.amount) filter (where days.day >= date_trunc('month', %(day)s::date)), 0) as month
from unnest(%(community_ids)s::uuid[]) as societies (id)
    cross join lateral (
        select generate_series(least(date_trunc('month', %(day)s::date), %(day)s::date - 1), %(day)s::date, interval '1 day')::date
            as day) as days
    cross join lateral {schema}.daily_figures(societies.id, days.day) with ordinality as found (figure, amount, place)
group by societies.id, found.figure
order by societies.id, min(found.place);
