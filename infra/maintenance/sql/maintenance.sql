-- name: take_turn
-- One process at a time keeps a store in order. The lock ends with the transaction; who does not get it goes on.
-- Partitions are made and dropped under an exclusive lock on their parent: rather than hold up every job behind a long
-- query, the round gives up after two seconds and the next one tries again.
select pg_try_advisory_xact_lock(hashtext('{schema}.maintenance')), set_config('lock_timeout', '2s', true);

-- name: make_partitions
select {schema}.make_partitions(%(ahead)s);

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
