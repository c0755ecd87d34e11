-- include: ../../common/reference/reference.sql
-- include: ../../common/letters/record_letters.sql
-- include: ../../common/books/keep_books.sql

-- The store: items, where they lie, their lots, and every movement. A movement and its lines are entered once and stand;
-- the running figures of lots and items follow from them, by triggers, and can never fall below zero. At commit, each
-- movement equals its lines, and the books say of it what it says.

insert into ledger_account (code, name, kind, proposed, of_parties) values
    ('11300', 'Inventory', 'ASSET', false, true),
    ('21030', 'Goods received, not invoiced', 'LIABILITY', true, false),
    ('39010', 'Opening balances', 'FUND', true, false),
    ('52020', 'Consumables', 'EXPENSE', true, false),
    ('52030', 'Write-down of stock', 'EXPENSE', true, false),
    ('52040', 'Expired stock written off', 'EXPENSE', true, false),
    ('52050', 'Stock differences', 'EXPENSE', true, false);

create table location (
    id              uuid primary key,
    community_id    uuid not null references community,
    name            text not null check (name <> ''),
    unique (community_id, name)
);
comment on table location is 'Where stock lies.';
comment on column location.id is 'Its id.';
comment on column location.community_id is 'The society.';
comment on column location.name is 'Main store, pump room, …';

create table item (
    id              uuid primary key,
    community_id    uuid not null references community,
    code            text not null check (code ~ '^[A-Z0-9-]{1,20}$'),
    name            text not null check (name <> ''),
    category        text not null check (category <> ''),
    unit            text not null check (unit in ('NOS', 'KG', 'LTR', 'MTR', 'PKT', 'ROLL', 'SET', 'PAIR')),
    valuation       text not null check (valuation in ('FIFO', 'WEIGHTED_AVERAGE')),
    nrv             numeric(14, 2) check (nrv >= 0),
    reordered       boolean not null default true,
    lead_days       smallint check (lead_days >= 0),
    max_lead_days   smallint check (max_lead_days >= lead_days),
    peak_daily_use  numeric(14, 3) check (peak_daily_use >= 0),
    safety_stock    numeric(14, 3) check (safety_stock >= 0),
    cover_days      smallint not null default 30 check (cover_days > 0),
    pack            numeric(14, 3) not null default 1 check (pack > 0),
    quantity        numeric(14, 3) not null default 0 check (quantity >= 0),
    fifo_value      numeric(14, 2) not null default 0 check (fifo_value >= 0),
    average_value   numeric(14, 2) not null default 0 check (average_value >= 0),
    value           numeric(14, 2) generated always as
        (case valuation when 'FIFO' then fifo_value else average_value end) stored,
    unique (community_id, code),
    unique (id, valuation),
    check (quantity > 0 or (fifo_value = 0 and average_value = 0))
);
comment on table item is 'What is kept in the store, with its running figures.';
comment on column item.id is 'Its id; the party of the inventory account.';
comment on column item.community_id is 'Whose it is.';
comment on column item.code is 'As on the bin card.';
comment on column item.name is 'As people call it.';
comment on column item.category is 'Housekeeping, electrical, …';
comment on column item.unit is 'In which it is counted.';
comment on column item.valuation is 'How cost follows goods (AS-2 para 16); fixed once there is a movement.';
comment on column item.nrv is 'Net realisable value of one unit, rupees; null for what is kept for use (AS-2 para 24).';
comment on column item.reordered is 'False where nothing is bought any more: no alerts.';
comment on column item.lead_days is 'Days from order to delivery, usually.';
comment on column item.max_lead_days is '… at worst.';
comment on column item.peak_daily_use is 'The most that goes out in a day.';
comment on column item.safety_stock is 'Kept at all times; null to reckon it from peak use and lead times.';
comment on column item.cover_days is 'An order is to last so many days.';
comment on column item.pack is 'The vendor sells multiples of this.';
comment on column item.quantity is 'Running: the sum of its movements.';
comment on column item.fifo_value is 'Running: what the quantity is worth by FIFO, rupees.';
comment on column item.average_value is 'Running: … by weighted average.';
comment on column item.value is '… by its own method: its balance on 11300.';

