-- What books refuse, whoever writes to them: entries without lines or out of balance, changes, later lines, closed months.
-- The checks are made once a statement and not once a row: a month's bills are one statement.

create table ledger_entry_open (
    entry_id        bigint primary key references ledger_entry
);
comment on table ledger_entry_open is 'Entries that were out of balance at the end of a statement; asked again at commit, and gone then.';
comment on column ledger_entry_open.entry_id is 'The entry.';

create function open_entry_must_balance() returns trigger
language plpgsql set search_path from current as $$
declare
    debits numeric;
    credits numeric;
begin
    select sum(debit), sum(credit) into debits, credits from ledger_line where entry_id = new.entry_id;
    if debits is null then
        raise exception 'ledger entry % has no lines', new.entry_id using errcode = 'check_violation';
    end if;
    if debits <> credits then
        raise exception 'ledger entry % is not balanced: debit %, credit %', new.entry_id, debits, credits
            using errcode = 'check_violation';
    end if;
    delete from ledger_entry_open where entry_id = new.entry_id;
    return null;
end $$;
comment on function open_entry_must_balance is 'At commit, an entry has lines and its debits are its credits.';

create constraint trigger ledger_entry_balances
    after insert on ledger_entry_open
    deferrable initially deferred for each row execute function open_entry_must_balance();

create function note_open_entries(entries bigint[]) returns void
language sql set search_path from current as $$
    insert into ledger_entry_open (entry_id)
    select entry_id from unnest(entries) as asked (entry_id)
    where (select coalesce(sum(debit) <> sum(credit), true) from ledger_line where ledger_line.entry_id = asked.entry_id)
    on conflict do nothing
$$;
comment on function note_open_entries is 'Those of these entries that are not balanced yet have to be so at commit.';

create function new_entries_must_balance() returns trigger
language plpgsql set search_path from current as $$
begin
    perform note_open_entries((select array_agg(id) from added));
    return null;
end $$;
comment on function new_entries_must_balance is 'An entry is balanced at the end of its statement, or at commit.';

create function entries_with_new_lines_must_balance() returns trigger
language plpgsql set search_path from current as $$
begin
    if exists (
        select from added join ledger_entry on ledger_entry.id = added.entry_id
        where ledger_entry.posted_in <> pg_current_xact_id()
    ) then
        raise exception 'the entry is posted: it takes no more lines' using errcode = 'restrict_violation';
    end if;
    perform note_open_entries((select array_agg(distinct entry_id) from added));
    return null;
end $$;
comment on function entries_with_new_lines_must_balance is
    'Lines are added by the transaction that posts their entry, by no later one, and leave it balanced at commit.';

create trigger ledger_entries_balance after insert on ledger_entry
    referencing new table as added for each statement execute function new_entries_must_balance();
create trigger ledger_lines_balance after insert on ledger_line
    referencing new table as added for each statement execute function entries_with_new_lines_must_balance();

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

create function months_must_be_open() returns trigger
language plpgsql set search_path from current as $$
declare
    book record;
begin
    insert into accounting_period (community_id, month)
    select distinct community_id, date_trunc('month', entry_date)::date from added order by 1, 2
    on conflict do nothing;
    -- The share lock makes a closing wait for postings on their way, and postings wait for a closing.
    for book in
        select month, closed_at from accounting_period
        where (community_id, month) in (select community_id, date_trunc('month', entry_date)::date from added)
        order by community_id, month
        for share
    loop
        if book.closed_at is not null then
            raise exception 'the books of % are closed since %', to_char(book.month, 'YYYY-MM'), book.closed_at::date
                using errcode = 'restrict_violation';
        end if;
    end loop;
    return null;
end $$;
comment on function months_must_be_open is 'Nothing is posted into a closed month.';

create trigger ledger_entries_in_open_months after insert on ledger_entry
    referencing new table as added for each statement execute function months_must_be_open();
