-- Payslips: who of a posted month has none yet, and what is printed on theirs; a page in one statement a table.

-- name: run_statuses
-- Whether a month is posted; by the unique key.
select kind, status from payroll.payroll_run where community_id = %(community_id)s and period = %(period)s;

-- name: payrolls_of_month
-- Societies that employ somebody in a month or have a run of it, and how many posted runs pay; by employee_by_page, the
-- run's unique key and pay_item_of_run.
select community.id::text as id, community.name, (
    select count(distinct employee_id) from payroll.payroll_run join payroll.pay_item on run_id = payroll_run.id
    where payroll_run.community_id = community.id and payroll_run.period = %(period)s and status = 'POSTED') as staff
from payroll.community
where exists (
        select from payroll.employee where employee.community_id = community.id
            and joined_on <= %(last_day)s and (left_on is null or left_on >= %(period)s))
    or exists (
        select from payroll.payroll_run where payroll_run.community_id = community.id and period = %(period)s)
order by community.name, community.id;

-- name: payslip_page
-- A page of a posted month, given or not, after an employee's id (keyset); by the unique key of runs and
-- pay_item_of_run.
select distinct employee_id::text as id
from payroll.payroll_run as run join payroll.pay_item on run_id = run.id
where run.community_id = %(community_id)s and run.period = %(period)s and run.status = 'POSTED'
    and (%(after)s::uuid is null or employee_id > %(after)s::uuid)
order by id
limit %(size)s;

-- name: payslip_pages
-- The last id of every page, in order; reads as payslip_page.
select id::text as id from (
    select id, row_number() over (order by id) as place, count(*) over () as staff
    from (
        select distinct employee_id as id
        from payroll.payroll_run as run join payroll.pay_item on run_id = run.id
        where run.community_id = %(community_id)s and run.period = %(period)s and run.status = 'POSTED'
    ) as paid
) as numbered
where place %% %(size)s = 0 or place = staff
order by id;

-- name: payees_without_payslip
-- Of a page those whose payslip of a month was not given, with what holds their pay on a day; by primary keys.
select
    employee.id::text as id, staff_number, name, designation, email, joined_on, birth_date, uan, ip_number, pan,
    bank_account,
    exists (
        select from payroll.pay_hold
        where pay_hold.employee_id = employee.id and placed_on <= %(day)s and (lifted_on is null or lifted_on > %(day)s)
    ) as on_hold
from payroll.employee
where id = any (%(employees)s::uuid[]) and not exists (
    select from payroll.payslip where payslip.employee_id = employee.id and payslip.period = %(period)s)
order by id;

-- name: payslip_items
-- What posted runs of a month pay a page, the month's own line first; by the unique key that begins with
-- (employee_id, period).
select
    pay_item.id::text as id, employee_id::text as employee_id, pay_item.kind, source_period, pay_date, days_in_month,
    days_employed, payable_days, overtime_hours, gross, overpaid, epf_employee, epf_employer, pension, insurance, admin,
    esi_employee, esi_employer, professional_tax, income_tax, recovered, net
from payroll.pay_item join payroll.payroll_run on payroll_run.id = run_id
where employee_id = any (%(employees)s::uuid[]) and pay_item.period = %(period)s and status = 'POSTED'
order by employee_id, pay_item.kind desc, source_period;

-- name: payslip_lines
-- The earnings of items, in the payslip's order; by the primary key.
select item_id::text as item_id, component, pay_component.name, rate, amount
from payroll.pay_item_line join payroll.pay_component on code = component
where item_id = any (%(items)s::uuid[])
order by item_id, position;

-- name: payslip_recoveries
-- What items took of advances, and what is owed of these after the month; by advance_recovery_of_item and primary keys.
select recovery.item_id::text as item_id, advance.reason, recovery.amount, advance.amount - (
    select coalesce(sum(taken.amount), 0)
    from payroll.advance_recovery as taken join payroll.pay_item on pay_item.id = taken.item_id
    where taken.advance_id = advance.id and pay_item.period <= %(period)s) as left_over
from payroll.advance_recovery as recovery join payroll.advance on advance.id = advance_id
where recovery.item_id = any (%(items)s::uuid[])
order by recovery.item_id, given_on, advance.id;

-- name: registrations
-- A society's numbers as employer, by primary key.
select epf_code, esi_code, pt_registration, tan from payroll.establishment where community_id = %(community_id)s;

-- name: payslips_of_month
-- Everyone paid in a month with how their payslip was given (null: not yet), and what holds their pay; by the unique key
-- of runs, pay_item_of_run and primary keys.
select
    employee.id::text as id, employee.name, staff_number, email, payslip.way, sum(item.net) as net, case
        when hold.reason is not null then hold.reason
        when employee.bank_account is null then 'no bank account'
    end as held
from payroll.payroll_run as run
join payroll.pay_item as item on item.run_id = run.id
join payroll.employee on employee.id = item.employee_id
left join payroll.payslip on payslip.employee_id = employee.id and payslip.period = run.period
left join lateral (
    select reason from payroll.pay_hold
    where pay_hold.employee_id = employee.id and placed_on <= %(day)s and (lifted_on is null or lifted_on > %(day)s)
    order by placed_on limit 1
) as hold on true
where run.community_id = %(community_id)s and run.period = %(period)s and run.status = 'POSTED'
group by employee.id, payslip.way, hold.reason
order by employee.name, employee.id;
