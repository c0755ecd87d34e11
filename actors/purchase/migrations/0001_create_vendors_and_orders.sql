-- Who delivers and what was ordered: vendors, purchase orders with their approvals and quotes, and the dated limits.
-- include: ../../common/reference/reference.sql
-- include: ../../common/letters/record_letters.sql
-- include: ../../common/books/keep_books.sql

insert into ledger_account (code, name, kind, proposed, of_parties) values
    ('11120', 'Bank', 'ASSET', false, false),
    ('11300', 'Inventory', 'ASSET', false, false),
    ('11410', 'SGST input', 'ASSET', false, false),
    ('11420', 'CGST input', 'ASSET', false, false),
    ('21010', 'Payables', 'LIABILITY', false, true),
    ('23050', 'TDS payable', 'LIABILITY', false, false),
    ('52010', 'Housekeeping', 'EXPENSE', true, false),
    ('52020', 'Consumables', 'EXPENSE', true, false),
    ('52030', 'Security', 'EXPENSE', true, false),
    ('52040', 'Repairs and maintenance', 'EXPENSE', true, false),
    ('52050', 'Professional fees', 'EXPENSE', true, false);

insert into tax_rate (code, scope, effective_from, value, unit, source) values
    ('PO_LIMIT_MANAGER', 'IN', '2019-04-01', 10000, 'RUPEES', 'our proposal, for the society to resolve'),
    ('PO_LIMIT_TREASURER', 'IN', '2019-04-01', 50000, 'RUPEES', 'our proposal, for the society to resolve'),
    ('PO_LIMIT_SECRETARY', 'IN', '2019-04-01', 200000, 'RUPEES', 'our proposal, for the society to resolve'),
    ('PO_QUOTES_ABOVE_LIMITS', 'IN', '2019-04-01', 3, 'TIMES', 'our proposal, for the society to resolve'),
    ('MATCH_QUANTITY_TOLERANCE', 'IN', '2019-04-01', 5, 'PERCENT', 'our proposal; allowances as in ERPNext'),
    ('MATCH_PRICE_TOLERANCE', 'IN', '2019-04-01', 2, 'PERCENT', 'our proposal; allowances as in ERPNext'),
    ('PAYMENT_DAYS', 'IN', '2019-04-01', 30, 'DAYS', 'our proposal, where a vendor that is no MSME agreed on no term'),
    ('MSME_DAYS_AGREED_AT_MOST', 'IN', '2006-10-02', 45, 'DAYS', 's. 15 MSMED Act 2006'),
    ('MSME_DAYS_UNAGREED', 'IN', '2006-10-02', 15, 'DAYS', 's. 2(b) and s. 15 MSMED Act 2006'),
    ('MSME_INTEREST_TIMES', 'IN', '2006-10-02', 3, 'TIMES', 's. 16 MSMED Act 2006'),
    ('BANK_RATE', 'IN', '2025-04-09', 6.25, 'PERCENT', 'Reserve Bank of India, April 2025 (from memory)'),
    ('BANK_RATE', 'IN', '2025-06-06', 5.75, 'PERCENT', 'Reserve Bank of India, June 2025 (from memory)'),
    ('BANK_RATE', 'IN', '2025-12-05', 5.50, 'PERCENT', 'Reserve Bank of India, December 2025 (from memory)'),
    ('BANK_RATE', 'IN', '2026-02-06', 5.50, 'PERCENT', 'Reserve Bank of India, February 2026 (indiatoday.in)'),
    ('TDS_CONTRACTOR_INDIVIDUAL', 'IN', '2025-04-01', 1, 'PERCENT', 's. 194C Income-tax Act 1961'),
    ('TDS_CONTRACTOR_INDIVIDUAL', 'IN', '2026-04-01', 1, 'PERCENT', 's. 393 Income-tax Act 2025, code 1023 (sites differ)'),
    ('TDS_CONTRACTOR_OTHER', 'IN', '2025-04-01', 2, 'PERCENT', 's. 194C Income-tax Act 1961'),
    ('TDS_CONTRACTOR_OTHER', 'IN', '2026-04-01', 2, 'PERCENT', 's. 393 Income-tax Act 2025, code 1024 (sites differ)'),
    ('TDS_CONTRACTOR_BILL_LIMIT', 'IN', '2025-04-01', 30000, 'RUPEES', 's. 194C(5) Income-tax Act 1961'),
    ('TDS_CONTRACTOR_BILL_LIMIT', 'IN', '2026-04-01', 30000, 'RUPEES', 's. 393 Income-tax Act 2025'),
    ('TDS_CONTRACTOR_YEAR_LIMIT', 'IN', '2025-04-01', 100000, 'RUPEES', 's. 194C(5) Income-tax Act 1961'),
    ('TDS_CONTRACTOR_YEAR_LIMIT', 'IN', '2026-04-01', 100000, 'RUPEES', 's. 393 Income-tax Act 2025'),
    ('TDS_PROFESSIONAL', 'IN', '2025-04-01', 10, 'PERCENT', 's. 194J Income-tax Act 1961'),
    ('TDS_PROFESSIONAL', 'IN', '2026-04-01', 10, 'PERCENT', 's. 393 Income-tax Act 2025'),
    ('TDS_PROFESSIONAL_YEAR_LIMIT', 'IN', '2025-04-01', 50000, 'RUPEES', 's. 194J as of Finance Act 2025'),
    ('TDS_PROFESSIONAL_YEAR_LIMIT', 'IN', '2026-04-01', 50000, 'RUPEES', 's. 393 Income-tax Act 2025'),
    ('TDS_TECHNICAL', 'IN', '2025-04-01', 2, 'PERCENT', 's. 194J Income-tax Act 1961'),
    ('TDS_TECHNICAL', 'IN', '2026-04-01', 2, 'PERCENT', 's. 393 Income-tax Act 2025'),
    ('TDS_TECHNICAL_YEAR_LIMIT', 'IN', '2025-04-01', 50000, 'RUPEES', 's. 194J as of Finance Act 2025'),
    ('TDS_TECHNICAL_YEAR_LIMIT', 'IN', '2026-04-01', 50000, 'RUPEES', 's. 393 Income-tax Act 2025'),
    ('TDS_WITHOUT_PAN', 'IN', '2025-04-01', 20, 'PERCENT', 's. 206AA Income-tax Act 1961'),
    ('TDS_WITHOUT_PAN', 'IN', '2026-04-01', 20, 'PERCENT', 's. 397(2) Income-tax Act 2025');

