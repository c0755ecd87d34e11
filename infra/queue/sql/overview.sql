-- name: ready_by_queue
-- How many jobs are ready in each queue, those of limited actors aside, and since when the first waits. Steps through queue_ready from one pair of
-- queue and priority to the next, and stops counting at %(most)s.
with recursive lane as (
    (select queue_name, priority
       from {schema}.queue
      where state = 'queued' and limit_key is null
      order by queue_name, priority
      limit 1)
    union all
    select next.queue_name, next.priority
      from lane l
     cross join lateral (
        select q.queue_name, q.priority
          from {schema}.queue q
         where q.state = 'queued' and q.limit_key is null and (q.queue_name, q.priority) > (l.queue_name, l.priority)
         order by q.queue_name, q.priority
         limit 1
     ) next
)
select l.queue_name, sum(counted.jobs)::bigint,
       extract(epoch from {schema}.clock() - min(first.since))::float8
  from lane l
 cross join lateral (
    select count(*) as jobs
      from (select from {schema}.queue q
             where q.state = 'queued' and q.limit_key is null and q.queue_name = l.queue_name and q.priority = l.priority
             limit %(most)s) counting
 ) counted
 cross join lateral (
    select greatest(q.enqueued_at, q.eta) as since
      from {schema}.queue q
     where q.state = 'queued' and q.limit_key is null and q.queue_name = l.queue_name and q.priority = l.priority
     order by q.id
     limit 1
 ) first
 group by l.queue_name;

-- name: running_by_queue
-- Reads queue_claimed: no more than the workers have claimed.
select queue_name, count(*) from {schema}.queue where state = 'consumed' group by queue_name;

-- name: delayed_by_queue
-- Of the jobs that wait for their time, those next due, at most %(most)s. Reads queue_due.
select queue_name, count(*)
  from (select queue_name
          from {schema}.queue
         where state in ('scheduled', 'retrying')
         order by eta
         limit %(most)s) soonest
 group by queue_name;

-- name: latency_by_queue
-- How long the latest finished jobs had waited before their one attempt: median and 95th percentile, in seconds.
select queue_name, percentile_cont(0.5) within group (order by waited),
       percentile_cont(0.95) within group (order by waited)
  from (select queue_name, extract(epoch from started_at - greatest(enqueued_at, eta))::float8 as waited
          from {schema}.finished
         where state = 'done' and attempts = 1 and started_at is not null
           and finished_at > {schema}.clock() - interval '1 day'
         order by finished_at desc
         limit %(latest)s) recent
 group by queue_name;

-- name: pauses
select queue_name, paused_by, paused_at, reason from {schema}.queue_pause;

-- name: queues_of_actors
select distinct queue_name from {schema}.actor;

-- name: pause_queue
-- Nothing is claimed from the queue any more. Workers are told, so that none waits for it in vain.
with paused as (
    insert into {schema}.queue_pause (queue_name, paused_by, reason)
    values (%(queue)s, %(by)s, %(reason)s)
    on conflict (queue_name) do nothing
    returning queue_name
)
select queue_name, pg_notify(%(channel)s, queue_name)::text from paused;

-- name: resume_queue
-- The queue is claimed from again; workers are woken.
with resumed as (
    delete from {schema}.queue_pause where queue_name = %(queue)s
    returning queue_name
)
select queue_name, pg_notify(%(channel)s, queue_name)::text, pg_notify(%(channel)s, '%%')::text from resumed;

-- name: workers
-- The worker processes this store knows of, with the age of their last heartbeat in seconds.
select worker_id::text, name, hostname, pid, queues, threads, running, memory_bytes, started_at,
       extract(epoch from {schema}.clock() - heartbeat_at)::float8
  from {schema}.worker
 order by started_at;
