-- name: finish
-- Jobs reach their last state: out of the queue, into finished and history, fenced by the lease. Returns the ids that
-- the caller really held; the rest had lost their lease and nothing of them is written. Without a duration the job
-- never ran in this attempt, which then does not count. Reads the primary key.
with ended as (
    select * from unnest(
        %(message_ids)s::uuid[], %(leases)s::uuid[], %(states)s::{schema}.state[], %(durations)s::float8[],
        %(reasons)s::text[], %(errors)s::text[], %(tracebacks)s::text[], %(results)s::jsonb[], %(result_ttls)s::bigint[]
    ) as e (message_id, lease, state, duration_ms, reason, error, traceback, result, result_ttl_ms)
), gone as (
    delete from {schema}.queue q
     using ended e
     where q.message_id = e.message_id and q.lease = e.lease
    returning q.message_id, q.queue_name, e.state, q.actor_name, q.message, e.result, e.result_ttl_ms, q.priority,
              q.attempts - (e.duration_ms is null)::int as attempts, q.worker_id, q.enqueued_at, q.eta, q.unique_key, q.progress_done, q.progress_total,
              q.workflow_id, q.followed_in, q.limit_key,
              e.duration_ms, case when e.state = 'cancelled' then coalesce(q.cancel_reason, e.reason) else e.reason end as reason,
              e.error, e.traceback
), kept as (
    insert into {schema}.finished (
        message_id, queue_name, state, actor_name, message, result, result_ttl, priority, attempts, worker_id,
        enqueued_at, eta, started_at, finished_at, unique_key, progress_done, progress_total, reason, error,
        workflow_id, followed_in, limit_key)
    select message_id, queue_name, state, actor_name, message, result,
           {schema}.clock() + result_ttl_ms * interval '1 millisecond', priority, attempts, worker_id, enqueued_at, eta,
           {schema}.clock() - duration_ms * interval '1 millisecond', {schema}.clock(), unique_key,
           progress_done, progress_total, reason, error, workflow_id, followed_in, limit_key
      from gone
), noted as (
    insert into {schema}.history (message_id, at, state, attempt, worker_id, duration_ms, reason, error, traceback)
    select message_id, {schema}.clock(), state, attempts, worker_id, duration_ms, reason, error, traceback
      from gone
)
select message_id::text from gone;

-- name: finish_done
-- The same for jobs that all succeeded and kept no result: the hot path, with three parameters instead of nine.
with ended as (
    select * from unnest(%(message_ids)s::uuid[], %(leases)s::uuid[], %(durations)s::float8[])
        as e (message_id, lease, duration_ms)
), gone as (
    delete from {schema}.queue q
     using ended e
     where q.message_id = e.message_id and q.lease = e.lease
    returning q.message_id, q.queue_name, q.actor_name, q.message, q.priority, q.attempts, q.worker_id, q.enqueued_at, q.eta,
              q.unique_key, q.progress_done, q.progress_total, q.workflow_id, q.followed_in, q.limit_key, e.duration_ms
), kept as (
    insert into {schema}.finished (
        message_id, queue_name, state, actor_name, message, priority, attempts, worker_id,
        enqueued_at, eta, started_at, finished_at, unique_key, progress_done, progress_total, workflow_id, followed_in,
        limit_key)
    select message_id, queue_name, 'done', actor_name, message, priority, attempts, worker_id, enqueued_at, eta,
           {schema}.clock() - duration_ms * interval '1 millisecond', {schema}.clock(), unique_key,
           progress_done, progress_total, workflow_id, followed_in, limit_key
      from gone
), noted as (
    insert into {schema}.history (message_id, at, state, attempt, worker_id, duration_ms)
    select message_id, {schema}.clock(), 'done', attempts, worker_id, duration_ms
      from gone
)
select message_id::text from gone;

-- name: retry
-- Failed attempts wait for the next one, fenced by the lease. A job whose unique key another waiting job has taken
-- meanwhile is refused by queue_unique_waiting; the caller then lets it yield: that one will do the same work.
-- Workers are told when the next attempt is due.
with again as (
    select * from unnest(
        %(message_ids)s::uuid[], %(leases)s::uuid[], %(delays)s::bigint[], %(durations)s::float8[], %(reasons)s::text[],
        %(errors)s::text[], %(tracebacks)s::text[], %(worker_ids)s::uuid[]
    ) as a (message_id, lease, delay_ms, duration_ms, reason, error, traceback, worker_id)
), held as (
    update {schema}.queue q
       set state = 'retrying', eta = {schema}.clock() + a.delay_ms * interval '1 millisecond',
           mtime = {schema}.clock(), worker_id = null, lease = null, error = a.error
      from again a
     where q.message_id = a.message_id and q.lease = a.lease
    returning q.message_id, q.attempts, q.eta, a.worker_id, a.duration_ms, a.reason, a.error, a.traceback
), noted as (
    insert into {schema}.history (message_id, at, state, attempt, worker_id, duration_ms, reason, error, traceback)
    select message_id, {schema}.clock(), 'retrying', attempts, worker_id, duration_ms, reason, error, traceback
      from held
), told as (
    select pg_notify(%(channel)s, '@' || due) from (select distinct floor(extract(epoch from eta))::text as due from held) h
)
select message_id::text, (select count(*) from told) from held;

-- name: release
-- Claims are given back at once and do not count as an attempt. Other workers are told.
with back as (
    select * from unnest(%(message_ids)s::uuid[], %(leases)s::uuid[]) as b (message_id, lease)
), freed as (
    update {schema}.queue q
       set state = 'queued', attempts = greatest(q.attempts - 1, 0), begun = least(q.begun, greatest(q.attempts - 1, 0)),
           mtime = {schema}.clock(), worker_id = null, lease = null, started_at = null
      from back b
     where q.message_id = b.message_id and q.lease = b.lease
    returning q.message_id, q.queue_name, q.limit_key
), told as (
    select pg_notify(%(channel)s, name) from (select distinct coalesce('%%' || limit_key, queue_name) as name from freed) f
)
select message_id::text, (select count(*) from told) from freed;


-- name: add_log_lines
-- Lines of running jobs, fenced by the lease: what a worker says that lost the job is not of this job.
insert into {schema}.job_log (message_id, at, attempt, line)
select l.message_id, l.at, l.attempt, l.line
  from unnest(%(message_ids)s::uuid[], %(leases)s::uuid[], %(times)s::timestamptz[], %(attempts)s::int[], %(lines)s::text[])
       as l (message_id, lease, at, attempt, line)
 where exists (select from {schema}.queue q where q.message_id = l.message_id and q.lease = l.lease);

-- name: set_progress
-- How far running jobs are. No indexed column changes, so the update stays on its page.
update {schema}.queue q
   set progress_done = p.done, progress_total = p.total
  from unnest(%(message_ids)s::uuid[], %(leases)s::uuid[], %(dones)s::bigint[], %(totals)s::bigint[])
       as p (message_id, lease, done, total)
 where q.message_id = p.message_id and q.lease = p.lease;
