-- The stock of a society at the end of a day, from its movements: so a report that runs late says the same.

-- name: valuation_on
-- Items with stock on a day, by both methods, with when they were last issued; movements by movement_of_day, once.
select item.code, item.name, item.unit, item.valuation, item.nrv,
    sum(movement.quantity) as quantity, sum(movement.fifo_value) as fifo_value,
    sum(movement.average_value) as average_value,
    max(movement.day) filter (where movement.kind = 'ISSUE') as last_issued_on,
    min(movement.day) as known_since,
    coalesce(-sum(movement.quantity) filter (
        where movement.kind in ('ISSUE', 'RETURN') and movement.day > %(day)s::date - %(window)s::int), 0) as issued
from inventory.movement
join inventory.item on item.id = movement.item_id
where movement.community_id = %(community_id)s and movement.day <= %(day)s
group by item.id
having sum(movement.quantity) <> 0
order by item.code;

-- name: lots_on
-- Lots with goods or cost on a day; movements by movement_of_day, lines by primary key.
select item.code, lot.number, lot.received_on, lot.expires_on, lot.quarantined_on,
    sum(line.quantity) as quantity, sum(line.cost_quantity) as cost_quantity, sum(line.cost_value) as cost_value
from inventory.movement
join inventory.movement_line as line on line.movement_id = movement.id
join inventory.lot on lot.id = line.lot_id
join inventory.item on item.id = lot.item_id
where movement.community_id = %(community_id)s and movement.day <= %(day)s
group by item.id, lot.id
having sum(line.quantity) <> 0 or sum(line.cost_quantity) <> 0
order by item.code, lot.received_on, lot.number, lot.id;

-- name: items_without_terms
-- Items that are bought again, and lack what a reorder level is reckoned from; by the unique key (community_id, code).
select code, name from inventory.item
where community_id = %(community_id)s and reordered
    and (lead_days is null or (safety_stock is null and (max_lead_days is null or peak_daily_use is null)))
order by code;
