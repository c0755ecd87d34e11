-- Operators change jobs. Every statement takes ids, locks their rows in id order, finished before queue, so that two
-- operators do not deadlock; workers lock what they claim with SKIP LOCKED and never lock finished rows.

-- name: revive
-- Failed, Deleted and Cancelled jobs enter the queue again under their id, with attempts 0. eta is now, because
-- latency counts from there; enqueued_at stays that of the first time. A job whose unique key a waiting job has taken
-- is not inserted and so not removed: it stays as it is, and comes back with `clash`. One that still waits for other jobs,
-- or ended before it got what they handed on, is awaiting again; settle() then looks whether they are done.
with wanted as materialized (
    select f.message_id, f.state, f.finished_at, f.queue_name, f.actor_name, f.message, f.priority, f.enqueued_at,
           f.unique_key, f.unique_key is not null and coalesce(a.unique_running, false) as unique_running,
           f.workflow_id, f.followed_in, f.limit_key,
           exists (select from {schema}.edge d
                    where d.successor = f.message_id and (d.met_at is null or d.result is not null))
           or exists (select from {schema}.workflow o where o.workflow_id = f.workflow_id and o.opened_at is null) as awaits
      from {schema}.finished f left join {schema}.actor a using (actor_name)
     where f.message_id = any (%(message_ids)s::uuid[]) and f.state in ('rejected', 'failed', 'cancelled')
     order by f.message_id
       for update of f
), revived as (
    insert into {schema}.queue (message_id, queue_name, state, mtime, actor_name, message, priority, eta, attempts,
                                enqueued_at, unique_key, unique_running, workflow_id, followed_in, limit_key)
    select message_id, queue_name, case when awaits then 'awaiting' else 'queued' end::{schema}.state, {schema}.clock(),
           actor_name, message, priority, {schema}.clock(), 0, enqueued_at, unique_key, unique_running, workflow_id,
           followed_in, limit_key
      from wanted
     order by unique_key nulls first, message_id
    on conflict do nothing
    returning message_id, queue_name, state, limit_key
), removed as (
    delete from {schema}.finished f
     using wanted w join revived r using (message_id)
     where f.message_id = w.message_id and f.state = w.state and f.finished_at = w.finished_at
), noted as (
    insert into {schema}.history (message_id, at, state, attempt, reason)
    select message_id, {schema}.clock(), state, 0, %(reason)s from revived
), told as (
    select pg_notify(%(channel)s, name)
      from (select distinct coalesce('%%' || limit_key, queue_name) as name from revived where state = 'queued') q
)
select w.message_id::text, r.message_id is null as clash, w.unique_key,
       case when r.message_id is null then (
           select q.message_id::text from {schema}.queue q where q.unique_key = w.unique_key limit 1) end,
       (select count(*) from told), r.state::text, w.state::text, w.workflow_id::text, w.followed_in
  from wanted w left join revived r using (message_id);

-- name: run_now
-- Scheduled and Retrying jobs enter the queue now; attempts stay counted.
with wanted as materialized (
    select message_id
      from {schema}.queue
     where message_id = any (%(message_ids)s::uuid[]) and state in ('scheduled', 'retrying')
     order by message_id
       for update
), moved as (
    update {schema}.queue q
       set state = 'queued', eta = {schema}.clock(), mtime = {schema}.clock(), id = default
      from wanted w
     where q.message_id = w.message_id
    returning q.message_id, q.queue_name, q.attempts, q.limit_key
), noted as (
    insert into {schema}.history (message_id, at, state, attempt, reason)
    select message_id, {schema}.clock(), 'queued', attempts, %(reason)s from moved
), told as (
    select pg_notify(%(channel)s, name) from (select distinct coalesce('%%' || limit_key, queue_name) as name from moved) q
)
select message_id::text, (select count(*) from told) from moved;

