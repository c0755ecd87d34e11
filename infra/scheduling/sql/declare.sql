-- name: declared_before
-- Of what the code declares, what the store has already; locked. Reads recurring_pkey.
select name, spec, zone, changed_at is not null and code_spec is not null, changed_at, changed_by,
       orphaned_at is not null, next_at
  from {schema}.recurring
 where name = any (%(names)s::text[])
 order by name
   for update;

-- name: declare
-- What the code declares. A job that was added at run time becomes the code's. A row comes back for each that is new or
-- changed.
insert into {schema}.recurring as r (name, actor_name, spec, zone, missed, overlap, code_spec, code_zone, changed_at,
                                     changed_by, next_at)
select *
  from unnest(%(names)s::text[], %(actors)s::text[], %(specs)s::text[], %(zones)s::text[], %(missed)s::text[],
              %(overlaps)s::text[], %(code_specs)s::text[], %(code_zones)s::text[], %(changed_ats)s::timestamptz[],
              %(changed_bys)s::text[], %(nexts)s::timestamptz[])
       as d (name, actor_name, spec, zone, missed, overlap, code_spec, code_zone, changed_at, changed_by, next_at)
 order by d.name
on conflict (name) do update
   set actor_name = excluded.actor_name, spec = excluded.spec, zone = excluded.zone, missed = excluded.missed,
       overlap = excluded.overlap, args = excluded.args, kwargs = excluded.kwargs, added_by = null,
       code_spec = excluded.code_spec, code_zone = excluded.code_zone, changed_at = excluded.changed_at,
       changed_by = excluded.changed_by, orphaned_at = null, next_at = excluded.next_at
 where (r.actor_name, r.spec, r.zone, r.missed, r.overlap, r.code_spec, r.code_zone, r.changed_at, r.next_at,
        r.orphaned_at) is distinct from
       (excluded.actor_name, excluded.spec, excluded.zone, excluded.missed, excluded.overlap, excluded.code_spec,
        excluded.code_zone, excluded.changed_at, excluded.next_at, null::timestamptz)
returning name;

-- name: give_up
-- Jobs that the code declares for another service do not run here. One that was added here at run time keeps who added
-- it, by which it is told from one that the code declared here once.
update {schema}.recurring r
   set orphaned_at = coalesce(r.orphaned_at, {schema}.clock()), code_spec = coalesce(r.code_spec, d.code_spec),
       code_zone = coalesce(r.code_zone, d.code_zone)
  from unnest(%(names)s::text[], %(code_specs)s::text[], %(code_zones)s::text[]) as d (name, code_spec, code_zone)
 where r.name = d.name and (r.code_spec is null or r.orphaned_at is null)
returning r.name;

-- name: orphans_back
-- Orphans that were added at run time, and of which the code has the actor again. Locked.
select name, spec, zone
  from {schema}.recurring
 where orphaned_at is not null and code_spec is null and actor_name = any (%(actors)s::text[])
 order by name
   for update;

-- name: adopt
-- They start anew: what was due meanwhile is not made up for.
update {schema}.recurring r
   set orphaned_at = null, next_at = m.next_at
  from unnest(%(names)s::text[], %(nexts)s::timestamptz[]) as m (name, next_at)
 where r.name = m.name
returning r.name;

-- name: orphan
-- Recurring jobs that the code no longer declares, or whose actor it no longer has, are not fired any more, and say so.
update {schema}.recurring
   set orphaned_at = {schema}.clock()
 where orphaned_at is null
   and case when code_spec is null then actor_name <> all (%(actors)s::text[]) else name <> all (%(names)s::text[]) end
returning name;

-- name: to_come
-- The next tick of each job that is not due. Not locked: what is fired or changed meanwhile is not touched afterwards.
select name, spec, zone, next_at
  from {schema}.recurring
 where orphaned_at is null and (next_at > {schema}.clock() or next_at is null)
 order by name;

-- name: pull_back
update {schema}.recurring r
   set next_at = e.next_at
  from unnest(%(names)s::text[], %(olds)s::timestamptz[], %(nexts)s::timestamptz[]) as e (name, old, next_at)
 where r.name = e.name and r.next_at is not distinct from e.old
returning r.name;
