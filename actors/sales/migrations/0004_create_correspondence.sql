-- What was mailed about a bill, so that nobody gets the same letter twice.

create table mail_log (
    invoice_id      uuid not null references invoice,
    kind            text not null check (kind in ('CREATED', 'BEFORE_DUE')),
    recipient       text not null,
    message_id      text not null unique,
    sent_at         timestamptz not null default now(),
    primary key (invoice_id, kind)
);
comment on table mail_log is 'Letters sent; written in the transaction that sends, so a second run finds the row.';
comment on column mail_log.invoice_id is 'The bill.';
comment on column mail_log.kind is 'Which letter.';
comment on column mail_log.recipient is 'Address it went to.';
comment on column mail_log.message_id is 'Message-ID header, the same at every attempt.';
comment on column mail_log.sent_at is 'When the server took it.';

create table reminder (
    invoice_id      uuid not null references invoice,
    step            text not null check (step in ('BEFORE_DUE')),
    scheduled_for   timestamptz not null,
    outcome         text check (outcome in ('SENT', 'SKIPPED')),
    reason          text,
    decided_at      timestamptz,
    primary key (invoice_id, step),
    check ((outcome is null) = (decided_at is null)),
    check ((outcome is not distinct from 'SKIPPED') = (reason is not null))
);
create index reminder_open on reminder (scheduled_for) where outcome is null;
comment on table reminder is 'A step of the reminder ladder of one bill.';
comment on column reminder.invoice_id is 'The bill.';
comment on column reminder.step is 'Which step.';
comment on column reminder.scheduled_for is 'When it is due.';
comment on column reminder.outcome is 'SENT or SKIPPED; null while it is ahead.';
comment on column reminder.reason is 'Why it was skipped: paid, void, disputed, no address.';
comment on column reminder.decided_at is 'When.';