create table input_credit_share (
    community_id    uuid not null references community,
    effective_from  date not null,
    percent         numeric(5, 2) not null check (percent between 0 and 100),
    source          text not null check (source <> ''),
    primary key (community_id, effective_from)
);
comment on table input_credit_share is 'How much of the GST on its purchases a society may credit: the share of its taxable supplies; a later row ends an earlier one.';
comment on column input_credit_share.community_id is 'The society.';
comment on column input_credit_share.effective_from is 'First day in force.';
comment on column input_credit_share.percent is 'Percent; the rest of the tax is cost.';
comment on column input_credit_share.source is 'Who reckoned it and from what.';

create table vendor (
    id                  uuid primary key,
    community_id        uuid not null references community,
    name                text not null check (name <> ''),
    pan                 text check (pan <> ''),
    pan_kind            text generated always as (substr(pan, 4, 1)) stored,
    gstin               text,
    msme_class          text not null default 'NONE' check (msme_class in ('MICRO', 'SMALL', 'MEDIUM', 'NONE')),
    msme_registration   text,
    credit_days         smallint check (credit_days between 0 and 365),
    bank_account        text check (bank_account ~ '^[0-9]{6,18}$'),
    ifsc                text check (ifsc ~ '^[A-Z]{4}0[A-Z0-9]{6}$'),
    email               text check (email ~ '^[^@\s]+@[^@\s]+$'),
    unique (community_id, name),
    unique (id, community_id),
    check ((bank_account is null) = (ifsc is null)),
    check (msme_class = 'NONE' or msme_registration is not null)
);
comment on table vendor is 'Who delivers to a society and is paid for it.';
comment on column vendor.id is 'Its id in Dhanman.';
comment on column vendor.community_id is 'The society.';
comment on column vendor.name is 'As on its bills.';
comment on column vendor.pan is 'Permanent account number as told by the vendor; null: tax is deducted at the rate without PAN.';
comment on column vendor.pan_kind is 'Its fourth character: P an individual, H a Hindu undivided family, C a company, F a firm, …';
comment on column vendor.gstin is 'GST registration; null while not registered.';
comment on column vendor.msme_class is 'Class of enterprise; MICRO and SMALL have the law''s terms of payment.';
comment on column vendor.msme_registration is 'Udyam number.';
comment on column vendor.credit_days is 'Days from acceptance agreed in writing; null: none agreed.';
comment on column vendor.bank_account is 'Where it is paid; null: not told yet.';
comment on column vendor.ifsc is 'Code of its bank''s branch.';
comment on column vendor.email is 'Where it is written to.';

