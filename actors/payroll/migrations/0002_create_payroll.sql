-- Payroll: runs, what each paid to whom and why, advances, holds, payslips given, payouts. Life of a run:
--
--   DRAFT    pages of employees are worked out; only now may items be written, and worked out again
--   POSTED   its entry is in the books; items stand, later changes become ARREARS of a later month
--
-- Lock order: the community's runs (for share by a page, for update by posting and payout), then items.

create table payroll_run (
    id              uuid primary key,
    community_id    uuid not null references community,
    period          date not null check (extract(day from period) = 1),
    kind            text not null check (kind in ('REGULAR', 'ARREARS')),
    status          text not null default 'DRAFT' check (status in ('DRAFT', 'POSTED')),
    pay_date        date not null,
    opened_at       timestamptz not null default clock(),
    posted_at       timestamptz,
    unique (community_id, period, kind),
    check ((status = 'POSTED') = (posted_at is not null)),
    check (pay_date >= period)
);
comment on table payroll_run is 'A society''s month, or the arrears paid with it.';
comment on column payroll_run.id is 'Made from society, month and kind, so it is the same at every run.';
comment on column payroll_run.community_id is 'The society.';
comment on column payroll_run.period is 'First day of the month in which it is paid.';
comment on column payroll_run.kind is 'The month''s own pay, or what earlier months lack.';
comment on column payroll_run.status is 'See above.';
comment on column payroll_run.pay_date is 'Day on which salary is credited: the month''s last. Income tax follows it.';
comment on column payroll_run.opened_at is 'When it was begun.';
comment on column payroll_run.posted_at is 'When it was posted.';

