-- Statements of the seed: whole tables at once, from JSON rows that have every column. Rows that stand are left alone.

-- name: seed_establishment
insert into payroll.establishment
select * from json_populate_recordset(null::payroll.establishment, %(rows)s) on conflict do nothing;

-- name: seed_employee
insert into payroll.employee
select * from json_populate_recordset(null::payroll.employee, %(rows)s) on conflict do nothing;

-- name: seed_salary_rate
insert into payroll.salary_rate
select * from json_populate_recordset(null::payroll.salary_rate, %(rows)s) on conflict do nothing;

-- name: seed_minimum_wage
-- The demo's own figure, no notification's.
insert into payroll.stat_rate (code, scope, effective_from, payload, source)
select 'MIN_WAGE', 'MH', '2019-04-01', '{"day": "480"}', 'Example of the demo''s society, not of a notification'
where not exists (select from payroll.stat_rate where code = 'MIN_WAGE' and scope = 'MH');

-- name: seed_attendance
-- A day's row for each employee and day of their employment, from a chance that depends on nothing but employee, day and
-- seed: one weekly off a week, the society's holidays, now and then an absence, a half day, a leave, some overtime.
insert into payroll.attendance (employee_id, day, status, overtime_hours, punched_in, punched_out)
select
    employee_id, day, status,
    case when status = 'PRESENT' and works_shifts and chance %% 17 = 0 then 4 else 0 end,
    case when at_work then begins + make_interval(mins => (chance / 7 %% 26)::int - 14) end,
    case when at_work and chance %% 211 <> 0
        then ends + make_interval(mins => (chance / 11 %% 20)::int) end
from (
    select
        employee.id as employee_id, days.day::date as day, lot.chance, state.status, 
        designation = 'Guard' as works_shifts, state.status in ('PRESENT', 'HALF_DAY') as at_work,
        (days.day::date + shift_starts) at time zone 'Asia/Kolkata' as begins,
        (days.day::date + shift_ends + case when shift_ends <= shift_starts then interval '1 day' else interval '0' end
            - case when state.status = 'HALF_DAY' then interval '4 hours' else interval '0' end)
            at time zone 'Asia/Kolkata' as ends
    from payroll.employee
    cross join generate_series(%(first)s::date, %(last)s::date, interval '1 day') as days (day)
    cross join lateral (
        select abs(hashtext(employee.id::text || days.day::date::text || %(seed_number)s::text)::bigint) as chance
    ) as lot
    cross join lateral (
        select case
            when extract(isodow from days.day)::int = 1 + abs(hashtext(employee.id::text)::bigint) %% 7 then 'WEEKLY_OFF'
            when designation <> 'Guard' and exists (
                select from payroll.holiday
                where holiday.community_id = employee.community_id and holiday.day = days.day::date) then 'HOLIDAY'
            when lot.chance %% 1000 < 18 then 'ABSENT'
            when lot.chance %% 1000 < 28 then 'HALF_DAY'
            when lot.chance %% 1000 < 58 then 'PAID_LEAVE'
            else 'PRESENT' end as status
    ) as state
    where employee.id = any (%(employees)s::uuid[]) and days.day >= joined_on and (left_on is null or days.day <= left_on)
) as drawn
on conflict (employee_id, day) do nothing;