create table purchase_order (
    id              uuid primary key,
    community_id    uuid not null,
    vendor_id       uuid not null,
    number          text not null check (number <> ''),
    subject         text not null check (subject <> ''),
    requested_by    text not null check (requested_by ~ '^[^@\s]+@[^@\s]+$'),
    amount          numeric(14, 2) not null check (amount > 0),
    tds_nature      text not null check (tds_nature in ('NONE', 'CONTRACTOR', 'PROFESSIONAL', 'TECHNICAL')),
    status          text not null default 'WAITING' check (status in ('WAITING', 'APPROVED', 'REJECTED', 'CLOSED')),
    version         smallint not null default 1 check (version > 0),
    waiting_since   timestamptz not null,
    unique (community_id, number),
    unique (id, vendor_id),
    unique (id, requested_by),
    foreign key (vendor_id, community_id) references vendor (id, community_id)
);
create index purchase_order_waiting on purchase_order (community_id, waiting_since) where status = 'WAITING';
comment on table purchase_order is 'What a society orders: WAITING for its approvals, then APPROVED or REJECTED; CLOSED when nothing more is to come.';
comment on column purchase_order.id is 'Its id in Dhanman.';
comment on column purchase_order.community_id is 'The society.';
comment on column purchase_order.vendor_id is 'From whom.';
comment on column purchase_order.number is 'As people quote it.';
comment on column purchase_order.subject is 'What it is for, in a few words.';
comment on column purchase_order.requested_by is 'Address of who asked for it, and so may not approve it.';
comment on column purchase_order.amount is 'Rupees without GST: the sum of its lines.';
comment on column purchase_order.tds_nature is 'As what its payments are taxed at source; NONE for goods.';
comment on column purchase_order.status is 'WAITING, APPROVED, REJECTED or CLOSED.';
comment on column purchase_order.version is 'Counts the amounts it has had; approvals are of one version.';
comment on column purchase_order.waiting_since is 'Since when this version waits, or waited, for approval.';

create function changed_order_must_be_approved_again() returns trigger
language plpgsql set search_path from current as $$
begin
    new.version := old.version + 1;
    new.status := 'WAITING';
    new.waiting_since := clock();
    return new;
end $$;
comment on function changed_order_must_be_approved_again is 'Another amount is another version, which nobody has approved.';

create trigger changed_order_is_approved_again before update on purchase_order
    for each row when (new.amount <> old.amount) execute function changed_order_must_be_approved_again();

