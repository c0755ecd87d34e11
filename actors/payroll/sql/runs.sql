-- The life of a payroll run: opened, written page by page, posted.

-- name: open_run
-- The first caller opens the run; for all others it is there, by its id and by its unique key.
insert into payroll.payroll_run (id, community_id, period, kind, pay_date)
values (%(run_id)s, %(community_id)s, %(period)s, %(kind)s, %(pay_date)s)
on conflict do nothing;

-- name: share_run
-- A page holds the run in common with other pages: it cannot be posted meanwhile.
select status from payroll.payroll_run where id = %(run_id)s for share;

-- name: hold_runs
-- The month's runs, for who posts or pays them; one at a time, the regular run first, as pages take them. By the unique
-- key.
select id::text as id, kind, status from payroll.payroll_run
where community_id = %(community_id)s and period = %(period)s
order by kind desc
for update;

-- name: clear_page
-- What a draft said of these employees; lines, recoveries and what was found overpaid go with the items. By the unique
-- key that begins with (employee_id, period).
delete from payroll.pay_item where employee_id = any (%(employees)s::uuid[]) and period = %(period)s;

-- name: clear_findings
-- As clear_page; by the primary key.
delete from payroll.payroll_finding where run_id = %(run_id)s and employee_id = any (%(employees)s::uuid[]);

-- name: write_items
-- A page of items in one statement.
insert into payroll.pay_item (
    id, run_id, employee_id, community_id, period, kind, source_period, days_in_month, days_employed, payable_days,
    overtime_hours, gross, overpaid, code_wages, epf_wages, pension_wages, insurance_wages, epf_employee, epf_employer,
    pension, insurance, admin, esi_wages, esi_employee, esi_employer, professional_tax, income_tax, recovered,
    carried_forward, net, taxable_salary, years_tax, years_cess, inputs, inputs_hash, rate_ids)
select
    id, run_id, employee_id, %(community_id)s, %(period)s, kind, source_period, days_in_month, days_employed, payable_days,
    overtime_hours, gross, overpaid, code_wages, epf_wages, pension_wages, insurance_wages, epf_employee, epf_employer,
    pension, insurance, admin, esi_wages, esi_employee, esi_employer, professional_tax, income_tax, recovered,
    carried_forward, net, taxable_salary, years_tax, years_cess, inputs::jsonb, inputs_hash, rate_ids::bigint[]
from unnest(
    %(id)s::uuid[], %(run_id)s::uuid[], %(employee_id)s::uuid[], %(kind)s::text[], %(source_period)s::date[],
    %(days_in_month)s::int[], %(days_employed)s::int[], %(payable_days)s::numeric[], %(overtime_hours)s::numeric[],
    %(gross)s::numeric[], %(overpaid)s::numeric[], %(code_wages)s::numeric[], %(epf_wages)s::numeric[],
    %(pension_wages)s::numeric[], %(insurance_wages)s::numeric[], %(epf_employee)s::numeric[],
    %(epf_employer)s::numeric[], %(pension)s::numeric[], %(insurance)s::numeric[], %(admin)s::numeric[],
    %(esi_wages)s::numeric[], %(esi_employee)s::numeric[], %(esi_employer)s::numeric[], %(professional_tax)s::numeric[],
    %(income_tax)s::numeric[], %(recovered)s::numeric[], %(carried_forward)s::numeric[], %(net)s::numeric[],
    %(taxable_salary)s::numeric[], %(years_tax)s::numeric[], %(years_cess)s::numeric[], %(inputs)s::text[],
    %(inputs_hash)s::text[], %(rate_ids)s::text[]
) as item (
    id, run_id, employee_id, kind, source_period, days_in_month, days_employed, payable_days, overtime_hours, gross,
    overpaid, code_wages, epf_wages, pension_wages, insurance_wages, epf_employee, epf_employer, pension, insurance, admin,
    esi_wages, esi_employee, esi_employer, professional_tax, income_tax, recovered, carried_forward, net, taxable_salary,
    years_tax, years_cess, inputs, inputs_hash, rate_ids);

-- name: write_lines
-- The earnings of a page's items.
insert into payroll.pay_item_line (item_id, component, rate, amount, treatment)
select * from unnest(
    %(item_id)s::uuid[], %(component)s::text[], %(rate)s::numeric[], %(amount)s::numeric[], %(treatment)s::text[]);

-- name: write_overpaid
-- What earlier months paid too much is owed from now on.
insert into payroll.advance (id, employee_id, given_on, amount, reason, item_id)
select id, employee_id, %(given_on)s, amount, reason, item_id
from unnest(%(id)s::uuid[], %(employee_id)s::uuid[], %(amount)s::numeric[], %(reason)s::text[], %(item_id)s::uuid[])
    as owed (id, employee_id, amount, reason, item_id);

