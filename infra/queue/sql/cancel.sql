-- name: cancel
-- Locks the jobs in id order, so that two operators do not deadlock; workers lock claims with SKIP LOCKED.
with wanted as materialized (
    select message_id, state
      from {schema}.queue
     where message_id = any (%(message_ids)s::uuid[])
     order by message_id
       for update
), gone as (
    delete from {schema}.queue q
     using wanted w
     where q.message_id = w.message_id and w.state <> 'consumed'
    returning q.*
), kept as (
    insert into {schema}.finished (
        message_id, queue_name, state, actor_name, message, priority, attempts, enqueued_at, eta, finished_at, unique_key,
        progress_done, progress_total, reason, error, workflow_id, followed_in, limit_key)
    select message_id, queue_name, 'cancelled', actor_name, message, priority, attempts, enqueued_at, eta, {schema}.clock(),
           unique_key, progress_done, progress_total, %(reason)s, error, workflow_id, followed_in, limit_key
      from gone
), asked as (
    update {schema}.queue q
       set cancel_requested_at = coalesce(q.cancel_requested_at, {schema}.clock()), cancel_reason = %(reason)s
      from wanted w
     where q.message_id = w.message_id and w.state = 'consumed'
    returning q.message_id, q.attempts
), noted as (
    insert into {schema}.history (message_id, at, state, attempt, reason)
    select message_id, {schema}.clock(), 'cancelled'::{schema}.state, attempts, %(reason)s from gone
    union all
    select message_id, {schema}.clock(), 'consumed', attempts, %(reason)s || ' (asked to stop)' from asked
), told as (
    select pg_notify(%(channel)s, 'cancel:' || message_id) from asked
)
select message_id::text, 'cancelled', null, workflow_id::text, followed_in from gone
union all
select message_id::text, 'asked', (select count(*)::text from told), null, null from asked;

-- name: cancel_ended
-- Failed and Deleted jobs for which others still wait become Cancelled, so that those are cancelled too.
with wanted as materialized (
    select f.message_id, f.state, f.finished_at
      from {schema}.finished f
     where f.message_id = any (%(message_ids)s::uuid[]) and f.state in ('failed', 'rejected') and f.followed_in is not null
     order by f.message_id
       for update
), gone as (
    delete from {schema}.finished f
     using wanted w
     where f.state = w.state and f.message_id = w.message_id and f.finished_at = w.finished_at
    returning f.*
), kept as (
    insert into {schema}.finished (
        message_id, queue_name, state, actor_name, message, result, result_ttl, priority, attempts, worker_id,
        enqueued_at, eta, started_at, finished_at, unique_key, progress_done, progress_total, reason, error, workflow_id,
        followed_in, limit_key)
    select message_id, queue_name, 'cancelled', actor_name, message, result, result_ttl, priority, attempts, worker_id,
           enqueued_at, eta, started_at, {schema}.clock(), unique_key, progress_done, progress_total, %(reason)s, error,
           workflow_id, followed_in, limit_key
      from gone
), noted as (
    insert into {schema}.history (message_id, at, state, attempt, reason)
    select message_id, {schema}.clock(), 'cancelled', attempts, %(reason)s from gone
)
select message_id::text, workflow_id::text, followed_in from gone;
