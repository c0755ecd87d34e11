-- Statements of the reminder ladder. The steps themselves are decided by rules/reminders.py.

-- name: reminder_rules
-- What societies changed of the standard ladder; a few rows a society.
select community.id as community_id, step, effective_from, days
from sales.community left join sales.reminder_rule on reminder_rule.community_id = community.id;

-- name: bills_to_remind_of
-- A page of bills that are owed and have a step whose day has come and that nothing is known of yet, in the order of
-- invoice_to_remind_of; reminders by their key.
select invoice.id, invoice.community_id, invoice.resident_id, invoice.due_date,
    resident.email is not null as has_address,
    resident.user_id is not null as has_login,
    (select coalesce(array_agg(step), '{}') from sales.reminder where invoice_id = invoice.id and outcome is not null)
        as decided
from sales.invoice join sales.resident on resident.id = invoice.resident_id
where posted_at is not null and voided_at is null and disputed_at is null and paid_amount < total
    and due_date <= %(day)s::date - %(soonest)s
    and (due_date, invoice.id) > (%(after_due)s::date, %(after_id)s::uuid)
    and exists (
        select from unnest(
            %(communities)s::uuid[], %(firsts)s::date[], %(lasts)s::date[], %(steps)s::text[], %(days)s::int[]
        ) as rung (community_id, first, last, step, days)
        where rung.community_id = invoice.community_id and due_date between first and last
            and due_date <= %(day)s::date - rung.days
            and not exists (
                select from sales.reminder
                where invoice_id = invoice.id and reminder.step = rung.step
                    and (outcome is not null or letter_id is not null)))
order by due_date, invoice.id limit %(page)s;

-- name: plan_reminders
-- A page's decisions: steps to take join their member's open letter, which reminder_letter_open makes one, steps that will
-- not come are closed. What was decided before stands; a step that waits in a letter can only be overtaken.
with asked as (
    select * from unnest(
        %(invoice_ids)s::uuid[], %(steps)s::text[], %(communities)s::uuid[], %(residents)s::uuid[], %(reasons)s::text[]
    ) as asked (invoice_id, step, community_id, resident_id, reason)
), letter as (
    insert into sales.reminder_letter as letter (community_id, resident_id, step, planned_on)
    select distinct on (resident_id, step) community_id, resident_id, step, %(day)s::date
    from asked where reason is null order by resident_id, step
    on conflict (resident_id, step) where settled_at is null do update set planned_on = letter.planned_on
    returning id, resident_id, step
)
insert into sales.reminder as reminder (invoice_id, step, scheduled_for, outcome, reason, decided_at, letter_id)
select invoice_id, asked.step, %(moment)s, case when reason is not null then 'SKIPPED' end, reason,
    case when reason is not null then now() end, letter.id
from asked left join letter on letter.resident_id = asked.resident_id and letter.step = asked.step and reason is null
order by invoice_id, asked.step
on conflict (invoice_id, step) do update
    set outcome = excluded.outcome, reason = excluded.reason, decided_at = excluded.decided_at,
        letter_id = coalesce(reminder.letter_id, excluded.letter_id)
    where reminder.outcome is null and (reminder.letter_id is null or excluded.outcome is not null)
returning step, outcome, reason, letter_id;

-- name: letters_to_send
-- A page of open letters, by reminder_letter_to_send.
select id from sales.reminder_letter
where settled_at is null and id > %(after)s::uuid order by id limit %(page)s;

-- name: note_unreached
-- Steps that reached nobody become the news of a day's run, by reminder_unreached.
update sales.reminder set told_on = %(day)s
where told_on is null and reason in ('no mail address', 'mail address refused');

-- name: unreached_on
-- The bills of a day's news: each once, and again when its formal notice reached nobody. By reminder_unreached; the
-- earlier ones of the same bill by the key.
select community.id as community_id, unit.label, resident.name, invoice.number, reminder.step, reminder.reason,
    resident.phone, invoice.total - invoice.paid_amount as balance
from sales.reminder
join sales.invoice on invoice.id = reminder.invoice_id
join sales.community on community.id = invoice.community_id
join sales.unit on unit.id = invoice.unit_id
join sales.resident on resident.id = invoice.resident_id
where reminder.told_on = %(day)s and reminder.reason in ('no mail address', 'mail address refused')
    and (%(community_id)s::uuid is null or invoice.community_id = %(community_id)s)
    and (reminder.step = 'NOTICE' or not exists (
        select from sales.reminder as earlier
        where earlier.invoice_id = reminder.invoice_id and earlier.told_on < reminder.told_on))
order by community.name, community.id, length(unit.label), unit.label, invoice.due_date;

