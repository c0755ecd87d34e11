-- The reminder ladder: a society's own days, the letters of the steps, and who of the committee gets copies.

create table officer (
    community_id    uuid not null references community,
    role            text not null
        check (role in ('MANAGER', 'TREASURER', 'SECRETARY', 'CHAIRPERSON', 'COMMITTEE', 'ADMIN')),
    name            text not null check (name <> ''),
    email           text not null check (email ~ '^[^@\s]+@[^@\s]+$'),
    since           date not null,
    until           date check (until >= since),
    primary key (community_id, role, email, since)
);
comment on table officer is 'Who holds an office of a society; the committee gets copies of statements.';
comment on column officer.community_id is 'The society.';
comment on column officer.role is 'The office; several may be of the committee.';
comment on column officer.name is 'As letters address them.';
comment on column officer.email is 'Where letters go.';
comment on column officer.since is 'First day.';
comment on column officer.until is 'Last day; null while they serve.';

alter table resident add column user_id text check (user_id <> '');
comment on column resident.user_id is 'The member''s login, by its Auth0 id: where notifications to the phone go; null: none are sent.';

create table reminder_rule (
    community_id    uuid not null references community,
    step            text not null
        check (step in ('FRIENDLY', 'BEFORE_DUE', 'POLITE', 'FIRM', 'STATEMENT', 'NOTICE')),
    effective_from  date not null,
    days            smallint,
    primary key (community_id, step, effective_from),
    check (case when step in ('FRIENDLY', 'BEFORE_DUE') then days between -60 and -1 else days between 1 and 365 end)
);
comment on table reminder_rule is 'Steps of the ladder that a society takes on another day than the standard ladder, or not at all; a later row ends an earlier one.';
comment on column reminder_rule.community_id is 'The society.';
comment on column reminder_rule.step is 'The step.';
comment on column reminder_rule.effective_from is 'It holds for bills that fall due from this day on.';
comment on column reminder_rule.days is 'Days after the due date, before it with a minus; null: the step is left out.';

create table reminder_letter (
    id              uuid primary key default gen_random_uuid(),
    community_id    uuid not null references community,
    resident_id     uuid not null references resident,
    step            text not null,
    planned_on      date not null,
    settled_at      timestamptz,
    sent            boolean not null default false,
    check (settled_at is not null or not sent)
);
create unique index reminder_letter_open on reminder_letter (resident_id, step) where settled_at is null;
create index reminder_letter_to_send on reminder_letter (id) where settled_at is null;
comment on table reminder_letter is 'A letter of one step to one member, about all bills that reach the step together. Open until it is sent, or nothing is left to say; so what comes up meanwhile joins it, and what comes later gets a letter of its own.';
comment on column reminder_letter.id is 'Its job has it as argument; its Message-ID comes from it.';
comment on column reminder_letter.community_id is 'The society.';
comment on column reminder_letter.resident_id is 'The member.';
comment on column reminder_letter.step is 'The step.';
comment on column reminder_letter.planned_on is 'Day of the run that made it.';
comment on column reminder_letter.settled_at is 'When it was sent or dropped.';
comment on column reminder_letter.sent is 'Whether it was sent.';

alter table reminder
    drop constraint reminder_step_check,
    add constraint reminder_step_check
        check (step in ('FRIENDLY', 'BEFORE_DUE', 'POLITE', 'FIRM', 'STATEMENT', 'NOTICE')),
    add column letter_id uuid references reminder_letter,
    add column note text,
    add column told_on date;
create index reminder_of_letter on reminder (letter_id) where letter_id is not null;
create index reminder_unreached on reminder (told_on) where reason in ('no mail address', 'mail address refused');
comment on column reminder.reason is 'Why it was skipped: paid, void, disputed, past due, no mail address, mail address refused, overtaken by a later step.';
comment on column reminder.letter_id is 'The letter that takes the step; null before, and for a step that is skipped without one.';
comment on column reminder.told_on is 'Day whose run told the office that it reached nobody; null where it did, or before that run.';
comment on column reminder.note is 'What else is to be known, such as a push that could not go out.';

create index invoice_to_remind_of on invoice (due_date, id)
    where posted_at is not null and voided_at is null and disputed_at is null and paid_amount < total;
create index invoice_of_resident on invoice (resident_id, due_date);
create index receipt_of_unit on receipt (unit_id, received_on);