-- name: send_again
-- Succeeded jobs are sent anew, under ids of their own, through put(). Returns old id, new id, and the waiting job that
-- has the unique key, in which case nothing was sent.
with wanted as materialized (
    select f.message_id, w.new_id, f.queue_name, f.actor_name, f.priority, f.limit_key,
           f.unique_key, f.unique_key is not null and coalesce(a.unique_running, false) as unique_running,
           f.message || jsonb_build_object(
               'message_id', w.new_id, 'message_timestamp', floor(extract(epoch from {schema}.clock()) * 1000)) as message
      from unnest(%(message_ids)s::uuid[], %(new_ids)s::uuid[]) as w (message_id, new_id)
      join {schema}.finished f on f.message_id = w.message_id and f.state = 'done'
      left join {schema}.actor a using (actor_name)
), refused as materialized (
    select p.duplicate, p.existing
      from (select array_agg(new_id) as ids, array_agg(queue_name) as queues, array_agg(actor_name) as actors,
                   array_agg(priority) as priorities, array[0::bigint] as delays, array[null::timestamptz] as etas,
                   array_agg(unique_key) as keys, array_agg(unique_running) as runnings, array_agg(message) as messages,
                   array_agg(limit_key) as limits
              from wanted
            having count(*) > 0) m
     cross join lateral {schema}.put(m.ids, m.queues, m.actors, m.priorities, m.delays, m.etas, m.keys, m.runnings,
                                     m.messages, null, m.limits, array[null::uuid], array[false], array[null]) p
), noted as (
    insert into {schema}.history (message_id, at, state, attempt, reason)
    select new_id, {schema}.clock(), 'queued', 0, %(reason)s || ' (once more: ' || message_id || ')'
      from wanted
     where new_id not in (select duplicate from refused)
)
select w.message_id::text, w.new_id::text, r.duplicate is not null, r.existing::text, w.unique_key
  from wanted w left join refused r on r.duplicate = w.new_id;

-- name: delete_failed
-- Failed jobs become Deleted: out of one branch of finished into another, for as long as Deleted jobs are kept.
with wanted as materialized (
    select message_id, finished_at
      from {schema}.finished
     where message_id = any (%(message_ids)s::uuid[]) and state = 'failed'
     order by message_id
       for update
), gone as (
    delete from {schema}.finished f
     using wanted w
     where f.state = 'failed' and f.message_id = w.message_id and f.finished_at = w.finished_at
    returning f.*
), kept as (
    insert into {schema}.finished (
        message_id, queue_name, state, actor_name, message, result, result_ttl, priority, attempts, worker_id,
        enqueued_at, eta, started_at, finished_at, unique_key, progress_done, progress_total, reason, error, workflow_id,
        followed_in, limit_key)
    select message_id, queue_name, 'rejected', actor_name, message, result, result_ttl, priority, attempts, worker_id,
           enqueued_at, eta, started_at, {schema}.clock(), unique_key, progress_done, progress_total, %(reason)s, error,
           workflow_id, followed_in, limit_key
      from gone
), noted as (
    insert into {schema}.history (message_id, at, state, attempt, reason)
    select message_id, {schema}.clock(), 'rejected', attempts, %(reason)s from gone
)
select message_id::text from gone;

-- name: delete_waiting
-- Jobs that wait, for whatever, become Deleted; they can be revived until they expire.
with wanted as materialized (
    select message_id
      from {schema}.queue
     where message_id = any (%(message_ids)s::uuid[]) and state <> 'consumed'
     order by message_id
       for update
), gone as (
    delete from {schema}.queue q
     using wanted w
     where q.message_id = w.message_id
    returning q.*
), kept as (
    insert into {schema}.finished (
        message_id, queue_name, state, actor_name, message, priority, attempts, enqueued_at, eta, finished_at, unique_key,
        progress_done, progress_total, reason, error, workflow_id, followed_in, limit_key)
    select message_id, queue_name, 'rejected', actor_name, message, priority, attempts, enqueued_at, eta, {schema}.clock(),
           unique_key, progress_done, progress_total, %(reason)s, error, workflow_id, followed_in, limit_key
      from gone
), noted as (
    insert into {schema}.history (message_id, at, state, attempt, reason)
    select message_id, {schema}.clock(), 'rejected', attempts, %(reason)s from gone
)
select message_id::text, workflow_id::text, followed_in from gone;

-- name: states_of
-- In which state these jobs are now.
select message_id::text, state::text from {schema}.job where message_id = any (%(message_ids)s::uuid[]);
