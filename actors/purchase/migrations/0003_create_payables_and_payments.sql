-- What is owed to vendors, the tax kept back from it, and what was paid.

create table payable (
    id              uuid primary key,
    bill_id         uuid not null,
    match_number    smallint not null,
    community_id    uuid not null,
    vendor_id       uuid not null,
    credited_on     date not null,
    net             numeric(14, 2) not null check (net > 0),
    gst             numeric(14, 2) not null check (gst >= 0),
    tds_nature      text not null check (tds_nature in ('NONE', 'CONTRACTOR', 'PROFESSIONAL', 'TECHNICAL')),
    tds_year        smallint not null,
    tds_base        numeric(14, 2) not null check (tds_base >= 0),
    tds             numeric(14, 2) not null check (tds >= 0),
    tds_short       numeric(14, 2) not null,
    to_pay          numeric(14, 2) not null check (to_pay >= 0),
    accepted_on     date not null,
    due_on          date not null check (due_on >= accepted_on),
    msme            boolean not null,
    paid            numeric(14, 2) not null default 0,
    voided_on       date,
    unique (bill_id, match_number),
    foreign key (bill_id, match_number) references match_result,
    foreign key (vendor_id, community_id) references vendor (id, community_id),
    check (to_pay = net + gst - tds),
    check (paid between 0 and to_pay),
    check (voided_on is null or paid = 0)
);
create index payable_due on payable (community_id, due_on) where paid < to_pay and voided_on is null;
create index payable_of_vendor on payable (vendor_id, due_on, id) where paid < to_pay and voided_on is null;
create index payable_taxed on payable (community_id, credited_on) where tds > 0;
comment on table payable is 'What a matching added to the vendor''s credit: the source of an entry in the books, and due for itself.';
comment on column payable.id is 'Source of its entry, VENDOR_BILL.';
comment on column payable.bill_id is 'The bill.';
comment on column payable.match_number is 'The matching that let it pass.';
comment on column payable.community_id is 'The society.';
comment on column payable.vendor_id is 'Who is owed.';
comment on column payable.credited_on is 'Day in the books.';
comment on column payable.net is 'Rupees without GST.';
comment on column payable.gst is 'Tax shown on the bill, for this part of it.';
comment on column payable.tds_nature is 'As what it is taxed at source.';
comment on column payable.tds_year is 'Year in which the financial year of the credit begins.';
comment on column payable.tds_base is 'On how much tax was reckoned now; more than net when a limit was passed and the year was caught up on.';
comment on column payable.tds is 'Tax deducted, whole rupees.';
comment on column payable.tds_short is 'Tax that the credit was too small for, carried to the vendor''s next one; negative where it was made up for.';
comment on column payable.to_pay is 'What the vendor gets.';
comment on column payable.accepted_on is 'Day on which the last of what is paid was accepted.';
comment on column payable.due_on is 'Last day for paying it.';
comment on column payable.msme is 'Whether the vendor was a micro or small enterprise then: the due day is the law''s.';
comment on column payable.paid is 'Paid of it so far.';
comment on column payable.voided_on is 'Day on which its bill was declared void.';

create table tds_year (
    vendor_id       uuid not null references vendor,
    financial_year  smallint not null,
    nature          text not null check (nature in ('CONTRACTOR', 'PROFESSIONAL', 'TECHNICAL')),
    credited        numeric(14, 2) not null check (credited >= 0),
    taxed           numeric(14, 2) not null check (taxed >= 0),
    deducted        numeric(14, 2) not null check (deducted >= 0),
    short           numeric(14, 2) not null,
    primary key (vendor_id, financial_year, nature)
);
comment on table tds_year is 'A vendor''s year under one section: what was credited, on how much tax was reckoned, what was deducted.';
comment on column tds_year.vendor_id is 'The vendor.';
comment on column tds_year.financial_year is 'Year in which the financial year begins.';
comment on column tds_year.nature is 'Which section''s payments.';
comment on column tds_year.credited is 'Rupees without GST.';
comment on column tds_year.taxed is 'On how much of it tax was reckoned; more than was credited where a bill was declared void since.';
comment on column tds_year.deducted is 'Tax deducted.';
comment on column tds_year.short is 'Tax still to be deducted, because a credit was too small for it; negative where too much was.';

create table tds_deposit (
    id              uuid primary key,
    community_id    uuid not null references community,
    month           date not null check (extract(day from month) = 1),
    amount          numeric(14, 2) not null check (amount > 0),
    due_on          date not null,
    paid_on         date not null,
    unique (community_id, month)
);
comment on table tds_deposit is 'Tax of a month that was paid to the government; once a month.';
comment on column tds_deposit.id is 'Source of its entry, TDS_DEPOSIT.';
comment on column tds_deposit.community_id is 'The society.';
comment on column tds_deposit.month is 'First day of the month of deduction.';
comment on column tds_deposit.amount is 'Rupees.';
comment on column tds_deposit.due_on is 'Last day.';
comment on column tds_deposit.paid_on is 'Day of payment.';

