-- name: register
-- A worker process introduces itself under an identity that is new at every boot.
insert into {schema}.worker (worker_id, name, hostname, pid, queues, threads)
values (%(worker_id)s, %(name)s, %(hostname)s, %(pid)s, %(queues)s, %(threads)s);

-- name: beat
-- No row back: this worker was declared dead and has lost its leases.
update {schema}.worker
   set heartbeat_at = {schema}.clock(), running = %(running)s, memory_bytes = %(memory_bytes)s, queues = %(queues)s
 where worker_id = %(worker_id)s
returning 1;

-- name: leave
delete from {schema}.worker where worker_id = %(worker_id)s;

-- name: give_back_unknown
-- Claims of this worker that it does not know of: the reply to its claim was lost. Reads queue_claimed.
update {schema}.queue q
   set state = 'queued', attempts = greatest(attempts - 1, 0), mtime = {schema}.clock(),
       worker_id = null, lease = null, started_at = null
 where state = 'consumed' and worker_id = %(worker_id)s
   and started_at < {schema}.clock() - %(grace)s::interval and message_id <> all (%(held)s::uuid[])
returning message_id::text;

-- name: rescue
-- Jobs of workers that stopped answering enter the queue again; the attempt stays counted. A worker that is only slow
-- loses its row first, so that it learns of it at its next beat. Reads queue_claimed.
with dead as (
    delete from {schema}.worker where heartbeat_at < {schema}.clock() - %(timeout)s::interval
    returning worker_id, name
), orphan as materialized (
    select q.ctid as spot, q.worker_id, q.started_at
      from {schema}.queue q
     where q.state = 'consumed'
       and not exists (
           select from {schema}.worker w
            where w.worker_id = q.worker_id and w.heartbeat_at >= {schema}.clock() - %(timeout)s::interval)
     limit 5000
       for update skip locked
), rescued as (
    update {schema}.queue q
       set state = 'queued', mtime = {schema}.clock(), worker_id = null, lease = null, started_at = null
      from orphan o
     where q.ctid = o.spot
    returning q.message_id, q.queue_name, q.attempts, o.worker_id, o.started_at
), noted as (
    insert into {schema}.history (message_id, at, state, attempt, worker_id, duration_ms, reason)
    select r.message_id, {schema}.clock(), 'queued', r.attempts, r.worker_id,
           extract(epoch from {schema}.clock() - r.started_at) * 1000,
           'worker ' || coalesce(d.name, r.worker_id::text, 'unknown') || ' stopped answering'
      from rescued r left join dead d using (worker_id)
), told as (
    select pg_notify(%(channel)s, queue_name) from (select distinct queue_name from rescued) q
)
select message_id::text, queue_name, attempts, (select count(*) from told) from rescued;

-- name: cancel_requests
-- Which of this worker's running jobs were asked to stop: the fall-back where notifications do not reach it.
select message_id::text
  from {schema}.queue
 where state = 'consumed' and worker_id = %(worker_id)s and cancel_requested_at is not null;