-- name: hold_member_of_bill
-- The member of a bill, and what is known of its reminder of the day before: who holds this row decides about it.
select invoice.id, invoice.number, invoice.community_id, invoice.resident_id, invoice.due_date, unit.label
from sales.invoice
join sales.resident on resident.id = invoice.resident_id
join sales.unit on unit.id = invoice.unit_id
where invoice.id = %(invoice_id)s
for no key update of resident;

-- name: reminder_of_bill
-- A step of a bill, by the key.
select outcome, letter_id from sales.reminder where invoice_id = %(invoice_id)s and step = %(step)s;

-- name: bills_due_with
-- The bills of a member that fall due together with one, that one among them. By invoice_of_resident.
select id from sales.invoice
where resident_id = %(resident_id)s and due_date = %(due_date)s and community_id = %(community_id)s
    and (id = %(invoice_id)s
        or posted_at is not null and voided_at is null and disputed_at is null and paid_amount < total);

-- name: hold_letter
-- A letter with its member and society, by primary keys; a second run waits here, then sees what the first did.
select letter.id, letter.step, letter.community_id, letter.resident_id, letter.settled_at is not null as settled,
    resident.name as resident_name, resident.email as resident_email, resident.user_id, resident.language,
    community.name as community_name, community.legal_name, community.registration_number, community.address,
    community.city, community.state_name, community.state_code, community.pin_code, community.gstin, community.email,
    community.bank_details, community.law_scope,
    sales.clock() as now
from sales.reminder_letter as letter
join sales.resident on resident.id = letter.resident_id
join sales.community on community.id = letter.community_id
where letter.id = %(letter_id)s
for update of letter;

-- name: hold_reminders
-- The steps that a letter is to take and that nobody has decided, by reminder_of_letter.
select invoice_id from sales.reminder
where letter_id = %(letter_id)s and outcome is null
order by invoice_id for update;

-- name: take_steps
-- What became of a letter's steps, by their key.
update sales.reminder set outcome = case when decided.reason is null then 'SENT' else 'SKIPPED' end,
    reason = decided.reason, decided_at = now(), note = case when decided.reason is null then %(note)s end
from unnest(%(invoice_ids)s::uuid[], %(reasons)s::text[]) as decided (invoice_id, reason)
where reminder.invoice_id = decided.invoice_id and step = %(step)s;

-- name: settle_letter
update sales.reminder_letter set settled_at = now(), sent = %(sent)s where id = %(letter_id)s;

-- name: dues_of_member
-- Bills of a member on which something is owed, and those asked for besides, the oldest first, each with what its late
-- interest is reckoned from. By invoice_of_resident.
select invoice.id, invoice.number, invoice.unit_id, unit.label, tower.name as tower_name, invoice.period,
    invoice.invoice_date, invoice.due_date, invoice.total, invoice.paid_amount,
    invoice.voided_at is not null as void, invoice.disputed_at is not null as disputed,
    case when taxable_value > 0 then cgst_rate else 0 end as cgst_rate,
    case when taxable_value > 0 then sgst_rate else 0 end as sgst_rate,
    late.grace_days, late.since, late.settled, coalesce(late.received, 0) as received,
    coalesce(late.taxed - late.tax_received, 0) as tax_owed
from sales.invoice
join sales.unit on unit.id = invoice.unit_id
join sales.tower on tower.id = unit.tower_id
left join sales.late_interest as late on late.invoice_id = invoice.id
where invoice.resident_id = %(resident_id)s and invoice.community_id = %(community_id)s
    and posted_at is not null
    and (voided_at is null and paid_amount < total or received < charged or tax_received < taxed
        or invoice.id = any (%(besides)s::uuid[]))
order by invoice.due_date, length(unit.label), unit.label, invoice.id;

-- name: balances_beside_bills
-- Opening arrears that flats still owe, and what they have paid in advance; by the key and receipt_with_advance.
select
    (select coalesce(sum(amount - paid_amount), 0) from sales.opening_arrears where unit_id = any (%(unit_ids)s::uuid[]))
        as arrears,
    (select coalesce(sum(unallocated), 0) from sales.receipt
        where unit_id = any (%(unit_ids)s::uuid[]) and unallocated > 0) as advance;

-- name: receipts_since
-- What flats have paid since a day, by receipt_of_unit.
select receipt.received_on, receipt.number, unit.label, receipt.mode, receipt.reference, receipt.amount,
    receipt.reversed_on
from sales.receipt join sales.unit on unit.id = receipt.unit_id
where receipt.unit_id = any (%(unit_ids)s::uuid[]) and received_on >= %(since)s and receipt.number is not null
order by received_on, receipt.number;
