-- Who works for a society, for what salary, and when they were there; the rates of labour and tax law by date.
-- include: ../../common/reference/reference.sql
-- include: ../../common/letters/record_letters.sql
-- include: ../../common/books/keep_books.sql

insert into ledger_account (code, name, kind, proposed, of_parties) values
    ('11120', 'Bank', 'ASSET', false, false),
    ('11510', 'Staff advances', 'ASSET', true, true),
    ('21020', 'Net pay payable', 'LIABILITY', false, true),
    ('23040', 'Provident fund payable', 'LIABILITY', false, false),
    ('23050', 'TDS payable', 'LIABILITY', false, false),
    ('23060', 'ESI payable', 'LIABILITY', true, false),
    ('23070', 'Professional tax payable', 'LIABILITY', true, false),
    ('51710', 'Salaries', 'EXPENSE', false, false),
    ('51910', 'Staff benefits', 'EXPENSE', false, false);

-- A range of texts lets the exclusion constraint compare code and scope without an extension.
create type text_span as range (subtype = text);

create table stat_rate (
    id              bigint generated always as identity primary key,
    code            text not null check (code ~ '^[A-Z0-9_]+$'),
    scope           text not null check (scope ~ '^[A-Z]{2}(/[A-Z]+)*$'),
    effective_from  date not null,
    effective_to    date check (effective_to >= effective_from),
    payload         jsonb not null check (jsonb_typeof(payload) = 'object'),
    source          text not null check (source <> ''),
    verified        boolean not null default false,
    constraint stat_rate_holds_alone exclude using gist (
        text_span(code || ' ' || scope, code || ' ' || scope, '[]') with &&,
        daterange(effective_from, effective_to, '[]') with &&
    )
);
comment on table stat_rate is 'Rates of labour and tax law by date. No two rows of a code and scope hold on the same day.';
comment on column stat_rate.id is 'What a pay item names as its ground.';
comment on column stat_rate.code is 'EPF, ESI, ESI_BASE, WAGE_DEF, DEDUCTION_CAP, PT, TAX_NEW, MIN_WAGE.';
comment on column stat_rate.scope is 'IN, a State (KA), a town (TN/CHENNAI), or a State and sex (MH/F); a closer scope goes first.';
comment on column stat_rate.effective_from is 'First day in force.';
comment on column stat_rate.effective_to is 'Last day in force; null while it holds.';
comment on column stat_rate.payload is 'Percents, limits, slabs of [up to, figure]; figures as text, null is infinity.';
comment on column stat_rate.source is 'Act, notification or circular, or the page that reports it.';
comment on column stat_rate.verified is 'Whether the accountant has confirmed it.';

create table establishment (
    community_id    uuid primary key references community,
    basis           text not null default 'CALENDAR' check (basis in ('CALENDAR', 'FIXED26')),
    epf_code        text check (epf_code ~ '^[A-Z]{5}[0-9]{10}$'),
    esi_code        text check (esi_code ~ '^[0-9]{17}$'),
    pt_registration text,
    tan             text check (tan ~ '^[A-Z]{4}[0-9]{5}[A-Z]$')
);
comment on table establishment is 'A society as employer.';
comment on column establishment.community_id is 'The society.';
comment on column establishment.basis is 'Whether a month''s rate is shared out over its own days or over 26.';
comment on column establishment.epf_code is 'Provident fund code; null while not registered: no fund is deducted.';
comment on column establishment.esi_code is 'ESI code; null while not registered: no insurance is deducted.';
comment on column establishment.pt_registration is 'Professional tax registration.';
comment on column establishment.tan is 'Under which it deducts income tax.';

