-- Lots that expire: set apart, told, written off.

-- name: items_with_expired_lots
-- A page of items of a society that have expired lots, in the order of their ids; lots by lot_that_expires.
select distinct item.id::text as id
from inventory.lot join inventory.item on item.id = lot.item_id
where lot.expires_on < %(day)s and lot.on_hand > 0 and item.community_id = %(community_id)s
order by 1
limit %(page)s;

-- name: lots_near_expiry
-- Lots whose last day of use is at most some days ahead and of which the latest notice told is not the one that fits today;
-- by lot_that_expires, notices by primary key.
select lot.id::text as id, lot.expires_on,
    (select min(days_before) from inventory.expiry_notice where lot_id = lot.id) as told
from inventory.lot join inventory.item on item.id = lot.item_id
where lot.expires_on between %(day)s and %(day)s::date + %(ahead)s::int and lot.on_hand > 0 and lot.quarantined_on is null
    and item.community_id = %(community_id)s
order by lot.id;

-- name: record_notices
-- Notices of lots; one that was told before is left alone.
insert into inventory.expiry_notice (lot_id, days_before, told_on)
select lot_id, days_before, %(day)s from unnest(%(lots)s::uuid[], %(steps)s::int[]) as notice (lot_id, days_before)
on conflict do nothing;

-- name: expiry_news
-- What a day's check told and wrote off, for its letter: notices first by urgency, then what left the books. Lots of the
-- society by its items; notices and write-offs of the day.
select 'NOTICE' as what, item.code, item.name, item.unit, lot.number, lot.expires_on, location.name as location,
    lot.on_hand as quantity, null::numeric as value, notice.days_before
from inventory.expiry_notice as notice
join inventory.lot on lot.id = notice.lot_id
join inventory.item on item.id = lot.item_id
join inventory.location on location.id = lot.location_id
where notice.told_on = %(day)s and item.community_id = %(community_id)s
union all
select 'WRITE_OFF', item.code, item.name, item.unit, lot.number, lot.expires_on, location.name,
    -line.quantity, -movement.value, null
from inventory.movement
join inventory.movement_line as line on line.movement_id = movement.id and line.quantity < 0
join inventory.lot on lot.id = line.lot_id
join inventory.item on item.id = movement.item_id
join inventory.location on location.id = lot.location_id
where movement.community_id = %(community_id)s and movement.day = %(day)s and movement.kind = 'WRITE_OFF'
order by what, expires_on, code, number;
