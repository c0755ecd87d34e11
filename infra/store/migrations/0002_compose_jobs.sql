-- Jobs that wait for others, workflows with their members and edges, and limits: see ../schema.sql for the whole.

do $$ begin perform set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true); end $$;

alter table queue add column workflow_id uuid, add column followed_in text, add column limit_key text;
comment on column queue.workflow_id is 'The workflow this job is a member of.';
comment on column queue.followed_in is 'The services, with commas, in whose stores jobs wait for this one.';
comment on column queue.limit_key is 'The limit that a job of a limited actor counts under; it is claimed apart from the others.';
alter table finished add column workflow_id uuid, add column followed_in text, add column limit_key text;

drop index queue_ready;
create index queue_ready on queue (queue_name, priority, id) where state = 'queued' and limit_key is null;
comment on index queue_ready is 'What claim reads, in the order it reads it; as large as the ready work, not as the rest.';
create index queue_limited on queue (limit_key, priority, id) where state = 'queued' and limit_key is not null;
comment on index queue_limited is 'What claim_limited reads: ready jobs that a limit may hold back.';
create index queue_limited_running on queue (limit_key) where state = 'consumed' and limit_key is not null;
comment on index queue_limited_running is 'How many run under a limit.';
create index queue_member on queue (workflow_id, id) where workflow_id is not null and state <> 'awaiting';
comment on index queue_member is 'Whether a workflow has members that wait, run or will run; read from its end, where the latest are.';
create index queue_awaiting on queue (workflow_id) where state = 'awaiting';
comment on index queue_awaiting is 'The awaiting jobs, by workflow.';
create index finished_member on finished (workflow_id) where workflow_id is not null;

-- Composition: what waits for what, and what belongs together. A job that waits for others is in the queue from the
-- beginning, as awaiting; the transaction that finishes the last of them releases it.
create table workflow (
    workflow_id uuid primary key,
    kind text not null check (kind in ('pipeline', 'group', 'batch', 'workflow')),
    name text not null,
    home text not null,
    spans text[],
    parent_id uuid,
    parent_service text,
    followed_in text,
    unique_key text,
    created_at timestamptz not null default clock(),
    opened_at timestamptz,
    completed_at timestamptz,
    outcome state check (outcome in ('done', 'failed', 'cancelled')),
    cancelled_at timestamptz,
    cancel_reason text,
    revision bigint not null default 0,
    untold jsonb,
    check ((completed_at is null) = (outcome is null))
) with (fillfactor = 80);
comment on table workflow is 'A pipeline, group, batch or graph of jobs: one row in the store of each service that has members.';
comment on column workflow.home is 'The service in whose store it is completed; elsewhere the row is a part of it.';
comment on column workflow.spans is 'All services with members or nested workflows, where there are several.';
comment on column workflow.parent_id is 'The workflow that this one is a member of.';
comment on column workflow.followed_in is 'The services, with commas, in whose stores jobs or workflows wait for this one.';
comment on column workflow.opened_at is 'Null while it waits for what comes before it: then all its members are awaiting.';
comment on column workflow.completed_at is 'When nothing of it could go on any more; null again once a member is retried.';
comment on column workflow.outcome is 'done: all succeeded; cancelled: it was cancelled as a whole; else failed.';
comment on column workflow.revision is 'Grows with each addition and retry, so that a completion seen across stores is not out of date.';
comment on column workflow.untold is 'Its counts, from its completion until what waits for it in another database has heard of it.';
create index workflow_open on workflow (created_at) where completed_at is null;
create index workflow_created on workflow (created_at);
create index workflow_completed on workflow (completed_at) where completed_at is not null;
create index workflow_untold on workflow (workflow_id) where untold is not null;
create index workflow_parent on workflow (parent_id) where parent_id is not null;
create unique index workflow_unique_key on workflow (unique_key) where unique_key is not null and completed_at is null;

