-- Statements of the books of sales.

-- name: post
-- Entries with their lines, many in one statement, matched by their sources. The unique key (source_kind, source_id)
-- refuses a second entry of an event.
with entry as (
    insert into sales.ledger_entry (community_id, entry_date, narration, source_kind, source_id)
    select * from unnest(
        %(communities)s::uuid[], %(days)s::date[], %(narrations)s::text[], %(kinds)s::text[], %(sources)s::uuid[])
    returning id, source_kind, source_id
)
insert into sales.ledger_line (entry_id, position, account_code, unit_id, debit, credit)
select entry.id, line.position, line.account_code, line.unit_id, line.debit, line.credit
from unnest(
    %(line_kinds)s::text[], %(line_sources)s::uuid[], %(positions)s::int[], %(accounts)s::text[],
    %(units)s::uuid[], %(debits)s::numeric[], %(credits)s::numeric[]
) as line (source_kind, source_id, position, account_code, unit_id, debit, credit)
join entry using (source_kind, source_id);

-- name: reverse
-- Takes an entry back by one with its sides exchanged; once, by the unique key on reverses_entry_id.
with entry as (
    insert into sales.ledger_entry (community_id, entry_date, narration, source_kind, source_id, reverses_entry_id)
    select community_id, %(day)s, 'Reversal: ' || narration, 'REVERSAL', %(reversal_id)s, id
    from sales.ledger_entry where source_kind = %(kind)s and source_id = %(source)s
    returning id, reverses_entry_id
)
insert into sales.ledger_line (entry_id, position, account_code, unit_id, debit, credit)
select entry.id, position, account_code, unit_id, credit, debit
from entry join sales.ledger_line on entry_id = reverses_entry_id;
