-- Items with their lots, and the movements that change them.

-- name: lock_items
-- Items by primary key, in the order of their ids so that two transactions never wait for each other; held until the
-- transaction ends, so that what is decided of their stock still holds when it is entered.
select id::text as id, community_id::text as community_id, code, name, unit, valuation, nrv, average_value
from inventory.item
where id = any (%(item_ids)s::uuid[])
order by item.id
for update;

-- name: lots_of_items
-- What these items have on the shelf or in their cost, by lot_in_store; and one more lot, by primary key, though it be empty.
select id::text as id, item_id::text as item_id, number, received_on, expires_on, quarantined_on is not null as quarantined,
    on_hand, cost_quantity, cost_value
from inventory.lot
where item_id = any (%(item_ids)s::uuid[]) and (on_hand > 0 or cost_quantity > 0 or id = %(lot_id)s::uuid)
order by lot.item_id, lot.received_on, lot.number, lot.id;

-- name: item_of_lot
-- By primary key.
select item_id::text as item_id from inventory.lot where id = %(lot_id)s;

-- name: movement_by_id
-- By primary key.
select id::text as id, item_id::text as item_id, kind, reference, quantity, value from inventory.movement where id = %(movement_id)s;

-- name: standing
-- A movement, less what was returned of it or taken back, lot by lot; by the primary keys and movement_returns. Newest lot last.
select line.lot_id::text as lot_id, sum(line.quantity) as quantity, sum(line.cost_quantity) as cost_quantity,
    sum(line.cost_value) as cost_value
from inventory.movement
join inventory.movement_line as line on line.movement_id = movement.id
join inventory.lot on lot.id = line.lot_id
where movement.id = %(movement_id)s or movement.of_movement_id = %(movement_id)s
group by line.lot_id, lot.received_on, lot.number, lot.id
order by lot.received_on, lot.number, lot.id;

-- name: average_standing
-- The value by weighted average of the same.
select coalesce(sum(average_value), 0) as average_value
from inventory.movement where id = %(movement_id)s or of_movement_id = %(movement_id)s;

-- name: add_lots
-- Empty lots; the lines of their receipts fill them.
insert into inventory.lot (id, item_id, location_id, number, received_on, expires_on)
select * from unnest(
    %(ids)s::uuid[], %(items)s::uuid[], %(locations)s::uuid[], %(numbers)s::text[], %(received)s::date[], %(expires)s::date[]);

-- name: add_movements
-- Many in one statement; the key (item, kind, reference) refuses an event that was entered before.
insert into inventory.movement (
    id, community_id, item_id, valuation, kind, reference, of_movement_id, day, quantity, fifo_value, average_value, narration)
select * from unnest(
    %(ids)s::uuid[], %(communities)s::uuid[], %(items)s::uuid[], %(valuations)s::text[], %(kinds)s::text[],
    %(references)s::text[], %(movements)s::uuid[], %(days)s::date[], %(quantities)s::numeric[], %(fifo_values)s::numeric[],
    %(average_values)s::numeric[], %(narrations)s::text[]);

-- name: add_lines
-- The lines of these movements; a trigger brings the lots up to date.
insert into inventory.movement_line (movement_id, lot_id, quantity, cost_quantity, cost_value)
select * from unnest(
    %(movements)s::uuid[], %(lots)s::uuid[], %(quantities)s::numeric[], %(cost_quantities)s::numeric[],
    %(cost_values)s::numeric[]);

-- name: quarantine
-- Sets lots apart, by primary key; one that is apart already stays as it is.
update inventory.lot set quarantined_on = %(day)s, quarantine_reason = 'expired on ' || to_char(expires_on, 'DD Mon YYYY')
where id = any (%(lot_ids)s::uuid[]) and quarantined_on is null;

-- name: default_location
-- Where deliveries go that name no place: the first by name. Few rows.
select id::text as id from inventory.location where community_id = %(community_id)s order by name, id limit 1;

-- name: items_to_write_down
-- Items with stock and a net realisable value, of a society; by the unique key (community_id, code).
select id::text as id from inventory.item
where community_id = %(community_id)s and nrv is not null and quantity > 0
order by code;
