-- name: clock_and_version
select extract(epoch from clock_timestamp())::float8, current_setting('server_version_num')::int,
       current_setting('server_version');

-- name: tables
-- Which of the job store's tables are there.
select to_regclass('{schema}.queue') is not null;

-- name: indexes
-- Every index of the schema, and whether the server may use it.
select c.relname, i.indisvalid and i.indisready
  from pg_index i join pg_class c on c.oid = i.indexrelid
 where c.relnamespace = '{schema}'::regnamespace;

-- name: workers_by_queue
-- Living workers and the queues they consume.
select queue_name, count(*)
  from {schema}.worker, unnest(queues) as queue_name
 where heartbeat_at >= {schema}.clock() - %(timeout)s::interval
 group by queue_name;

-- name: living_workers
select name, threads from {schema}.worker where heartbeat_at >= {schema}.clock() - %(timeout)s::interval;

-- name: claims_of_unknown_workers
-- Jobs that run by their row, but whose worker is gone or silent. Reads queue_claimed.
select count(*)
  from {schema}.queue q
 where q.state = 'consumed'
   and not exists (select from {schema}.worker w
                    where w.worker_id = q.worker_id and w.heartbeat_at >= {schema}.clock() - %(timeout)s::interval);

-- name: actors_waiting
-- The actors of the jobs that run next, the first %(most)s in each state. Reads queue_ready, queue_limited and queue_due.
select distinct actor_name
  from ((select actor_name from {schema}.queue
          where state = 'queued' and limit_key is null order by queue_name, priority, id limit %(most)s)
        union all
        (select actor_name from {schema}.queue
          where state = 'queued' and limit_key is not null order by limit_key, queue_name, priority, id limit %(most)s)
        union all
        (select actor_name from {schema}.queue
          where state in ('scheduled', 'retrying') order by eta limit %(most)s)) waiting;

-- name: exhausted
-- Jobs that ended without success within a day, by actor. Reads finished_finished_at of two branches.
select state::text, actor_name, count(*)
  from {schema}.finished
 where state in ('rejected', 'failed') and finished_at >= {schema}.clock() - interval '24 hours'
 group by state, actor_name
 order by count(*) desc;

-- name: partitions_ahead
-- Branches whose partitions do not reach beyond tomorrow.
select branch
  from unnest(%(branches)s::text[]) as branch
 where not exists (
    select from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = to_regclass('{schema}.' || branch)
       and (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz
           > {schema}.clock() + interval '1 day');

-- name: default_partitions
-- Default partitions that hold rows: they were written while partitions were missing, and do not expire.
select name
  from (select 'finished_done_default' as name where exists (select from {schema}.finished_done_default)
        union all select 'finished_rejected_default' where exists (select from {schema}.finished_rejected_default)
        union all select 'finished_failed_default' where exists (select from {schema}.finished_failed_default)
        union all select 'finished_cancelled_default' where exists (select from {schema}.finished_cancelled_default)
        union all select 'history_default' where exists (select from {schema}.history_default)
        union all select 'job_log_default' where exists (select from {schema}.job_log_default)) found;
