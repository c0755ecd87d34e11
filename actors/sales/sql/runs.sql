-- Statements of billing runs: which flats, what became of them, and that it is told once.

-- name: flats_to_bill
-- A society with its flats that are charged in a month, in one row; as one walks through the towers. Reads the unique key
-- (community_id, label).
select community.id, community.name,
    array(
        select unit.id::text from sales.unit join sales.tower on tower.id = unit.tower_id
        where unit.community_id = community.id and (unit.charged_from is null or unit.charged_from <= %(last_day)s)
        order by tower.name, unit.floor, unit.label) as unit_ids
from sales.community
where community.id = %(community_id)s;

-- name: societies_to_bill
-- Societies with a flat that is charged in a month.
select community.id
from sales.community
where exists (
    select from sales.unit
    where unit.community_id = community.id and (unit.charged_from is null or unit.charged_from <= %(last_day)s))
order by community.name, community.id;

-- name: note_run
-- A batch that is open already, and given to a second caller, has its row.
insert into sales.billing_run (batch_id, community_id, period, flats)
values (%(batch_id)s, %(community_id)s, %(period)s, %(flats)s)
on conflict (batch_id) do nothing;

-- name: run
-- A run with its society, and how many flats were unbilled in the last summary; by primary keys.
select
    run.community_id, run.period, run.opened_at, run.flats, community.name,
    coalesce(community.treasurer_email, community.email) as treasurer,
    community.legal_name, community.registration_number, community.address, community.city, community.state_name,
    community.state_code, community.pin_code, community.gstin, community.email, community.bank_details,
    (select unbilled from sales.billing_summary
        where billing_summary.batch_id = run.batch_id order by sent_at desc limit 1) as told_unbilled
from sales.billing_run as run
join sales.community on community.id = run.community_id
where run.batch_id = %(batch_id)s;

-- name: outcome_of_run
-- The month's bills as of now: the new ones, and how far their letters are. Reads invoice_of_period and primary keys.
select
    count(*) as billed,
    count(*) filter (where invoice.voided_at is null and invoice.created_at >= %(opened_at)s) as new_bills,
    count(*) filter (where invoice.voided_at is null and sent.invoice_id is not null) as letters,
    count(*) filter (where invoice.voided_at is null and sent.invoice_id is null and resident.email is not null)
        as letters_ahead,
    coalesce(
        array_agg(unit.label order by tower.name, unit.floor, unit.label)
            filter (where invoice.voided_at is null and sent.invoice_id is null and resident.email is null),
        '{}') as without_address
from sales.invoice
join sales.unit on unit.id = invoice.unit_id
join sales.tower on tower.id = unit.tower_id
join sales.resident on resident.id = invoice.resident_id
left join sales.mail_log as sent on sent.invoice_id = invoice.id and sent.kind = 'CREATED'
where invoice.community_id = %(community_id)s and invoice.period = %(period)s;

-- name: heads_of_month
-- What was charged under each head; bills by invoice_of_period, lines by primary key.
select line.head, sum(line.amount) as amount
from sales.invoice
join sales.invoice_line as line on line.invoice_id = invoice.id
where invoice.community_id = %(community_id)s and invoice.period = %(period)s and invoice.voided_at is null
group by line.head;

-- name: flats_by_id
-- Labels and present owners of flats, by primary key and ownership_current.
select unit.id::text, unit.label, owner.name as member
from sales.unit
join sales.tower on tower.id = unit.tower_id
left join sales.ownership on ownership.unit_id = unit.id and ownership.owned_to is null
left join sales.resident as owner on owner.id = ownership.resident_id
where unit.id = any (%(unit_ids)s::uuid[])
order by tower.name, unit.floor, unit.label;

-- name: claim_summary
-- The right to mail this news of a run, held by the transaction that mails it; as claim_letter.
insert into sales.billing_summary (batch_id, unbilled, recipient, message_id)
values (%(batch_id)s, %(unbilled)s, %(recipient)s, %(message_id)s)
on conflict do nothing
returning batch_id;
