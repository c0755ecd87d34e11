-- The counters of dramatiq's rate limiters. A counter past its time counts as absent. Every statement is atomic: the row
-- is locked before its value is looked at. A crash of the server may forget the last moments, as an expiry would.

-- name: add_counter
-- A row comes back when the counter was not there.
set local synchronous_commit = off;
insert into {schema}.limiter as l (key, value, expires_at)
values (%(key)s, %(value)s, {schema}.clock() + %(ttl)s * interval '1 millisecond')
on conflict (key) do update
   set value = excluded.value, expires_at = excluded.expires_at
 where l.expires_at <= {schema}.clock()
returning 1;

-- name: move_counter
-- Adds to a counter unless it would leave its bounds; a row comes back when it did.
set local synchronous_commit = off;
insert into {schema}.limiter as l (key, value, expires_at)
select %(key)s, %(amount)s, {schema}.clock() + %(ttl)s * interval '1 millisecond'
 where %(amount)s between %(least)s and %(most)s
    or exists (select from {schema}.limiter where key = %(key)s)
on conflict (key) do update
   set value = case when l.expires_at > {schema}.clock() then l.value else 0 end + excluded.value,
       expires_at = excluded.expires_at
 where case when l.expires_at > {schema}.clock() then l.value else 0 end + excluded.value between %(least)s and %(most)s
returning 1;

-- name: lock_counters
-- One caller at a time sums up counters of these names; in order, so that two do not wait for one another.
set local synchronous_commit = off;
select pg_advisory_xact_lock(lock)
  from (select distinct hashtextextended('{schema}.limiter' || name, 0) as lock from unnest(%(names)s::text[]) name
         order by lock) l;

-- name: sum_counters
select coalesce(sum(value), 0)::bigint
  from {schema}.limiter
 where key = any (%(keys)s::text[]) and expires_at > {schema}.clock();

-- name: has_counter
select exists (select from {schema}.limiter where key = %(key)s and expires_at > {schema}.clock());
