-- What a backup asks the database that it copies. All of it reads the catalogue, but for counts and checksums.

-- name: identify
-- The server, by the mark it got when it was made, and the database on it.
select (select system_identifier from pg_control_system()) as system, current_database() as name,
    current_setting('server_version_num')::integer / 10000 as version, pg_database_size(current_database()) as size,
    current_setting('server_encoding') as encoding,
    (select rolsuper from pg_roles where rolname = current_user)
        or pg_has_role(current_user, 'pg_read_all_data', 'usage') as reads_all;

-- name: export_snapshot
-- What the transaction sees now, for pg_dump to see the same. It may idle for as long as the copy takes.
select pg_export_snapshot() as snapshot, statement_timestamp() as taken_at,
    set_config('idle_in_transaction_session_timeout', '0', true) as may_idle,
    set_config('statement_timeout', '0', true) as may_last;

-- name: write_values_alike
-- Rows are summed up as text, and must read the same on every server.
select count(set_config(name, value, true))
from (values ('timezone', 'UTC'), ('datestyle', 'ISO, YMD'), ('intervalstyle', 'postgres'), ('bytea_output', 'hex'),
    ('extra_float_digits', '1'), ('search_path', 'pg_catalog')) as alike (name, value);

-- name: tables
-- Tables that hold rows, as pg_dump copies them: no views, no extension's own, nothing temporary. The five biggest are
-- marked for a checksum; one that takes more than 4 GB would take its time.
select format('%%I.%%I', n.nspname, c.relname) as name, n.nspname as schema_name, c.relname as table_name,
    row_number() over (order by sizes.bytes desc, n.nspname, c.relname) <= 5 and sizes.bytes between 1 and 4e9 as big
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (select pg_relation_size(c.oid) as bytes) as sizes
where c.relkind = 'r' and c.relpersistence <> 't'
    and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
    and not exists (
        select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1;

-- name: count
select count(*) from {table};

-- name: count_and_sum
-- The sum does not depend on the order of rows, and MD5 is the same in every version of Postgres.
select count(*), coalesce(sum(('x' || left(md5(whole_row_::text), 15))::bit(60)::bigint), 0)::text
from {table} as whole_row_;

-- name: create_scratch
-- Out of the bare template, so that nothing a site put into its own template is in the way.
create database {database} template template0 encoding {encoding};

-- name: hurry_scratch
-- Nobody misses it after a crash.
alter database {database} set synchronous_commit = off;

-- name: drop_scratch
drop database if exists {database} with (force);

-- name: old_scratches
-- Scratch databases of verifications that died; their names tell the day.
select datname as name from pg_database where datname ~ '^dhanman_verify_[0-9]{8}_' and datname < %(before)s;
