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

create function entry_must_balance() returns trigger
language plpgsql set search_path from current as $$
declare
    entry bigint := case tg_table_name when 'ledger_entry' then to_jsonb(new) ->> 'id' else to_jsonb(new) ->> 'entry_id' end;
    debits numeric;
    credits numeric;
begin
    select sum(debit), sum(credit) into debits, credits from ledger_line where entry_id = entry;
    if debits is null then
        raise exception 'ledger entry % has no lines', entry using errcode = 'check_violation';
    end if;
    if debits <> credits then
        raise exception 'ledger entry % is not balanced: debit %, credit %', entry, debits, credits
            using errcode = 'check_violation';
    end if;
    if exists (
        select from ledger_line join ledger_account on code = account_code
        where entry_id = entry and of_parties and party_id is null
    ) then
        raise exception 'ledger entry % has a line on a control account that names no party', entry
            using errcode = 'check_violation';
    end if;
    return null;
end $$;
comment on function entry_must_balance is 'At commit, an entry has lines, its debits are its credits, and control accounts name their parties.';

create constraint trigger ledger_entry_balances
    after insert on ledger_entry
    deferrable initially deferred for each row execute function entry_must_balance();
create constraint trigger ledger_line_keeps_balance
    after insert on ledger_line
    deferrable initially deferred for each row execute function entry_must_balance();

create function posted_must_stand() returns trigger language plpgsql as $$
begin
    raise exception '% of % refused: what is posted stands; post a reversing entry', lower(tg_op), tg_table_name
        using errcode = 'restrict_violation';
end $$;
comment on function posted_must_stand is 'Entries are never changed or deleted.';

create trigger ledger_entry_stands before update or delete or truncate on ledger_entry
    for each statement execute function posted_must_stand();
create trigger ledger_line_stands before update or delete or truncate on ledger_line
    for each statement execute function posted_must_stand();

create function lines_must_come_with_their_entry() returns trigger
language plpgsql set search_path from current as $$
begin
    if exists (
        select from added join ledger_entry on ledger_entry.id = added.entry_id
        where ledger_entry.posted_in <> pg_current_xact_id()
    ) then
        raise exception 'the entry is posted: it takes no more lines' using errcode = 'restrict_violation';
    end if;
    return null;
end $$;
comment on function lines_must_come_with_their_entry is 'Lines are added by the transaction that posts their entry, by no later one.';

create trigger ledger_lines_come_with_their_entry after insert on ledger_line
    referencing new table as added
    for each statement execute function lines_must_come_with_their_entry();

create function month_must_be_open() returns trigger
language plpgsql set search_path from current as $$
declare
    book_month date := date_trunc('month', new.entry_date)::date;
    closed timestamptz;
begin
    -- The share lock makes a closing wait for postings on their way, and postings wait for a closing.
    select closed_at into closed from accounting_period
        where community_id = new.community_id and month = book_month for share;
    if not found then
        insert into accounting_period (community_id, month) values (new.community_id, book_month)
            on conflict do nothing;
        select closed_at into closed from accounting_period
            where community_id = new.community_id and month = book_month for share;
    end if;
    if closed is not null then
        raise exception 'the books of % are closed since %', to_char(book_month, 'YYYY-MM'), closed::date
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
comment on function month_must_be_open is 'Nothing is posted into a closed month.';

create trigger ledger_entry_in_open_month before insert on ledger_entry
    for each row execute function month_must_be_open();