create table employee (
    id                  uuid primary key,
    community_id        uuid not null references community,
    staff_number        text not null check (staff_number <> ''),
    name                text not null check (name <> ''),
    designation         text not null check (designation <> ''),
    email               text check (email ~ '^[^@\s]+@[^@\s]+$'),
    sex                 char(1) not null check (sex in ('F', 'M', 'O')),
    birth_date          date not null,
    disabled            boolean not null default false,
    work_scope          text not null check (work_scope ~ '^[A-Z]{2}(/[A-Z]+)?$'),
    joined_on           date not null,
    left_on             date check (left_on >= joined_on),
    leaving_reason      text check (leaving_reason in ('LEFT', 'RETIRED', 'DIED')),
    uan                 text check (uan ~ '^[0-9]{12}$'),
    ip_number           text check (ip_number ~ '^[0-9]{10}$'),
    pan                 text check (pan ~ '^[A-Z]{5}[0-9]{4}[A-Z]$'),
    bank_account        text check (bank_account ~ '^[0-9]{9,18}$'),
    bank_ifsc           text check (bank_ifsc ~ '^[A-Z]{4}0[A-Z0-9]{6}$'),
    epf_option          text not null default 'CEILING' check (epf_option in ('CEILING', 'WHOLE', 'NONE')),
    epf_since           date,
    epf_first_wage      numeric(12, 2) check (epf_first_wage >= 0),
    shift_starts        time not null default '09:00',
    shift_ends          time not null default '18:00',
    unique (community_id, staff_number),
    check ((bank_account is null) = (bank_ifsc is null)),
    check (leaving_reason is null or left_on is not null),
    check (birth_date < joined_on)
);
create index employee_by_page on employee (community_id, id);
-- Who comes back has a second row, with the numbers of the first; somebody may work for two societies.
create unique index employee_uan on employee (community_id, uan) where left_on is null;
create unique index employee_ip_number on employee (community_id, ip_number) where left_on is null;
create unique index employee_pan on employee (community_id, pan) where left_on is null;
comment on table employee is 'Staff of a society, present and past.';
comment on column employee.id is 'Their id in Dhanman.';
comment on column employee.community_id is 'The society that employs them.';
comment on column employee.staff_number is 'As on their card.';
comment on column employee.name is 'As on their papers.';
comment on column employee.designation is 'Guard, plumber, manager.';
comment on column employee.email is 'Where payslips go; null: handed over on paper.';
comment on column employee.sex is 'F, M or O: Maharashtra''s professional tax asks.';
comment on column employee.birth_date is 'Pension ends at 58, professional tax at the State''s age. With the bank account the payslip''s password.';
comment on column employee.disabled is 'A higher ESI limit.';
comment on column employee.work_scope is 'State or town of work, whose professional tax is due: MH, TN/CHENNAI.';
comment on column employee.joined_on is 'First day of work.';
comment on column employee.left_on is 'Last day of work; null while they serve.';
comment on column employee.leaving_reason is 'For the ESI return.';
comment on column employee.uan is 'Provident fund number; without it the employee is left out of the return, and reported.';
comment on column employee.ip_number is 'ESI number; as uan.';
comment on column employee.pan is 'Income-tax number; without it tax is 20 % or more.';
comment on column employee.bank_account is 'Where pay goes; without it pay is worked out and held.';
comment on column employee.bank_ifsc is 'The bank''s branch.';
comment on column employee.epf_option is 'Fund on wages to the ceiling, on the whole wage, or none.';
comment on column employee.epf_since is 'When they first became a member of the fund, anywhere; null: not known.';
comment on column employee.epf_first_wage is 'Their wage then: above the ceiling there is no pension for who joined since 1-9-2014.';
comment on column employee.shift_starts is 'Time of day, India; a shift that ends before it starts ends on the next day.';
comment on column employee.shift_ends is 'As shift_starts.';

create table pay_component (
    code        text primary key check (code ~ '^[A-Z_]+$'),
    name        text not null unique,
    treatment   text not null default 'WAGE' check (treatment in ('WAGE', 'EXCLUDED')),
    basic       boolean not null default false,
    position    smallint not null unique check (position > 0),
    check (not basic or treatment = 'WAGE')
);
comment on table pay_component is 'Parts of which salaries are made.';
comment on column pay_component.code is 'As rules know it.';
comment on column pay_component.name is 'As payslips print it.';
comment on column pay_component.treatment is 'Wages, or on the list of exclusions of s. 2(y) Code on Wages.';
comment on column pay_component.basic is 'Basic pay or dearness allowance: overtime and minimum wage are reckoned of these.';
comment on column pay_component.position is 'Order on the payslip.';
insert into pay_component (code, name, treatment, basic, position) values
    ('BASIC', 'Basic', 'WAGE', true, 1),
    ('DA', 'Dearness allowance', 'WAGE', true, 2),
    ('RETAINING', 'Retaining allowance', 'WAGE', false, 3),
    ('SPECIAL', 'Special allowance', 'WAGE', false, 4),
    ('HRA', 'House rent allowance', 'EXCLUDED', false, 5),
    ('CONVEYANCE', 'Conveyance', 'EXCLUDED', false, 6),
    ('COMMISSION', 'Commission', 'EXCLUDED', false, 7),
    ('BONUS', 'Bonus', 'EXCLUDED', false, 8),
    ('OVERTIME', 'Overtime', 'EXCLUDED', false, 9);

