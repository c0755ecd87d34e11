-- What the month's pay is worked out from: a page of employees, and of each page everything in one statement a table.

-- name: page_of_employees
-- A page of a society's staff who were there in the month or in the months that arrears look back to, by
-- employee_by_page (keyset). The row locks make a second worker of the same page wait.
select
    employee.id::text as id, staff_number, name, sex, birth_date, disabled, work_scope, joined_on, left_on, uan, ip_number,
    pan, bank_account, epf_option, epf_since, epf_first_wage,
    (select reason from payroll.pay_hold
        where pay_hold.employee_id = employee.id and placed_on <= %(pay_date)s
            and (lifted_on is null or lifted_on > %(pay_date)s)
        order by placed_on limit 1) as hold
from payroll.employee
where community_id = %(community_id)s and (%(after)s::uuid is null or id > %(after)s::uuid)
    and joined_on <= %(last_day)s and (left_on is null or left_on >= %(look_back)s)
order by id
limit %(size)s
for no key update of employee;

-- name: salary_rates
-- The structures of a page, oldest rate first; by the primary key.
select employee_id::text as employee_id, component, effective_from, rate, treatment, basic
from payroll.salary_rate join payroll.pay_component on code = component
where employee_id = any (%(employees)s::uuid[]) and effective_from <= %(last_day)s
order by employee_id, position, effective_from;

-- name: attendance_by_month
-- Days of a page's employees, summed by month within their employment; by the primary key (employee_id, day).
select
    employee_id::text as employee_id, date_trunc('month', day)::date as month, count(*) as recorded,
    sum(case status when 'ABSENT' then 0 when 'HALF_DAY' then 0.5 else 1 end) as payable,
    count(*) filter (where status = 'WEEKLY_OFF') as weekly_offs,
    sum(overtime_hours) as overtime_hours
from payroll.attendance join payroll.employee on employee.id = employee_id
where employee_id = any (%(employees)s::uuid[]) and day between %(first_day)s and %(last_day)s
    and day >= joined_on and (left_on is null or day <= left_on)
group by employee_id, date_trunc('month', day);

-- name: paid_for_months
-- What stands for earlier months: sums, and the fingerprint and basis of the latest line; by pay_item_of_source.
select
    employee_id::text as employee_id, source_period, sum(code_wages) as code_wages,
    sum(epf_wages) as epf_wages, sum(pension_wages) as pension_wages, sum(insurance_wages) as insurance_wages,
    sum(epf_employee) as epf_employee, sum(epf_employer) as epf_employer, sum(pension) as pension,
    sum(insurance) as insurance, sum(admin) as admin,
    sum(esi_wages) as esi_wages, sum(esi_employee) as esi_employee, sum(esi_employer) as esi_employer,
    (array_agg(inputs_hash order by period desc, kind))[1] as inputs_hash,
    (array_agg(inputs ->> 'basis' order by period desc, kind))[1] as basis
from payroll.pay_item
where employee_id = any (%(employees)s::uuid[]) and source_period between %(look_back)s and %(before)s
group by employee_id, source_period;

-- name: components_paid
-- Earnings that stand for earlier months by component, of the few whose inputs have changed; by pay_item_of_source.
select employee_id::text as employee_id, source_period, component, sum(amount) as amount
from unnest(%(employees)s::uuid[], %(periods)s::date[]) as wanted (employee_id, source_period)
join payroll.pay_item using (employee_id, source_period)
join payroll.pay_item_line on item_id = pay_item.id
group by employee_id, source_period, component;

-- name: years_so_far
-- Salary and tax of the financial year before this month, and the half-year's salary; by the unique key that begins
-- with (employee_id, period).
select employee_id::text as employee_id, sum(salary) as salary, sum(tax) as deducted, sum(half_year) as half_year
from (
    select employee_id, gross - overpaid as salary, income_tax as tax,
        case when period >= %(half_year)s then gross - overpaid else 0 end as half_year
    from payroll.pay_item
    where employee_id = any (%(employees)s::uuid[]) and period >= %(year)s and period < %(period)s
    union all
    select employee_id, salary, tax_deducted, 0 from payroll.earlier_income
    where employee_id = any (%(employees)s::uuid[]) and financial_year = %(financial_year)s
) as month
group by employee_id;

-- name: advances_owed
-- Open advances of a page, oldest first; by advance_of_employee and the primary key of advance_recovery.
select advance.id::text as id, employee_id::text as employee_id, advance.amount - coalesce(taken.amount, 0) as balance,
    instalment
from payroll.advance
left join lateral (
    select sum(amount) as amount from payroll.advance_recovery where advance_id = advance.id
) as taken on true
where employee_id = any (%(employees)s::uuid[]) and given_on <= %(last_day)s
    and advance.amount > coalesce(taken.amount, 0)
order by employee_id, given_on, advance.id;

-- name: stat_rates
-- All rates; dozens of rows.
select id, code, scope, effective_from, effective_to, payload, source from payroll.stat_rate;

-- name: establishment
-- A society as employer, by primary key.
select basis, epf_code is not null as with_epf, esi_code is not null as with_esi
from payroll.establishment where community_id = %(community_id)s;

-- name: posted_periods
-- Months whose pay is posted, within those that arrears look back to; by the unique key.
select period from payroll.payroll_run
where community_id = %(community_id)s and kind = 'REGULAR' and status = 'POSTED'
    and period >= %(look_back)s and period < %(period)s
order by period;

-- name: year_to_date
-- What a payslip prints of the financial year, this month and its arrears included; by the unique key that begins with
-- (employee_id, period).
select
    employee_id::text as employee_id, sum(gross - overpaid) as gross, sum(epf_employee) as epf_employee,
    sum(esi_employee) as esi_employee, sum(professional_tax) as professional_tax, sum(income_tax) as income_tax,
    sum(recovered) as recovered, sum(net) as net
from payroll.pay_item join payroll.payroll_run on payroll_run.id = run_id
where employee_id = any (%(employees)s::uuid[]) and pay_item.period between %(year)s and %(period)s and status = 'POSTED'
group by employee_id;