create table vendor_payment (
    id              uuid primary key,
    community_id    uuid not null,
    vendor_id       uuid not null,
    reference       text not null check (reference ~ '\S'),
    paid_on         date not null,
    amount          numeric(14, 2) not null check (amount > 0),
    returned_on     date check (returned_on >= paid_on),
    unique (community_id, reference),
    foreign key (vendor_id, community_id) references vendor (id, community_id)
);
create index vendor_payment_of_day on vendor_payment (community_id, paid_on);
comment on table vendor_payment is 'Money that went to a vendor.';
comment on column vendor_payment.id is 'Source of its entry, VENDOR_PAYMENT.';
comment on column vendor_payment.community_id is 'The society.';
comment on column vendor_payment.vendor_id is 'Who was paid.';
comment on column vendor_payment.reference is 'The bank''s, such as a UTR: the same payment is recorded once.';
comment on column vendor_payment.paid_on is 'Day of payment.';
comment on column vendor_payment.amount is 'Rupees.';
comment on column vendor_payment.returned_on is 'Day on which the bank gave it back; its entry is reversed.';

create table vendor_payment_item (
    payment_id      uuid not null references vendor_payment,
    payable_id      uuid not null references payable,
    amount          numeric(14, 2) not null check (amount > 0),
    primary key (payment_id, payable_id)
);
create index vendor_payment_item_of_payable on vendor_payment_item (payable_id);
comment on table vendor_payment_item is 'What a payment paid, the longest due first.';
comment on column vendor_payment_item.payment_id is 'The payment.';
comment on column vendor_payment_item.payable_id is 'What was owed.';
comment on column vendor_payment_item.amount is 'Rupees of it.';

create table payment_run (
    community_id    uuid not null references community,
    week_of         date not null check (extract(isodow from week_of) = 1),
    payments        integer not null check (payments >= 0),
    amount          numeric(14, 2) not null check (amount >= 0),
    primary key (community_id, week_of)
);
comment on table payment_run is 'A week''s list of payments, as proposed to the treasurer on its Monday.';
comment on column payment_run.community_id is 'The society.';
comment on column payment_run.week_of is 'The Monday.';
comment on column payment_run.payments is 'How many.';
comment on column payment_run.amount is 'Rupees to pay, without interest.';

create table payment_run_item (
    community_id    uuid not null,
    week_of         date not null,
    payable_id      uuid not null references payable,
    amount          numeric(14, 2) not null check (amount > 0),
    interest        numeric(14, 2) not null check (interest >= 0),
    primary key (community_id, week_of, payable_id),
    foreign key (community_id, week_of) references payment_run
);
create index payment_run_item_of_payable on payment_run_item (payable_id);
comment on table payment_run_item is 'One payment proposed.';
comment on column payment_run_item.community_id is 'The society.';
comment on column payment_run_item.week_of is 'The week.';
comment on column payment_run_item.payable_id is 'What is owed.';
comment on column payment_run_item.amount is 'Rupees still owed of it then.';
comment on column payment_run_item.interest is 'Interest of the MSMED Act by then.';

create table payment_reminder (
    payable_id      uuid not null references payable,
    step            text not null check (step in ('D-7', 'D-3', 'D', 'D+1')),
    outcome         text not null check (outcome in ('SENT', 'SKIPPED')),
    decided_on      date not null,
    primary key (payable_id, step)
);
comment on table payment_reminder is 'Steps of which the treasurer was reminded, once each; one that a later step overtook is SKIPPED.';
comment on column payment_reminder.payable_id is 'What is owed.';
comment on column payment_reminder.step is 'Days from the last day for paying.';
comment on column payment_reminder.outcome is 'SENT or SKIPPED.';
comment on column payment_reminder.decided_on is 'The day.';

create function daily_figures(community uuid, day date) returns table (figure text, amount numeric)
language sql stable set search_path from current as $$
    select 'expenses_booked', coalesce(sum(debit - credit), 0)
        from ledger_entry join ledger_line on entry_id = ledger_entry.id join ledger_account on code = account_code
        where community_id = community and entry_date = day and kind = 'EXPENSE'
    union all
    select 'paid_to_vendors',
        coalesce((select sum(paid.amount) from vendor_payment as paid
            where paid.community_id = community and paid.paid_on = day), 0)
        - coalesce((select sum(back.amount) from vendor_payment as back
            where back.community_id = community and back.returned_on = day), 0)
    union all
    select 'bills_on_hold', count(*) from vendor_bill
        where community_id = community and received_on <= day
            and status in ('HOLD_QTY', 'HOLD_OVER_RECEIPT', 'HOLD_PRICE', 'HOLD_NO_GRN')
    union all
    select 'approvals_waiting', count(*) from purchase_order
        where community_id = community and status = 'WAITING'
            and (waiting_since at time zone 'Asia/Kolkata')::date <= day
$$;
comment on function daily_figures is 'What the daily report prints of purchase: rupees booked and paid that day; bills on hold and orders waiting now.';
