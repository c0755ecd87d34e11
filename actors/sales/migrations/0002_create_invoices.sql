-- Bills. A draft has no number; numbering and posting happen in one transaction, and then the bill stands.

create table invoice (
    id              uuid primary key default gen_random_uuid(),
    community_id    uuid not null references community,
    unit_id         uuid not null references unit,
    resident_id     uuid not null references resident,
    bill_to         text not null check (bill_to <> ''),
    period          date not null check (extract(day from period) = 1),
    kind            text not null check (kind in ('TAX_INVOICE', 'BILL_OF_SUPPLY')),
    series          text,
    financial_year  smallint,
    sequence        integer check (sequence > 0),
    number          text check (number ~ '^[A-Za-z0-9/-]{1,16}$'),
    invoice_date    date not null,
    due_date        date not null check (due_date >= invoice_date),
    heads_total     numeric(14, 2) not null check (heads_total >= 0),
    taxable_value   numeric(14, 2) not null check (taxable_value between 0 and heads_total),
    cgst_rate       numeric(5, 2) not null check (cgst_rate >= 0),
    sgst_rate       numeric(5, 2) not null check (sgst_rate >= 0),
    cgst            numeric(14, 2) not null check (cgst >= 0),
    sgst            numeric(14, 2) not null check (sgst >= 0),
    round_off       numeric(3, 2) not null check (round_off between -0.50 and 0.50),
    total           numeric(14, 2) not null check (total = trunc(total)),
    arrears         numeric(14, 2) not null default 0,
    paid_amount     numeric(14, 2) not null default 0 check (paid_amount between 0 and total),
    created_at      timestamptz not null default now(),
    posted_at       timestamptz,
    disputed_at     timestamptz,
    voided_at       timestamptz,
    unique (unit_id, period),
    unique (community_id, series, financial_year, sequence),
    unique (community_id, number),
    check (total = heads_total + cgst + sgst + round_off),
    check ((kind = 'TAX_INVOICE') = (taxable_value > 0)),
    check (taxable_value > 0 or cgst + sgst = 0),
    check (num_nulls(number, series, financial_year, sequence, posted_at) in (0, 5))
);
create index invoice_of_period on invoice (community_id, period);
create index invoice_unpaid on invoice (unit_id) where voided_at is null and paid_amount < total;
comment on table invoice is 'A flat''s bill of one month: one for each flat and month, whoever asks for it and however often.';
comment on column invoice.id is 'Made with the draft; jobs pass it on.';
comment on column invoice.community_id is 'The supplier.';
comment on column invoice.unit_id is 'The flat.';
comment on column invoice.resident_id is 'The owner billed.';
comment on column invoice.bill_to is 'The owner''s name as it stood when billed.';
comment on column invoice.period is 'First day of the month billed.';
comment on column invoice.kind is 'TAX_INVOICE when GST is charged, else BILL_OF_SUPPLY.';
comment on column invoice.series is 'First part of the number.';
comment on column invoice.financial_year is 'Year in which the number''s financial year begins.';
comment on column invoice.sequence is 'Running number of the series and year, without gaps.';
comment on column invoice.number is 'As printed; rule 46(b) CGST: at most 16 letters, digits, - and /. Null for a draft.';
comment on column invoice.invoice_date is 'Date of the document.';
comment on column invoice.due_date is 'Payable by.';
comment on column invoice.heads_total is 'Sum of the lines.';
comment on column invoice.taxable_value is 'What of it bears GST.';
comment on column invoice.cgst_rate is 'Percent.';
comment on column invoice.sgst_rate is 'Percent.';
comment on column invoice.cgst is 'Central tax.';
comment on column invoice.sgst is 'State tax.';
comment on column invoice.round_off is 'What brings the total to whole rupees; negative in the member''s favour.';
comment on column invoice.total is 'Charged by this bill, whole rupees.';
comment on column invoice.arrears is 'Owed before this bill; shown apart.';
comment on column invoice.paid_amount is 'Received against the total.';
comment on column invoice.created_at is 'When the draft was made.';
comment on column invoice.posted_at is 'When it was numbered and posted; null for a draft.';
comment on column invoice.disputed_at is 'Set while the member disputes it: no reminders.';
comment on column invoice.voided_at is 'Set when cancelled; the number stays used.';

