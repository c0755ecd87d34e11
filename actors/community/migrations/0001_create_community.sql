-- include: ../../common/reference/reference.sql
-- include: ../../common/letters/record_letters.sql

-- The daily life of a society: events and who comes, visitors and their passes, complaints and who hears of them.

create table person (
    id              uuid primary key,
    community_id    uuid not null references community,
    flat            text not null check (flat <> ''),
    name            text not null check (name <> ''),
    email           text check (email ~ '^[^@\s]+@[^@\s]+$'),
    language        text not null default 'en' check (language in ('en', 'hi', 'mr'))
);
comment on table person is 'A resident.';
comment on column person.id is 'Its id in Dhanman.';
comment on column person.community_id is 'The society.';
comment on column person.flat is 'Where they live.';
comment on column person.name is 'As letters address them.';
comment on column person.email is 'Where letters go; null where there is none.';
comment on column person.language is 'Of the greeting.';

create table event (
    id              uuid primary key,
    community_id    uuid not null references community,
    title           text not null check (title <> ''),
    place           text not null check (place <> ''),
    starts_at       timestamptz not null,
    cancelled_at    timestamptz
);
create index event_ahead on event (starts_at) where cancelled_at is null;
comment on table event is 'Something that takes place.';
comment on column event.id is 'Its id.';
comment on column event.community_id is 'The society.';
comment on column event.title is 'What it is.';
comment on column event.place is 'Where.';
comment on column event.starts_at is 'When; a moved event gets reminders of its new time.';
comment on column event.cancelled_at is 'Set when it does not take place: no reminders.';

create table registration (
    event_id        uuid not null references event,
    person_id       uuid not null references person,
    registered_at   timestamptz not null,
    withdrawn_at    timestamptz check (withdrawn_at >= registered_at),
    primary key (event_id, person_id)
);
comment on table registration is 'Who comes to an event.';
comment on column registration.event_id is 'The event.';
comment on column registration.person_id is 'Who.';
comment on column registration.registered_at is 'Since when.';
comment on column registration.withdrawn_at is 'Set when they do not come after all.';

create table event_reminder (
    event_id        uuid not null,
    starts_at       timestamptz not null,
    step            text not null check (step in ('7d', '1d', '2h')),
    person_id       uuid not null,
    outcome         text not null check (outcome in ('SENT', 'SKIPPED')),
    reason          text,
    decided_at      timestamptz not null default now(),
    primary key (event_id, starts_at, step, person_id),
    foreign key (event_id, person_id) references registration,
    check ((outcome = 'SKIPPED') = (reason is not null))
);
comment on table event_reminder is 'What became of each reminder; written in the transaction that mails it.';
comment on column event_reminder.event_id is 'The event.';
comment on column event_reminder.starts_at is 'The start of which it reminds.';
comment on column event_reminder.step is 'How long before.';
comment on column event_reminder.person_id is 'Who.';
comment on column event_reminder.outcome is 'SENT or SKIPPED.';
comment on column event_reminder.reason is 'Why it was skipped.';
comment on column event_reminder.decided_at is 'When.';

create table gate (
    id              uuid primary key,
    community_id    uuid not null references community,
    name            text not null check (name <> ''),
    email           text check (email ~ '^[^@\s]+@[^@\s]+$'),
    unique (community_id, name)
);
comment on table gate is 'Where visitors come in.';
comment on column gate.id is 'Its id.';
comment on column gate.community_id is 'The society.';
comment on column gate.name is 'As people call it.';
comment on column gate.email is 'The guards'' desk; null where it has none.';

