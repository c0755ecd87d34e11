-- name: due
-- Recurring jobs whose time has come, the longest due first; locked, so that of two schedulers each takes others. Reads
-- recurring_due.
select name, actor_name, args, kwargs, spec, zone, missed, overlap, next_at, {schema}.clock()
  from {schema}.recurring
 where next_at <= {schema}.clock() and paused_at is null and orphaned_at is null and actor_name = any (%(actors)s::text[])
 order by next_at
 limit %(most)s
   for update skip locked;

-- name: next_due
-- In how many seconds the next tick of a store is due, and whether a run waits for the one before it. Reads the first
-- entry of recurring_due, and tick_waiting.
select '{schema}' as schema,
       (select extract(epoch from min(next_at) - {schema}.clock())::float8
          from {schema}.recurring where paused_at is null and orphaned_at is null) as due_in,
       exists (select from {schema}.tick where outcome = 'waiting') as waiting;

-- name: still_running
-- Of these recurring jobs, those whose last run has not ended. Reads tick's key from its end, and queue_pkey.
select r.name, last.message_id::text
  from unnest(%(names)s::text[]) as r (name)
 cross join lateral (
    select t.message_id
      from {schema}.tick t
     where t.name = r.name and t.message_id is not null
     order by t.due_at desc
     limit 1
 ) last
 where exists (select from {schema}.queue q where q.message_id = last.message_id);

-- name: waiting_before
-- Of these recurring jobs, those of which a run waits already.
select distinct name from {schema}.tick where outcome = 'waiting' and name = any (%(names)s::text[]);

-- name: write_ticks
-- A row comes back for each tick that was not in the ledger yet: only those are sent.
insert into {schema}.tick (name, due_at, at, outcome, message_id, reason)
select t.name, t.due_at, {schema}.clock(), t.outcome, t.message_id, t.reason
  from unnest(%(names)s::text[], %(dues)s::timestamptz[], %(outcomes)s::text[], %(message_ids)s::uuid[], %(reasons)s::text[])
       as t (name, due_at, outcome, message_id, reason)
on conflict do nothing
returning name, due_at;

-- name: move_on
update {schema}.recurring r
   set next_at = m.next_at
  from unnest(%(names)s::text[], %(nexts)s::timestamptz[]) as m (name, next_at)
 where r.name = m.name;

-- name: waiting_ticks
-- The oldest waiting run of each recurring job, locked.
select t.name, t.due_at, r.actor_name, r.args, r.kwargs
  from {schema}.tick t join {schema}.recurring r using (name)
 where t.outcome = 'waiting' and r.actor_name = any (%(actors)s::text[])
   and not exists (select from {schema}.tick e where e.name = t.name and e.outcome = 'waiting' and e.due_at < t.due_at)
 order by t.name
 limit %(most)s
   for update of t skip locked;

-- name: send_waiting
update {schema}.tick t
   set outcome = 'sent', at = {schema}.clock(), message_id = w.message_id, reason = 'after the run before it'
  from unnest(%(names)s::text[], %(dues)s::timestamptz[], %(message_ids)s::uuid[]) as w (name, due_at, message_id)
 where t.name = w.name and t.due_at = w.due_at and t.outcome = 'waiting';

-- name: declare
-- What the code declares. A schedule that an operator changed stays as it is; one that follows the code moves with it.
insert into {schema}.recurring as r (name, actor_name, spec, zone, missed, overlap, code_spec, code_zone, next_at)
select d.name, d.actor_name, d.spec, d.zone, d.missed, d.overlap, d.spec, d.zone, d.next_at
  from unnest(%(names)s::text[], %(actors)s::text[], %(specs)s::text[], %(zones)s::text[], %(missed)s::text[],
              %(overlaps)s::text[], %(nexts)s::timestamptz[])
       as d (name, actor_name, spec, zone, missed, overlap, next_at)
 order by d.name
on conflict (name) do update
   set actor_name = excluded.actor_name, missed = excluded.missed, overlap = excluded.overlap,
       code_spec = excluded.code_spec, code_zone = excluded.code_zone, orphaned_at = null,
       spec = case when r.changed_at is null then excluded.spec else r.spec end,
       zone = case when r.changed_at is null then excluded.zone else r.zone end,
       next_at = case when r.orphaned_at is not null
                        or (r.changed_at is null and (r.spec, r.zone) is distinct from (excluded.spec, excluded.zone))
                      then excluded.next_at else r.next_at end
 where (r.actor_name, r.missed, r.overlap, r.code_spec, r.code_zone, r.orphaned_at) is distinct from
       (excluded.actor_name, excluded.missed, excluded.overlap, excluded.code_spec, excluded.code_zone, null::timestamptz)
returning name;

-- name: orphan
-- Recurring jobs that the code no longer declares are not fired any more, and say so.
update {schema}.recurring
   set orphaned_at = {schema}.clock()
 where code_spec is not null and orphaned_at is null and name <> all (%(names)s::text[])
returning name;

-- name: clock
select {schema}.clock();
