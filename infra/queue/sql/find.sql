-- name: find
-- Jobs by filter, the latest change first. A branch for each index, read in the order of that index and capped, so that
-- the answer does not wait for a sort of the whole table: the jobs that run (queue_claimed), those next to run
-- (queue_ready; queue_limited for those of limited actors), those next due (queue_due), the awaiting, and the finished,
-- latest first (finished_finished_at; no older partitions than `newer` allows). With a filter on arguments the branches are not capped.
select message_id::text, queue_name, state::text, actor_name, message, priority, eta, attempts, worker_id::text,
       enqueued_at, started_at, finished_at, unique_key, progress_done, progress_total, reason, error,
       extract(epoch from {schema}.clock() - enqueued_at)::float8 as age
  from (
    (select message_id, queue_name, state, actor_name, message, priority, eta, attempts, worker_id, enqueued_at,
            started_at, null::timestamptz as finished_at, unique_key, progress_done, progress_total,
            cancel_reason as reason, error, started_at as changed_at
       from {schema}.queue
      where state = 'consumed' and 'consumed' = any (%(states)s::{schema}.state[])
        and (%(queue)s::text is null or queue_name = %(queue)s) and (%(actor)s::text is null or actor_name = %(actor)s)
        and (%(older)s::interval is null or enqueued_at <= {schema}.clock() - %(older)s::interval)
        and (%(newer)s::interval is null or enqueued_at >= {schema}.clock() - %(newer)s::interval)
      order by started_at desc
      limit %(cap)s)
    union all
    (select message_id, queue_name, state, actor_name, message, priority, eta, attempts, worker_id, enqueued_at,
            started_at, null, unique_key, progress_done, progress_total, cancel_reason, error, mtime
       from {schema}.queue
      where state = 'queued' and limit_key is null and 'queued' = any (%(states)s::{schema}.state[])
        and (%(queue)s::text is null or queue_name = %(queue)s) and (%(actor)s::text is null or actor_name = %(actor)s)
        and (%(older)s::interval is null or enqueued_at <= {schema}.clock() - %(older)s::interval)
        and (%(newer)s::interval is null or enqueued_at >= {schema}.clock() - %(newer)s::interval)
      order by queue_name, priority, id
      limit %(cap)s)
    union all
    (select message_id, queue_name, state, actor_name, message, priority, eta, attempts, worker_id, enqueued_at,
            started_at, null, unique_key, progress_done, progress_total, cancel_reason, error, mtime
       from {schema}.queue
      where state = 'queued' and limit_key is not null and 'queued' = any (%(states)s::{schema}.state[])
        and (%(queue)s::text is null or queue_name = %(queue)s) and (%(actor)s::text is null or actor_name = %(actor)s)
        and (%(older)s::interval is null or enqueued_at <= {schema}.clock() - %(older)s::interval)
        and (%(newer)s::interval is null or enqueued_at >= {schema}.clock() - %(newer)s::interval)
      order by limit_key, queue_name, priority, id
      limit %(cap)s)
    union all
    (select message_id, queue_name, state, actor_name, message, priority, eta, attempts, worker_id, enqueued_at,
            started_at, null, unique_key, progress_done, progress_total, cancel_reason, error, mtime
       from {schema}.queue
      where state in ('scheduled', 'retrying') and state = any (%(states)s::{schema}.state[])
        and (%(queue)s::text is null or queue_name = %(queue)s) and (%(actor)s::text is null or actor_name = %(actor)s)
        and (%(older)s::interval is null or enqueued_at <= {schema}.clock() - %(older)s::interval)
        and (%(newer)s::interval is null or enqueued_at >= {schema}.clock() - %(newer)s::interval)
      order by eta
      limit %(cap)s)
    union all
    (select message_id, queue_name, state, actor_name, message, priority, eta, attempts, worker_id, enqueued_at,
            started_at, null, unique_key, progress_done, progress_total, cancel_reason, error, mtime
       from {schema}.queue
      where state = 'awaiting' and 'awaiting' = any (%(states)s::{schema}.state[])
        and (%(queue)s::text is null or queue_name = %(queue)s) and (%(actor)s::text is null or actor_name = %(actor)s)
        and (%(older)s::interval is null or enqueued_at <= {schema}.clock() - %(older)s::interval)
        and (%(newer)s::interval is null or enqueued_at >= {schema}.clock() - %(newer)s::interval)
      limit %(cap)s)
    union all
    (select message_id, queue_name, state, actor_name, message, priority, null, attempts, worker_id, enqueued_at,
            started_at, finished_at, unique_key, progress_done, progress_total, reason, error, finished_at
       from {schema}.finished
      where state = any (%(states)s::{schema}.state[])
        and (%(queue)s::text is null or queue_name = %(queue)s) and (%(actor)s::text is null or actor_name = %(actor)s)
        and (%(older)s::interval is null or enqueued_at <= {schema}.clock() - %(older)s::interval)
        and (%(newer)s::interval is null
             or (enqueued_at >= {schema}.clock() - %(newer)s::interval
                 and finished_at >= {schema}.clock() - %(newer)s::interval))
      order by finished_at desc
      limit %(cap)s)
  ) j
 where not exists (
    select from jsonb_each(%(arguments)s::jsonb) as wanted (name, value)
     where wanted.value #>> '{}' is distinct from coalesce(
           j.message -> 'kwargs' ->> wanted.name,
           j.message -> 'args' ->> (
              select p.place::int - 1
                from {schema}.actor a, jsonb_array_elements(a.parameters) with ordinality as p (parameter, place)
               where a.actor_name = j.actor_name and p.parameter ->> 'name' = wanted.name)))
 order by changed_at desc, message_id
 limit %(limit)s;