create table pay_item (
    id                  uuid primary key,
    run_id              uuid not null references payroll_run,
    employee_id         uuid not null references employee,
    community_id        uuid not null references community,
    period              date not null,
    kind                text not null check (kind in ('REGULAR', 'ARREARS')),
    source_period       date not null check (extract(day from source_period) = 1),
    days_in_month       smallint not null check (days_in_month between 28 and 31),
    days_employed       smallint not null check (days_employed between 0 and days_in_month),
    payable_days        numeric(4, 1) not null check (payable_days between 0 and days_employed),
    overtime_hours      numeric(6, 2) not null check (overtime_hours >= 0),
    gross               numeric(12, 2) not null check (gross >= 0),
    overpaid            numeric(12, 2) not null default 0 check (overpaid >= 0),
    code_wages          numeric(12, 2) not null check (code_wages >= 0),
    epf_wages           numeric(12, 2) not null check (epf_wages >= 0),
    pension_wages       numeric(12, 2) not null check (pension_wages >= 0),
    insurance_wages     numeric(12, 2) not null check (insurance_wages >= 0),
    epf_employee        numeric(12, 2) not null check (epf_employee >= 0),
    epf_employer        numeric(12, 2) not null check (epf_employer >= 0),
    pension             numeric(12, 2) not null check (pension >= 0),
    insurance           numeric(12, 2) not null check (insurance >= 0),
    admin               numeric(12, 2) not null check (admin >= 0),
    esi_wages           numeric(12, 2) not null check (esi_wages >= 0),
    esi_employee        numeric(12, 2) not null check (esi_employee >= 0),
    esi_employer        numeric(12, 2) not null check (esi_employer >= 0),
    professional_tax    numeric(12, 2) not null check (professional_tax >= 0),
    income_tax          numeric(12, 2) not null check (income_tax >= 0),
    recovered           numeric(12, 2) not null check (recovered >= 0),
    carried_forward     numeric(12, 2) not null check (carried_forward >= 0),
    net                 numeric(12, 2) not null check (net >= 0),
    taxable_salary      numeric(14, 2) check (taxable_salary >= 0),
    years_tax           numeric(14, 2) check (years_tax >= 0),
    years_cess          numeric(14, 2) check (years_cess >= 0),
    inputs              jsonb not null,
    inputs_hash         text not null check (inputs_hash ~ '^[0-9a-f]{64}$'),
    rate_ids            bigint[] not null,
    computed_at         timestamptz not null default clock(),
    unique (employee_id, period, kind, source_period),
    check (net = gross - epf_employee - esi_employee - professional_tax - income_tax - recovered),
    check (epf_employee = epf_employer + pension),
    check (kind = 'ARREARS' or (source_period = period and overpaid = 0)),
    check (kind = 'REGULAR' or source_period < period),
    check (overpaid = 0 or gross = 0)
);
create unique index pay_item_once_a_month on pay_item (employee_id, period) where kind = 'REGULAR';
create index pay_item_of_run on pay_item (run_id);
create index pay_item_of_source on pay_item (employee_id, source_period);
comment on table pay_item is 'What a run pays one employee: one line a month, one more for each earlier month made good. Rupees.';
comment on column pay_item.id is 'Made from employee, month, kind and source month.';
comment on column pay_item.run_id is 'The run.';
comment on column pay_item.employee_id is 'Who.';
comment on column pay_item.community_id is 'The run''s society.';
comment on column pay_item.period is 'The run''s month.';
comment on column pay_item.kind is 'The run''s kind.';
comment on column pay_item.source_period is 'The month it is for; of arrears an earlier one.';
comment on column pay_item.days_in_month is 'Of the source month.';
comment on column pay_item.days_employed is 'Of these, from joining to leaving.';
comment on column pay_item.payable_days is 'Of these, paid; the rest is loss of pay (NCP days).';
comment on column pay_item.overtime_hours is 'Hours beyond the day''s.';
comment on column pay_item.gross is 'Sum of its lines; 0 where the month had been overpaid.';
comment on column pay_item.overpaid is 'What an earlier month paid too much; it became an advance.';
comment on column pay_item.code_wages is 'Wages by s. 2(y) Code on Wages.';
comment on column pay_item.epf_wages is 'Wage on which the fund is paid.';
comment on column pay_item.pension_wages is 'Wage on which the pension is paid; 0 without.';
comment on column pay_item.insurance_wages is 'Wage on which EDLI is paid.';
comment on column pay_item.epf_employee is 'Employee''s share (A/c 1).';
comment on column pay_item.epf_employer is 'Employer''s share beside the pension (A/c 1).';
comment on column pay_item.pension is 'Employer''s pension share (A/c 10).';
comment on column pay_item.insurance is 'EDLI (A/c 21).';
comment on column pay_item.admin is 'Administration charge (A/c 2), before the establishment''s minimum.';
comment on column pay_item.esi_wages is 'Wage on which ESI is paid; 0 when not insured.';
comment on column pay_item.esi_employee is 'Employee''s ESI share.';
comment on column pay_item.esi_employer is 'Employer''s ESI share.';
comment on column pay_item.professional_tax is 'On the gross of all of the month''s items.';
comment on column pay_item.income_tax is 'TDS, on all of the month''s items.';
comment on column pay_item.recovered is 'Advances taken back.';
comment on column pay_item.carried_forward is 'Advances due that the cap left for later.';
comment on column pay_item.net is 'To pay.';
comment on column pay_item.taxable_salary is 'The year''s taxable salary as expected; null on items that bear no month''s taxes.';
comment on column pay_item.years_tax is 'The year''s tax on it, cess included.';
comment on column pay_item.years_cess is 'The cess in it.';
comment on column pay_item.inputs is 'Attendance and rates that decided it.';
comment on column pay_item.inputs_hash is 'SHA-256 of them: when the month''s inputs change later, arrears follow.';
comment on column pay_item.rate_ids is 'Rows of stat_rate used.';
comment on column pay_item.computed_at is 'When.';

create table pay_item_line (
    item_id     uuid not null references pay_item on delete cascade,
    component   text not null references pay_component,
    rate        numeric(12, 2) not null check (rate >= 0),
    amount      numeric(12, 2) not null,
    treatment   text not null check (treatment in ('WAGE', 'EXCLUDED')),
    primary key (item_id, component)
);
comment on table pay_item_line is 'Earnings of an item, by component. On arrears a component may have gone down.';
comment on column pay_item_line.item_id is 'The item.';
comment on column pay_item_line.component is 'Which part.';
comment on column pay_item_line.rate is 'Full-month rate; of overtime the basic and dearness allowance it is reckoned of.';
comment on column pay_item_line.amount is 'Rupees.';
comment on column pay_item_line.treatment is 'As in pay_component, on that day.';

