-- What the health report asks. Those with {schema} are asked of each job store.

-- name: now
select common.clock() as now;

-- name: ended_in_a_day
-- How many jobs ended in each state within a day, each counted up to %(most)s. Reads finished_finished_at of each branch.
select s.state::text, (
    select count(*)
      from (select from {schema}.finished f
             where f.state = s.state and f.finished_at > {schema}.clock() - interval '1 day'
             limit %(most)s) counting)
  from unnest(array['done', 'failed', 'rejected', 'cancelled']::{schema}.state[]) as s (state);

-- name: failures_in_a_day
-- The latest jobs that ended without success within a day, at most %(most)s. Reads finished_finished_at of two branches.
select actor_name, left(coalesce(error, reason, ''), 500), finished_at
  from {schema}.finished
 where state in ('rejected', 'failed') and finished_at > {schema}.clock() - interval '1 day'
 order by finished_at desc
 limit %(most)s;

-- name: missed_in_a_day
-- Ticks that came while nobody was there to send them. Reads tick_at; a day has some hundreds.
select name, count(*)
  from {schema}.tick
 where outcome = 'missed' and at > {schema}.clock() - interval '1 day'
 group by name
 order by name;

-- name: largest_tables
-- The largest by all that belongs to them: of the 50 that the catalogue says are largest, so that thousands of partitions
-- are not looked at on the disk.
select name, pg_total_relation_size(oid) as bytes
  from (select c.oid, n.nspname || '.' || c.relname as name
          from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema')
         order by c.relpages desc
         limit 50) candidates
 order by bytes desc, name
 limit %(most)s;

-- name: note_size
-- The day's size of a database, kept once; and the last one before, and the one of a week before. By the primary key.
with noted as (
    insert into common.database_size (series, day, bytes) values (%(series)s, %(day)s, %(bytes)s)
    on conflict (series, day) do nothing
)
select (select bytes from common.database_size
         where series = %(series)s and day < %(day)s order by day desc limit 1) as before,
       (select bytes from common.database_size
         where series = %(series)s and day <= %(day)s::date - 7 order by day desc limit 1) as week_before;

-- name: last_backups
-- Of each database: the newest good backup, the newest that was restored for a test, and what failed since. A year has
-- some thousand rows.
select b.series,
       max(b.started_at) filter (where b.state = 'GOOD') as taken_at,
       max(b.verified_at) as verified_at,
       (array_agg(b.id order by b.started_at desc) filter (where b.state = 'GOOD'))[1] as newest,
       (array_agg(b.failure order by b.started_at desc) filter (where b.state = 'FAILED'))[1] as failure,
       max(b.started_at) filter (where b.state = 'FAILED') as failed_at
  from common.backup b
 group by b.series;