create table purchase_order_line (
    purchase_order_id   uuid not null references purchase_order,
    position            smallint not null check (position > 0),
    item                text not null check (item <> ''),
    account_code        text not null references ledger_account,
    quantity            numeric(14, 3) not null check (quantity > 0),
    unit_price          numeric(14, 4) not null check (unit_price >= 0),
    primary key (purchase_order_id, position)
);
comment on table purchase_order_line is 'One item of an order.';
comment on column purchase_order_line.purchase_order_id is 'The order.';
comment on column purchase_order_line.position is 'Order on the paper, from 1.';
comment on column purchase_order_line.item is 'What is ordered.';
comment on column purchase_order_line.account_code is 'The account that its cost goes to.';
comment on column purchase_order_line.quantity is 'How many.';
comment on column purchase_order_line.unit_price is 'Rupees for one, without GST.';

create function order_must_equal_its_lines() returns trigger
language plpgsql set search_path from current as $$
declare
    ordered uuid := case tg_table_name
        when 'purchase_order' then to_jsonb(new) ->> 'id' else to_jsonb(new) ->> 'purchase_order_id' end;
    stated numeric;
    summed numeric;
begin
    select amount into stated from purchase_order where id = ordered;
    select coalesce(sum(round(quantity * unit_price, 2)), 0) into summed
        from purchase_order_line where purchase_order_id = ordered;
    if stated <> summed then
        raise exception 'order %: its lines add up to %, not to %', ordered, summed, stated
            using errcode = 'check_violation';
    end if;
    return null;
end $$;
comment on function order_must_equal_its_lines is 'At commit, an order is the sum of its lines.';

create constraint trigger order_equals_its_lines after insert or update of amount on purchase_order
    deferrable initially deferred for each row execute function order_must_equal_its_lines();
create constraint trigger order_line_keeps_the_sum after insert or update on purchase_order_line
    deferrable initially deferred for each row execute function order_must_equal_its_lines();

create table quote (
    purchase_order_id   uuid not null references purchase_order,
    vendor_name         text not null check (vendor_name <> ''),
    amount              numeric(14, 2) not null check (amount > 0),
    quoted_on           date not null,
    primary key (purchase_order_id, vendor_name)
);
comment on table quote is 'What a vendor would take for an order; large orders need several.';
comment on column quote.purchase_order_id is 'The order.';
comment on column quote.vendor_name is 'Who offered; it need not be a vendor of the society.';
comment on column quote.amount is 'Rupees without GST.';
comment on column quote.quoted_on is 'Its date.';

create table approval (
    purchase_order_id   uuid not null,
    version             smallint not null,
    role                text not null check (role in ('MANAGER', 'TREASURER', 'SECRETARY', 'COMMITTEE')),
    approver            text not null,
    requested_by        text not null,
    approved            boolean not null,
    reason              text,
    decided_at          timestamptz not null,
    primary key (purchase_order_id, version, role),
    unique (purchase_order_id, version, approver),
    foreign key (purchase_order_id, requested_by) references purchase_order (id, requested_by),
    check (approver <> requested_by),
    check (approved or reason is not null)
);
comment on table approval is 'A step of an order''s approval: one for each role that it needs, each by another person, none by who asked for it.';
comment on column approval.purchase_order_id is 'The order.';
comment on column approval.version is 'Which amount was decided on.';
comment on column approval.role is 'The step.';
comment on column approval.approver is 'Address of who decided.';
comment on column approval.requested_by is 'Of the order, so that the table can refuse self-approval.';
comment on column approval.approved is 'Whether it may be ordered.';
comment on column approval.reason is 'Why not.';
comment on column approval.decided_at is 'When.';

create table approval_notice (
    purchase_order_id   uuid not null references purchase_order,
    version             smallint not null,
    approver            text not null,
    told_at             timestamptz not null,
    primary key (purchase_order_id, version, approver)
);
comment on table approval_notice is 'Who was told that an order waits for them; once for each version.';
comment on column approval_notice.purchase_order_id is 'The order.';
comment on column approval_notice.version is 'Which amount.';
comment on column approval_notice.approver is 'Address of who was told.';
comment on column approval_notice.told_at is 'For which moment.';