-- name: write_recoveries
-- What is taken of advances.
insert into payroll.advance_recovery (advance_id, item_id, amount)
select * from unnest(%(advance_id)s::uuid[], %(item_id)s::uuid[], %(amount)s::numeric[]);

-- name: write_findings
-- What the treasurer must look at.
insert into payroll.payroll_finding (run_id, employee_id, kind, detail)
select %(run_id)s, * from unnest(%(employee_id)s::uuid[], %(kind)s::text[], %(detail)s::text[]);

-- name: not_worked_out
-- Staff of the month with neither an item nor a refusal: their page is still to come. By employee_by_page and the
-- partial unique index.
select name from payroll.employee
where community_id = %(community_id)s and joined_on <= %(last_day)s and (left_on is null or left_on >= %(period)s)
    and not exists (
        select from payroll.pay_item
        where pay_item.employee_id = employee.id and pay_item.period = %(period)s and kind = 'REGULAR')
    and not exists (
        select from payroll.payroll_finding
        where run_id = %(run_id)s and payroll_finding.employee_id = employee.id and payroll_finding.kind = 'REFUSED')
order by name
limit 20;

-- name: people_of_run
-- What a run comes to, person by person; by pay_item_of_run.
select
    employee_id::text as employee_id, sum(net) as net, sum(recovered) as recovered, sum(overpaid) as overpaid,
    sum(gross) as gross, sum(epf_employee) as epf_employee, sum(epf_employer) as epf_employer, sum(pension) as pension,
    sum(insurance) as insurance, sum(admin) as admin, sum(esi_employee) as esi_employee, sum(esi_employer) as esi_employer,
    sum(professional_tax) as professional_tax, sum(income_tax) as income_tax, sum(epf_wages) as epf_wages
from payroll.pay_item
where run_id = %(run_id)s
group by employee_id
order by employee_id;

-- name: note_posted
-- DRAFT to POSTED; a trigger checks that items are the sum of their lines.
update payroll.payroll_run set status = 'POSTED', posted_at = payroll.clock() where id = %(run_id)s;

-- name: drop_empty_run
-- Arrears that a later look found not to be owed.
delete from payroll.payroll_run where id = %(run_id)s;

-- name: findings
-- By name and kind, of a run; by the primary key.
select finding.kind, name, staff_number, detail
from payroll.payroll_finding as finding join payroll.employee on employee.id = finding.employee_id
where run_id = %(run_id)s
order by finding.kind = 'REFUSED' desc, finding.kind, name;

-- name: sums_of_month
-- What a month's runs come to, by kind; by the unique key and pay_item_of_run.
select
    run.kind, run.status, count(distinct employee_id) as people, coalesce(sum(gross), 0) as gross,
    coalesce(sum(overpaid), 0) as overpaid, coalesce(sum(epf_employee), 0) as epf_employee,
    coalesce(sum(epf_employer), 0) as epf_employer, coalesce(sum(pension), 0) as pension,
    coalesce(sum(insurance), 0) as insurance, coalesce(sum(admin), 0) as admin,
    coalesce(sum(esi_employee), 0) as esi_employee, coalesce(sum(esi_employer), 0) as esi_employer,
    coalesce(sum(professional_tax), 0) as professional_tax, coalesce(sum(income_tax), 0) as income_tax,
    coalesce(sum(recovered), 0) as recovered, coalesce(sum(net), 0) as net, coalesce(sum(overtime_hours), 0) as overtime_hours
from payroll.payroll_run as run left join payroll.pay_item on pay_item.run_id = run.id
where run.community_id = %(community_id)s and run.period = %(period)s
group by run.kind, run.status;

-- name: arrears_of_month
-- Arrears paid with a month, by name and source month.
select name, source_period, gross - overpaid as amount
from payroll.pay_item join payroll.employee on employee.id = employee_id
where pay_item.community_id = %(community_id)s and pay_item.period = %(period)s and kind = 'ARREARS'
    and pay_item.run_id = %(arrears_run)s
order by name, source_period;

-- name: scopes_of_staff
-- Where a society's staff works; by employee_by_page.
select distinct work_scope from payroll.employee
where community_id = %(community_id)s and joined_on <= %(last_day)s and (left_on is null or left_on >= %(period)s)
order by work_scope;

-- name: pages_of_staff
-- The last id of every page, in order: a page begins after the one before it. Reads employee_by_page.
select id::text as id from (
    select id, row_number() over (order by id) as place, count(*) over () as staff
    from payroll.employee
    where community_id = %(community_id)s and joined_on <= %(last_day)s and (left_on is null or left_on >= %(look_back)s)
) as numbered
where place %% %(size)s = 0 or place = staff
order by id;

-- name: employers
-- Societies that employ somebody in the month, and how many; by employee_by_page.
select community.id::text as id, community.name, count(employee.id) as staff
from payroll.community join payroll.employee on employee.community_id = community.id
where joined_on <= %(last_day)s and (left_on is null or left_on >= %(period)s)
group by community.id
order by community.name, community.id;
