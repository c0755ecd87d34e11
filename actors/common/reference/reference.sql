-- What every service knows of a society: the clock, its address and officers, holidays, and the dated rates of the law.

create function clock() returns timestamptz
    language sql stable
    as $$ select coalesce(nullif(current_setting('dhanman.clock', true), '')::timestamptz, statement_timestamp()) $$;
comment on function clock() is 'The one clock. Tests hold it still with: set dhanman.clock = ''2026-04-14 08:00+05:30''.';

create table community (
    id                      uuid primary key,
    name                    text not null check (name <> ''),
    legal_name              text not null check (legal_name <> ''),
    registration_number     text not null,
    address                 text not null,
    city                    text not null,
    state_name              text not null,
    law_scope               text not null check (law_scope ~ '^[A-Z]{2}$'),
    pin_code                text not null check (pin_code ~ '^[1-9][0-9]{5}$'),
    gstin                   text,
    email                   text not null check (email ~ '^[^@\s]+@[^@\s]+$')
);
comment on table community is 'A housing society.';
comment on column community.id is 'Its id in Dhanman, the same in every service.';
comment on column community.name is 'As residents call it.';
comment on column community.legal_name is 'As registered; stands on documents.';
comment on column community.registration_number is 'Of the registrar of co-operative societies.';
comment on column community.address is 'Street and locality.';
comment on column community.city is 'City or town.';
comment on column community.state_name is 'State.';
comment on column community.law_scope is 'Two-letter code under which the State''s own rates are kept in tax_rate.';
comment on column community.pin_code is 'Six-digit postal code.';
comment on column community.gstin is 'GST registration; null while not registered.';
comment on column community.email is 'The office, which gets what no officer is there for.';

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
comment on table officer is 'Who holds an office of a society, and so gets its reports and approves for it.';
comment on column officer.community_id is 'The society.';
comment on column officer.role is 'The office; several may be of the committee.';
comment on column officer.name is 'As letters address them.';
comment on column officer.email is 'Where letters go.';
comment on column officer.since is 'First day.';
comment on column officer.until is 'Last day; null while they serve.';

create table holiday (
    community_id    uuid not null references community,
    day             date not null,
    name            text not null check (name <> ''),
    primary key (community_id, day)
);
comment on table holiday is 'Days on which a society''s office is shut.';
comment on column holiday.community_id is 'The society.';
comment on column holiday.day is 'The day.';
comment on column holiday.name is 'What is celebrated.';

create table tax_rate (
    code            text not null check (code ~ '^[A-Z0-9_]+$'),
    scope           text not null check (scope ~ '^[A-Z]{2}$'),
    effective_from  date not null,
    effective_to    date check (effective_to >= effective_from),
    value           numeric(16, 4) not null check (value >= 0),
    unit            text not null check (unit in ('PERCENT', 'RUPEES', 'DAYS', 'TIMES')),
    source          text not null check (source <> ''),
    verified        boolean not null default false,
    primary key (code, scope, effective_from)
);
comment on table tax_rate is 'Rates and limits of the law by date; the latest row that has begun counts, unless it has ended.';
comment on column tax_rate.code is 'Which rate.';
comment on column tax_rate.scope is 'IN for all of India, else the State whose law it is; the State''s row goes first.';
comment on column tax_rate.effective_from is 'First day in force.';
comment on column tax_rate.effective_to is 'Last day in force; null while it holds.';
comment on column tax_rate.value is 'In its unit.';
comment on column tax_rate.unit is 'PERCENT, RUPEES, DAYS or TIMES.';
comment on column tax_rate.source is 'Law, notification, circular or order; or a resolution, or our own proposal.';
comment on column tax_rate.verified is 'Whether the accountant has confirmed it.';