create table invoice_line (
    invoice_id      uuid not null references invoice,
    position        smallint not null check (position > 0),
    head            text not null
        check (head in ('SQFT', 'SERVICE', 'PARKING', 'SINKING', 'REPAIR', 'NOC', 'PROPERTY_TAX')),
    quantity        numeric(10, 2),
    rate            numeric(12, 4),
    amount          numeric(14, 2) not null check (amount > 0),
    primary key (invoice_id, position),
    unique (invoice_id, head),
    check ((quantity is null) = (rate is null))
);
comment on table invoice_line is 'One charge of a bill.';
comment on column invoice_line.invoice_id is 'The bill.';
comment on column invoice_line.position is 'Order on the bill, from 1.';
comment on column invoice_line.head is 'What is charged.';
comment on column invoice_line.quantity is 'Square feet, flats or vehicles; null where several items make up the amount.';
comment on column invoice_line.rate is 'Rupees for one of them.';
comment on column invoice_line.amount is 'Rupees, rounded for itself.';

create table invoice_counter (
    community_id    uuid not null references community,
    series          text not null,
    financial_year  smallint not null,
    last_number     integer not null check (last_number > 0),
    primary key (community_id, series, financial_year)
) with (fillfactor = 50);
comment on table invoice_counter is 'The last number given in a series and year. Its row is locked until the bill that took the number commits, so a roll-back leaves no gap.';
comment on column invoice_counter.community_id is 'The society.';
comment on column invoice_counter.series is 'First part of the number.';
comment on column invoice_counter.financial_year is 'Year in which the financial year begins; numbers restart with it.';
comment on column invoice_counter.last_number is 'Last number given.';

create function invoice_must_equal_its_lines() returns trigger
language plpgsql set search_path from current as $$
declare
    bill uuid := case tg_table_name when 'invoice' then to_jsonb(new) ->> 'id' else to_jsonb(new) ->> 'invoice_id' end;
    stated numeric;
    summed numeric;
begin
    select heads_total into stated from invoice where id = bill;
    select coalesce(sum(amount), 0) into summed from invoice_line where invoice_id = bill;
    if stated is distinct from summed then
        raise exception 'invoice %: its lines add up to %, not to %', bill, summed, stated
            using errcode = 'check_violation';
    end if;
    return null;
end $$;
comment on function invoice_must_equal_its_lines is 'At commit, a bill is the sum of its lines.';

create constraint trigger invoice_equals_its_lines
    after insert or update of heads_total on invoice
    deferrable initially deferred for each row execute function invoice_must_equal_its_lines();
create constraint trigger invoice_line_keeps_the_sum
    after insert or update on invoice_line
    deferrable initially deferred for each row execute function invoice_must_equal_its_lines();

create function issued_invoice_must_stand() returns trigger
language plpgsql set search_path from current as $$
declare
    may_change text[] := array['paid_amount', 'disputed_at', 'voided_at'];
begin
    if tg_op = 'UPDATE' and to_jsonb(new) - may_change = to_jsonb(old) - may_change then
        return new;
    end if;
    raise exception 'invoice % is issued: it can be paid, disputed or voided, not changed', old.number
        using errcode = 'restrict_violation';
end $$;
comment on function issued_invoice_must_stand is 'An issued bill is corrected by a credit note, never by a change.';

create trigger issued_invoice_stands
    before update or delete on invoice
    for each row when (old.posted_at is not null) execute function issued_invoice_must_stand();

create function issued_invoice_lines_must_stand() returns trigger
language plpgsql set search_path from current as $$
declare
    bill uuid := case tg_op when 'DELETE' then old.invoice_id else new.invoice_id end;
begin
    if exists (select from invoice where id = bill and posted_at is not null) then
        raise exception 'invoice % is issued: its lines stand', bill using errcode = 'restrict_violation';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end $$;
comment on function issued_invoice_lines_must_stand is 'Lines change only while their bill is a draft.';

create trigger issued_invoice_lines_stand
    before insert or update or delete on invoice_line
    for each row execute function issued_invoice_lines_must_stand();
