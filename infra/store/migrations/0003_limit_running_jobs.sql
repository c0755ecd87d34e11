-- Limits on how many jobs of an actor run at once or start in a time, and the counters of dramatiq's rate limiters: see
-- ../schema.sql for the whole.

do $$ begin perform set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true); end $$;

-- With the queue, so that a claim steps over the jobs of queues that are paused or worked by others.
drop index queue_limited;
create index queue_limited on queue (limit_key, queue_name, priority, id) where state = 'queued' and limit_key is not null;
comment on index queue_limited is 'What claim_limited reads: ready jobs that a limit may hold back.';

alter table actor add column max_running integer, add column max_running_per text, add column rate_count integer,
                  add column rate_ms bigint;
comment on column actor.max_running is 'How many of its jobs may run at once, in all workers.';
comment on column actor.max_running_per is 'The parameter whose values are limited each for itself.';
comment on column actor.rate_count is 'How many of its jobs may start in any rate_ms milliseconds.';

create table limit_start (
    limit_key text not null,
    over_at timestamptz not null,
    starts integer not null,
    primary key (limit_key, over_at)
) with (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
comment on table limit_start is 'Starts that count under a limit on their rate, until they are over. claim_limited keeps it.';
create index limit_start_over_at on limit_start (over_at);
comment on index limit_start_over_at is 'What the pruner reads.';

create table limiter (
    key text primary key,
    value bigint not null,
    expires_at timestamptz not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
comment on table limiter is 'What dramatiq''s rate limiters count: see infra/queue/rate_limits.py.';
create index limiter_expires_at on limiter (expires_at);
comment on index limiter_expires_at is 'What the pruner reads.';

-- limit_of: the limit that a job counts under when it is sent; null for an actor without one. In Python: limits.py.
create function limit_of(known actor, args jsonb, kwargs jsonb) returns text
    language plpgsql stable
    set search_path from current
    as $$
declare
    value jsonb;
    word text;
begin
    if known.max_running is null and known.rate_count is null then
        return null;
    end if;
    if known.max_running_per is null then
        return known.actor_name;
    end if;
    value := coalesce(kwargs -> known.max_running_per, (
        select args -> (p.place::int - 1)
          from jsonb_array_elements(known.parameters) with ordinality as p (parameter, place)
         where p.parameter ->> 'name' = known.max_running_per));
    if value is null then
        raise exception '%: argument % is missing, by which its jobs are limited',
                        known.actor_name, quote_literal(known.max_running_per)
            using errcode = 'invalid_parameter_value';
    end if;
    word := coalesce(value #>> '{}', 'null');
    if jsonb_typeof(value) in ('array', 'object') or (jsonb_typeof(value) = 'number' and word !~ '^-?[0-9]+$') then
        raise exception '%: its jobs are limited by %, which must be a text or a whole number, not %',
                        known.actor_name, quote_literal(known.max_running_per), left(value::text, 60)
            using errcode = 'invalid_parameter_value';
    end if;
    return known.actor_name || ':' || case when octet_length(word) <= 1000 then word
                                           else encode(sha256(convert_to(word, 'UTF8')), 'hex') end;
end $$;
comment on function limit_of is 'The limit that a job of this actor counts under.';

-- tell_of_limits: workers look at these limits; at all of them where there are many.
create function tell_of_limits(keys text[]) returns void
    language sql volatile
    set search_path from current
    as $$
    select pg_notify(current_schema(), '%' || key)
      from (select distinct case when cardinality(keys) > 20 then '' else key end as key
              from unnest(keys) key where key is not null) k
    $$;
comment on function tell_of_limits is 'Tells workers that jobs under these limits may be claimed.';

-- room_under: how many jobs may start now under each of these limits, of those under which jobs wait. `waits_here`:
-- whether one waits in these queues; `free_at`: when a rate lets the next one start, where nothing else holds it back.
-- What runs is counted in the queue itself, no further than to the maximum, so nothing has to be put right after a crash.
create function room_under(keys text[], queue_names text[], moment timestamptz)
    returns table (key text, place bigint, waits_here boolean, free integer, free_at timestamptz, rate_ms bigint)
    language plpgsql stable
    set search_path from current
    as $$
#variable_conflict use_column
begin
    return query
    with asked as materialized (
        select k.key, k.place, a.max_running, a.rate_count, a.rate_ms,
               (select true from queue q
                 where q.state = 'queued' and q.limit_key = k.key and q.queue_name = any (queue_names)
                 limit 1) is not null as waits_here
          from unnest(keys) with ordinality as k (key, place)
          left join actor a on a.actor_name = split_part(k.key, ':', 1)
         where (select true from queue q where q.state = 'queued' and q.limit_key = k.key limit 1)
    ), counted as materialized (
        select c.*,
               case when c.max_running is not null then
                   c.max_running - (select count(*)::int
                                      from (select from queue r
                                             where r.state = 'consumed' and r.limit_key = c.key
                                             limit c.max_running) running)
                    else 2147483647 end as slots,
               case when c.rate_count is not null then
                   c.rate_count - (select coalesce(sum(s.starts), 0)::bigint
                                     from limit_start s
                                    where s.limit_key = c.key and s.over_at > moment)
                    else 2147483647 end as starts
          from asked c
    )
    select c.key, c.place, c.waits_here, greatest(least(c.slots, c.starts), 0)::int,
           case when c.starts <= 0 and c.slots > 0 then (
               select f.over_at
                 from (select s.over_at, sum(s.starts) over (order by s.over_at) as freed
                         from limit_start s
                        where s.limit_key = c.key and s.over_at > moment) f
                where c.starts + f.freed > 0
                order by f.over_at
                limit 1) end,
           c.rate_ms
      from counted c;
end $$;
comment on function room_under is 'How many jobs may start now under each of these limits.';

-- counts_until: until when a start counts under a rate. Its job begins up to `within` later than it is claimed, so the
-- window is that much longer than the rate says; rounded up to a thousandth, or a second, so that few rows are kept.
create function counts_until(moment timestamptz, rate_ms bigint, within interval) returns timestamptz
    language sql immutable
    as $$
    select date_bin(grain, moment + rate_ms * interval '1 millisecond' + within, timestamptz 'epoch') + grain
      from (select least(1000, greatest(1, rate_ms / 1000)) * interval '1 millisecond' as grain) g
    $$;
comment on function counts_until is 'Until when a start counts under a rate.';

-- claim_limited: takes up to `room` ready jobs of limited actors, straight into consumed, like claim.sql: claim; no more
-- under a limit than it leaves room for, and of several limits one job each before a second.
--   lowest: for each queue the lowest priority that has a chance; null where there is none, as no other job waits.
--   keys: the limits to look at; null for all, from `after_key` on, a thousand at a time.
--   freed: those of them under which a job ended here; where room is left under one, the other workers are told.
--   within: a job under a rate must start so soon after its claim, or is given back.
-- Beside the claimed jobs come rows without a message_id: a limit to be looked at again in `seconds`; -1 for one that is
-- full or has no job in these queues, -2 for one whose jobs have no chance; null for the last one looked at, with others
-- after it.
-- Reads queue_limited (stepping from limit to limit), queue_limited_running and the primary keys of limit_start and actor.
-- Locks: an advisory transaction lock for each limit that has room, so that two claims do not both take the last place;
-- it is not waited for (a claim that hangs must not hold up others), but tried a few times, and again 50 ms later. Then
-- the rows, which are skipped when locked.
create function claim_limited(
    worker_id uuid, lease uuid, timeout interval, queue_names text[], lowest integer[], room integer, keys text[],
    after_key text, freed text[], within interval
) returns table (
    message_id text, queue_name text, actor_name text, message text, attempts integer, priority integer, id bigint,
    latency double precision, cancel_reason text, begun integer, workflow_id text, followed_in text, limit_key text,
    seconds double precision, counts_until timestamptz)
    language plpgsql volatile
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set enable_hashjoin = off
    set enable_mergejoin = off
    set search_path from current
    as $$
#variable_conflict use_column
declare
    most constant integer := 1000;
    soon constant double precision := 0.05;
    here text[];
    lows integer[];
    moment timestamptz;
    candidate text;
    candidates text[] := keys;
    stopped_at text;
    able text[];  -- limits that have room
    ours text[] := '{}';  -- those of them whose lock we have
    tries integer := 5;
    shares integer[];
    spots tid[];
    taken text[] := '{}';
    cut text[];  -- limits under which more may wait than was taken
    to_tell text[];
    again text[];  -- limits to be looked at again
    again_in double precision[];
begin
    if not exists (select from worker k where k.worker_id = claim_limited.worker_id
                                          and k.heartbeat_at >= clock() - claim_limited.timeout) then
        return;
    end if;
    select coalesce(array_agg(n.name), '{}'), array_agg(n.low)
      into here, lows
      from unnest(queue_names, lowest) as n (name, low)
     where not exists (select from queue_pause p where p.queue_name = n.name);
    if keys is null then
        with recursive step (key, nth) as (
            (select q.limit_key, 1
               from queue q
              where q.state = 'queued' and q.limit_key is not null and q.limit_key > after_key
              order by q.limit_key limit 1)
            union all
            select next.limit_key, s.nth + 1
              from step s
             cross join lateral (
                select q.limit_key
                  from queue q
                 where q.state = 'queued' and q.limit_key is not null and q.limit_key > s.key
                 order by q.limit_key limit 1
             ) next
             where s.nth < most
        )
        select array_agg(key order by nth) into candidates from step;
        stopped_at := candidates[most];
    end if;

    -- Once without locks, so that limits without room, which are most, cost no more than this.
    moment := clock() + (clock_timestamp() - statement_timestamp());
    select array_agg(r.key order by r.place) filter (where r.free > 0 and r.waits_here),
           array_agg(r.key) filter (where r.free > 0 and r.key = any (freed)),
           array_agg(r.key) filter (where r.free = 0 or not r.waits_here),
           array_agg(case when r.waits_here then coalesce(extract(epoch from r.free_at - moment), -1) else -1 end)
               filter (where r.free = 0 or not r.waits_here)
      into able, to_tell, again, again_in
      from room_under(candidates, here, moment) r;
    if keys is not null and cardinality(able) > room then
        again := again || able[room + 1:];
        again_in := again_in || array_fill(0::float8, array[cardinality(able) - room]);
    elsif cardinality(able) > room then
        stopped_at := able[room];
    end if;

    foreach candidate in array coalesce(able[1:room], '{}') loop
        loop
            if pg_try_advisory_xact_lock(hashtextextended(current_schema() || '%' || candidate, 0)) then
                ours := ours || candidate;
                exit;
            end if;
            exit when tries = 0;
            tries := tries - 1;
            perform pg_sleep(0.005);
        end loop;
        if candidate <> all (ours) then
            again := again || candidate;
            again_in := again_in || soon;
        end if;
    end loop;

    if cardinality(ours) > 0 then
        moment := clock() + (clock_timestamp() - statement_timestamp());
        select array_agg(r.key order by r.place),
               array_agg(least(r.free, room, ceil(2.0 * room / cardinality(ours)))::int order by r.place)
          into ours, shares
          from room_under(ours, here, moment) r
         where r.free > 0 and r.waits_here;
    end if;
    if cardinality(ours) > 0 then
        with share as (
            select * from unnest(ours, shares) with ordinality as s (key, share, place)
        ), found as materialized (
            select s.key, s.share, s.place, ready.spot,
                   row_number() over (partition by s.key order by ready.priority, ready.id) as nth
              from share s
             cross join unnest(here, lows) as lane (name, low)
             cross join lateral (
                select q.ctid as spot, q.priority, q.id
                  from queue q
                 where q.state = 'queued' and q.limit_key = s.key and q.queue_name = lane.name
                   and (lane.low is null or q.priority <= lane.low)
                 order by q.priority, q.id
                 limit s.share
                   for update skip locked
             ) ready
        ), chosen as materialized (
            select f.key, f.spot from found f where f.nth <= f.share order by f.nth, f.place limit room
        )
        select coalesce(array_agg(c.spot), '{}'), coalesce(array_agg(c.key), '{}'),
               (select array_agg(f.key) from found f where f.nth = f.share)
          into spots, taken, cut
          from chosen c;

        return query
        with moved as (
            update queue q
               set state = 'consumed', attempts = q.attempts + 1, worker_id = claim_limited.worker_id,
                   lease = claim_limited.lease, started_at = moment, mtime = moment
             where q.ctid = any (spots)
            returning q.*
        )
        select q.message_id::text, q.queue_name, q.actor_name, q.message::text, q.attempts, q.priority, q.id,
               extract(epoch from moment - greatest(q.enqueued_at, q.eta))::float8, q.cancel_reason, q.begun,
               q.workflow_id::text, q.followed_in, q.limit_key,
               null::float8, counts_until(moment, a.rate_ms, within)
          from moved q left join actor a on a.actor_name = split_part(q.limit_key, ':', 1);

        delete from limit_start l where l.limit_key = any (ours) and l.over_at <= moment;
        insert into limit_start as l (limit_key, over_at, starts)
        select t.key, counts_until(moment, a.rate_ms, within), count(*)
          from unnest(taken) as t (key)
          join actor a on a.actor_name = split_part(t.key, ':', 1) and a.rate_ms is not null
         group by 1, 2
        on conflict (limit_key, over_at) do update set starts = l.starts + excluded.starts;

        to_tell := array(select k from unnest(to_tell) k where k <> all (ours));
        select to_tell || array_agg(r.key) filter (where r.free > 0 and r.key = any (freed)),
               again || array_agg(r.key) filter (where r.waits_here and l.left_for is not null),
               again_in || array_agg(l.left_for) filter (where r.waits_here and l.left_for is not null)
          into to_tell, again, again_in
          from room_under(ours, here, moment) r
         cross join lateral (
            select case when r.free_at is not null then extract(epoch from r.free_at - moment)
                        when r.free > 0 and (r.key = any (cut) or cardinality(taken) >= room)
                        then case when keys is not null then 0 end
                        when r.free > 0 and num_nonnulls(variadic lows) > 0 then -2 end as left_for
         ) l;
    end if;

    perform tell_of_limits(to_tell);
    return query
    select null::text, null::text, null::text, null::text, null::integer, null::integer, null::bigint, null::float8,
           null::text, null::integer, null::text, null::text, n.key, n.seconds, null::timestamptz
      from (select a.key, case when a.seconds > 0 then greatest(a.seconds, soon) else a.seconds end as seconds
              from unnest(again, again_in) as a (key, seconds)
            union all
            select stopped_at, null where stopped_at is not null) n;
end $$;
comment on function claim_limited is 'Claims jobs of limited actors, no more than their limits leave room for.';

create or replace function enqueue(
    actor text, args jsonb default '[]', kwargs jsonb default '{}', delay interval default null,
    queue text default null, unique_key text default null
) returns uuid
    language plpgsql volatile
    set search_path from current
    as $$
declare
    known actor%rowtype;
    message jsonb;
    new_id uuid := gen_random_uuid();
    found_id uuid;
    delay_ms bigint := coalesce(ceil(extract(epoch from case when enqueue.delay < interval '101 years' then enqueue.delay end) * 1000), 0);
    key text := enqueue.unique_key;
begin
    select * into known from actor a where a.actor_name = enqueue.actor;
    if not found then
        raise exception 'unknown actor %', quote_literal(enqueue.actor)
            using errcode = 'invalid_parameter_value',
                  hint = coalesce('did you mean ' || quote_literal(nearest_actor(enqueue.actor)) || '? ', '')
                         || 'Run "dhanman-jobs migrate" after deploying a new actor.';
    end if;
    if enqueue.queue = '' then
        raise exception 'queue must be a name, not empty' using errcode = 'invalid_parameter_value';
    end if;
    if enqueue.delay > interval '100 years' then
        raise exception 'the job would wait for more than 100 years' using errcode = 'invalid_parameter_value';
    end if;
    if jsonb_path_exists(jsonb_build_array(enqueue.args, enqueue.kwargs), '$.**{200}') then
        raise exception 'the arguments are nested more than 200 levels deep'
            using errcode = 'invalid_parameter_value', hint = 'store the data and send its id';
    end if;
    if jsonb_typeof(enqueue.args) is distinct from 'array' then
        raise exception 'args must be a JSON array, not %', coalesce(jsonb_typeof(enqueue.args), 'null')
            using errcode = 'invalid_parameter_value';
    end if;
    if jsonb_typeof(enqueue.kwargs) is distinct from 'object' then
        raise exception 'kwargs must be a JSON object, not %', coalesce(jsonb_typeof(enqueue.kwargs), 'null')
            using errcode = 'invalid_parameter_value';
    end if;
    message := jsonb_build_object(
        'queue_name', coalesce(enqueue.queue, known.queue_name), 'actor_name', known.actor_name,
        'args', enqueue.args, 'kwargs', enqueue.kwargs, 'options', '{}'::jsonb, 'message_id', new_id,
        'message_timestamp', floor(extract(epoch from clock()) * 1000));
    if octet_length(message::text) > 65536 then
        raise exception 'the message is % bytes; at most 65536 are allowed', octet_length(message::text)
            using errcode = 'program_limit_exceeded', hint = 'store the data and send its id';
    end if;
    if length(key) not between 1 and 1000 then
        raise exception 'unique_key must be a text of 1 to 1000 characters, not %', length(key)
            using errcode = 'invalid_parameter_value';
    end if;
    -- As in Python: the key counts for its actor alone, and one too long for an index is shortened.
    key := known.actor_name || ':' || case when octet_length(key) <= 1000 then key
                                           else encode(sha256(convert_to(key, 'UTF8')), 'hex') end;
    select existing into found_id
      from put(array[new_id], array[coalesce(enqueue.queue, known.queue_name)], array[known.actor_name],
               array[known.priority], array[delay_ms], array[null::timestamptz], array[key],
               array[known.unique_running and key is not null], array[message], null,
               array[limit_of(known, enqueue.args, enqueue.kwargs)], array[null::uuid], array[false], array[null]);
    return coalesce(found_id, new_id);
end $$;