create table lot (
    id                  uuid primary key,
    item_id             uuid not null references item,
    location_id         uuid not null references location,
    number              text not null check (number <> ''),
    received_on         date not null,
    expires_on          date,
    quarantined_on      date,
    quarantine_reason   text,
    on_hand             numeric(14, 3) not null default 0 check (on_hand >= 0),
    cost_quantity       numeric(14, 3) not null default 0 check (cost_quantity >= 0),
    cost_value          numeric(14, 2) not null default 0 check (cost_value >= 0),
    check ((quarantined_on is null) = (quarantine_reason is null)),
    check (cost_quantity > 0 or cost_value = 0)
);
create index lot_in_store on lot (item_id) where on_hand > 0 or cost_quantity > 0;
create index lot_that_expires on lot (expires_on) where on_hand > 0 and expires_on is not null;
comment on table lot is 'One delivery of an item: what is left on the shelf, and of its cost by FIFO.';
comment on column lot.id is 'Its id.';
comment on column lot.item_id is 'The item.';
comment on column lot.location_id is 'Where it lies.';
comment on column lot.number is 'The maker''s batch number, or that of the delivery.';
comment on column lot.received_on is 'Day of delivery.';
comment on column lot.expires_on is 'Last day of use; null for what keeps.';
comment on column lot.quarantined_on is 'Set apart since: nothing is issued of it.';
comment on column lot.quarantine_reason is 'Why.';
comment on column lot.on_hand is 'Running: what lies there.';
comment on column lot.cost_quantity is 'Running: how much of its cost is not yet charged, by FIFO. Goods and cost flow apart.';
comment on column lot.cost_value is 'Running: that cost, rupees.';

create table movement (
    id              uuid primary key,
    community_id    uuid not null references community,
    item_id         uuid not null,
    valuation       text not null,
    kind            text not null
        check (kind in ('OPENING', 'RECEIPT', 'ISSUE', 'RETURN', 'ADJUSTMENT', 'WRITE_OFF', 'WRITE_DOWN',
            'REVERSAL')),
    reference       text not null check (reference <> ''),
    of_movement_id  uuid references movement,
    day             date not null,
    quantity        numeric(14, 3) not null,
    fifo_value      numeric(14, 2) not null,
    average_value   numeric(14, 2) not null,
    value           numeric(14, 2) generated always as
        (case valuation when 'FIFO' then fifo_value else average_value end) stored,
    narration       text not null check (narration <> ''),
    entered_at      timestamptz not null default now(),
    foreign key (item_id, valuation) references item (id, valuation),
    unique (item_id, kind, reference),
    check ((kind in ('RETURN', 'REVERSAL')) = (of_movement_id is not null)),
    check (case
        when kind in ('OPENING', 'RECEIPT') then quantity > 0 and fifo_value >= 0 and average_value = fifo_value
        when kind in ('ISSUE', 'WRITE_OFF') then quantity < 0 and fifo_value <= 0 and average_value <= 0
        when kind = 'RETURN' then quantity > 0 and fifo_value >= 0 and average_value >= 0
        when kind = 'REVERSAL' then true  -- the other way round than any of the rest
        when kind = 'WRITE_DOWN' then quantity = 0 and fifo_value <= 0 and average_value <= 0
        else quantity <> 0 and fifo_value * quantity >= 0 and average_value * quantity >= 0
    end)
);
create index movement_of_item on movement (item_id, day);
create index movement_of_day on movement (community_id, day);
create index movement_returns on movement (of_movement_id) where of_movement_id is not null;
comment on table movement is 'Every change of stock; one for each source event, never changed. What was wrong is taken back by another.';
comment on column movement.id is 'Its id, and the event in the books; follows from item, kind and reference.';
comment on column movement.community_id is 'The society.';
comment on column movement.item_id is 'The item.';
comment on column movement.valuation is 'The item''s method.';
comment on column movement.kind is 'OPENING, RECEIPT, ISSUE, RETURN (of an issue), ADJUSTMENT (count), WRITE_OFF (expired), WRITE_DOWN (to net realisable value), REVERSAL (takes another back).';
comment on column movement.reference is 'The source event: number of a delivery, of a requisition, …';
comment on column movement.of_movement_id is 'The issue of which a part comes back, or the movement that is taken back.';
comment on column movement.day is 'Date in the books.';
comment on column movement.quantity is 'Into the store, or out of it where negative.';
comment on column movement.fifo_value is 'Its value by FIFO, rupees, as kept: not a rate.';
comment on column movement.average_value is '… by weighted average.';
comment on column movement.value is '… by the item''s own method: as in the books.';
comment on column movement.narration is 'What for.';
comment on column movement.entered_at is 'When.';

