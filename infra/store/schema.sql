-- The job store of one service, whole: what the migrations add up to. Nothing runs this file; it is here to be read, and
-- a test holds it equal to the migrations' result. Its schema is <service>_jobs; every name below is without it.
--
-- THE TABLES
--
--   queue       every job that is not finished: dramatiq-pg's table with columns added. Small, and hot.
--   finished    the others, until they expire: a branch a state, time partitions in each, so that expiry drops tables.
--   history     a row for each end of an attempt, each rescue and each change by an operator; time partitions.
--   job_log     lines that jobs wrote while they ran; time partitions.
--   worker      a row a living worker process. Whoever's row is gone has lost all leases.
--   queue_pause queues that are not claimed from.
--   actor       the actors that the code declares, for enqueue(), for claim_limited() and for operators.
--   limit_start starts that count under an actor's rate.
--   limiter     what dramatiq's rate limiters count.
--   workflow    what belongs together: a row a pipeline, group, batch or graph, in each store with members of it.
--   edge        what waits for what, in the store of the one that waits.
--   tally       how many members a workflow has and how they ended, a row a worker.
--
-- THE STATES (the words of operators in parentheses) and who has them
--
--   queue:     scheduled (Scheduled)  queued (Enqueued)  consumed (Processing)  retrying (Retrying)  awaiting (Awaiting)
--   finished:  done (Succeeded)  failed (Failed)  rejected (Deleted)  cancelled (Cancelled)
--
-- THE MOVES, each with the statements that make it, as infra/queue/sql/<file>: <name>. There are no others.
--
--   sent      -> queued       put() below: for actor.send and enqueue(); operate.sql: send_again
--   sent      -> scheduled    put(), with a delay or an eta
--   sent      -> awaiting     put(), where it waits for other jobs, or for its workflow to open
--   awaiting  -> queued       settle() below, in the transaction that ends the last job it waits for
--   awaiting  -> scheduled    settle(), where it then still waits for a time
--   scheduled -> queued       claim.sql: promote, when its time has come; operate.sql: run_now
--   queued    -> consumed     claim.sql: claim, or claim_limited for the jobs of limited actors; the attempt is counted
--                             and the lease given
--   consumed  -> done         finish.sql: finish_done, finish
--   consumed  -> retrying     finish.sql: retry
--   retrying  -> queued       claim.sql: promote; operate.sql: run_now
--   consumed  -> rejected     finish.sql: finish, when its attempts are used up
--   consumed  -> failed       finish.sql: finish, when it cannot run as it is, or its policy keeps it
--   consumed  -> cancelled    finish.sql: finish, when it was asked to stop, or yields to a twin that waits under its
--                             unique key; heartbeat.sql: rescue, with such a twin
--   consumed  -> queued       finish.sql: release (given back, uncounted); heartbeat.sql: rescue (its worker is dead),
--                             give_back_unknown (the answer to its claim was lost)
--   scheduled -> cancelled    cancel.sql: cancel
--   queued    -> cancelled    cancel.sql: cancel
--   retrying  -> cancelled    cancel.sql: cancel
--   awaiting  -> cancelled    cancel.sql: cancel; settle(), when a job it waits for was cancelled
--   scheduled -> rejected     operate.sql: delete_waiting
--   queued    -> rejected     operate.sql: delete_waiting
--   retrying  -> rejected     operate.sql: delete_waiting
--   awaiting  -> rejected     operate.sql: delete_waiting
--   failed    -> rejected     operate.sql: delete_failed
--   failed    -> queued       operate.sql: revive
--   rejected  -> queued       operate.sql: revive
--   cancelled -> queued       operate.sql: revive
--   rejected  -> awaiting     operate.sql: revive, where it ended before what it waits for
--   cancelled -> awaiting     operate.sql: revive, likewise
--   failed    -> cancelled    cancel.sql: cancel_ended, so that what waits for it is cancelled too
--   rejected  -> cancelled    cancel.sql: cancel_ended
--
-- A consumed job that is cancelled stays consumed: its row says that it was asked to stop, and its worker ends it.
-- A job that failed for good leaves what waits for its success awaiting: a retry of it goes on from there. What expires is
-- dropped with its partition.
--
-- HOW A WORKFLOW COMES TO ITS END
--
-- In the transaction that ends jobs, count_members() adds to their workflows' tally, in the worker's own row, and settle()
-- lets go on what waited for them. Only after that commit complete() asks whether anything of their workflows waits or runs:
-- of members that end at once, the last one to commit sees that it was the last. A completed workflow is settled like a
-- job, so its callbacks, and what waits for it in the workflow around it, go on; that one is asked about after the next
-- commit. For a process that dies before it asks, the heartbeats of others do.
--
-- WHO MAY MOVE A JOB
--
-- A waiting job: whoever locks its row. An awaiting job goes on by settle() alone, once all its edges are met and its
-- workflow is open; an edge is met once, so a job is let go on once, however often that is said. A consumed job: the bearer of its lease alone; every statement that ends an
-- attempt says `lease = ...`. The lease is taken away only from a worker whose row in `worker` is stale or gone (rescue),
-- and a worker whose heartbeat is stale claims nothing.
--
-- THE ORDER OF LOCKS
--
-- 1. Claim, promote and rescue skip what is locked, so they wait for nobody.
-- 2. finish, retry and release lock only rows that their worker holds; nobody else updates those but cancel, which sets
--    columns of consumed rows.
-- 3. Operators lock finished before queue, and rows in the order of their ids.
-- 4. put inserts and locks nothing; on a unique key it waits for the other insert's commit.
-- 5. make_partitions_of and drop_partitions take an advisory transaction lock first, so they run one after the other; a
--    transaction makes or drops partitions of one branch only, since a reader of several locks them in an order of its own.
-- 6. settle locks edges, then workflows that open, then awaiting rows, each in the order of their ids, while its caller has
--    the rows of the jobs that ended; and so on along the edges. So two of them, or one and an operator, may come to wait
--    for one another: Postgres ends one of both, and a finisher writes it again.
-- 7. complete locks one workflow after the other in the order of their ids, and waits for those who add members to it. It
--    comes after the commit of what ended the members, so it holds no row of theirs.
-- 8. Additions, and a cancellation as a whole, lock the workflow before its members: join_workflow, cancel_workflows.
-- 9. claim_limited takes an advisory transaction lock a limit, then rows. It tries both and waits for neither.

