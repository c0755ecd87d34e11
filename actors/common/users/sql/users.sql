-- The mirror of Auth0's users.

-- name: begin
-- The run of a tick; a second attempt begins its listing anew. No row where it came to its end before. Since when users are welcomed is the first run of all:
-- few rows, a year has some thousand.
with run as (
    insert into common.user_sync as s (scheduled_for)
    values (%(scheduled_for)s)
    on conflict (scheduled_for) do update
        set started_at = greatest(common.clock(), s.started_at + interval '1 microsecond'),
            finished_at = null, outcome = 'RUNNING', listed = null, missing = null
        where s.outcome <> 'COMPLETE'
    returning started_at, begun_at
)
select started_at, least(begun_at, (select min(begun_at) from common.user_sync)) as welcome_since from run;

-- name: write_page
-- A page of users, by the primary key, in its order so that two runs do not lock one another out. Returns of each whether
-- it is new, came back, was blocked just now, or was changed otherwise than by signing in.
with given as (
    select *
    from unnest(%(ids)s::text[], %(emails)s::text[], %(names)s::text[], %(phones)s::text[], %(verified)s::boolean[],
        %(blocked)s::boolean[], %(created)s::timestamptz[], %(updated)s::timestamptz[])
        as given (auth0_id, email, name, phone, verified, blocked, created_at, updated_at)
), before as materialized (
    select u.* from common.app_user u join given using (auth0_id) order by auth0_id for update of u
), written as (
    insert into common.app_user as u
        (auth0_id, email, name, phone, verified, blocked, created_at, updated_at, seen_at)
    select auth0_id, email, name, phone, verified, blocked, created_at, updated_at, %(seen_at)s
    from given
    order by auth0_id
    on conflict (auth0_id) do update
        set email = excluded.email, name = excluded.name, phone = excluded.phone, verified = excluded.verified,
            blocked = excluded.blocked, created_at = excluded.created_at, updated_at = excluded.updated_at,
            deleted_at = null, seen_at = greatest(u.seen_at, excluded.seen_at)
)
select count(*) filter (where before.auth0_id is null) as new,
    count(*) filter (where before.deleted_at is not null) as returned,
    count(*) filter (where given.blocked and not before.blocked) as blocked,
    count(*) filter (where before.deleted_at is null
        and (given.email, given.name, given.phone, given.verified, given.blocked)
            is distinct from (before.email, before.name, before.phone, before.verified, before.blocked)
        and before.auth0_id is not null) as changed
from given left join before using (auth0_id);

-- name: touch
-- Users that are listed but cannot be read are not gone. By the primary key.
update common.app_user set seen_at = greatest(seen_at, %(seen_at)s) where auth0_id = any (%(ids)s);

-- name: welcome
-- Of these users, those to be welcomed, marked so in the same transaction: once, and one of several with an address. By the
-- primary key, and app_user_email.
with new as (
    select distinct on (lower(email)) auth0_id
    from common.app_user u
    where auth0_id = any (%(ids)s) and created_at >= %(since)s and welcomed_at is null and email is not null and not blocked
        and not exists (
            select from common.app_user other
            where lower(other.email) = lower(u.email) and other.welcomed_at is not null)
    order by lower(email), created_at, auth0_id
)
update common.app_user u
set welcomed_at = common.clock()
from new
where u.auth0_id = new.auth0_id and u.welcomed_at is null
returning email, name;

-- name: missing
-- How many are known, how many of them the listing had, and how many it lacked. Reads all users.
select count(*) as known, count(*) filter (where seen_at >= %(started_at)s) as listed,
    count(*) filter (where seen_at < %(started_at)s) as missing
from common.app_user
where deleted_at is null;

-- name: delete_missing
-- Reads all users.
update common.app_user set deleted_at = common.clock() where deleted_at is null and seen_at < %(started_at)s;

-- name: finish
update common.user_sync
set finished_at = common.clock(), outcome = %(outcome)s, listed = %(listed)s, missing = %(missing)s
where scheduled_for = %(scheduled_for)s
returning finished_at;

-- name: last_complete
-- The latest run that came to its end, of the few rows of a year.
select finished_at, outcome, common.clock() as now from common.user_sync
where finished_at is not null order by scheduled_for desc limit 1;

-- name: recipient
-- By the primary key.
select auth0_id, email, name, phone, blocked, deleted_at from common.app_user where auth0_id = %(auth0_id)s;
