-- name: take_turn
-- One process at a time keeps a store in order. The lock ends with the transaction; who does not get it goes on.
-- Partitions are made and dropped under an exclusive lock on their parent: rather than hold up every job behind a long
-- query, the round gives up after two seconds and the next one tries again.
select pg_try_advisory_xact_lock(hashtext('{schema}.maintenance')), set_config('lock_timeout', '2s', true);

-- name: make_partitions
-- Of one branch: with two, the transaction and a reader of all partitions could wait for one another in a circle.
select {schema}.make_partitions_of(%(branch)s, %(ahead)s);

-- name: drop_partitions
select {schema}.drop_partitions(%(branch)s, %(keep)s::interval);

-- name: forget_expired_results
-- Results past their time become null, a chunk at a time. Reads finished_result_ttl; the partition key in the join
-- leads each row to its partition.
with expired as materialized (
    select message_id, state, finished_at
      from {schema}.finished
     where result is not null and result_ttl < {schema}.clock()
     order by result_ttl
     limit %(chunk)s
       for update skip locked
), forgotten as (
    update {schema}.finished f
       set result = null
      from expired e
     where f.message_id = e.message_id and f.state = e.state and f.finished_at = e.finished_at
    returning 1
)
select count(*) from forgotten;

-- name: remove_stale_workers
-- Rows of workers that are long dead; their claims are anyone's to rescue already.
with removed as (
    delete from {schema}.worker where heartbeat_at < {schema}.clock() - %(timeout)s::interval * 10 returning 1
)
select count(*) from removed;

-- name: remove_old_starts
-- Starts that count under no rate any more, of limits that no job has come to since. Reads limit_start_over_at.
with old as materialized (
    select ctid as spot
      from {schema}.limit_start
     where over_at <= {schema}.clock()
     order by over_at
     limit %(chunk)s
       for update skip locked
), removed as (
    delete from {schema}.limit_start l using old where l.ctid = old.spot returning 1
)
select count(*) from removed;

-- name: remove_expired_counters
-- Counters of dramatiq's rate limiters that are past their time. Reads limiter_expires_at.
with expired as materialized (
    select ctid as spot
      from {schema}.limiter
     where expires_at <= {schema}.clock()
     order by expires_at
     limit %(chunk)s
       for update skip locked
), removed as (
    delete from {schema}.limiter l using expired where l.ctid = expired.spot returning 1
)
select count(*) from removed;

-- name: expire_workflows
-- Workflows that were completed so long ago that the last of their members have expired, with their edges and figures.
-- What still waits for something of them waits in vain, and is cancelled. A part of one in another store goes once
-- nothing here belongs to it. Reads workflow_completed and workflow_open.
with ended as materialized (
    select w.workflow_id
      from {schema}.workflow w
     where w.completed_at < {schema}.clock() - %(keep)s::interval
       and not exists (select from {schema}.workflow p where p.workflow_id = w.parent_id and p.completed_at is null)
     order by w.completed_at
     limit %(chunk)s
       for update skip locked
), parts as materialized (
    select w.workflow_id
      from {schema}.workflow w
     where w.completed_at is null and w.created_at < {schema}.clock() - %(keep)s::interval
       and w.home <> %(service)s
       and not exists (select from {schema}.queue q where q.workflow_id = w.workflow_id and q.state <> 'awaiting')
       and not exists (select from {schema}.queue q where q.workflow_id = w.workflow_id and q.state = 'awaiting')
     order by w.created_at
     limit %(chunk)s
), old as (
    select workflow_id from ended union all select workflow_id from parts
), gone as (
    delete from {schema}.queue q
     where q.state = 'awaiting'
       and (q.workflow_id in (select workflow_id from old)
            or q.message_id in (select e.successor from old join {schema}.edge e on e.predecessor = old.workflow_id))
    returning q.*
), kept as (
    insert into {schema}.finished (
        message_id, queue_name, state, actor_name, message, priority, attempts, enqueued_at, eta, finished_at, unique_key,
        progress_done, progress_total, reason, error, workflow_id, followed_in, limit_key)
    select message_id, queue_name, 'cancelled', actor_name, message, priority, attempts, enqueued_at, eta, {schema}.clock(),
           unique_key, progress_done, progress_total, 'what it waited for has expired', error, workflow_id, followed_in,
           limit_key
      from gone
), noted as (
    insert into {schema}.history (message_id, at, state, attempt, reason)
    select message_id, {schema}.clock(), 'cancelled', attempts, 'what it waited for has expired' from gone
), edges as (
    delete from {schema}.edge e using old where e.workflow_id = old.workflow_id
), figures as (
    delete from {schema}.tally t using old where t.workflow_id = old.workflow_id
), removed as (
    delete from {schema}.workflow w using old where w.workflow_id = old.workflow_id returning 1
)
select count(*) from removed;
