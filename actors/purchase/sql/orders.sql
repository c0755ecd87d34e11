-- Statements of purchase orders: which wait, who approves, who was told.

-- name: orders_waiting
-- Orders of a society that wait since before a moment, with what was approved of this version, what was offered, and who
-- was told. Reads the partial index purchase_order_waiting; the rest by primary keys.
select
    waiting.id::text as id, waiting.number, waiting.subject, vendor.name as vendor, waiting.amount, waiting.version,
    waiting.requested_by, waiting.waiting_since,
    coalesce((select json_object_agg(role, approver) from purchase.approval
        where purchase_order_id = waiting.id and version = waiting.version and approved), '{}')::text as approved,
    (select count(*) from purchase.quote where purchase_order_id = waiting.id) as quotes,
    array(select approver from purchase.approval_notice
        where purchase_order_id = waiting.id and version = waiting.version) as told
from purchase.purchase_order as waiting
join purchase.vendor on vendor.id = waiting.vendor_id
where waiting.community_id = %(community_id)s and waiting.status = 'WAITING' and waiting.waiting_since <= %(moment)s
order by waiting.waiting_since, waiting.number;

-- name: lock_order
-- One order, held until its decision commits; by primary key.
select
    sought.id::text as id, sought.community_id::text as community_id, sought.number, sought.subject,
    vendor.name as vendor, sought.amount, sought.version, sought.requested_by, sought.waiting_since, sought.status,
    coalesce((select json_object_agg(role, approver) from purchase.approval
        where purchase_order_id = sought.id and version = sought.version and approved), '{}')::text as approved,
    (select count(*) from purchase.quote where purchase_order_id = sought.id) as quotes,
    array[]::text[] as told
from purchase.purchase_order as sought
join purchase.vendor on vendor.id = sought.vendor_id
where sought.id = %(order_id)s
for update of sought;

-- name: record_approval
-- A step, once for each role and person of a version.
insert into purchase.approval
    (purchase_order_id, version, role, approver, requested_by, approved, reason, decided_at)
values (
    %(order_id)s, %(version)s, %(role)s, %(approver)s, %(requested_by)s, %(approved)s, %(reason)s, purchase.clock());

-- name: settle_order
-- What its approvals come to.
update purchase.purchase_order set status = %(status)s where id = %(order_id)s and status = 'WAITING';

-- name: note_told
-- That an approver was told of orders, once for each version.
insert into purchase.approval_notice (purchase_order_id, version, approver, told_at)
select order_id, version, %(approver)s, %(moment)s
from unnest(%(order_ids)s::uuid[], %(versions)s::int[]) as told (order_id, version)
on conflict do nothing;
