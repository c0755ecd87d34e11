-- Who is billed and for what: societies, flats, owners, vehicles, tariffs and the dated rates of the law.

create function clock() returns timestamptz
    language sql stable
    as $$ select coalesce(nullif(current_setting('dhanman.clock', true), '')::timestamptz, statement_timestamp()) $$;
comment on function clock() is 'The one clock. Tests hold it still with: set dhanman.clock = ''2026-04-14 08:00+05:30''.';

create table community (
    id                      uuid primary key,
    name                    text not null check (name <> ''),
    legal_name              text not null check (legal_name <> ''),
    registration_number     text not null,
    address                 text not null,
    city                    text not null,
    state_name              text not null,
    state_code              text not null check (state_code ~ '^[0-9]{2}$'),
    law_scope               text not null check (law_scope ~ '^[A-Z]{2}$'),
    pin_code                text not null check (pin_code ~ '^[1-9][0-9]{5}$'),
    gstin                   text check (gstin ~ '^[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]Z[0-9A-Z]$'),
    email                   text not null,
    bank_details            text not null,
    tax_invoice_series      text not null check (tax_invoice_series ~ '^[A-Za-z0-9-]{1,4}$'),
    bill_of_supply_series   text not null check (bill_of_supply_series ~ '^[A-Za-z0-9-]{1,4}$'),
    due_day                 smallint not null check (due_day between 1 and 28),
    gst_mode                text not null default 'WHOLE' check (gst_mode in ('WHOLE', 'EXCESS')),
    noc_percent             numeric(5, 2) not null default 0 check (noc_percent between 0 and 100),
    check (tax_invoice_series <> bill_of_supply_series)
);
comment on table community is 'A housing society, the supplier on its bills.';
comment on column community.id is 'Its id in Dhanman.';
comment on column community.name is 'As residents call it.';
comment on column community.legal_name is 'As registered; stands on invoices.';
comment on column community.registration_number is 'Of the registrar of co-operative societies.';
comment on column community.address is 'Street and locality.';
comment on column community.city is 'City or town.';
comment on column community.state_name is 'State; also the place of supply.';
comment on column community.state_code is 'Two-digit GST code of the State.';
comment on column community.law_scope is 'Two-letter code under which the State''s own rates are kept in tax_rate.';
comment on column community.pin_code is 'Six-digit postal code.';
comment on column community.gstin is 'GST registration; null while not registered.';
comment on column community.email is 'Where residents write to.';
comment on column community.bank_details is 'Where residents pay to, printed on the bill.';
comment on column community.tax_invoice_series is 'First part of a tax invoice''s number.';
comment on column community.bill_of_supply_series is 'First part of a bill of supply''s number.';
comment on column community.due_day is 'Day of the month on which bills fall due.';
comment on column community.gst_mode is 'Above the monthly limit, tax the WHOLE contribution or only the EXCESS.';
comment on column community.noc_percent is 'Non-occupancy charge in percent of service charges; the law caps it.';

create table community_turnover (
    community_id    uuid not null references community,
    financial_year  smallint not null check (financial_year between 2000 and 2099),
    amount          numeric(16, 2) not null check (amount >= 0),
    primary key (community_id, financial_year)
);
comment on table community_turnover is 'Yearly turnover, which decides whether a society charges GST.';
comment on column community_turnover.community_id is 'The society.';
comment on column community_turnover.financial_year is 'Year in which the financial year begins: 2026 is 2026-27.';
comment on column community_turnover.amount is 'Rupees.';

create table tower (
    id              uuid primary key,
    community_id    uuid not null references community,
    name            text not null check (name <> ''),
    unique (community_id, name),
    unique (id, community_id)
);
comment on table tower is 'A building of a society.';
comment on column tower.id is 'Its id in Dhanman.';
comment on column tower.community_id is 'The society.';
comment on column tower.name is 'As on the building.';

create table unit (
    id              uuid primary key,
    community_id    uuid not null references community,
    tower_id        uuid not null,
    label           text not null check (label <> ''),
    floor           smallint not null,
    area_sqft       numeric(8, 2) not null check (area_sqft > 0),
    is_let          boolean not null default false,
    charged_from    date,
    unique (community_id, label),
    foreign key (tower_id, community_id) references tower (id, community_id)
);
comment on table unit is 'A flat: what is billed.';
comment on column unit.id is 'Its id in Dhanman.';
comment on column unit.community_id is 'The society.';
comment on column unit.tower_id is 'The building, of the same society.';
comment on column unit.label is 'As people name it: A-1203.';
comment on column unit.floor is 'Storey; the ground floor is 0.';
comment on column unit.area_sqft is 'Chargeable area in square feet.';
comment on column unit.is_let is 'Let to a tenant: the non-occupancy charge is due.';
comment on column unit.charged_from is 'First day charged, for a flat handed over within a month; null: always.';

create table resident (
    id              uuid primary key,
    community_id    uuid not null references community,
    name            text not null check (name <> ''),
    email           text check (email ~ '^[^@\s]+@[^@\s]+$'),
    phone           text,
    language        text not null default 'en' check (language in ('en', 'hi', 'mr'))
);
comment on table resident is 'A member of a society.';
comment on column resident.id is 'Its id in Dhanman.';
comment on column resident.community_id is 'The society.';
comment on column resident.name is 'In the script the member writes it in.';
comment on column resident.email is 'Where bills go; null: no mail is sent.';
comment on column resident.phone is 'For the office.';
comment on column resident.language is 'Preferred language of letters.';