create table edge (
    successor uuid not null,
    predecessor uuid not null,
    workflow_id uuid not null,
    place integer not null default 0,
    condition text not null default 'success' check (condition in ('success', 'finished')),
    hands_on text check (hands_on in ('result', 'id', 'id and counts')),
    delay_ms bigint not null default 0,
    met_at timestamptz,
    result jsonb,
    primary key (successor, predecessor)
) with (fillfactor = 80);
comment on table edge is 'Kept in the successor''s store: this job or workflow waits for that one.';
comment on column edge.condition is 'Met when the predecessor succeeded, or once it is finished in whatever state.';
comment on column edge.hands_on is 'What the successor''s arguments get at their end, in order of place.';
comment on column edge.delay_ms is 'How long the successor still waits once all its edges are met.';
comment on column edge.result is 'What the predecessor handed on, until the successor is released and has it in its message.';
create index edge_predecessor on edge (predecessor);
create index edge_workflow on edge (workflow_id);

-- A row a workflow and worker, so that no two workers write the same one. What operators and others do counts under the
-- zero id.
create table tally (
    workflow_id uuid not null,
    worker_id uuid not null,
    added bigint not null default 0,
    succeeded bigint not null default 0,
    failed bigint not null default 0,
    cancelled bigint not null default 0,
    since_at timestamptz not null default clock(),
    since_done bigint not null default 0,
    before_at timestamptz,
    before_done bigint not null default 0,
    primary key (workflow_id, worker_id)
) with (fillfactor = 50);
comment on table tally is 'How many members a workflow has, and how they ended. The members'' own rows say when it is complete.';
comment on column tally.since_at is 'The last two moments at which a figure was noted, five seconds apart or more, for the rate.';

drop function put(uuid[], text[], text[], integer[], bigint[], timestamptz[], text[], boolean[], jsonb[], timestamptz);
-- put: the one way into the queue. An array has an element a message, or a single one where it is the same for all.
-- A message waits for `delays_ms`, or until `etas`; for other jobs where it is `awaitings`, its edges say which. Returns a
-- row for each that was NOT inserted: `existing` is the waiting job with its unique key, or null where the message id is
-- known already.
-- sent_at: when the oldest message was made that may have been sent before; null where all are new.
-- Workers are told: the queue's name, '%' and the key for a job under a limit, '@' and the second for a delayed one.
-- Locks: row inserts only, so callers in any order do not deadlock; a conflicting insert waits for the other's commit.
create function put(
    message_ids uuid[], queue_names text[], actor_names text[], priorities integer[], delays_ms bigint[],
    etas timestamptz[], unique_keys text[], unique_runnings boolean[], messages jsonb[], sent_at timestamptz,
    limit_keys text[], workflow_ids uuid[], awaitings boolean[], followed_ins text[]
) returns table (duplicate uuid, existing uuid)
    language plpgsql volatile
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set enable_hashjoin = off
    set enable_mergejoin = off
    set search_path from current
    as $$
declare
    inserted uuid[];
    ready text[];
    soonest timestamptz;
    moment timestamptz := clock();  -- asked once, not for every row
