-- name: register
-- A worker process introduces itself under an identity that is new at every boot.
insert into {schema}.worker (worker_id, name, hostname, pid, queues, threads)
values (%(worker_id)s, %(name)s, %(hostname)s, %(pid)s, %(queues)s, %(threads)s);

-- name: beat
-- known: false when this worker was declared dead and has lost its leases. has_unknown and has_dead say which of the two
-- statements below have something to do, so that an idle worker sends one statement a beat. asked_to_stop: its jobs that
-- were asked to, should a notification have been missed. Reads queue_claimed.
with beaten as (
    update {schema}.worker
       set heartbeat_at = {schema}.clock(), running = %(running)s, memory_bytes = %(memory_bytes)s, queues = %(queues)s
     where worker_id = %(worker_id)s
    returning 1
)
select exists (select from beaten) as known,
       exists (
           select from {schema}.queue
            where state = 'consumed' and worker_id = %(worker_id)s
              and started_at < {schema}.clock() - %(grace)s::interval and message_id <> all (%(held)s::uuid[])
       ) as has_unknown,
       exists (select from {schema}.worker where heartbeat_at < {schema}.clock() - %(timeout)s::interval)
       or exists (
           select from {schema}.queue q
            where q.state = 'consumed'
              and not exists (select from {schema}.worker w where w.worker_id = q.worker_id)
       ) as has_dead,
       array(
           select message_id::text from {schema}.queue
            where state = 'consumed' and worker_id = %(worker_id)s and cancel_requested_at is not null
       ) as asked_to_stop;

-- name: leave
delete from {schema}.worker where worker_id = %(worker_id)s;

-- name: give_back_unknown
-- Claims of this worker that it does not know of: the reply to its claim was lost. Reads queue_claimed.
-- One whose unique key a waiting job has taken meanwhile goes back without it: two claims of one key must not stick.
update {schema}.queue q
   set state = 'queued', attempts = greatest(attempts - 1, 0), mtime = {schema}.clock(),
       worker_id = null, lease = null, started_at = null,
       unique_key = case when (
           select true from {schema}.queue w
            where w.unique_key = q.unique_key and w.state in ('queued', 'scheduled', 'retrying', 'awaiting')
            limit 1
       ) is null and (
           select true from {schema}.queue w
            where w.unique_key = q.unique_key and w.state = 'consumed' and w.worker_id = %(worker_id)s
              and w.message_id <> q.message_id
            limit 1
       ) is null then q.unique_key end
 where state = 'consumed' and worker_id = %(worker_id)s
   and started_at < {schema}.clock() - %(grace)s::interval and message_id <> all (%(held)s::uuid[])
returning message_id::text;

-- name: rescue
-- Jobs of workers that stopped answering enter the queue again; the attempt stays counted. A worker that is only slow
-- loses its row first, so that it learns of it at its next beat; one that beats at this very moment keeps its row
-- and its jobs. One whose unique key a waiting job has taken meanwhile yields to that job. Reads queue_claimed.
with dead as (
    delete from {schema}.worker where heartbeat_at < {schema}.clock() - %(timeout)s::interval
    returning worker_id, name
), orphan as materialized (
    select q.ctid as spot, q.worker_id, q.started_at, q.unique_key, q.id
      from {schema}.queue q
     where q.state = 'consumed'
       and (q.worker_id in (select worker_id from dead)
            or not exists (select from {schema}.worker w where w.worker_id = q.worker_id))
     limit 5000
       for update skip locked
), judged as materialized (
    select o.spot, o.worker_id, o.started_at,
           o.unique_key is not null
           and (coalesce(twin.waits, false) or row_number() over (partition by o.unique_key order by o.id) > 1) as has_twin
      from orphan o
      left join lateral (
          select true as waits
            from {schema}.queue w
           where w.unique_key = o.unique_key and w.state in ('queued', 'scheduled', 'retrying', 'awaiting')
           limit 1
      ) twin on true
), rescued as (
    update {schema}.queue q
       set state = 'queued', mtime = {schema}.clock(), worker_id = null, lease = null, started_at = null
      from judged j
     where q.ctid = j.spot and not j.has_twin
    returning q.message_id, q.queue_name, q.attempts, q.limit_key, j.worker_id, j.started_at
), yielded as (
    delete from {schema}.queue q
     using judged j
     where q.ctid = j.spot and j.has_twin
    returning q.*
), kept as (
    insert into {schema}.finished (
        message_id, queue_name, state, actor_name, message, priority, attempts, worker_id, enqueued_at, eta, started_at,
        finished_at, unique_key, progress_done, progress_total, reason, error, workflow_id, followed_in, limit_key)
    select message_id, queue_name, 'cancelled', actor_name, message, priority, attempts, worker_id, enqueued_at, eta,
           started_at, {schema}.clock(), unique_key, progress_done, progress_total,
           'another waiting job has its unique key and will do the work', error, workflow_id, followed_in, limit_key
      from yielded
), noted as (
    insert into {schema}.history (message_id, at, state, attempt, worker_id, duration_ms, reason)
    select e.message_id, {schema}.clock(), e.state, e.attempts, e.worker_id,
           extract(epoch from {schema}.clock() - e.started_at) * 1000,
           'worker ' || coalesce(d.name, e.worker_id::text, 'unknown') || ' stopped answering' || e.so
      from (select message_id, attempts, worker_id, started_at, 'queued'::{schema}.state as state, '' as so
              from rescued
            union all
            select message_id, attempts, worker_id, started_at, 'cancelled',
                   '; another waiting job has its unique key'
              from yielded) e
      left join dead d using (worker_id)
), told as (
    select pg_notify(%(channel)s, queue_name) from (select distinct queue_name from rescued where limit_key is null) q
    union all
    select {schema}.tell_of_limits(array(select limit_key from rescued union select limit_key from yielded))
)
select message_id::text, queue_name, attempts, (select count(*) from told), null, null, false from rescued
union all
select message_id::text, queue_name, attempts, (select count(*) from told), workflow_id::text, followed_in, true from yielded;

-- name: cancel_requests
-- Which of this worker's running jobs were asked to stop: the fall-back where notifications do not reach it.
select message_id::text
  from {schema}.queue
 where state = 'consumed' and worker_id = %(worker_id)s and cancel_requested_at is not null;
