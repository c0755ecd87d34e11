-- Statements of overdue bills and their late interest.

-- name: mark_overdue
-- A page of bills whose due date is over on a day; each begins to run up interest from its due date. Reads
-- invoice_falling_due. Bills that a payment holds just now are left for the next run.
with late as (
    select id from sales.invoice
    where posted_at is not null and overdue_since is null and voided_at is null and paid_amount < total
        and due_date < %(day)s
    order by due_date, id limit %(page)s
    for no key update skip locked
), marked as (
    update sales.invoice set overdue_since = due_date + 1
    from late where invoice.id = late.id
    returning invoice.id, community_id, unit_id, due_date
)
insert into sales.late_interest (invoice_id, community_id, unit_id, grace_days, since, charged_to)
select id, community_id, unit_id,
    coalesce((select case when effective_to is null or effective_to >= due_date then grace_days end
        from sales.late_interest_rule
        where late_interest_rule.community_id = marked.community_id and effective_from <= due_date
        order by effective_from desc limit 1), 0),
    due_date, due_date
from marked;

-- name: mark_overdue_of_units
-- The same for flats whose accounts are held, each on its own day. Reads invoice_unpaid.
with marked as (
    update sales.invoice set overdue_since = due_date + 1
    from unnest(%(unit_ids)s::uuid[], %(days)s::date[]) as asked (unit_id, day)
    where invoice.unit_id = asked.unit_id and posted_at is not null and overdue_since is null
        and voided_at is null and paid_amount < total and due_date < asked.day
    returning invoice.id, community_id, invoice.unit_id, due_date
)
insert into sales.late_interest (invoice_id, community_id, unit_id, grace_days, since, charged_to)
select id, community_id, unit_id,
    coalesce((select case when effective_to is null or effective_to >= due_date then grace_days end
        from sales.late_interest_rule
        where late_interest_rule.community_id = marked.community_id and effective_from <= due_date
        order by effective_from desc limit 1), 0),
    due_date, due_date
from marked;

-- name: resolutions
-- What general bodies resolved on late interest; a row or two a society.
select community_id, effective_from, effective_to, percent, grace_days
from sales.late_interest_rule where community_id = any (%(communities)s::uuid[]);

-- name: societies_with_late_bills
-- Societies with an overdue bill, and how far each is reckoned. By invoice_overdue and interest_run's key.
select community.id, community.name, community.law_scope,
    (select max(day) from sales.interest_run where interest_run.community_id = community.id) as accrued_to
from sales.community
where exists (
        select from sales.invoice
        where invoice.community_id = community.id and overdue_since is not null and voided_at is null
            and paid_amount < total)
    or exists (
        select from sales.interest_run where interest_run.community_id = community.id)
order by community.name, community.id;

-- name: hold_society
-- Keeps payments out until the day is reckoned. They hold the society too, but share it.
select id from sales.community where id = %(community_id)s for no key update;

-- name: oldest_late_due
-- The due date of a society's oldest late bill: the first entry of invoice_overdue.
select min(due_date) as due_date from sales.invoice
where community_id = %(community_id)s and overdue_since is not null and voided_at is null and paid_amount < total;

-- name: accrue
-- A day's lines of a society, and the day itself, once by its key: each late bill's interest to the day, rounded, less
-- its interest to the day before, so that the lines add up to the rounded whole. `since` and the spans give percent x
-- days; 36,500 rupees x percent x days are a rupee, and the divisor's fourteen noughts keep the quotient exact to the
-- half paisa. A bill's first line makes up for all its days. Late bills by invoice_overdue; lines go to the end of their
-- key, in its order.
with run as (
    insert into sales.interest_run (community_id, day, lines, amount)
    values (%(community_id)s, %(day)s, 0, 0)
    on conflict (community_id, day) do nothing
    returning day
), late as (
    select invoice.id, invoice.total - invoice.paid_amount as principal, late_interest.since, settled, begun,
        %(day)s - due_date > grace_days as due_now, %(day)s - 1 - due_date > grace_days as due_before
    from sales.invoice join sales.late_interest on late_interest.invoice_id = invoice.id
    where invoice.community_id = %(community_id)s and overdue_since is not null and voided_at is null
        and paid_amount < total and since < %(day)s
), span as (
    select * from unnest(%(firsts)s::date[], %(lasts)s::date[], %(percents)s::numeric[]) as span (first, last, percent)
), percent_days as (
    select since,
        sum(percent * greatest(0, least(last, %(day)s) - greatest(first - 1, since))) as to_now,
        sum(percent * greatest(0, least(last, %(day)s - 1) - greatest(first - 1, since))) as to_before
    from (select distinct since from late) as begin cross join span
    group by since
), line as (
    insert into sales.interest_line (day, invoice_id, amount)
    select %(day)s, id, amount
    from run cross join lateral (
        select id,
            case when due_now then settled + round(principal * to_now / 36500.00000000000000, 2) else 0 end
            - case when due_before and begun
                then settled + round(principal * to_before / 36500.00000000000000, 2) else 0 end as amount
        from late join percent_days using (since)
    ) as reckoned
    where amount > 0
    order by id
    returning amount
)
select (select count(*) from run) = 1 as new, count(*) as lines, coalesce(sum(amount), 0) as amount from line;

-- name: begin_late_interest
-- The bills whose first line may have been of the day just reckoned. Reads late_interest_not_begun.
update sales.late_interest set begun = true
where community_id = %(community_id)s and not begun and since < %(day)s;

-- name: tell_run
update sales.interest_run set lines = %(lines)s, amount = %(amount)s
where community_id = %(community_id)s and day = %(day)s;

-- name: charge_month
-- The lines of a month that is over, as far as no receipt has called for them: one charge a bill. The unique key lets a
-- month's charge in once. Lines by their key, from the month's first day on.
with month as (
    select invoice_id, sum(amount) as amount
    from sales.interest_line join sales.late_interest using (invoice_id)
    where day between %(first_day)s and %(last_day)s and day > charged_to and community_id = %(community_id)s
    group by invoice_id
), charged as (
    insert into sales.interest_charge (invoice_id, charged_to, amount)
    select invoice_id, %(last_day)s, amount from month
    on conflict (invoice_id, charged_to, receipt_id) do nothing
    returning invoice_id, amount
)
update sales.late_interest set charged = charged + charged.amount, charged_to = %(last_day)s
from charged where late_interest.invoice_id = charged.invoice_id;

-- name: post_month
-- An entry for each charge of a month: the member owes it, interest has earned it. Charges by interest_charge_of_month;
-- those that have their entry are left alone, by the unique key (source_kind, source_id).
with entry as (
    insert into sales.ledger_entry (community_id, entry_date, narration, source_kind, source_id)
    select %(community_id)s, charged_to,
        'Late interest on ' || number || ' to ' || to_char(charged_to, 'DD Mon YYYY'), 'INTEREST', interest_charge.id
    from sales.interest_charge join sales.invoice on invoice.id = invoice_id
    where charged_to = %(last_day)s and receipt_id is null and community_id = %(community_id)s
    order by number
    on conflict (source_kind, source_id) do nothing
    returning id, source_id
)
insert into sales.ledger_line (entry_id, position, account_code, unit_id, debit, credit)
select entry.id, line.position, line.account, invoice.unit_id,
    case line.position when 1 then amount else 0 end, case line.position when 2 then amount else 0 end
from entry
join sales.interest_charge on interest_charge.id = entry.source_id
join sales.invoice on invoice.id = invoice_id
cross join (values (1, %(receivable)s), (2, %(interest)s)) as line (position, account);
