-- The month's returns: posted items with whose they are, what the books say, and which sets were made before.

-- name: returns_items
-- Every item of a month's posted runs; by the unique key of runs, pay_item_of_run and the primary key of employee.
select
    employee_id::text as employee_id, name, staff_number, sex, birth_date, work_scope, left_on, leaving_reason, uan,
    ip_number, pan, epf_option, item.kind, source_period, pay_date, days_in_month, days_employed, payable_days, gross,
    overpaid, epf_wages, pension_wages, insurance_wages, epf_employee, pension, epf_employer, insurance, admin, esi_wages,
    esi_employee, esi_employer, professional_tax, income_tax, years_tax, years_cess
from payroll.payroll_run as run
join payroll.pay_item as item on item.run_id = run.id
join payroll.employee on employee.id = item.employee_id
where run.community_id = %(community_id)s and run.period = %(period)s and run.status = 'POSTED'
order by staff_number, employee_id, item.kind desc, source_period;

-- name: insured_before
-- Of these, who had insured wages in a month since; by the unique key that begins with (employee_id, period).
select distinct employee_id::text as id from payroll.pay_item
where employee_id = any (%(employees)s::uuid[]) and period >= %(since)s and period < %(period)s and esi_wages > 0;

-- name: owed_in_books
-- What a month's entries owe on these accounts, deposits from the bank apart, entry kind by kind; by
-- ledger_entry_of_month and the primary keys.
select
    account.code, account.name, entry.source_kind in ('PAYROLL_RUN', 'EPF_TOP_UP') as of_payroll, entry.narration,
    sum(credit - debit) as owed
from payroll.ledger_account as account
left join (
    payroll.ledger_line as line join payroll.ledger_entry as entry on entry.id = line.entry_id
        and entry.community_id = %(community_id)s and entry_date between %(period)s and %(last_day)s
        and not exists (
            select from payroll.ledger_line as bank where bank.entry_id = entry.id and bank.account_code = %(bank)s)
) on line.account_code = account.code
where account.code = any (%(accounts)s)
group by account.code, account.name, entry.source_kind in ('PAYROLL_RUN', 'EPF_TOP_UP'), entry.narration
order by account.code, entry.narration;

-- name: last_return_set
-- The latest set of a month's returns, by primary key.
select version, fingerprint from payroll.return_set
where community_id = %(community_id)s and period = %(period)s
order by version desc limit 1;

-- name: note_return_set
insert into payroll.return_set (community_id, period, version, fingerprint)
values (%(community_id)s, %(period)s, %(version)s, %(fingerprint)s);
