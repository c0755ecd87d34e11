-- name: role_exists
select exists (select from pg_roles where rolname = %(role)s);

-- name: grant_service
-- A role may enqueue, work and operate the jobs of this schema, and nothing else: rows of its tables and views, now and
-- in later versions, and its functions. Tables stay the owner's; partitions are made and dropped by the two functions
-- that run as the owner. The record of migrations may be read, which is how `doctor` knows the version.
select set_config('dhanman.grantee', %(role)s, true);
do $grants$
declare
    role text := current_setting('dhanman.grantee');
    record_of_migrations text;
begin
    execute format('grant connect on database %%I to %%I', current_database(), role);
    execute format('grant usage on schema {schema} to %%I', role);
    execute format('grant select, insert, update, delete on all tables in schema {schema} to %%I', role);
    execute format('grant execute on all functions in schema {schema} to %%I', role);
    execute format('alter default privileges in schema {schema} grant select, insert, update, delete on tables to %%I', role);
    execute format('alter default privileges in schema {schema} grant execute on functions to %%I', role);
    for record_of_migrations in
        select c.oid::regclass::text from pg_class c
         where c.relnamespace = '{schema}'::regnamespace and c.relname ~ '^_?yoyo_' and c.relkind = 'r'
    loop
        execute format('revoke insert, update, delete on %%s from %%I', record_of_migrations, role);
    end loop;
end $grants$;
