-- Partitions of one branch at a time: see ../schema.sql for the whole.

do $$ begin perform set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true); end $$;

create function make_partitions_of(branch text, ahead integer default 7) returns integer
    language plpgsql security definer
    set search_path from current
    as $$
declare
    width interval;
    lower_bound timestamptz;
    name text;
    made integer := 0;
begin
    if branch <> all (array['finished_done', 'finished_rejected', 'finished_failed', 'finished_cancelled', 'history', 'job_log']) then
        raise invalid_parameter_value using message = format('%s is no table with partitions', branch);
    end if;
    perform pg_advisory_xact_lock(hashtext(current_schema() || '.partitions'));
    width := case when branch in ('finished_done', 'history', 'job_log') then interval '1 day' else interval '1 month' end;
    lower_bound := date_trunc(case when width = interval '1 day' then 'day' else 'month' end, clock(), 'UTC');
    while lower_bound <= clock() + ahead * interval '1 day' loop
        name := branch || to_char(lower_bound at time zone 'UTC', '_YYYYMMDD');
        if to_regclass(quote_ident(name)) is null then
            begin
                execute format('create table %I partition of %I for values from (%L) to (%L)',
                               name, branch, lower_bound, (lower_bound at time zone 'UTC' + width) at time zone 'UTC');
                made := made + 1;
            exception
                when check_violation then
                    null;  -- the default partition holds rows of this period already: they stay there
                when invalid_object_definition then
                    null;  -- a partition of another width, made by hand, covers this period
            end;
        end if;
        lower_bound := (lower_bound at time zone 'UTC' + width) at time zone 'UTC';
    end loop;
    return made;
end $$;
comment on function make_partitions_of is 'Makes a branch''s partitions of the next days; returns how many were missing.';

create or replace function make_partitions(ahead integer default 7) returns integer
    language sql security definer
    set search_path from current
    as $$
    select sum(make_partitions_of(branch, ahead))::integer
      from unnest(array['finished_done', 'finished_rejected', 'finished_failed', 'finished_cancelled', 'history', 'job_log']) as branch
$$;
comment on function make_partitions is
    'Makes the partitions of every branch in one transaction, for a store that nobody uses yet; returns how many were missing.';
