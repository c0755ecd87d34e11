-- What came and what is charged for it: goods receipt notes, vendors' bills, and what matching them found.

create table goods_receipt (
    id                  uuid primary key,
    purchase_order_id   uuid not null references purchase_order,
    number              text not null check (number <> ''),
    accepted_on         date not null,
    unique (purchase_order_id, number),
    unique (id, purchase_order_id)
);
comment on table goods_receipt is 'A goods receipt note (GRN): what was accepted of an order on a day; for services, what was done.';
comment on column goods_receipt.id is 'Its id in Dhanman.';
comment on column goods_receipt.purchase_order_id is 'The order.';
comment on column goods_receipt.number is 'As on the note.';
comment on column goods_receipt.accepted_on is 'Day of acceptance, from which terms of payment run.';

create table goods_receipt_line (
    goods_receipt_id    uuid not null,
    purchase_order_id   uuid not null,
    order_position      smallint not null,
    quantity            numeric(14, 3) not null check (quantity > 0),
    primary key (goods_receipt_id, order_position),
    foreign key (goods_receipt_id, purchase_order_id) references goods_receipt (id, purchase_order_id),
    foreign key (purchase_order_id, order_position) references purchase_order_line
);
create index goods_receipt_line_of_order on goods_receipt_line (purchase_order_id, order_position);
comment on table goods_receipt_line is 'One item accepted.';
comment on column goods_receipt_line.goods_receipt_id is 'The note.';
comment on column goods_receipt_line.purchase_order_id is 'The order of the note.';
comment on column goods_receipt_line.order_position is 'The item, by its line of the order.';
comment on column goods_receipt_line.quantity is 'How many were accepted.';

create table vendor_bill (
    id                  uuid primary key,
    entry_number        bigint generated always as identity,
    community_id        uuid not null,
    vendor_id           uuid not null,
    purchase_order_id   uuid not null,
    number              text not null check (number ~ '\S'),
    number_key          text not null generated always as (upper(regexp_replace(number, '\s', '', 'g'))) stored,
    bill_date           date not null,
    financial_year      smallint not null generated always as
        ((extract(year from bill_date) - case when extract(month from bill_date) < 4 then 1 else 0 end)::smallint) stored,
    received_on         date not null,
    total               numeric(14, 2) not null check (total > 0),
    status              text not null default 'UNMATCHED' check (status in (
        'UNMATCHED', 'MATCHED', 'MATCHED_TOL', 'PARTIAL', 'HOLD_QTY', 'HOLD_OVER_RECEIPT', 'HOLD_PRICE', 'HOLD_NO_GRN',
        'DUPLICATE', 'VOID')),
    unique (id, purchase_order_id),
    foreign key (vendor_id, community_id) references vendor (id, community_id),
    foreign key (purchase_order_id, vendor_id) references purchase_order (id, vendor_id)
);
create unique index vendor_bill_once on vendor_bill (vendor_id, financial_year, number_key)
    where status not in ('UNMATCHED', 'DUPLICATE', 'VOID');
create index vendor_bill_open on vendor_bill (community_id, received_on, entry_number)
    where status in ('UNMATCHED', 'HOLD_QTY', 'HOLD_OVER_RECEIPT', 'HOLD_PRICE', 'HOLD_NO_GRN');
create index vendor_bill_of_order on vendor_bill (purchase_order_id);
comment on table vendor_bill is 'A vendor''s bill for an order. UNMATCHED until it is compared with order and receipts; HOLD_… while a part of it may not be paid.';
comment on column vendor_bill.id is 'Its id in Dhanman.';
comment on column vendor_bill.entry_number is 'Order of entry: who comes first is matched first.';
comment on column vendor_bill.community_id is 'The society.';
comment on column vendor_bill.vendor_id is 'Who charges.';
comment on column vendor_bill.purchase_order_id is 'For which order, of the same vendor.';
comment on column vendor_bill.number is 'As the vendor numbered it.';
comment on column vendor_bill.number_key is 'The same without spaces and in capitals: once for each vendor and financial year, doubles and void bills apart.';
comment on column vendor_bill.bill_date is 'Its date.';
comment on column vendor_bill.financial_year is 'Year in which the financial year of its date begins.';
comment on column vendor_bill.received_on is 'When it came in; it is matched from that day on.';
comment on column vendor_bill.total is 'Rupees, with GST.';
comment on column vendor_bill.status is 'What the last matching found.';

