-- Money in: receipts and what they clear, overdue bills, late interest day by day, and news for the other systems.

-- include: ../../common/letters/record_letters.sql

-- Late interest: what a general body resolved, and what the law allows.

create table late_interest_rule (
    community_id    uuid not null references community,
    effective_from  date not null,
    effective_to    date check (effective_to >= effective_from),
    percent         numeric(7, 4) not null check (percent >= 0),
    grace_days      smallint not null default 0 check (grace_days between 0 and 365),
    resolved        text not null check (resolved <> ''),
    primary key (community_id, effective_from)
);
comment on table late_interest_rule is 'Simple interest on late bills, as resolved by a general body; a later row ends an earlier one. Without a row none is charged. What is charged stands: a row is entered before its first day.';
comment on column late_interest_rule.community_id is 'The society.';
comment on column late_interest_rule.effective_from is 'First day in force.';
comment on column late_interest_rule.effective_to is 'Last day in force; null while it holds.';
comment on column late_interest_rule.percent is 'Percent a year; the cap of the law goes before it.';
comment on column late_interest_rule.grace_days is 'Paid within so many days after the due date, a bill that falls due under this row bears nothing.';
comment on column late_interest_rule.resolved is 'The resolution: meeting and date.';

insert into tax_rate (code, scope, effective_from, value, unit, source) values
    ('LATE_INTEREST_CAP', 'MH', '2009-01-01', 21, 'PERCENT',
     'Model bye-laws: simple interest of at most 21 % a year (secondary pages)'),
    ('LATE_INTEREST_CAP', 'MH', '2026-06-18', 12, 'PERCENT',
     'Maharashtra Co-operative Societies (Amendment) Rules 2026, notified 18-6-2026; 12 % is the draft''s figure, the final one was not seen');

-- Overdue bills.

alter table invoice
    add column overdue_since date check (overdue_since > due_date),
    add column advance numeric(14, 2) not null default 0 check (advance between 0 and total);
comment on column invoice.overdue_since is 'First day on which it was owed late; stays when it is paid. Overdue is what has it, is not void, and is not paid in full.';
comment on column invoice.advance is 'Paid of it by an advance at its issue; stands on the document.';
create index invoice_falling_due on invoice (due_date, id)
    where posted_at is not null and overdue_since is null and voided_at is null and paid_amount < total;
create index invoice_overdue on invoice (community_id, due_date)
    where overdue_since is not null and voided_at is null and paid_amount < total;

create or replace function issued_invoice_must_stand() returns trigger
language plpgsql set search_path from current as $$
declare
    may_change text[] := array['paid_amount', 'disputed_at', 'voided_at', 'overdue_since'];
begin
    if tg_op = 'UPDATE' and to_jsonb(new) - may_change = to_jsonb(old) - may_change then
        return new;
    end if;
    raise exception 'invoice % is issued: it can be paid, disputed or voided, not changed', old.number
        using errcode = 'restrict_violation';
end $$;

create table late_interest (
    invoice_id      uuid primary key references invoice,
    community_id    uuid not null references community,
    unit_id         uuid not null references unit,
    grace_days      smallint not null,
    since           date not null,
    settled         numeric(14, 2) not null default 0 check (settled >= 0),
    begun           boolean not null default false,
    charged         numeric(14, 2) not null default 0 check (charged >= 0),
    charged_to      date not null,
    received        numeric(14, 2) not null default 0 check (received between 0 and charged),
    taxed           numeric(14, 2) not null default 0 check (taxed >= 0),
    tax_received    numeric(14, 2) not null default 0 check (tax_received between 0 and taxed)
) with (fillfactor = 80);
create index late_interest_owed on late_interest (unit_id) where received < charged or tax_received < taxed;
create index late_interest_not_begun on late_interest (community_id) where not begun;
comment on table late_interest is 'What an overdue bill has run up; made when it is marked overdue.';
comment on column late_interest.invoice_id is 'The bill.';
comment on column late_interest.community_id is 'Its society.';
comment on column late_interest.unit_id is 'Its flat.';
comment on column late_interest.grace_days is 'By the rule in force on the due date.';
comment on column late_interest.since is 'The principal is what it is now since this day: the due date, or the day of the last payment.';
comment on column late_interest.settled is 'Interest up to `since`, rounded: a payment closes the stretch before it.';
comment on column late_interest.begun is 'Whether it has a line: the first line makes up for all days since the due date.';
comment on column late_interest.charged is 'Interest in the books, by interest_charge.';
comment on column late_interest.charged_to is 'Lines up to this day are charged.';
comment on column late_interest.received is 'Interest that receipts have cleared.';
comment on column late_interest.taxed is 'GST on the interest received, owed since its receipt.';
comment on column late_interest.tax_received is 'What of this tax receipts have cleared.';

