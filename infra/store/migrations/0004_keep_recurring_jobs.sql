-- Recurring jobs and the ledger of their ticks: see ../schema.sql for the whole.

do $$ begin perform set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true); end $$;

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
