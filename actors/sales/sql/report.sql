-- Statements of the treasurer's summary of a month.

-- name: month_figures
-- Bills of the month by invoice_of_period, and what their entries put into the books by the unique source.
with bill as (
    select id, total, cgst, sgst, round_off, kind, arrears, posted_at from sales.invoice
    where community_id = %(community_id)s and period = %(period)s and voided_at is null
), posted as (
    select line.account_code, line.debit, line.credit
    from bill
    join sales.ledger_entry as entry on entry.source_kind = 'INVOICE' and entry.source_id = bill.id
    join sales.ledger_line as line on line.entry_id = entry.id
)
select
    (select count(*) from bill) as bills,
    (select count(*) from bill where posted_at is null) as drafts,
    (select count(*) from bill where kind = 'TAX_INVOICE') as tax_invoices,
    (select coalesce(sum(total), 0) from bill) as total,
    (select coalesce(sum(cgst), 0) from bill) as cgst,
    (select coalesce(sum(sgst), 0) from bill) as sgst,
    (select coalesce(sum(round_off), 0) from bill) as round_off,
    (select coalesce(sum(arrears), 0) from bill) as arrears,
    (select coalesce(sum(debit), 0) from posted) as debit,
    (select coalesce(sum(credit), 0) from posted) as credit,
    (select coalesce(sum(debit - credit), 0) from posted where account_code = '11200') as receivable;

-- name: sample_bills
-- The first, the middle and the last bill of a month, by number.
select number, unit.label as unit_label, bill_to, kind, total, invoice.arrears
from (
    select *, row_number() over (order by number) as place, count(*) over () as bills
    from sales.invoice
    where community_id = %(community_id)s and period = %(period)s and number is not null and voided_at is null
) as invoice
join sales.unit on unit.id = invoice.unit_id
where place in (1, (bills + 1) / 2, bills)
order by number;

-- name: correspondence_of_month
-- Letters sent and reminders still ahead, for the month's bills.
select
    (select count(*) from sales.mail_log join sales.invoice on invoice.id = mail_log.invoice_id
        where invoice.community_id = %(community_id)s and invoice.period = %(period)s) as letters,
    (select count(*) from sales.reminder join sales.invoice on invoice.id = reminder.invoice_id
        where invoice.community_id = %(community_id)s and invoice.period = %(period)s and outcome is null) as reminders;