begin
    with row as (
        insert into queue (message_id, queue_name, state, actor_name, priority, eta, unique_key, unique_running, message,
                           mtime, enqueued_at, limit_key, workflow_id, followed_in)
        select m.message_id, m.queue_name,
               case when m.awaiting then 'awaiting' when m.eta is null then 'queued' else 'scheduled' end::state,
               m.actor_name, m.priority, m.eta, m.unique_key, m.unique_running, m.message,
               moment, moment, m.limit_key, m.workflow_id, m.followed_in
          from (
            select message_id,
                   coalesce(queue_name, queue_names[1]) as queue_name,
                   coalesce(actor_name, actor_names[1]) as actor_name,
                   coalesce(priority, priorities[1]) as priority,
                   case when eta > moment then eta
                        when cardinality(etas) = 1 and etas[1] > moment then etas[1]
                        when coalesce(delay_ms, delays_ms[1]) > 0
                        then moment + coalesce(delay_ms, delays_ms[1]) * interval '1 millisecond' end as eta,
                   unique_key,
                   coalesce(unique_running, unique_runnings[1]) as unique_running,
                   message, limit_key,
                   case when cardinality(workflow_ids) = 1 then workflow_ids[1] else workflow_id end as workflow_id,
                   coalesce(awaiting, awaitings[1]) as awaiting,
                   followed_in
              from unnest(message_ids, queue_names, actor_names, priorities, delays_ms, etas, unique_keys,
                          unique_runnings, messages, limit_keys, workflow_ids, awaitings, followed_ins)
                   as u (message_id, queue_name, actor_name, priority, delay_ms, eta, unique_key, unique_running, message,
                         limit_key, workflow_id, awaiting, followed_in)
          ) m
        on conflict do nothing
        returning message_id, queue_name, eta, state, limit_key
    )
    select array_agg(message_id),
           array_agg(distinct coalesce('%' || limit_key, queue_name)) filter (where state = 'queued'),
           min(eta) filter (where state = 'scheduled')
      into inserted, ready, soonest
      from row;
    -- A message that finished already must not run again; asked only where one may have been sent before. Its id can
    -- only be in partitions no older than the message. A second statement, so that it sees a finish that committed
    -- while the insert waited.
    if sent_at is not null then
        with again as (
            delete from queue q using finished f
             where q.message_id = any (inserted) and f.message_id = q.message_id
               and f.finished_at >= sent_at - interval '1 hour'
            returning q.message_id
        )
        select array(select unnest(inserted) except select message_id from again) into inserted;
    end if;
    if cardinality(ready) > 20 then  -- keys of limits; one word for all of them
        ready := array(select distinct case when name like '\%%' then '%' else name end from unnest(ready) name);
    end if;
    perform pg_notify(current_schema(), queue_name) from unnest(ready) queue_name;
    if soonest is not null then
        perform pg_notify(current_schema(), '@' || floor(extract(epoch from soonest)));
    end if;
    if coalesce(cardinality(inserted), 0) < cardinality(message_ids) then
        return query
        select m.message_id, holder.message_id
          from unnest(message_ids, unique_keys) as m (message_id, unique_key)
          left join lateral (
              select q.message_id from queue q
               where q.unique_key = m.unique_key and q.state in ('queued', 'scheduled', 'retrying', 'awaiting')
              union all
              select q.message_id from queue q
               where q.unique_key = m.unique_key and q.unique_running
               limit 1
          ) holder on holder.message_id <> m.message_id
         where m.message_id <> all (coalesce(inserted, '{}'));
    end if;
end $$;
comment on function put is 'Inserts messages; used by the Python broker, by follow-ups and by enqueue().';

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
               array[known.unique_running and key is not null], array[message], null, array[null], array[null::uuid],
               array[false], array[null]);
    return coalesce(found_id, new_id);
end $$;

create or replace view job as
    select message_id, queue_name, state, actor_name, message, result, priority, eta, attempts, worker_id, enqueued_at,
           started_at, null::timestamptz as finished_at, unique_key, progress_done, progress_total,
           cancel_reason as reason, error, workflow_id, followed_in
      from queue
    union all
    select message_id, queue_name, state, actor_name, message, result, priority, eta, attempts, worker_id, enqueued_at,
           started_at, finished_at, unique_key, progress_done, progress_total, reason, error, workflow_id, followed_in
      from finished;
comment on view job is 'Every job, waiting, running or finished.';

create or replace view job_timeline as
    select message_id, enqueued_at as at,
           case when exists (select from edge where successor = message_id) then 'awaiting' else 'queued' end::state as state,
           0 as attempt, null::uuid as worker_id,
           null::double precision as duration_ms, null::text as reason, null::text as error, null::text as traceback
      from job
    union all
    select message_id, at - duration_ms * interval '1 millisecond', 'consumed', attempt, worker_id, null, null, null, null
      from history where duration_ms is not null
    union all
    select message_id, started_at, 'consumed', attempts, worker_id, null, null, null, null
      from queue where state = 'consumed'
    union all
    select message_id, at, state, attempt, worker_id, duration_ms, reason, error, traceback from history;
comment on view job_timeline is 'Every state a job was in, with when and why; order by at.';