create table visitor_pass (
    id              uuid primary key,
    community_id    uuid not null references community,
    host_id         uuid not null references person,
    visitor         text not null check (visitor <> ''),
    one_time        boolean not null default true,
    valid_from      timestamptz not null,
    valid_to        timestamptz not null,
    status          text not null default 'ISSUED'
        check (status in ('ISSUED', 'INSIDE', 'USED', 'EXPIRED', 'OVERSTAY', 'REVOKED')),
    checked_in_at   timestamptz,
    checked_out_at  timestamptz check (checked_out_at >= checked_in_at),
    overstayed_at   timestamptz check (overstayed_at >= valid_to),
    check (valid_to > valid_from),
    check (checked_in_at >= valid_from and checked_in_at < valid_to),
    check (case status
        when 'ISSUED' then checked_in_at is null or (not one_time and checked_out_at is not null)
        when 'INSIDE' then checked_in_at is not null and checked_out_at is null and overstayed_at is null
        when 'OVERSTAY' then checked_in_at is not null and checked_out_at is null and overstayed_at is not null
        when 'USED' then checked_in_at is not null and checked_out_at is not null
        when 'EXPIRED' then checked_in_at is null or (not one_time and checked_out_at is not null)
        else true
    end)
);
create index visitor_pass_open on visitor_pass (valid_to) where status in ('ISSUED', 'INSIDE');
create index visitor_pass_overstayed on visitor_pass (community_id, overstayed_at) where overstayed_at is not null;
comment on table visitor_pass is 'Lets a visitor in: from the first moment of its time, no more at the last.';
comment on column visitor_pass.id is 'Its id.';
comment on column visitor_pass.community_id is 'The society.';
comment on column visitor_pass.host_id is 'Whom they visit.';
comment on column visitor_pass.visitor is 'Who comes.';
comment on column visitor_pass.one_time is 'Used up by one visit; else it lets in again until its time is over.';
comment on column visitor_pass.valid_from is 'First moment.';
comment on column visitor_pass.valid_to is 'From this moment on it is over.';
comment on column visitor_pass.status is 'ISSUED, INSIDE, USED, EXPIRED (nobody came), OVERSTAY (inside still), REVOKED.';
comment on column visitor_pass.checked_in_at is 'When they last came in.';
comment on column visitor_pass.checked_out_at is 'When they last left.';
comment on column visitor_pass.overstayed_at is 'The check that found them inside after their time; stays when they leave.';

create table gate_log (
    id              bigint generated always as identity primary key,
    community_id    uuid not null references community,
    pass_id         uuid not null references visitor_pass,
    gate_id         uuid not null references gate,
    direction       text not null check (direction in ('IN', 'OUT')),
    at              timestamptz not null,
    unique (pass_id, direction, at)
);
create index gate_log_of_day on gate_log (community_id, at);
comment on table gate_log is 'Who went in and out.';
comment on column gate_log.id is 'Order of entry.';
comment on column gate_log.community_id is 'The society.';
comment on column gate_log.pass_id is 'The pass.';
comment on column gate_log.gate_id is 'The gate.';
comment on column gate_log.direction is 'IN or OUT.';
comment on column gate_log.at is 'When.';

create table office_hours (
    community_id    uuid not null references community,
    weekday         smallint not null check (weekday between 1 and 7),
    opens           time not null,
    closes          time not null check (closes > opens),
    primary key (community_id, weekday)
);
comment on table office_hours is 'When a society''s office is open, but for holidays; a weekday without a row is a day off.';
comment on column office_hours.community_id is 'The society.';
comment on column office_hours.weekday is '1 Monday to 7 Sunday.';
comment on column office_hours.opens is 'India time.';
comment on column office_hours.closes is 'India time.';

create table sla_step (
    priority        text not null check (priority in ('NORMAL', 'EMERGENCY')),
    level           smallint not null check (level between 1 and 3),
    effective_from  date not null,
    minutes         integer not null check (minutes > 0),
    roles           text[] not null check (cardinality(roles) > 0),
    source          text not null check (source <> ''),
    verified        boolean not null default false,
    primary key (priority, level, effective_from)
);
comment on table sla_step is 'Who hears of a complaint that is still open after how long; the latest row that has begun counts.';
comment on column sla_step.priority is 'NORMAL: minutes of office time. EMERGENCY: minutes by the clock, day and night.';
comment on column sla_step.level is '1, 2, 3.';
comment on column sla_step.effective_from is 'First day in force; by the day on which the complaint is opened.';
comment on column sla_step.minutes is 'From the opening.';
comment on column sla_step.roles is 'Offices that hear of it.';
comment on column sla_step.source is 'Resolution, by-law, or our own proposal.';
comment on column sla_step.verified is 'Whether the committee has confirmed it.';

