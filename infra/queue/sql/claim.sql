-- name: claim
-- Takes up to `counts[i]` ready jobs of `queues[i]`, best priority first, then oldest, and counts the attempt.
-- Reads queue_ready; SKIP LOCKED, so claimers never wait for one another. Paused queues are left alone. A worker whose
-- heartbeat is stale claims nothing: a rescuer may be about to take its jobs.
with wanted as (
    select * from unnest(%(queues)s::text[], %(counts)s::int[]) as w (queue_name, count)
     where not exists (select from {schema}.queue_pause p where p.queue_name = w.queue_name)
       and exists (select from {schema}.worker k
                    where k.worker_id = %(worker_id)s and k.heartbeat_at >= {schema}.clock() - %(timeout)s::interval)
), picked as materialized (
    select ready.spot
      from wanted w
     cross join lateral (
        select q.ctid as spot
          from {schema}.queue q
         where q.state = 'queued' and q.limit_key is null and q.queue_name = w.queue_name
         order by q.priority, q.id
         limit w.count
           for update skip locked
     ) ready
)
update {schema}.queue q
   set state = 'consumed', attempts = q.attempts + 1, worker_id = %(worker_id)s, lease = %(lease)s,
       started_at = {schema}.clock(), mtime = {schema}.clock()
  from picked
 where q.ctid = picked.spot
returning q.message_id::text, q.queue_name, q.actor_name, q.message::text, q.attempts, q.priority, q.id,
          extract(epoch from {schema}.clock() - greatest(q.enqueued_at, q.eta))::float8, q.cancel_reason, q.begun,
          q.workflow_id::text, q.followed_in, q.limit_key;

-- name: begin_last
-- A job starts its last attempt. A worker that dies takes jobs along that only waited in it, and no row tells which did:
-- so the last attempt is used up by this mark, not by the claim. Fenced by the lease; a mark lost with the server's
-- last moments costs no more than one attempt too many, so its commit need not wait for the disk.
set local synchronous_commit = off;
update {schema}.queue
   set begun = attempts
 where message_id = %(message_id)s and lease = %(lease)s and state = 'consumed'
returning 1;

-- name: promote
-- Delayed and retrying jobs whose time has come enter the queue. Returns how many, and the limits of those of limited
-- actors, which do not count; other workers are told of these. Reads queue_due.
with due as materialized (
    select ctid as spot
      from {schema}.queue
     where state in ('scheduled', 'retrying') and eta <= {schema}.clock()
     order by eta
     limit 2000
       for update skip locked
), promoted as (
    update {schema}.queue q
       set state = 'queued', mtime = {schema}.clock(), id = default
      from due
     where q.ctid = due.spot
    returning q.limit_key
), limited as (
    select array_agg(distinct limit_key) as keys from promoted where limit_key is not null having count(*) > 0
), told as (
    select {schema}.tell_of_limits(keys) from limited
)
select (select count(*) from promoted where limit_key is null)::int, (select keys from limited), (select count(*) from told);

-- name: look
-- Whether a store has ready jobs in these queues, in how many seconds its next delayed job is due, and whether it has
-- ready jobs of limited actors. One statement asks all the stores of a database, joined by union all. Reads queue_ready,
-- and the first entries of queue_due and queue_limited.
select '{schema}' as schema,
       exists (select from {schema}.queue where state = 'queued' and limit_key is null and queue_name = any (%(queues)s::text[])) as ready,
       (select extract(epoch from min(eta) - {schema}.clock())::float8
          from {schema}.queue where state in ('scheduled', 'retrying')) as due_in,
       exists (select from {schema}.queue where state = 'queued' and limit_key is not null) as limited;