create table salary_rate (
    employee_id     uuid not null references employee,
    component       text not null references pay_component check (component <> 'OVERTIME'),
    effective_from  date not null check (extract(day from effective_from) = 1),
    rate            numeric(12, 2) not null check (rate >= 0),
    primary key (employee_id, component, effective_from)
);
comment on table salary_rate is 'Salary structure: a component''s full-month rate from a month on, until a later row. 0 ends it.';
comment on column salary_rate.employee_id is 'Whose.';
comment on column salary_rate.component is 'Which part.';
comment on column salary_rate.effective_from is 'First day of the first month; a month already paid is made good by arrears.';
comment on column salary_rate.rate is 'Rupees for a full month.';

create table attendance (
    employee_id     uuid not null references employee,
    day             date not null,
    status          text not null
        check (status in ('PRESENT', 'HALF_DAY', 'PAID_LEAVE', 'HOLIDAY', 'WEEKLY_OFF', 'ABSENT')),
    overtime_hours  numeric(4, 2) not null default 0 check (overtime_hours between 0 and 16),
    punched_in      timestamptz,
    punched_out     timestamptz,
    primary key (employee_id, day),
    check (punched_out is null or punched_in is not null and punched_out >= punched_in),
    check (overtime_hours = 0 or status in ('PRESENT', 'HALF_DAY', 'HOLIDAY', 'WEEKLY_OFF'))
);
create index attendance_of_day on attendance (day) include (employee_id, status);
comment on table attendance is 'Days of work. A day without a row is not paid, and reported; recorded later, it is made good by arrears.';
comment on column attendance.employee_id is 'Whose.';
comment on column attendance.day is 'On which the shift began.';
comment on column attendance.status is 'HALF_DAY is paid by half, ABSENT not at all, all others in full.';
comment on column attendance.overtime_hours is 'Hours beyond the day''s.';
comment on column attendance.punched_in is 'When they came.';
comment on column attendance.punched_out is 'When they went; null while at work, or when it was forgotten.';

create table earlier_income (
    employee_id     uuid not null references employee,
    financial_year  smallint not null check (financial_year between 2000 and 2099),
    salary          numeric(12, 2) not null check (salary >= 0),
    tax_deducted    numeric(12, 2) not null default 0 check (tax_deducted >= 0),
    primary key (employee_id, financial_year)
);
comment on table earlier_income is 'Salary of a year from a former employer, or from before payroll was kept here; counted for income tax.';
comment on column earlier_income.employee_id is 'Whose.';
comment on column earlier_income.financial_year is 'Year in which the financial year begins: 2026 is 2026-27.';
comment on column earlier_income.salary is 'Rupees.';
comment on column earlier_income.tax_deducted is 'Rupees.';

create function daily_figures(community uuid, day date) returns table (figure text, amount numeric)
language sql stable set search_path from current as $$
    select named.figure, count(attendance.employee_id)::numeric
    from (values ('staff_present', array['PRESENT', 'HALF_DAY']), ('staff_absent', array['ABSENT']),
                 ('staff_on_leave', array['PAID_LEAVE'])) as named (figure, states)
    left join (
        attendance join employee on employee.id = attendance.employee_id and employee.community_id = daily_figures.community
    ) on attendance.day = daily_figures.day and attendance.status = any (named.states)
    group by named.figure
$$;
comment on function daily_figures is 'What the daily report of a society prints of its staff.';