-- settle: jobs or workflows have finished, or opened; what waits for them in this store goes on. One event an id: its
-- state, and as JSON what it hands on. Edges are met once, so an event that comes twice changes nothing.
--   done, or any finished state where the edge says so: the edge is met. Who has no unmet edge left is released: a job
--     into the queue, with what was handed on at the end of its arguments; a workflow with all its members.
--   failed, rejected: who waits for success goes on waiting, until the job is retried or the wait is cancelled.
--   cancelled: who waits for success is cancelled too, and so on along the edges.
--   opened, closed: this store's part of a workflow that was released, or cancelled before it, in its home.
--   revived: a job that ended while it waited is awaiting again; what it waited for may have come meanwhile.
-- Returns what this led to beyond the queue of this store: jobs that were cancelled, workflows that were opened or
-- are to be looked at because they were cancelled or opened without members.
-- Locks: the edges; the workflows that open; then the released or cancelled rows, each in the order of their ids. Two
-- predecessors that finish at once both meet their edge first; the second to lock the row sees both.
create function settle(ids uuid[], states text[], results jsonb[])
    returns table (what text, id uuid, workflow_id uuid, followed_in text)
    language plpgsql volatile
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set enable_hashjoin = off
    set enable_mergejoin = off
    set search_path from current
    as $$
#variable_conflict use_column
declare
    moment timestamptz := clock();
    waiting uuid[];
    opened uuid[];
    ready text[];
    soonest timestamptz;
    doomed uuid[];
    cancelled uuid[];
