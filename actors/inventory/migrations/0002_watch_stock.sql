-- What was told of the stock: low stock once until there is enough again, expiry at each notice once.

create table low_stock_alert (
    item_id         uuid not null references item,
    alerted_at      timestamptz not null,
    rearmed_at      timestamptz check (rearmed_at >= alerted_at),
    stock           numeric(14, 3) not null,
    level           numeric(14, 3) not null,
    suggested_order numeric(14, 3) not null check (suggested_order > 0),
    primary key (item_id, alerted_at),
    check (stock <= level)
);
create unique index low_stock_alert_open on low_stock_alert (item_id) where rearmed_at is null;
comment on table low_stock_alert is 'Alerts of low stock. An item with an open one is alerted; every other is armed.';
comment on column low_stock_alert.item_id is 'The item.';
comment on column low_stock_alert.alerted_at is 'The check that told it.';
comment on column low_stock_alert.rearmed_at is 'The check that found stock above the level again; null while it is low.';
comment on column low_stock_alert.stock is 'Fit for use, as told.';
comment on column low_stock_alert.level is 'The reorder level, as told.';
comment on column low_stock_alert.suggested_order is 'How much to buy, as told.';

create table expiry_notice (
    lot_id          uuid not null references lot,
    days_before     smallint not null check (days_before in (30, 7, 0)),
    told_on         date not null,
    primary key (lot_id, days_before)
);
comment on table expiry_notice is 'Notices that a lot is about to expire; each once.';
comment on column expiry_notice.lot_id is 'The lot.';
comment on column expiry_notice.days_before is 'Which notice: 30 or 7 days before the last day of use, or 0 on it.';
comment on column expiry_notice.told_on is 'The day of the check that told it.';

create function daily_figures(community uuid, day date) returns table (figure text, amount numeric)
    language sql stable set search_path from current
    as $$
    select 'low_stock_items', count(*)::numeric
    from low_stock_alert join item on item.id = item_id
    where community_id = community and alerted_at < (day + 1)::timestamp at time zone 'Asia/Kolkata'
        and (rearmed_at is null or rearmed_at >= (day + 1)::timestamp at time zone 'Asia/Kolkata')
    union all
    select 'stock_value', coalesce(sum(value), 0) from movement
    where community_id = community and movement.day <= daily_figures.day
    union all
    select 'items_expiring_30_days', count(distinct item_id)::numeric
    from lot join item on item.id = item_id
    where community_id = community and on_hand > 0 and quarantined_on is null
        and expires_on between daily_figures.day and daily_figures.day + 30
$$;
comment on function daily_figures is 'What the daily report says of the store at the end of a day. Reads movement_of_day and lot_that_expires.';
