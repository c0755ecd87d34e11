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
       exists (select from {schema}.tick t join {schema}.recurring r using (name)
                where t.outcome = 'waiting' and r.paused_at is null and r.orphaned_at is null) as waiting;

-- name: still_running
-- Of these recurring jobs, those with a run that has not ended: any of the last 20, as one that was triggered by hand may
-- have ended before the one of the calendar. Reads tick's key from its end, and queue_pkey.
select r.name, running.message_id::text
  from unnest(%(names)s::text[]) as r (name)
 cross join lateral (
    select q.message_id
      from (select t.message_id
              from {schema}.tick t
             where t.name = r.name and t.message_id is not null
             order by t.due_at desc
             limit 20) last
      join {schema}.queue q using (message_id)
     limit 1
 ) running;

-- name: waiting_before
-- Of these recurring jobs, those of which a run waits already, and for when the last of them was due. Reads tick_waiting.
select name, max(due_at) from {schema}.tick where outcome = 'waiting' and name = any (%(names)s::text[]) group by name;

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
-- The oldest waiting run of each recurring job, locked; not of one that is paused. Reads tick_waiting.
select t.name, t.due_at, r.actor_name, r.args, r.kwargs, r.spec, r.zone
  from {schema}.tick t join {schema}.recurring r using (name)
 where t.outcome = 'waiting' and r.actor_name = any (%(actors)s::text[])
   and r.paused_at is null and r.orphaned_at is null
   and not exists (select from {schema}.tick e where e.name = t.name and e.outcome = 'waiting' and e.due_at < t.due_at)
 order by t.name
 limit %(most)s
   for update of t skip locked;

-- name: rewrite_ticks
-- What became of ticks that are in the ledger already: a run that waited, or one that was not enqueued after all.
update {schema}.tick t
   set outcome = w.outcome, at = {schema}.clock(), message_id = w.message_id, reason = w.reason
  from unnest(%(names)s::text[], %(dues)s::timestamptz[], %(outcomes)s::text[], %(message_ids)s::uuid[], %(reasons)s::text[])
       as w (name, due_at, outcome, message_id, reason)
 where t.name = w.name and t.due_at = w.due_at;

-- name: clock
select {schema}.clock();