create table movement_line (
    movement_id     uuid not null references movement,
    lot_id          uuid not null references lot,
    quantity        numeric(14, 3) not null,
    cost_quantity   numeric(14, 3) not null,
    cost_value      numeric(14, 2) not null,
    primary key (movement_id, lot_id)
);
create index movement_line_of_lot on movement_line (lot_id);
comment on table movement_line is 'What a movement adds to a lot, or takes.';
comment on column movement_line.movement_id is 'The movement.';
comment on column movement_line.lot_id is 'The lot.';
comment on column movement_line.quantity is 'Goods.';
comment on column movement_line.cost_quantity is 'How much of the lot''s cost goes with the movement, by FIFO.';
comment on column movement_line.cost_value is 'That cost, rupees.';

create function item_follows_its_movements() returns trigger
language plpgsql set search_path from current as $$
begin
    update item set
        quantity = item.quantity + entered.quantity,
        fifo_value = item.fifo_value + entered.fifo_value,
        average_value = item.average_value + entered.average_value
    from (
        select item_id, sum(quantity) as quantity, sum(fifo_value) as fifo_value, sum(average_value) as average_value
        from added group by item_id
    ) as entered
    where item.id = entered.item_id;
    return null;
end $$;
comment on function item_follows_its_movements is 'The running figures of an item are the sum of its movements.';

create trigger movement_moves_item after insert on movement
    referencing new table as added
    for each statement execute function item_follows_its_movements();

create function lot_follows_its_lines() returns trigger
language plpgsql set search_path from current as $$
begin
    update lot set
        on_hand = lot.on_hand + entered.quantity,
        cost_quantity = lot.cost_quantity + entered.cost_quantity,
        cost_value = lot.cost_value + entered.cost_value
    from (
        select lot_id, sum(quantity) as quantity, sum(cost_quantity) as cost_quantity, sum(cost_value) as cost_value
        from added group by lot_id
    ) as entered
    where lot.id = entered.lot_id;
    return null;
end $$;
comment on function lot_follows_its_lines is 'The running figures of a lot are the sum of its lines.';

create trigger movement_line_moves_lot after insert on movement_line
    referencing new table as added
    for each statement execute function lot_follows_its_lines();

create function movement_must_agree() returns trigger
language plpgsql set search_path from current as $$
declare
    entered movement;
    goods numeric;
    cost_goods numeric;
    cost numeric;
    booked numeric;
begin
    select * into entered from movement
        where id = (case tg_table_name when 'movement' then to_jsonb(new) ->> 'id' else to_jsonb(new) ->> 'movement_id' end)::uuid;
    select coalesce(sum(line.quantity), 0), coalesce(sum(line.cost_quantity), 0), coalesce(sum(line.cost_value), 0)
        into goods, cost_goods, cost
        from movement_line as line join lot on lot.id = lot_id and lot.item_id = entered.item_id
        where movement_id = entered.id;
    if (goods, cost_goods, cost) <> (entered.quantity, entered.quantity, entered.fifo_value) then
        raise exception 'movement % says % worth %, its lines say % (cost of %) worth %',
            entered.reference, entered.quantity, entered.fifo_value, goods, cost_goods, cost
            using errcode = 'check_violation';
    end if;
    select coalesce(sum(debit - credit), 0) into booked
        from ledger_entry join ledger_line on entry_id = ledger_entry.id
        where source_kind = 'STOCK_' || entered.kind and source_id = entered.id
            and account_code = '11300' and party_id = entered.item_id;
    if booked <> entered.value then
        raise exception 'movement % is worth %, and % in the books', entered.reference, entered.value, booked
            using errcode = 'check_violation';
    end if;
    return null;
end $$;
comment on function movement_must_agree is 'At commit, a movement equals its lines, and its entry in the books.';

create constraint trigger movement_agrees after insert on movement
    deferrable initially deferred for each row execute function movement_must_agree();
create constraint trigger movement_line_agrees after insert on movement_line
    deferrable initially deferred for each row execute function movement_must_agree();

create function movement_must_stand() returns trigger language plpgsql as $$
begin
    raise exception '% of % refused: what was moved stands; enter another movement', lower(tg_op), tg_table_name
        using errcode = 'restrict_violation';
end $$;
comment on function movement_must_stand is 'Movements are never changed or deleted.';

create trigger movement_stands before update or delete or truncate on movement
    for each statement execute function movement_must_stand();
create trigger movement_line_stands before update or delete or truncate on movement_line
    for each statement execute function movement_must_stand();