create table interest_line (
    day             date not null,
    invoice_id      uuid not null,
    amount          numeric(12, 2) not null check (amount > 0),
    primary key (day, invoice_id)
);
comment on table interest_line is 'Late interest of one bill and day. Day by day, so that the key grows at its end; without a foreign key, whose check would cost more than the line: issued bills are never deleted.';
comment on column interest_line.day is 'The day, by the calendar of India.';
comment on column interest_line.invoice_id is 'The bill.';
comment on column interest_line.amount is 'What the rounded interest to date has grown by; a day that adds no paisa has no line.';

create table interest_run (
    community_id    uuid not null references community,
    day             date not null,
    lines           integer not null,
    amount          numeric(14, 2) not null,
    ran_at          timestamptz not null default now(),
    primary key (community_id, day)
);
comment on table interest_run is 'Days for which a society''s late bills bore interest; each once, in order.';
comment on column interest_run.community_id is 'The society.';
comment on column interest_run.day is 'The day.';
comment on column interest_run.lines is 'Bills that bore some.';
comment on column interest_run.amount is 'Rupees in all.';
comment on column interest_run.ran_at is 'When.';

-- Receipts. Their numbers have no gaps either, by sales.invoice_counter.

alter table community
    add column receipt_series text not null default 'RC' check (receipt_series ~ '^[A-Za-z0-9-]{1,4}$'),
    add check (receipt_series not in (tax_invoice_series, bill_of_supply_series));
comment on column community.receipt_series is 'First part of a receipt''s number.';

create table receipt (
    id              uuid primary key default gen_random_uuid(),
    community_id    uuid not null references community,
    unit_id         uuid not null references unit,
    received_from   text not null check (received_from <> ''),
    gateway         text not null check (gateway ~ '^[a-z0-9_-]{2,30}$'),
    reference       text not null check (reference ~ '^\S.{0,99}$'),
    mode            text not null check (mode in ('UPI', 'CARD', 'NETBANKING', 'NEFT', 'CHEQUE')),
    amount          numeric(14, 2) not null check (amount > 0),
    unallocated     numeric(14, 2) not null check (unallocated between 0 and amount),
    received_at     timestamptz not null,
    received_on     date not null,
    series          text,
    financial_year  smallint,
    sequence        integer check (sequence > 0),
    number          text check (number ~ '^[A-Za-z0-9/-]{1,16}$'),
    created_at      timestamptz not null default now(),
    reversed_on     date,
    reversed_why    text,
    unique (gateway, reference),
    unique (community_id, series, financial_year, sequence),
    unique (community_id, number),
    check (received_on = (received_at at time zone 'Asia/Kolkata')::date),
    check (num_nulls(number, series, financial_year, sequence) in (0, 4)),
    check ((reversed_on is null) = (reversed_why is null)),
    check (reversed_on is null or unallocated = 0)
);
create index receipt_with_advance on receipt (unit_id) where unallocated > 0;
create index receipt_of_day on receipt (community_id, received_on);
comment on table receipt is 'Money of a flat that reached the society: one for each payment of a gateway, however often it is told.';
comment on column receipt.id is 'Its id; its posting has it as source.';
comment on column receipt.community_id is 'The society.';
comment on column receipt.unit_id is 'The flat.';
comment on column receipt.received_from is 'The owner''s name as it stood then.';
comment on column receipt.gateway is 'Who tells of the payment: a payment gateway, a bank''s statement, the office.';
comment on column receipt.reference is 'Its name for the payment; the same one never makes a second receipt.';
comment on column receipt.mode is 'How it was paid. Cash has no account yet.';
comment on column receipt.amount is 'Rupees.';
comment on column receipt.unallocated is 'What no due has taken yet: the flat''s advance, which its next bill takes.';
comment on column receipt.received_at is 'When the money was received.';
comment on column receipt.received_on is 'That day in India: interest runs to it, the books have it.';
comment on column receipt.series is 'First part of the number.';
comment on column receipt.financial_year is 'Year in which the number''s financial year begins.';
comment on column receipt.sequence is 'Running number of the series and year, without gaps.';
comment on column receipt.number is 'As printed; null only within the transaction that makes it.';
comment on column receipt.created_at is 'When it was made.';
comment on column receipt.reversed_on is 'Day on which it was taken back, as for a cheque that bounced; the number stays used.';
comment on column receipt.reversed_why is 'Why.';

