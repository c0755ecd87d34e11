-- Low stock: what there is, what goes out, and what was told of it.

-- name: stock_levels
-- Every item of a society that is bought again, with what is fit for use on a day, what was issued in the days before it
-- (less what came back), since when it is known, and whether it is alerted. One statement for the whole store: items by the
-- unique key (community_id, code), movements by movement_of_item, lots by lot_in_store, alerts by low_stock_alert_open.
select item.id::text as id, item.code, item.name, item.unit, item.lead_days, item.max_lead_days, item.peak_daily_use,
    item.safety_stock, item.cover_days, item.pack,
    coalesce(usable.quantity, 0) as usable, coalesce(used.quantity, 0) as issued, used.known_since,
    alert.alerted_at
from inventory.item
left join lateral (
    select sum(on_hand) as quantity from inventory.lot
    where item_id = item.id and (on_hand > 0 or cost_quantity > 0) and quarantined_on is null
        and (expires_on is null or expires_on >= %(day)s)
) as usable on true
left join lateral (
    select min(day) as known_since,
        -sum(quantity) filter (where kind in ('ISSUE', 'RETURN') and day > %(day)s::date - %(window)s::int) as quantity
    from inventory.movement
    where item_id = item.id and day <= %(day)s
) as used on true
left join inventory.low_stock_alert as alert on alert.item_id = item.id and alert.rearmed_at is null
where item.community_id = %(community_id)s and item.reordered
order by item.code;

-- name: record_alerts
-- Alerts of one check; an item that another check has alerted meanwhile keeps that one, by low_stock_alert_open.
insert into inventory.low_stock_alert (item_id, alerted_at, stock, level, suggested_order)
select item_id, %(at)s, stock, level, suggested_order
from unnest(%(items)s::uuid[], %(stocks)s::numeric[], %(levels)s::numeric[], %(orders)s::numeric[])
    as low (item_id, stock, level, suggested_order)
on conflict do nothing;

-- name: rearm
-- Items that are above their level again; by low_stock_alert_open.
update inventory.low_stock_alert set rearmed_at = %(at)s
where item_id = any (%(items)s::uuid[]) and rearmed_at is null and alerted_at <= %(at)s;

-- name: open_alerts
-- What a society is low in, for its letter: alerts that are open, or were told at this check. By low_stock_alert_open and
-- the primary key, from the society's items.
select item.code, item.name, item.unit, alert.alerted_at, alert.stock, alert.level, alert.suggested_order
from inventory.item
join inventory.low_stock_alert as alert on alert.item_id = item.id
where item.community_id = %(community_id)s
    and (alert.alerted_at = %(at)s or (alert.rearmed_at is null and alert.alerted_at < %(at)s))
order by item.code;