create table advance (
    id              uuid primary key,
    employee_id     uuid not null references employee,
    given_on        date not null,
    amount          numeric(12, 2) not null check (amount > 0),
    instalment      numeric(12, 2) check (instalment > 0),
    reason          text not null check (reason <> ''),
    item_id         uuid unique references pay_item on delete cascade
);
create index advance_of_employee on advance (employee_id, given_on);
comment on table advance is 'Money an employee owes: paid ahead, or overpaid.';
comment on column advance.id is 'Source of its entry in the books, unless it was overpaid: then the run''s entry holds it.';
comment on column advance.employee_id is 'Who owes it.';
comment on column advance.given_on is 'When; the oldest is recovered first.';
comment on column advance.amount is 'Rupees.';
comment on column advance.instalment is 'Most that is recovered in a month; null: as much as the law allows.';
comment on column advance.reason is 'As people speak of it.';
comment on column advance.item_id is 'The arrears that found it overpaid; null for an advance that was given.';

create table advance_recovery (
    advance_id  uuid not null references advance on delete cascade,
    item_id     uuid not null references pay_item on delete cascade,
    amount      numeric(12, 2) not null check (amount > 0),
    primary key (advance_id, item_id)
);
create index advance_recovery_of_item on advance_recovery (item_id);
comment on table advance_recovery is 'Parts of advances taken from pay.';
comment on column advance_recovery.advance_id is 'The advance.';
comment on column advance_recovery.item_id is 'The pay it was taken from.';
comment on column advance_recovery.amount is 'Rupees.';

create table pay_hold (
    employee_id     uuid not null references employee,
    placed_on       date not null,
    reason          text not null check (reason <> ''),
    lifted_on       date check (lifted_on >= placed_on),
    primary key (employee_id, placed_on)
);
comment on table pay_hold is 'Pay is worked out, posted and filed, but not paid out.';
comment on column pay_hold.employee_id is 'Whose.';
comment on column pay_hold.placed_on is 'First day.';
comment on column pay_hold.reason is 'Why, for the treasurer.';
comment on column pay_hold.lifted_on is 'Day on which it ended; null while it holds.';

create table payroll_finding (
    run_id          uuid not null references payroll_run,
    employee_id     uuid not null references employee,
    kind            text not null check (kind in
        ('REFUSED', 'HELD', 'NO_UAN', 'NO_IP_NUMBER', 'NO_PAN', 'NO_RECORD', 'CARRIED_FORWARD', 'OVERPAID', 'BELOW_MINIMUM')),
    detail          text not null check (detail <> ''),
    primary key (run_id, employee_id, kind)
);
comment on table payroll_finding is 'What the treasurer must look at, by name; written with the employee''s pay.';
comment on column payroll_finding.run_id is 'The month''s regular run.';
comment on column payroll_finding.employee_id is 'Whom it concerns.';
comment on column payroll_finding.kind is 'REFUSED is not paid; the others are.';
comment on column payroll_finding.detail is 'What is the matter, in a sentence.';

create table payslip (
    employee_id     uuid not null references employee,
    period          date not null check (extract(day from period) = 1),
    way             text not null check (way in ('MAIL', 'PAPER')),
    given_at        timestamptz not null default clock(),
    primary key (employee_id, period)
);
comment on table payslip is 'Payslips that were given (rule 52, Form V): nobody is paid out before.';
comment on column payslip.employee_id is 'To whom.';
comment on column payslip.period is 'For which month.';
comment on column payslip.way is 'By mail, or on paper to who has no address.';
comment on column payslip.given_at is 'When.';