create table allocation (
    receipt_id      uuid not null references receipt,
    position        smallint not null check (position > 0),
    due             text not null check (due in ('INTEREST', 'INTEREST_TAX', 'ARREARS', 'BILL')),
    invoice_id      uuid references invoice,
    amount          numeric(14, 2) not null check (amount > 0),
    cgst            numeric(12, 2) not null default 0 check (cgst >= 0),
    sgst            numeric(12, 2) not null default 0 check (sgst >= 0),
    allocated_on    date not null,
    of_advance      boolean not null default false,
    undone_on       date,
    primary key (receipt_id, position),
    check ((due = 'ARREARS') = (invoice_id is null)),
    check (due = 'INTEREST' or cgst + sgst = 0)
);
create index allocation_of_invoice on allocation (invoice_id);
comment on table allocation is 'What a receipt cleared: late interest, the GST on it, opening arrears, bills.';
comment on column allocation.receipt_id is 'The receipt.';
comment on column allocation.position is 'Order of clearing, from 1.';
comment on column allocation.due is 'What was cleared.';
comment on column allocation.invoice_id is 'The bill, or the bill whose interest it is; null for opening arrears.';
comment on column allocation.amount is 'Rupees.';
comment on column allocation.cgst is 'Central tax that became due by the receipt of this interest; owed apart, not part of the amount.';
comment on column allocation.sgst is 'State tax, likewise.';
comment on column allocation.allocated_on is 'When: the day received, or the date of the bill that took the advance.';
comment on column allocation.of_advance is 'Whether a later bill took it from the advance; the receipt as printed does not have it.';
comment on column allocation.undone_on is 'Set when the receipt is reversed.';

create function receipt_must_equal_its_parts() returns trigger
language plpgsql set search_path from current as $$
declare
    payment uuid := case tg_table_name when 'receipt' then to_jsonb(new) ->> 'id' else to_jsonb(new) ->> 'receipt_id' end;
    found record;
    allocated numeric;
begin
    select amount, unallocated, number, reversed_on into found from receipt where id = payment;
    select coalesce(sum(amount), 0) into allocated from allocation where receipt_id = payment and undone_on is null;
    if allocated + found.unallocated
        is distinct from (case when found.reversed_on is null then found.amount else 0 end) then
        raise exception 'receipt % of %: % allocated and % left do not add up', payment, found.amount, allocated, found.unallocated
            using errcode = 'check_violation';
    end if;
    if found.number is null then
        raise exception 'receipt % has no number', payment using errcode = 'check_violation';
    end if;
    return null;
end $$;
comment on function receipt_must_equal_its_parts is 'At commit, a receipt has its number, and what it cleared and what is left of it are its amount.';

create constraint trigger receipt_equals_its_parts
    after insert or update on receipt
    deferrable initially deferred for each row execute function receipt_must_equal_its_parts();
create constraint trigger allocation_keeps_the_sum
    after insert or update or delete on allocation
    deferrable initially deferred for each row execute function receipt_must_equal_its_parts();

create function receipt_must_stand() returns trigger
language plpgsql set search_path from current as $$
declare
    may_change text[] := array['unallocated', 'reversed_on', 'reversed_why'];
begin
    if tg_op = 'UPDATE' and old.reversed_on is null and to_jsonb(new) - may_change = to_jsonb(old) - may_change then
        return new;
    end if;
    raise exception 'receipt % stands: it can be reversed, not changed', old.number using errcode = 'restrict_violation';
end $$;
comment on function receipt_must_stand is 'A numbered receipt is taken back by a reversal, never changed or deleted.';

create trigger receipt_stands before update or delete on receipt
    for each row when (old.number is not null) execute function receipt_must_stand();

