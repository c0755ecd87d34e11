-- Paying out: who has a payslip, is not held, has a bank account and was not paid before.

-- name: note_payslips
-- Payslips given; a second time changes nothing.
insert into payroll.payslip (employee_id, period, way)
select *, %(way)s from (select unnest(%(employees)s::uuid[]), %(period)s::date) as given
on conflict (employee_id, period) do nothing;

-- name: to_pay_out
-- Net pay of a month's posted runs that can go to the bank now, and whom it cannot reach and why. By the unique keys of
-- run and payout and pay_item_of_run.
select
    employee.id::text as employee_id, employee.name, sum(item.net) as net,
    case
        when hold.reason is not null then hold.reason
        when employee.bank_account is null then 'no bank account'
        when payslip.employee_id is null then 'no payslip yet'
    end as held
from payroll.payroll_run as run
join payroll.pay_item as item on item.run_id = run.id
join payroll.employee on employee.id = item.employee_id
left join payroll.payslip on payslip.employee_id = employee.id and payslip.period = run.period
left join payroll.payout on payout.employee_id = employee.id and payout.period = run.period
left join lateral (
    select reason from payroll.pay_hold
    where pay_hold.employee_id = employee.id and placed_on <= %(day)s and (lifted_on is null or lifted_on > %(day)s)
    order by placed_on limit 1
) as hold on true
where run.community_id = %(community_id)s and run.period = %(period)s and run.status = 'POSTED'
    and payout.employee_id is null
group by employee.id, employee.name, employee.bank_account, hold.reason, payslip.employee_id
having sum(item.net) > 0
order by employee.id;

-- name: releases_before
-- How often this month was paid out in part, by primary key: the number of the next release.
select count(distinct release_id) as releases
from payroll.payout join payroll.employee on employee.id = employee_id
where community_id = %(community_id)s and period = %(period)s;

-- name: write_payouts
-- A release, once for each employee and month.
insert into payroll.payout (employee_id, period, amount, release_id, paid_on)
select employee_id, %(period)s, amount, %(release_id)s, %(paid_on)s
from unnest(%(employees)s::uuid[], %(amounts)s::numeric[]) as paid (employee_id, amount);

-- name: give_advance
-- An advance, once by its id.
insert into payroll.advance (id, employee_id, given_on, amount, instalment, reason)
values (%(id)s, %(employee_id)s, %(given_on)s, %(amount)s, %(instalment)s, %(reason)s)
on conflict (id) do nothing;

-- name: community_of_employee
-- By primary key.
select community_id::text as community_id, name from payroll.employee where id = %(employee_id)s;