begin
    while cardinality(ids) > 0 loop
        with event as (
            select * from unnest(ids, states, results) as e (id, state, result)
        ), met as (
            update edge d
               set met_at = moment,
                   result = case d.hands_on when 'result' then jsonb_build_array(e.result)
                                            when 'id' then jsonb_build_array(e.result -> 0)
                                            when 'id and counts' then e.result end
              from event e
             where d.predecessor = e.id and d.met_at is null
               and (e.state = 'done' or (d.condition = 'finished' and e.state in ('failed', 'rejected', 'cancelled')))
            returning d.successor
        )
        select array_agg(distinct successor) into waiting from met;
        if 'revived' = any (states) then
            -- Whoever meets such an edge, or opens such a workflow, at this moment has done so once the lock is ours, or
            -- sees the job as awaiting.
            perform from edge d
              where d.successor in (select e.id from unnest(ids, states) as e (id, state) where e.state = 'revived')
              order by d.successor, d.predecessor for share;
            perform from workflow w
              where w.workflow_id in (select q.workflow_id from queue q where q.message_id = any (ids))
              order by w.workflow_id for share;
            waiting := waiting || array(select e.id from unnest(ids, states) as e (id, state) where e.state = 'revived');
        end if;
        select array_agg(distinct id) into doomed
          from (select d.successor as id
                  from unnest(ids, states) as e (id, state)
                  join edge d on d.predecessor = e.id
                 where e.state = 'cancelled' and d.condition = 'success' and d.met_at is null
                union all
                select e.id from unnest(ids, states) as e (id, state) where e.state = 'closed') d;

        -- Workflows open, and with them those inside that wait for nothing else; a part of one opens when its home says so,
        -- for its edges are there.
        perform from workflow w
          where w.workflow_id in (
            with recursive shut as (
                select o.workflow_id
                  from workflow o
                 where o.opened_at is null
                   and o.workflow_id = any (waiting || array(select e.id from unnest(ids, states) as e (id, state)
                                                              where e.state = 'opened'))
                union
                select i.workflow_id from shut join workflow i on i.parent_id = shut.workflow_id and i.opened_at is null
            )
            select shut.workflow_id from shut)
          order by w.workflow_id for update;
        with recursive opening as (
            select w.workflow_id
              from workflow w
             where w.workflow_id = any (waiting) and w.opened_at is null
               and not exists (select from edge d where d.successor = w.workflow_id and d.met_at is null)
               and not exists (select from workflow p where p.workflow_id = w.parent_id and p.opened_at is null)
            union
            select e.id from unnest(ids, states) as e (id, state) where e.state = 'opened'
            union
            select w.workflow_id
              from opening o join workflow w on w.parent_id = o.workflow_id
             where w.opened_at is null and w.home || '_jobs' = current_schema()
               and not exists (select from edge d where d.successor = w.workflow_id and d.met_at is null)
        ), done as (
            update workflow w set opened_at = moment
              from opening o
             where w.workflow_id = o.workflow_id and w.opened_at is null
            returning w.workflow_id
        )
        select array_agg(workflow_id) into opened from done;
        if opened is not null then
            return query select 'opened', w.workflow_id, w.workflow_id, array_to_string(w.spans, ',')
                           from workflow w where w.workflow_id = any (opened);
            waiting := waiting || array(select q.message_id from queue q
                                         where q.workflow_id = any (opened) and q.state = 'awaiting');
        end if;

        if waiting is not null then
            perform from queue q where q.message_id = any (waiting) and q.state = 'awaiting' order by q.message_id for update;
            with free as materialized (
                select q.message_id,
                       (select coalesce(jsonb_agg(value order by d.place, n), '[]')
                          from edge d
                         cross join lateral jsonb_array_elements(d.result) with ordinality as given (value, n)
                         where d.successor = q.message_id and d.hands_on is not null) as given,
                       (select max(d.delay_ms) from edge d where d.successor = q.message_id) as delay_ms
                  from queue q
                 where q.message_id = any (waiting) and q.state = 'awaiting'
                   and not exists (select from edge d where d.successor = q.message_id and d.met_at is null)
                   and not exists (select from workflow w where w.workflow_id = q.workflow_id and w.opened_at is null)
            ), released as (
                update queue q
                   set state = case when q.eta > moment or f.delay_ms > 0 then 'scheduled' else 'queued' end::state,
                       eta = greatest(q.eta, moment + coalesce(f.delay_ms, 0) * interval '1 millisecond'),
                       message = jsonb_set(q.message, '{args}', (q.message -> 'args') || f.given),
                       mtime = moment, id = default
                  from free f
                 where q.message_id = f.message_id
                returning q.message_id, q.queue_name, q.state, q.eta, q.limit_key
            ), handed_on as (
                update edge d set result = null
                  from released r
                 where d.successor = r.message_id and d.result is not null
            ), noted as (
                insert into history (message_id, at, state, attempt, reason)
                select message_id, moment, state, 0, 'what it waited for is done' from released
            )
            select array_agg(distinct coalesce('%' || limit_key, queue_name)) filter (where state = 'queued'),
                   min(eta) filter (where state = 'scheduled')
              into ready, soonest
              from released;
            perform pg_notify(current_schema(), case when cardinality(ready) > 20 and name like '\%%' then '%' else name end)
               from unnest(ready) name;
            if soonest is not null then
                perform pg_notify(current_schema(), '@' || floor(extract(epoch from soonest)));
            end if;
        end if;

        if doomed is null then
            return;
        end if;
        -- Workflows that wait for what was cancelled are cancelled whole, with those inside; their members like the jobs.
        with recursive inside as (
            select w.workflow_id from workflow w where w.workflow_id = any (doomed) and w.opened_at is null
            union
            select w.workflow_id
              from inside i join workflow w on w.parent_id = i.workflow_id
             where w.opened_at is null
        ), closed as (
            update workflow w
               set cancelled_at = moment, cancel_reason = 'what it waited for was cancelled', opened_at = moment
              from inside i
             where w.workflow_id = i.workflow_id and w.opened_at is null
            returning w.workflow_id
        )
        select array_agg(workflow_id) into opened from closed;
        if opened is not null then
            return query select 'cancelled workflow', w.workflow_id, w.workflow_id, array_to_string(w.spans, ',')
                           from workflow w where w.workflow_id = any (opened);
            doomed := doomed || array(select q.message_id from queue q
                                       where q.workflow_id = any (opened) and q.state = 'awaiting');
        end if;
        perform from queue q where q.message_id = any (doomed) and q.state = 'awaiting' order by q.message_id for update;
        with gone as (
            delete from queue q
             where q.message_id = any (doomed) and q.state = 'awaiting'
            returning q.*
        ), kept as (
            insert into finished (
                message_id, queue_name, state, actor_name, message, priority, attempts, enqueued_at, eta, finished_at, unique_key,
                progress_done, progress_total, reason, error, workflow_id, followed_in, limit_key)
            select message_id, queue_name, 'cancelled', actor_name, message, priority, attempts, enqueued_at, eta, moment, unique_key,
                   progress_done, progress_total, 'what it waited for was cancelled', error, workflow_id, followed_in, limit_key
              from gone
        ), noted as (
            insert into history (message_id, at, state, attempt, reason)
            select message_id, moment, 'cancelled', attempts, 'what it waited for was cancelled' from gone
        )
        select array_agg(message_id) into cancelled from gone;
        if cancelled is null then
            return;
        end if;
        perform count_members(array_agg(c.id), uuid '00000000-0000-0000-0000-000000000000', array_agg(0::bigint),
                              array_agg(0::bigint), array_agg(0::bigint), array_agg(c.many))
           from (select f.workflow_id as id, count(*) as many
                   from finished f
                  where f.message_id = any (cancelled) and f.state = 'cancelled' and f.finished_at = moment
                    and f.workflow_id is not null
                  group by f.workflow_id) c
         having count(*) > 0;
        return query select 'cancelled', f.message_id, f.workflow_id, f.followed_in
                       from finished f
                      where f.message_id = any (cancelled) and f.state = 'cancelled' and f.finished_at = moment;
        ids := cancelled;
        states := array_fill('cancelled'::text, array[cardinality(cancelled)]);
        results := array_fill(null::jsonb, array[cardinality(cancelled)]);
    end loop;