create table interest_charge (
    id              uuid primary key default gen_random_uuid(),
    invoice_id      uuid not null references invoice,
    charged_to      date not null,
    receipt_id      uuid references receipt,
    amount          numeric(12, 2) not null check (amount <> 0),
    created_at      timestamptz not null default now(),
    unique nulls not distinct (invoice_id, charged_to, receipt_id)
);
create index interest_charge_of_month on interest_charge (charged_to) where receipt_id is null;
comment on table interest_charge is 'Late interest put into the books: of a month that is over, or when a receipt comes. Its id is the posting''s source.';
comment on column interest_charge.id is 'Its id.';
comment on column interest_charge.invoice_id is 'The bill.';
comment on column interest_charge.charged_to is 'The lines up to this day, as far as they were not charged before; also the day in the books.';
comment on column interest_charge.receipt_id is 'The receipt that called for it; null at the end of a month.';
comment on column interest_charge.amount is 'Rupees; negative where a receipt of an earlier day came after the charge.';
comment on column interest_charge.created_at is 'When.';

-- The tax on interest is an event of its own: it becomes due with a receipt, whenever the interest was charged.
alter table ledger_entry drop constraint ledger_entry_source_kind_check;
alter table ledger_entry add constraint ledger_entry_source_kind_check check (source_kind in
    ('INVOICE', 'RECEIPT', 'INTEREST', 'INTEREST_TAX', 'OPENING_BALANCE', 'REVERSAL'));

-- News for other systems.

create table outbox (
    id              bigint generated always as identity primary key,
    event           text not null check (event ~ '^[a-z]+\.[a-z_]+$'),
    subject_id      uuid not null,
    payload         jsonb not null,
    created_at      timestamptz not null default now(),
    published_at    timestamptz,
    unique (event, subject_id)
);
create index outbox_unpublished on outbox (id) where published_at is null;
comment on table outbox is 'What happened, for systems that want to know; published in the order of the ids.';
comment on column outbox.id is 'Order.';
comment on column outbox.event is 'What happened: invoice.issued, receipt.issued, receipt.reversed.';
comment on column outbox.subject_id is 'To what: the invoice or receipt; each event of it once.';
comment on column outbox.payload is 'The facts, amounts as text.';
comment on column outbox.created_at is 'When it was written.';
comment on column outbox.published_at is 'When it was handed on.';

-- The same check at commit, a third faster: a row is asked for its column and not made into JSON first.
create or replace function invoice_must_equal_its_lines() returns trigger
language plpgsql set search_path from current as $$
declare
    bill uuid;
    stated numeric;
    summed numeric;
begin
    if tg_table_name = 'invoice' then bill := new.id; else bill := new.invoice_id; end if;
    select heads_total into stated from invoice where id = bill;
    select coalesce(sum(amount), 0) into summed from invoice_line where invoice_id = bill;
    if stated is distinct from summed then
        raise exception 'invoice %: its lines add up to %, not to %', bill, summed, stated
            using errcode = 'check_violation';
    end if;
    return null;
end $$;

alter table billing_run add column flats integer check (flats > 0);
comment on column billing_run.flats is 'How many it bills, where its jobs bill several each; null where each flat is a job.';

-- What the daily report prints of a society.
create function daily_figures(community uuid, day date) returns table (figure text, amount numeric)
language sql stable set search_path from current as $$
    select * from (values
        ('billed', (select coalesce(sum(total), 0) from invoice
            where community_id = community and invoice_date = day and posted_at is not null and voided_at is null)),
        ('collected', (select coalesce(sum(receipt.amount), 0) from receipt
            where community_id = community and received_on = day and reversed_on is null)),
        ('dues', (select coalesce(sum(debit - credit), 0)
            from ledger_entry join ledger_line on entry_id = ledger_entry.id
            where community_id = community and entry_date <= day and account_code = '11200')
            + (select coalesce(sum(unallocated), 0) from receipt where community_id = community and unallocated > 0)),
        ('overdue_bills', (select count(*) from invoice
            where community_id = community and due_date < day and posted_at is not null and voided_at is null
                and paid_amount < total)),
        ('advance_balances', (select coalesce(sum(unallocated), 0) from receipt
            where community_id = community and unallocated > 0))
    ) as found (figure, amount)
$$;
comment on function daily_figures is 'Of a day: billed and collected in rupees; dues of members at its end; overdue bills and advances as they stand now.';