-- The functions below take this path with them: a caller's temporary tables must not stand in for ours.
do $$ begin perform set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true); end $$;

create function clock() returns timestamptz
    language sql stable
    as $$ select coalesce(nullif(current_setting('dhanman.clock', true), '')::timestamptz, statement_timestamp()) $$;
comment on function clock() is 'The one clock. Tests hold it still with: set dhanman.clock = ''2026-04-01 06:00+05:30''.';

create type state as enum (
    -- dramatiq-pg's four: Enqueued, Processing, Deleted, Succeeded
    'queued', 'consumed', 'rejected', 'done',
    -- and ours
    'scheduled', 'retrying', 'awaiting', 'failed', 'cancelled'
);

create table queue (
    message_id uuid primary key,
    queue_name text not null default 'default',
    state state not null default 'queued',
    mtime timestamptz not null default clock(),
    message jsonb,
    result jsonb,
    result_ttl timestamptz,
    id bigint generated by default as identity,
    actor_name text not null default '',
    priority integer not null default 0,
    eta timestamptz,
    attempts integer not null default 0,
    begun integer not null default 0,
    worker_id uuid,
    lease uuid,
    enqueued_at timestamptz not null default clock(),
    started_at timestamptz,
    unique_key text,
    unique_running boolean not null default false,
    cancel_requested_at timestamptz,
    cancel_reason text,
    progress_done bigint,
    progress_total bigint,
    error text,
    workflow_id uuid,
    followed_in text,
    limit_key text
) with (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_insert_scale_factor = 0.0, autovacuum_vacuum_insert_threshold = 200000,
    autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0
);
comment on table queue is 'Every job that is not finished. dramatiq-pg''s table with columns added.';
comment on column queue.message is 'The message as dramatiq encodes it.';
comment on column queue.id is 'Order of arrival in a queue; drawn anew when a job goes back to the queue.';
comment on column queue.priority is 'Lower runs first, as in dramatiq.';
comment on column queue.eta is 'A scheduled or retrying job waits until then.';
comment on column queue.attempts is 'Counted at claim, so that an attempt that kills its worker counts.';
comment on column queue.begun is 'The last attempt allowed, or one beyond, once it really begins: see claim.sql, begin_last.';
comment on column queue.worker_id is 'Who holds the claim.';
comment on column queue.lease is 'Fencing token of the claim: only its bearer may finish, retry or give back the job.';
comment on column queue.unique_key is 'At most one waiting job has it; with unique_running also none that runs.';
comment on column queue.workflow_id is 'The workflow this job is a member of.';
comment on column queue.followed_in is 'The services, with commas, in whose stores jobs wait for this one.';
comment on column queue.limit_key is 'The limit that a job of a limited actor counts under; it is claimed apart from the others.';