-- name: find_ids
-- The ids of all jobs that a filter means, for work in bulk.
select j.message_id::text
  from {schema}.job j
 where j.state = any (%(states)s::{schema}.state[])
   and (%(queue)s::text is null or j.queue_name = %(queue)s) and (%(actor)s::text is null or j.actor_name = %(actor)s)
   and (%(older)s::interval is null or j.enqueued_at <= {schema}.clock() - %(older)s::interval)
   and (%(newer)s::interval is null or j.enqueued_at >= {schema}.clock() - %(newer)s::interval)
   and not exists (
    select from jsonb_each(%(arguments)s::jsonb) as wanted (name, value)
     where wanted.value #>> '{}' is distinct from coalesce(
           j.message -> 'kwargs' ->> wanted.name,
           j.message -> 'args' ->> (
              select p.place::int - 1
                from {schema}.actor a, jsonb_array_elements(a.parameters) with ordinality as p (parameter, place)
               where a.actor_name = j.actor_name and p.parameter ->> 'name' = wanted.name)))
 order by j.message_id;

-- name: ids_between
-- The ids that begin alike, as a range. Reads queue_pkey and finished_message_id.
select message_id::text from {schema}.queue where message_id between %(first)s::uuid and %(last)s::uuid
union
select message_id::text from {schema}.finished where message_id between %(first)s::uuid and %(last)s::uuid
 limit 5;

-- name: job
-- One job with everything that is kept in its row. Reads queue_pkey and finished_message_id.
select message_id::text, queue_name, state::text, actor_name, message, priority, eta, attempts, worker_id::text,
       enqueued_at, started_at, finished_at, unique_key, progress_done, progress_total, reason, error,
       extract(epoch from {schema}.clock() - enqueued_at)::float8 as age, result, workflow_id::text,
       followed_in
  from {schema}.job
 where message_id = %(message_id)s::uuid
 order by finished_at desc nulls first
 limit 1;

-- name: timeline
-- What happened to one job, oldest first; workers by name while they live.
select t.at, t.state::text, t.attempt, coalesce(w.name, t.worker_id::text), t.duration_ms, t.reason, t.error,
       t.traceback
  from {schema}.job_timeline t left join {schema}.worker w using (worker_id)
 where t.message_id = %(message_id)s::uuid
 order by t.at, t.attempt;

-- name: log_lines
-- What one job wrote with current_job().log(). Reads job_log_message_id.
select at, attempt, line from {schema}.job_log where message_id = %(message_id)s::uuid order by at, attempt;

-- name: worker_name
select name from {schema}.worker where worker_id = %(worker_id)s::uuid;
