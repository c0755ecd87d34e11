-- Double entry. What is posted stands, is balanced, has one source, and lies in an open month. Included by the services that keep books.

create table ledger_account (
    code            text primary key check (code ~ '^[0-9]{5}$'),
    name            text not null unique,
    kind            text not null check (kind in ('ASSET', 'LIABILITY', 'FUND', 'INCOME', 'EXPENSE')),
    proposed        boolean not null default false,
    of_parties      boolean not null default false
);
comment on table ledger_account is 'Chart of accounts, the same for every society.';
comment on column ledger_account.code is 'Five digits.';
comment on column ledger_account.name is 'As in the books.';
comment on column ledger_account.kind is 'Which side of the books it belongs to.';
comment on column ledger_account.proposed is 'Not in Dhanman''s published chart: to be confirmed by the accountant.';
comment on column ledger_account.of_parties is 'A control account: each line on it names the party whose balance it is part of.';

create table accounting_period (
    community_id    uuid not null references community,
    month           date not null check (extract(day from month) = 1),
    closed_at       timestamptz,
    closed_by       text,
    primary key (community_id, month),
    check ((closed_at is null) = (closed_by is null))
);
comment on table accounting_period is 'A month of a society''s books, made by the first entry in it.';
comment on column accounting_period.community_id is 'The society.';
comment on column accounting_period.month is 'First day of the month.';
comment on column accounting_period.closed_at is 'Set when closed: nothing more is posted.';
comment on column accounting_period.closed_by is 'Who closed it.';

create table ledger_entry (
    id                  bigint generated always as identity primary key,
    community_id        uuid not null references community,
    entry_date          date not null,
    narration           text not null check (narration <> ''),
    source_kind         text not null check (source_kind ~ '^[A-Z_]+$'),
    source_id           uuid not null,
    reverses_entry_id   bigint unique references ledger_entry,
    posted_at           timestamptz not null default now(),
    posted_in           xid8 not null default pg_current_xact_id(),
    unique (source_kind, source_id),
    check ((source_kind = 'REVERSAL') = (reverses_entry_id is not null))
);
create index ledger_entry_of_month on ledger_entry (community_id, entry_date);
comment on table ledger_entry is 'A posted entry; one for each source event.';
comment on column ledger_entry.id is 'Order of posting.';
comment on column ledger_entry.community_id is 'Whose books.';
comment on column ledger_entry.entry_date is 'Date in the books.';
comment on column ledger_entry.narration is 'What it is for.';
comment on column ledger_entry.source_kind is 'What kind of event was posted.';
comment on column ledger_entry.source_id is 'The event: a bill''s id, a payroll run''s id, …';
comment on column ledger_entry.reverses_entry_id is 'The entry this one takes back.';
comment on column ledger_entry.posted_at is 'When.';
comment on column ledger_entry.posted_in is 'The transaction that posted it; only that one may add lines.';

create table ledger_line (
    entry_id        bigint not null references ledger_entry,
    position        smallint not null check (position > 0),
    account_code    text not null references ledger_account,
    party_id        uuid,
    debit           numeric(16, 2) not null check (debit >= 0),
    credit          numeric(16, 2) not null check (credit >= 0),
    primary key (entry_id, position),
    check ((debit > 0) <> (credit > 0))
);
create index ledger_line_of_account on ledger_line (account_code, party_id);
comment on table ledger_line is 'One side of an entry.';
comment on column ledger_line.entry_id is 'The entry.';
comment on column ledger_line.position is 'Order in the entry, from 1.';
comment on column ledger_line.account_code is 'The account.';
comment on column ledger_line.party_id is 'The vendor, employee or item whose balance this is part of; always set on a control account.';
comment on column ledger_line.debit is 'Rupees; zero on a credit line.';
comment on column ledger_line.credit is 'Rupees; zero on a debit line.';

create function parties_must_be_named() returns trigger
language plpgsql set search_path from current as $$
begin
    if exists (
        select from added join ledger_account on code = account_code where of_parties and party_id is null
    ) then
        raise exception 'a line on a control account names no party' using errcode = 'check_violation';
    end if;
    return null;
end $$;
comment on function parties_must_be_named is 'Lines of control accounts say whose balance they are part of.';

create trigger ledger_lines_name_parties after insert on ledger_line
    referencing new table as added for each statement execute function parties_must_be_named();

-- include: check_books.sql