create index queue_ready on queue (queue_name, priority, id) where state = 'queued' and limit_key is null;
comment on index queue_ready is 'What claim reads, in the order it reads it; as large as the ready work, not as the rest.';
create index queue_due on queue (eta) where state in ('scheduled', 'retrying');
comment on index queue_due is 'What promotion reads: the delayed jobs, soonest first.';
create index queue_claimed on queue (worker_id) where state = 'consumed';
comment on index queue_claimed is 'What rescue and reconciliation read: the claims of one worker.';
create index queue_limited on queue (limit_key, queue_name, priority, id) where state = 'queued' and limit_key is not null;
comment on index queue_limited is 'What claim_limited reads: ready jobs that a limit may hold back.';
create index queue_limited_running on queue (limit_key) where state = 'consumed' and limit_key is not null;
comment on index queue_limited_running is 'How many run under a limit.';
create index queue_member on queue (workflow_id, id) where workflow_id is not null and state <> 'awaiting';
comment on index queue_member is 'Whether a workflow has members that wait, run or will run; read from its end, where the latest are.';
create index queue_awaiting on queue (workflow_id) where state = 'awaiting';
comment on index queue_awaiting is 'The awaiting jobs, by workflow.';
create unique index queue_unique_waiting on queue (unique_key)
    where unique_key is not null and state in ('queued', 'scheduled', 'retrying', 'awaiting');
create unique index queue_unique_running on queue (unique_key) where unique_key is not null and unique_running;

-- Finished jobs: a branch a state, because a question about the failed must not scan the done; time partitions in
-- each branch, so that expiry drops tables. The default partition catches what no other takes; it stays empty while
-- partitions are made ahead.
create table finished (
    message_id uuid not null,
    queue_name text not null,
    state state not null,
    actor_name text not null,
    message jsonb,
    result jsonb,
    result_ttl timestamptz,
    priority integer not null,
    attempts integer not null,
    worker_id uuid,
    enqueued_at timestamptz not null,
    eta timestamptz,
    started_at timestamptz,
    finished_at timestamptz not null default clock(),
    unique_key text,
    progress_done bigint,
    progress_total bigint,
    reason text,
    error text,
    workflow_id uuid,
    followed_in text,
    limit_key text
) partition by list (state);
comment on table finished is 'Succeeded (done), Deleted (rejected), Failed and Cancelled jobs until they expire.';
create table finished_done partition of finished for values in ('done') partition by range (finished_at);
create table finished_rejected partition of finished for values in ('rejected') partition by range (finished_at);
create table finished_failed partition of finished for values in ('failed') partition by range (finished_at);
create table finished_cancelled partition of finished for values in ('cancelled') partition by range (finished_at);
create table finished_done_default partition of finished_done default;
create table finished_rejected_default partition of finished_rejected default;
create table finished_failed_default partition of finished_failed default;
create table finished_cancelled_default partition of finished_cancelled default;
create index finished_message_id on finished (message_id);
create index finished_finished_at on finished (finished_at);
create index finished_result_ttl on finished (result_ttl) where result is not null;
create index finished_member on finished (workflow_id) where workflow_id is not null;