end $$;
comment on function settle is 'Lets go on, or cancels, what waits for the given finished jobs and workflows.';

-- count_members: adds to the tally of workflows. Arrays of equal length, one element a workflow.
create function count_members(
    workflow_ids uuid[], worker_id uuid, added bigint[], succeeded bigint[], failed bigint[], cancelled bigint[]
) returns void
    language sql volatile
    set search_path from current
    as $$
    insert into tally as t (workflow_id, worker_id, added, succeeded, failed, cancelled)
    select u.id, count_members.worker_id, u.added, u.succeeded, u.failed, u.cancelled
      from unnest(workflow_ids, added, succeeded, failed, cancelled) as u (id, added, succeeded, failed, cancelled)
     order by u.id
    on conflict (workflow_id, worker_id) do update
       set added = t.added + excluded.added, succeeded = t.succeeded + excluded.succeeded,
           failed = t.failed + excluded.failed, cancelled = t.cancelled + excluded.cancelled,
           before_at = case when clock() > t.since_at + interval '5 seconds' then t.since_at else t.before_at end,
           before_done = case when clock() > t.since_at + interval '5 seconds' then t.since_done else t.before_done end,
           since_at = case when clock() > t.since_at + interval '5 seconds' then clock() else t.since_at end,
           since_done = case when clock() > t.since_at + interval '5 seconds'
                             then t.succeeded + t.failed + t.cancelled else t.since_done end
    $$;
comment on function count_members is 'Adds to the tally of workflows, in the row of one worker.';

-- The figures of a workflow with all those inside it, in this store.
create function members_of(root uuid, out total bigint, out succeeded bigint, out failed bigint, out cancelled bigint)
    language sql stable
    set search_path from current
    as $$
    with recursive tree as (
        select root as id
        union all
        select w.workflow_id from tree t join workflow w on w.parent_id = t.id
    )
    select coalesce(sum(t.added), 0)::bigint, coalesce(sum(t.succeeded), 0)::bigint, coalesce(sum(t.failed), 0)::bigint,
           coalesce(sum(t.cancelled), 0)::bigint
      from tree join tally t on t.workflow_id = tree.id
    $$;
comment on function members_of is 'How many members a workflow has in this store, nested ones included, and how they ended.';

-- Whether anything of a workflow waits, runs or will run by itself in this store. Awaiting members count only as long as
-- something else could release them, and that is active itself.
create function is_active(root uuid) returns boolean
    language sql stable
    set search_path from current
    as $$
    select coalesce((select true from queue q where q.workflow_id = root and q.state <> 'awaiting'
                      order by q.id desc limit 1), false)
        or exists (select from workflow c where c.parent_id = root and c.opened_at is not null
                                            and (c.completed_at is null or c.untold is not null)
                                            and c.home || '_jobs' = current_schema())
    $$;

