-- Statements of the day's attendance.

-- name: attendance_of_day
-- Everyone employed on a day with what is recorded of it, by employee_by_page and the primary key of attendance.
-- A shift that ends before it starts ends on the next day.
select
    employee.name, employee.staff_number, employee.designation, attendance.status, attendance.overtime_hours,
    attendance.punched_in, attendance.punched_out,
    (%(day)s::date + shift_starts) at time zone 'Asia/Kolkata' as shift_begins,
    (%(day)s::date + shift_ends + case when shift_ends <= shift_starts then interval '1 day' else interval '0' end)
        at time zone 'Asia/Kolkata' as shift_is_over
from payroll.employee
left join payroll.attendance on attendance.employee_id = employee.id and attendance.day = %(day)s
where community_id = %(community_id)s and joined_on <= %(day)s and (left_on is null or left_on >= %(day)s)
order by employee.name, employee.id;