create table history (
    message_id uuid not null,
    at timestamptz not null default clock(),
    state state not null,
    attempt integer not null,
    worker_id uuid,
    duration_ms double precision,
    reason text,
    error text,
    traceback text
) partition by range (at);
comment on table history is 'A row for each end of an attempt and each change by an operator. job_timeline adds enqueue and start.';
comment on column history.state is 'The state the job went into.';
comment on column history.duration_ms is 'How long the attempt ran; at - duration_ms is when it started.';
create table history_default partition of history default;
create index history_message_id on history (message_id);

create table job_log (
    message_id uuid not null,
    at timestamptz not null,
    attempt integer not null,
    line text not null
) partition by range (at);
comment on table job_log is 'Lines a job wrote with current_job().log().';
create table job_log_default partition of job_log default;
create index job_log_message_id on job_log (message_id, at);

create table worker (
    worker_id uuid primary key,
    name text not null,
    hostname text not null,
    pid integer not null,
    queues text[] not null,
    threads integer not null,
    started_at timestamptz not null default clock(),
    heartbeat_at timestamptz not null default clock(),
    running integer not null default 0,
    memory_bytes bigint
);
comment on table worker is 'One row a living worker process. A worker whose row is gone has lost all its leases.';

create table queue_pause (
    queue_name text primary key,
    paused_at timestamptz not null default clock(),
    paused_by text not null,
    reason text
);
comment on table queue_pause is 'Queues that are not claimed from.';

create table actor (
    actor_name text primary key,
    queue_name text not null,
    priority integer not null default 0,
    unique_running boolean not null default false,
    parameters jsonb not null default '[]',
    doc text,
    registered_at timestamptz not null default clock(),
    max_running integer,
    max_running_per text,
    rate_count integer,
    rate_ms bigint
);
comment on table actor is 'The actors this service declares, written by migrate and by workers as they start.';
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

-- Recurring jobs. `spec` and `zone` are what counts; `code_spec` and `code_zone` what the code says, null for a job that
-- an operator added. `next_at` is when it is due next: whoever finds it passed, be it periodiq or a worker that catches
-- up, locks the row, writes the tick and the job's message, and moves it on, all in one transaction.
create table recurring (
    name text primary key,
    actor_name text not null,
    args jsonb not null default '[]',
    kwargs jsonb not null default '{}',
    spec text not null,
    zone text not null,
    missed text not null default 'once' check (missed in ('once', 'all', 'skip')),
    overlap text not null default 'allow' check (overlap in ('allow', 'skip', 'queue')),
    code_spec text,
    code_zone text,
    next_at timestamptz,
    added_at timestamptz not null default clock(),
    added_by text,
    changed_at timestamptz,
    changed_by text,
    paused_at timestamptz,
    paused_by text,
    pause_reason text,
    orphaned_at timestamptz
);
comment on table recurring is 'Jobs that run by the calendar, from the code and from operators.';
comment on column recurring.next_at is 'The next tick; null where there is none.';
comment on column recurring.orphaned_at is 'Since when no code declares it any more; it is not fired.';
create index recurring_due on recurring (next_at) where paused_at is null and orphaned_at is null;