create table vendor_bill_line (
    bill_id             uuid not null,
    position            smallint not null check (position > 0),
    purchase_order_id   uuid not null,
    order_position      smallint not null,
    quantity            numeric(14, 3) not null check (quantity > 0),
    unit_price          numeric(14, 4) not null check (unit_price >= 0),
    cgst                numeric(14, 2) not null default 0 check (cgst >= 0),
    sgst                numeric(14, 2) not null default 0 check (sgst >= 0),
    payable_quantity    numeric(14, 3) not null default 0 check (payable_quantity between 0 and quantity),
    primary key (bill_id, position),
    foreign key (bill_id, purchase_order_id) references vendor_bill (id, purchase_order_id),
    foreign key (purchase_order_id, order_position) references purchase_order_line
);
create index vendor_bill_line_of_order on vendor_bill_line (purchase_order_id, order_position);
comment on table vendor_bill_line is 'One item charged.';
comment on column vendor_bill_line.bill_id is 'The bill.';
comment on column vendor_bill_line.position is 'Order on the bill, from 1.';
comment on column vendor_bill_line.purchase_order_id is 'The order of the bill.';
comment on column vendor_bill_line.order_position is 'The item, by its line of the order.';
comment on column vendor_bill_line.quantity is 'How many are charged.';
comment on column vendor_bill_line.unit_price is 'Rupees for one, without GST.';
comment on column vendor_bill_line.cgst is 'Central tax shown.';
comment on column vendor_bill_line.sgst is 'State tax shown.';
comment on column vendor_bill_line.payable_quantity is 'How many of them matching has let pass; they are billed to date.';

create table match_override (
    bill_id         uuid primary key references vendor_bill,
    role            text not null check (role in ('TREASURER', 'SECRETARY', 'CHAIRPERSON')),
    officer         text not null,
    reason          text not null check (reason <> ''),
    decided_at      timestamptz not null default clock()
);
comment on table match_override is 'An officer lets a bill on hold pass as it stands; the next matching makes it payable.';
comment on column match_override.bill_id is 'The bill.';
comment on column match_override.role is 'In which office.';
comment on column match_override.officer is 'Address of who decided.';
comment on column match_override.reason is 'Why.';
comment on column match_override.decided_at is 'When.';

create table match_result (
    bill_id         uuid not null references vendor_bill,
    number          smallint not null check (number > 0),
    matched_on      date not null,
    outcome         text not null,
    payable         numeric(14, 2) not null check (payable >= 0),
    held            numeric(14, 2) not null check (held >= 0),
    override_role   text,
    primary key (bill_id, number)
);
create index match_result_of_day on match_result (matched_on);
comment on table match_result is 'What a matching found of a bill; a new row only where it found something new.';
comment on column match_result.bill_id is 'The bill.';
comment on column match_result.number is 'Counts its matchings, from 1.';
comment on column match_result.matched_on is 'The day.';
comment on column match_result.outcome is 'As vendor_bill.status.';
comment on column match_result.payable is 'Rupees without GST that may be paid, this and earlier matchings together.';
comment on column match_result.held is 'Rupees without GST that may not.';
comment on column match_result.override_role is 'The office that let it pass in spite of the outcome.';

create table match_line (
    bill_id         uuid not null,
    match_number    smallint not null,
    position        smallint not null,
    outcome         text not null,
    payable         numeric(14, 2) not null check (payable >= 0),
    held            numeric(14, 2) not null check (held >= 0),
    open_quantity   numeric(14, 3) not null check (open_quantity >= 0),
    primary key (bill_id, match_number, position),
    foreign key (bill_id, match_number) references match_result,
    foreign key (bill_id, position) references vendor_bill_line
);
comment on table match_line is 'What a matching found of one line of a bill.';
comment on column match_line.bill_id is 'The bill.';
comment on column match_line.match_number is 'Which matching.';
comment on column match_line.position is 'The line.';
comment on column match_line.outcome is 'As vendor_bill.status.';
comment on column match_line.payable is 'Rupees without GST that may be paid.';
comment on column match_line.held is 'Rupees without GST that may not.';
comment on column match_line.open_quantity is 'How many of the order are still to be billed.';
