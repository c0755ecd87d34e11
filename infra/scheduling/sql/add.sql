-- name: taken
-- Of these names, those that are in use, locked until the transaction ends. Reads recurring_pkey.
select name, actor_name, args, kwargs, spec, zone, missed, overlap, code_spec is not null, orphaned_at is not null, added_by
  from {schema}.recurring
 where name = any (%(names)s::text[])
 order by name
   for update;

-- name: add
-- A row comes back for each name that was free.
insert into {schema}.recurring (name, actor_name, args, kwargs, spec, zone, missed, overlap, next_at, added_by,
                                paused_at, paused_by, pause_reason)
select n.name, n.actor_name, n.args::jsonb, n.kwargs::jsonb, n.spec, n.zone, n.missed, n.overlap, n.next_at, %(by)s,
       case when n.pause_reason is not null then {schema}.clock() end,
       case when n.pause_reason is not null then %(by)s end, n.pause_reason
  from unnest(%(names)s::text[], %(actors)s::text[], %(args)s::text[], %(kwargs)s::text[], %(specs)s::text[],
              %(zones)s::text[], %(missed)s::text[], %(overlaps)s::text[], %(nexts)s::timestamptz[], %(pause_reasons)s::text[])
       as n (name, actor_name, args, kwargs, spec, zone, missed, overlap, next_at, pause_reason)
 order by n.name
on conflict do nothing
returning name;

-- name: replace
-- Other values for jobs that were added at run time. A pause stays, and with the same schedule what is due.
update {schema}.recurring r
   set actor_name = n.actor_name, args = n.args::jsonb, kwargs = n.kwargs::jsonb, spec = n.spec, zone = n.zone,
       missed = n.missed, overlap = n.overlap, added_at = {schema}.clock(), added_by = %(by)s,
       changed_at = null, changed_by = null, orphaned_at = null,
       next_at = case when n.same and r.orphaned_at is null then r.next_at else n.next_at end
  from unnest(%(names)s::text[], %(actors)s::text[], %(args)s::text[], %(kwargs)s::text[], %(specs)s::text[],
              %(zones)s::text[], %(missed)s::text[], %(overlaps)s::text[], %(nexts)s::timestamptz[], %(same)s::boolean[])
       as n (name, actor_name, args, kwargs, spec, zone, missed, overlap, next_at, same)
 where r.name = n.name and r.code_spec is null
returning r.name;