create table tick (
    name text not null,
    due_at timestamptz not null,
    at timestamptz not null default clock(),
    outcome text not null check (outcome in ('sent', 'triggered', 'skipped', 'missed', 'waiting')),
    message_id uuid,
    reason text,
    primary key (name, due_at)
) with (autovacuum_vacuum_insert_scale_factor = 0.0, autovacuum_vacuum_insert_threshold = 20000);
comment on table tick is 'The ledger: a row for each recurring job and moment at which it was due. One row, one run.';
comment on column tick.outcome is 'sent; triggered by hand; skipped, as the one before still ran; missed while nobody was there; waiting for the one before.';
create index tick_waiting on tick (name, due_at) where outcome = 'waiting';
create index tick_at on tick (at);

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

-- The known name that shares most pairs of letters with the given one; null when none shares half of them.
create function nearest_actor(given text) returns text
    language sql stable
    set search_path from current
    as $$
    with pairs as (
        select array(select distinct substr(lower(left(given, 200)), i, 2)
                       from generate_series(1, length(left(given, 200)) - 1) i) as of_given
    ), candidate as (
        select a.actor_name, of_given,
               array(select distinct substr(lower(a.actor_name), i, 2)
                       from generate_series(1, length(a.actor_name) - 1) i) as of_actor
          from actor a, pairs
    ), scored as (
        select actor_name,
               2.0 * cardinality(array(select unnest(of_given) intersect select unnest(of_actor)))
               / nullif(cardinality(of_given) + cardinality(of_actor), 0) as likeness
          from candidate
    )
    select actor_name from scored where likeness >= 0.5 order by likeness desc, actor_name limit 1
    $$;
comment on function nearest_actor is 'For "did you mean".';

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

create function enqueue(
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
comment on function enqueue is 'Enqueues a job in the caller''s transaction. Returns its id, or the id of the waiting job with the same unique key.';

create view job as
    select message_id, queue_name, state, actor_name, message, result, priority, eta, attempts, worker_id, enqueued_at,
           started_at, null::timestamptz as finished_at, unique_key, progress_done, progress_total,
           cancel_reason as reason, error, workflow_id, followed_in
      from queue
    union all
    select message_id, queue_name, state, actor_name, message, result, priority, eta, attempts, worker_id, enqueued_at,
           started_at, finished_at, unique_key, progress_done, progress_total, reason, error, workflow_id, followed_in
      from finished;
comment on view job is 'Every job, waiting, running or finished.';

create view job_timeline as
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

-- make_partitions_of: time partitions of a branch from today to `ahead` days on. A day a partition for done, history and log
-- lines, a month for the rest. drop_partitions: drops those that ended before the retention.
-- Each takes an advisory transaction lock, so that two workers do not collide, and runs as the owner: a worker's role
-- owns no tables. Both need the branch for themselves alone, for a moment, so a transaction takes one branch: with two of them,
-- it and a reader of both could wait for one another in a circle.
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

create function make_partitions(ahead integer default 7) returns integer
    language sql security definer
    set search_path from current
    as $$
    select sum(make_partitions_of(branch, ahead))::integer
      from unnest(array['finished_done', 'finished_rejected', 'finished_failed', 'finished_cancelled', 'history', 'job_log']) as branch
$$;
comment on function make_partitions is
    'Makes the partitions of every branch in one transaction, for a store that nobody uses yet; returns how many were missing.';

create function drop_partitions(branch text, keep interval) returns integer
    language plpgsql security definer
    set search_path from current
    as $$
declare
    child record;
    dropped integer := 0;
begin
    perform pg_advisory_xact_lock(hashtext(current_schema() || '.partitions'));
    for child in
        select c.relname,
               (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz as upper_bound
          from pg_inherits i join pg_class c on c.oid = i.inhrelid
         where i.inhparent = quote_ident(branch)::regclass and pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
    loop
        if child.upper_bound < clock() - keep then
            execute format('drop table %I', child.relname);
            dropped := dropped + 1;
        end if;
    end loop;
    return dropped;
end $$;
comment on function drop_partitions is 'Drops a branch''s partitions that ended longer ago than keep; returns how many.';

do $$ begin perform make_partitions(); end $$;