insert into sla_step (priority, level, effective_from, minutes, roles, source) values
    ('NORMAL', 1, '2019-04-01', 240, '{MANAGER}', 'our own proposal'),
    ('NORMAL', 2, '2019-04-01', 720, '{SECRETARY}', 'our own proposal'),
    ('NORMAL', 3, '2019-04-01', 1440, '{CHAIRPERSON,COMMITTEE}', 'our own proposal'),
    ('EMERGENCY', 1, '2019-04-01', 30, '{MANAGER}', 'our own proposal'),
    ('EMERGENCY', 2, '2019-04-01', 120, '{SECRETARY}', 'our own proposal'),
    ('EMERGENCY', 3, '2019-04-01', 240, '{CHAIRPERSON,COMMITTEE}', 'our own proposal');

create table maintenance_request (
    id              uuid primary key,
    community_id    uuid not null references community,
    number          text not null check (number <> ''),
    person_id       uuid not null references person,
    category        text not null check (category <> ''),
    title           text not null check (title <> ''),
    priority        text not null default 'NORMAL' check (priority in ('NORMAL', 'EMERGENCY')),
    state           text not null default 'OPEN' check (state in ('OPEN', 'IN_PROGRESS', 'RESOLVED', 'CANCELLED')),
    level           smallint not null default 0 check (level between 0 and 3),
    opened_at       timestamptz not null,
    closed_at       timestamptz check (closed_at >= opened_at),
    unique (community_id, number),
    check ((closed_at is not null) = (state in ('RESOLVED', 'CANCELLED')))
);
create index maintenance_request_open on maintenance_request (id) where closed_at is null;
create index maintenance_request_opened on maintenance_request (community_id, opened_at);
comment on table maintenance_request is 'A resident''s complaint.';
comment on column maintenance_request.id is 'Its id.';
comment on column maintenance_request.community_id is 'The society.';
comment on column maintenance_request.number is 'As people quote it.';
comment on column maintenance_request.person_id is 'Who complained.';
comment on column maintenance_request.category is 'Plumbing, lift, …';
comment on column maintenance_request.title is 'In their words.';
comment on column maintenance_request.priority is 'NORMAL or EMERGENCY.';
comment on column maintenance_request.state is 'OPEN, IN_PROGRESS, RESOLVED or CANCELLED.';
comment on column maintenance_request.level is 'Highest level that has heard of it; 0 for none.';
comment on column maintenance_request.opened_at is 'When; from here its time runs.';
comment on column maintenance_request.closed_at is 'When it was resolved or cancelled.';

create table escalation (
    request_id      uuid not null references maintenance_request,
    level           smallint not null check (level between 1 and 3),
    due_at          timestamptz not null,
    outcome         text check (outcome in ('ESCALATED', 'NOT_NEEDED')),
    decided_at      timestamptz,
    primary key (request_id, level),
    check ((outcome is null) = (decided_at is null))
);
create index escalation_due on escalation (due_at) where outcome is null;
comment on table escalation is 'When each level hears of a complaint, reckoned once when it is opened, and what became of it.';
comment on column escalation.request_id is 'The complaint.';
comment on column escalation.level is '1, 2, 3.';
comment on column escalation.due_at is 'When the level hears of it if it is open still.';
comment on column escalation.outcome is 'ESCALATED, or NOT_NEEDED where it was closed by then; null while it waits.';
comment on column escalation.decided_at is 'When that was decided.';

create function daily_figures(community uuid, day date) returns table (figure text, amount numeric)
    language sql stable set search_path from current
    as $$
    with span as (
        select day::timestamp at time zone 'Asia/Kolkata' as first, (day + 1)::timestamp at time zone 'Asia/Kolkata' as ends
    ), complaint as (
        select id, opened_at from maintenance_request, span
        where community_id = community and opened_at < span.ends and (closed_at is null or closed_at >= span.ends)
    )
    select 'visitors', count(*)::numeric from gate_log, span
        where community_id = community and direction = 'IN' and at >= span.first and at < span.ends
    union all
    select 'overstays', count(*) from visitor_pass, span
        where community_id = community and overstayed_at >= span.first and overstayed_at < span.ends
    union all
    select 'complaints_opened', count(*) from maintenance_request, span
        where community_id = community and opened_at >= span.first and opened_at < span.ends
    union all
    select 'complaints_open', count(*) from complaint
    union all
    select 'complaints_overdue', count(*) from complaint
        where exists (select from escalation, span where request_id = complaint.id and level = 1 and due_at < span.ends)
$$;
comment on function daily_figures is
    'What the daily report says of visitors and complaints. Reads gate_log_of_day, visitor_pass_overstayed, maintenance_request_opened.';
