-- The record of backups.

-- name: take_turn
-- One run at a time, among all workers and operators. The right ends with the transaction, so with its process; while it
-- lasts the transaction idles and holds no row and no snapshot.
select pg_try_advisory_xact_lock(hashtext('common.backup')) as ours,
    set_config('idle_in_transaction_session_timeout', '0', true) as may_idle;

-- name: moment_to_begin
-- The moment, and whether the tick has its backup; by backup_of_tick.
select common.clock() as now,
    exists (
        select from common.backup
        where series = %(series)s and scheduled_for = %(scheduled_for)s and state in ('GOOD', 'REMOVED')) as taken;

-- name: begin
insert into common.backup (id, database, series, place, scheduled_for)
values (%(id)s, %(database)s, %(series)s, %(place)s, %(scheduled_for)s)
returning id;

-- name: finish
-- Good: by the primary key. The row is new only where this database was itself restored from an older backup.
insert into common.backup as b
    (id, database, series, place, state, started_at, finished_at, size, sha256, tables_listed)
values (%(id)s, %(database)s, %(series)s, %(place)s, 'GOOD', least(%(taken_at)s, common.clock()), common.clock(),
    %(size)s, %(sha256)s, %(listed)s)
on conflict (id) do update
    set state = 'GOOD', finished_at = coalesce(b.finished_at, greatest(b.started_at, excluded.finished_at)),
        size = excluded.size,
        sha256 = excluded.sha256, tables_listed = excluded.tables_listed, failure = null
returning *;

-- name: fail
update common.backup
set state = 'FAILED', finished_at = greatest(started_at, common.clock()), failure = %(failure)s
where id = %(id)s and state = 'RUNNING'
returning id;

-- name: running
-- By backup_running.
select id, place from common.backup where state = 'RUNNING' order by id;

-- name: verify
update common.backup set verified_at = common.clock() where id = %(id)s returning verified_at;

-- name: verified
-- Hundreds of rows at most, by backup_of_tick's series.
select id from common.backup where series = %(series)s and state = 'GOOD' and verified_at is not null;

-- name: remove
update common.backup set state = 'REMOVED', removed_at = common.clock() where id = any (%(ids)s) and state = 'GOOD';

-- name: latest
-- By backup_started_at.
select * from common.backup order by started_at desc, id limit %(limit)s;

-- name: like
-- A year has some thousand rows.
select * from common.backup where starts_with(id, %(beginning)s) and state in ('GOOD', 'RUNNING', 'FAILED') order by id limit 20;

-- name: newest_good
select distinct on (series) * from common.backup where state = 'GOOD' order by series, started_at desc;

-- name: now
select common.clock() as now;