create table ownership (
    unit_id         uuid not null references unit,
    resident_id     uuid not null references resident,
    owned_from      date not null,
    owned_to        date check (owned_to >= owned_from),
    primary key (unit_id, owned_from)
);
create unique index ownership_current on ownership (unit_id) where owned_to is null;
comment on table ownership is 'Who owns a flat, and so receives its bill.';
comment on column ownership.unit_id is 'The flat.';
comment on column ownership.resident_id is 'The member (the first named of joint owners).';
comment on column ownership.owned_from is 'First day.';
comment on column ownership.owned_to is 'Last day; null for the present owner.';

create table vehicle (
    unit_id         uuid not null references unit,
    registration    text not null,
    kind            text not null check (kind in ('CAR', 'TWO_WHEELER')),
    parked_from     date not null,
    parked_to       date check (parked_to >= parked_from),
    primary key (unit_id, registration)
);
comment on table vehicle is 'A vehicle with a parking place, charged by its kind.';
comment on column vehicle.unit_id is 'The flat it belongs to.';
comment on column vehicle.registration is 'Number plate.';
comment on column vehicle.kind is 'CAR or TWO_WHEELER; each has a tariff.';
comment on column vehicle.parked_from is 'First day of parking.';
comment on column vehicle.parked_to is 'Last day; null while it parks.';

create table tariff (
    community_id    uuid not null references community,
    head            text not null check (head in ('SQFT', 'SERVICE', 'PARKING', 'SINKING', 'REPAIR', 'PROPERTY_TAX')),
    basis           text not null check (basis in ('AREA', 'UNIT', 'CAR', 'TWO_WHEELER')),
    effective_from  date not null,
    effective_to    date check (effective_to >= effective_from),
    rate            numeric(12, 4) not null check (rate >= 0),
    primary key (community_id, head, basis, effective_from)
);
comment on table tariff is 'What a society charges a month, as resolved by its general body; a later row ends an earlier one.';
comment on column tariff.community_id is 'The society.';
comment on column tariff.head is 'Line of the bill.';
comment on column tariff.basis is 'What the rate is multiplied by: square feet, flat, car, two-wheeler.';
comment on column tariff.effective_from is 'First day in force.';
comment on column tariff.effective_to is 'Last day in force; null while it holds.';
comment on column tariff.rate is 'Rupees a month.';

create table unit_charge (
    unit_id         uuid not null references unit,
    head            text not null check (head in ('SQFT', 'SERVICE', 'PARKING', 'SINKING', 'REPAIR', 'PROPERTY_TAX')),
    effective_from  date not null,
    effective_to    date check (effective_to >= effective_from),
    amount          numeric(12, 2) not null check (amount >= 0),
    primary key (unit_id, head, effective_from)
);
comment on table unit_charge is 'Charges of one flat alone, such as its share of property tax; a later row ends an earlier one.';
comment on column unit_charge.unit_id is 'The flat.';
comment on column unit_charge.head is 'Line of the bill.';
comment on column unit_charge.effective_from is 'First day in force.';
comment on column unit_charge.effective_to is 'Last day in force; null while it holds.';
comment on column unit_charge.amount is 'Rupees a month.';

create table opening_arrears (
    unit_id         uuid primary key references unit,
    as_of           date not null,
    amount          numeric(12, 2) not null check (amount >= 0),
    paid_amount     numeric(12, 2) not null default 0 check (paid_amount between 0 and amount)
);
comment on table opening_arrears is 'What a flat owed when its society began with Dhanman; later arrears are unpaid invoices.';
comment on column opening_arrears.unit_id is 'The flat.';
comment on column opening_arrears.as_of is 'Day of the balance.';
comment on column opening_arrears.amount is 'Rupees owed that day.';
comment on column opening_arrears.paid_amount is 'Rupees paid of it since.';

create table tax_rate (
    code            text not null check (code ~ '^[A-Z_]+$'),
    scope           text not null check (scope ~ '^[A-Z]{2}$'),
    effective_from  date not null,
    effective_to    date check (effective_to >= effective_from),
    value           numeric(16, 4) not null check (value >= 0),
    unit            text not null check (unit in ('PERCENT', 'RUPEES')),
    source          text not null check (source <> ''),
    verified        boolean not null default false,
    primary key (code, scope, effective_from)
);
comment on table tax_rate is 'Rates and limits of the law by date; the latest row that has begun counts, unless it has ended.';
comment on column tax_rate.code is 'Which rate.';
comment on column tax_rate.scope is 'IN for all of India, else the State whose law it is; the State''s row goes first.';
comment on column tax_rate.effective_from is 'First day in force.';
comment on column tax_rate.effective_to is 'Last day in force; null while it holds.';
comment on column tax_rate.value is 'Percent or rupees.';
comment on column tax_rate.unit is 'PERCENT or RUPEES.';
comment on column tax_rate.source is 'Law, notification, circular or order.';
comment on column tax_rate.verified is 'Whether the society''s accountant has confirmed it.';

insert into tax_rate (code, scope, effective_from, value, unit, source) values
    ('CGST_MAINTENANCE', 'IN', '2017-07-01', 9, 'PERCENT', 'Notification 11/2017-Central Tax (Rate), SAC 999598'),
    ('SGST_MAINTENANCE', 'IN', '2017-07-01', 9, 'PERCENT', 'Notification 11/2017-State Tax (Rate), SAC 999598'),
    ('GST_MEMBER_MONTHLY_LIMIT', 'IN', '2018-01-25', 7500, 'RUPEES',
     'Notification 12/2017-CT(R) Sl. 77(c) as amended by 2/2018; Circular 109/28/2019'),
    ('GST_TURNOVER_LIMIT', 'IN', '2017-07-01', 2000000, 'RUPEES', 'Circular 109/28/2019; s. 22 CGST Act'),
    ('NOC_CAP', 'MH', '2001-08-01', 10, 'PERCENT', 'Order of 1-8-2001 under s. 79A Maharashtra Co-operative Societies Act');
