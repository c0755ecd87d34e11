-- Bills of a whole society: tariffs by group of flats, who hears of a run, and what was said.

alter table community
    add column treasurer_email text check (treasurer_email ~ '^[^@\s]+@[^@\s]+$');
comment on column community.treasurer_email is 'Where summaries for the managing committee go; null: to the office.';

-- Flats of a kind of their own, such as shops and duplexes, pay a tariff of their own.
alter table unit
    add column tariff_group text not null default 'STANDARD' check (tariff_group ~ '^[A-Z_]+$');
comment on column unit.tariff_group is 'Which of the society''s tariffs it pays.';
alter table tariff
    add column tariff_group text not null default 'STANDARD' check (tariff_group ~ '^[A-Z_]+$'),
    drop constraint tariff_pkey,
    add primary key (community_id, tariff_group, head, basis, effective_from);
comment on column tariff.tariff_group is 'The flats it holds for.';

create table billing_run (
    batch_id        uuid primary key,
    community_id    uuid not null references community,
    period          date not null check (extract(day from period) = 1),
    opened_at       timestamptz not null default now()
);
comment on table billing_run is 'A batch that bills a society for a month; written in the transaction that opens it.';
comment on column billing_run.batch_id is 'The batch, in the job store of sales.';
comment on column billing_run.community_id is 'The society.';
comment on column billing_run.period is 'First day of the month billed.';
comment on column billing_run.opened_at is 'When; bills made later than this are of this run, the others stood before.';

create table billing_summary (
    batch_id        uuid not null references billing_run,
    unbilled        integer not null check (unbilled >= 0),
    recipient       text not null,
    message_id      text not null unique,
    sent_at         timestamptz not null default now(),
    primary key (batch_id, unbilled)
);
comment on table billing_summary is 'Summaries mailed. The same news of a run, so many flats unbilled, is mailed once.';
comment on column billing_summary.batch_id is 'The run.';
comment on column billing_summary.unbilled is 'How many flats it says have no bill.';
comment on column billing_summary.recipient is 'Address it went to.';
comment on column billing_summary.message_id is 'Message-ID header, the same at every attempt.';
comment on column billing_summary.sent_at is 'When the server took it.';
