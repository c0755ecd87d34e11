-- Postings into a service's books, and what stands in them.

-- name: post
-- Entries with their lines, many in one statement. The unique key (source_kind, source_id) makes an event that was
-- posted before a no-op that returns no row. Lines are matched to entries by that key.
with posting as (
    select * from unnest(
        %(communities)s::uuid[], %(days)s::date[], %(narrations)s::text[], %(kinds)s::text[], %(sources)s::uuid[]
    ) as posting (community_id, entry_date, narration, source_kind, source_id)
), entry as (
    insert into {schema}.ledger_entry (community_id, entry_date, narration, source_kind, source_id)
    select community_id, entry_date, narration, source_kind, source_id from posting
    on conflict (source_kind, source_id) do nothing
    returning id, source_kind, source_id
), line as (
    insert into {schema}.ledger_line (entry_id, position, account_code, party_id, debit, credit)
    select entry.id, line.position, line.account_code, line.party_id, line.debit, line.credit
    from unnest(
        %(line_kinds)s::text[], %(line_sources)s::uuid[], %(positions)s::int[], %(accounts)s::text[],
        %(parties)s::uuid[], %(debits)s::numeric[], %(credits)s::numeric[]
    ) as line (source_kind, source_id, position, account_code, party_id, debit, credit)
    join entry using (source_kind, source_id)
)
select source_kind, source_id::text from entry;

-- name: reverse
-- Takes an entry back by one with its sides exchanged; once, by the unique key on reverses_entry_id.
with entry as (
    insert into {schema}.ledger_entry
        (community_id, entry_date, narration, source_kind, source_id, reverses_entry_id)
    select community_id, %(day)s, 'Reversal: ' || narration, 'REVERSAL', %(reversal_id)s, id
    from {schema}.ledger_entry where source_kind = %(kind)s and source_id = %(source)s
    on conflict do nothing
    returning id, reverses_entry_id
), line as (
    insert into {schema}.ledger_line (entry_id, position, account_code, party_id, debit, credit)
    select entry.id, position, account_code, party_id, credit, debit
    from entry join {schema}.ledger_line on entry_id = reverses_entry_id
)
select id from entry;

-- name: trial_balance
-- Each account's debits and credits up to a day, of one society. Reads ledger_entry_of_month.
select account_code, account.name, account.kind, sum(debit) as debit, sum(credit) as credit
from {schema}.ledger_entry as entry
join {schema}.ledger_line as line on line.entry_id = entry.id
join {schema}.ledger_account as account on account.code = account_code
where community_id = %(community_id)s and entry_date <= %(until)s
group by account_code, account.name, account.kind
order by account_code;

-- name: balances_of_parties
-- What each party's balance on a control account is, debit minus credit. Reads ledger_line_of_account.
select party_id::text as party_id, sum(debit - credit) as balance
from {schema}.ledger_line join {schema}.ledger_entry as entry on entry.id = entry_id
where account_code = %(account)s and community_id = %(community_id)s and entry_date <= %(until)s
group by party_id;

-- name: is_posted
-- Whether an event has its entry, by the unique key.
select id from {schema}.ledger_entry where source_kind = %(kind)s and source_id = %(source)s;