-- complete: of these workflows, those of which nothing is active any more are complete, and so their parents may be.
-- Asked after the commit of whatever finished a member: the last one to commit sees all others, so none is overlooked,
-- and no two members wait for one another. The row's lock lets one caller complete it; a member that is added takes the
-- same lock.
-- Returns the completed ones; with a null outcome, those whose completion is to be decided across stores; and as
-- `untold` those that were completed before and of which another database has not heard yet.
create function complete(ids uuid[])
    returns table (workflow_id uuid, outcome text, counts jsonb, followed_in text, parent_id uuid, parent_service text,
                   home text, spans text[], untold boolean)
    language plpgsql volatile
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set enable_hashjoin = off
    set enable_mergejoin = off
    set search_path from current
    as $$
#variable_conflict use_column
declare
    candidates uuid[];
    candidate uuid;
    found workflow%rowtype;
    figures record;
    ended state;
begin
    return query select w.workflow_id, w.outcome::text, w.untold, w.followed_in, w.parent_id, w.parent_service, w.home, w.spans,
                        true
                   from workflow w
                  where w.workflow_id = any (ids) and w.untold is not null
                  order by w.workflow_id
                    for no key update;
    select array_agg(w.workflow_id order by w.workflow_id) into candidates
      from workflow w
     where w.workflow_id = any (ids) and w.completed_at is null and w.opened_at is not null
       -- is_active() once more, without a call for each of many small workflows
       and (select true from queue q where q.workflow_id = w.workflow_id and q.state <> 'awaiting'
             order by q.id desc limit 1) is null
       and not exists (select from workflow c
                        where c.parent_id = w.workflow_id and c.opened_at is not null
                          and (c.completed_at is null or c.untold is not null)
                          and c.home || '_jobs' = current_schema());
    foreach candidate in array coalesce(candidates, '{}') loop
        select * into found from workflow w where w.workflow_id = candidate for update;
        continue when found.completed_at is not null or is_active(candidate);
        if found.spans is not null or found.home || '_jobs' <> current_schema() then
            return query select found.workflow_id, null::text, null::jsonb, found.followed_in, found.parent_id,
                                found.parent_service, found.home, found.spans, false;
            continue;
        end if;
        figures := members_of(candidate);
        ended := case when found.cancelled_at is not null then 'cancelled'
                      when figures.succeeded = figures.total then 'done' else 'failed' end;
        update workflow w set completed_at = clock(), outcome = ended where w.workflow_id = candidate;
        return query select found.workflow_id, ended::text,
                            jsonb_build_object('total', figures.total, 'succeeded', figures.succeeded,
                                               'failed', figures.failed, 'cancelled', figures.cancelled),
                            found.followed_in, found.parent_id, found.parent_service, found.home, found.spans, false;
    end loop;
end $$;
comment on function complete is 'Completes those of the workflows of which nothing is active any more.';

-- reopen: a member is retried, so its workflow and those around it are complete no longer. Callbacks that were released
-- stay released. Returns those to be reopened in other stores: the homes of what has only a part here, and parents.
create function reopen(ids uuid[]) returns table (workflow_id uuid, service text)
    language sql volatile
    set search_path from current
    as $$
    with recursive around as (
        select w.workflow_id, w.home, w.parent_id, w.parent_service from workflow w where w.workflow_id = any (ids)
        union
        select p.workflow_id, p.home, p.parent_id, p.parent_service
          from around a join workflow p on p.workflow_id = a.parent_id
    ), again as (
        update workflow w
           set completed_at = null, outcome = null, cancelled_at = null, cancel_reason = null, revision = w.revision + 1,
               untold = null
          from around a
         where w.workflow_id = a.workflow_id
    )
    select a.workflow_id, a.home from around a where a.home || '_jobs' <> current_schema()
    union
    select a.parent_id, a.parent_service
      from around a
     where a.parent_id is not null and a.parent_service || '_jobs' <> current_schema()
    $$;
comment on function reopen is 'Takes back the completion of workflows, because a member is retried.';