create table payout (
    employee_id     uuid not null,
    period          date not null,
    amount          numeric(12, 2) not null check (amount > 0),
    release_id      uuid not null,
    paid_on         date not null,
    primary key (employee_id, period),
    foreign key (employee_id, period) references payslip
);
create index payout_of_release on payout (release_id);
comment on table payout is 'Net pay released to the bank, once for each employee and month, after the payslip.';
comment on column payout.employee_id is 'To whom.';
comment on column payout.period is 'The month of the runs paid.';
comment on column payout.amount is 'Net of all items of the month.';
comment on column payout.release_id is 'Paid together: source of the entry in the books.';
comment on column payout.paid_on is 'When.';

create function items_are_written_in_drafts() returns trigger
language plpgsql set search_path from current as $$
begin
    if exists (select from changed join payroll_run on payroll_run.id = changed.run_id where status = 'POSTED') then
        raise exception 'the payroll run is posted: its items stand; a later change is paid as arrears'
            using errcode = 'restrict_violation';
    end if;
    return null;
end $$;
comment on function items_are_written_in_drafts is 'Only a DRAFT is worked out again.';
create trigger pay_item_stands_insert after insert on pay_item referencing new table as changed
    for each statement execute function items_are_written_in_drafts();
create trigger pay_item_stands_update after update on pay_item referencing old table as changed
    for each statement execute function items_are_written_in_drafts();
create trigger pay_item_stands_delete after delete on pay_item referencing old table as changed
    for each statement execute function items_are_written_in_drafts();

create function lines_are_written_in_drafts() returns trigger
language plpgsql set search_path from current as $$
begin
    if exists (
        select from changed join pay_item on pay_item.id = changed.item_id
        join payroll_run on payroll_run.id = pay_item.run_id where status = 'POSTED'
    ) then
        raise exception 'the payroll run is posted: its lines stand' using errcode = 'restrict_violation';
    end if;
    return null;
end $$;
comment on function lines_are_written_in_drafts is 'As items_are_written_in_drafts, for what hangs on an item.';
create trigger pay_item_line_stands_insert after insert on pay_item_line referencing new table as changed
    for each statement execute function lines_are_written_in_drafts();
create trigger pay_item_line_stands_update after update on pay_item_line referencing old table as changed
    for each statement execute function lines_are_written_in_drafts();
create trigger pay_item_line_stands_delete after delete on pay_item_line referencing old table as changed
    for each statement execute function lines_are_written_in_drafts();
create trigger advance_recovery_stands_insert after insert on advance_recovery referencing new table as changed
    for each statement execute function lines_are_written_in_drafts();
create trigger advance_recovery_stands_update after update on advance_recovery referencing old table as changed
    for each statement execute function lines_are_written_in_drafts();
create trigger advance_recovery_stands_delete after delete on advance_recovery referencing old table as changed
    for each statement execute function lines_are_written_in_drafts();

create function run_is_posted_once() returns trigger
language plpgsql set search_path from current as $$
declare
    wrong uuid;
begin
    if old.status = 'POSTED' then
        raise exception 'the payroll run is posted: it stands' using errcode = 'restrict_violation';
    end if;
    if tg_op = 'DELETE' then
        return old;
    end if;
    if new.status = 'POSTED' then
        select id into wrong from pay_item
        where run_id = new.id
            and gross - overpaid <> (select coalesce(sum(amount), 0) from pay_item_line where item_id = pay_item.id)
        limit 1;
        if wrong is not null then
            raise exception 'pay item %: its lines do not add up to its gross', wrong using errcode = 'check_violation';
        end if;
        select id into wrong from pay_item
        where run_id = new.id
            and recovered <> (select coalesce(sum(amount), 0) from advance_recovery where item_id = pay_item.id)
        limit 1;
        if wrong is not null then
            raise exception 'pay item %: its recoveries do not add up', wrong using errcode = 'check_violation';
        end if;
    end if;
    return new;
end $$;
comment on function run_is_posted_once is 'A run moves from DRAFT to POSTED once, when every item is the sum of its lines.';
create trigger payroll_run_is_posted_once before update or delete on payroll_run
    for each row execute function run_is_posted_once();
