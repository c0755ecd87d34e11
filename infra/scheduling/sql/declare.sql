-- name: declare
-- What the code declares. A schedule that an operator changed stays as it is, unless the code has come to say the same;
-- one that follows the code moves with it. A job that was added at run time becomes the code's.
insert into {schema}.recurring as r (name, actor_name, spec, zone, missed, overlap, code_spec, code_zone, next_at)
select d.name, d.actor_name, d.spec, d.zone, d.missed, d.overlap, d.spec, d.zone, d.next_at
  from unnest(%(names)s::text[], %(actors)s::text[], %(specs)s::text[], %(zones)s::text[], %(missed)s::text[],
              %(overlaps)s::text[], %(nexts)s::timestamptz[])
       as d (name, actor_name, spec, zone, missed, overlap, next_at)
 order by d.name
on conflict (name) do update
   set actor_name = excluded.actor_name, missed = excluded.missed, overlap = excluded.overlap,
       args = excluded.args, kwargs = excluded.kwargs, added_by = null,
       code_spec = excluded.code_spec, code_zone = excluded.code_zone, orphaned_at = null,
       (spec, zone, changed_at, changed_by) =
           (select case when own then r.spec else excluded.spec end, case when own then r.zone else excluded.zone end,
                   case when own then r.changed_at end, case when own then r.changed_by end
              from (select r.changed_at is not null and r.code_spec is not null
                           and (r.spec, r.zone) is distinct from (excluded.spec, excluded.zone) as own) _),
       next_at = case when r.orphaned_at is not null
                        or ((r.changed_at is null or r.code_spec is null)
                            and (r.spec, r.zone) is distinct from (excluded.spec, excluded.zone))
                      then excluded.next_at else r.next_at end
 where (r.actor_name, r.missed, r.overlap, r.code_spec, r.code_zone, r.orphaned_at) is distinct from
       (excluded.actor_name, excluded.missed, excluded.overlap, excluded.code_spec, excluded.code_zone, null::timestamptz)
returning name;

-- name: orphans_back
-- Orphans that can run again and have a schedule of their own: the code declares them and an operator changed them, or
-- they were added at run time and the code has their actor. Locked.
select name, spec, zone
  from {schema}.recurring
 where orphaned_at is not null
   and case when code_spec is null then actor_name = any (%(actors)s::text[])
            else changed_at is not null and name = any (%(names)s::text[]) end
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
