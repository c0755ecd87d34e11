-- Statements of the seed: many rows at once, from JSON. Rows that stand are left alone.

-- name: seed_input_credit_share
insert into purchase.input_credit_share
select * from jsonb_populate_recordset(null::purchase.input_credit_share, %(rows)s::jsonb) on conflict do nothing;

-- name: seed_vendor
insert into purchase.vendor (
    id, community_id, name, pan, gstin, msme_class, msme_registration, credit_days, bank_account, ifsc, email)
select id, community_id, name, pan, gstin, msme_class, msme_registration, credit_days, bank_account, ifsc, email
from jsonb_populate_recordset(null::purchase.vendor, %(rows)s::jsonb) on conflict do nothing;

-- name: seed_purchase_order
insert into purchase.purchase_order
select * from jsonb_populate_recordset(null::purchase.purchase_order, %(rows)s::jsonb) on conflict do nothing;

-- name: seed_purchase_order_line
insert into purchase.purchase_order_line
select * from jsonb_populate_recordset(null::purchase.purchase_order_line, %(rows)s::jsonb) on conflict do nothing;

-- name: seed_quote
insert into purchase.quote
select * from jsonb_populate_recordset(null::purchase.quote, %(rows)s::jsonb) on conflict do nothing;

-- name: seed_approval
insert into purchase.approval
select * from jsonb_populate_recordset(null::purchase.approval, %(rows)s::jsonb) on conflict do nothing;

-- name: seed_goods_receipt
insert into purchase.goods_receipt
select * from jsonb_populate_recordset(null::purchase.goods_receipt, %(rows)s::jsonb) on conflict do nothing;

-- name: seed_goods_receipt_line
insert into purchase.goods_receipt_line
select * from jsonb_populate_recordset(null::purchase.goods_receipt_line, %(rows)s::jsonb) on conflict do nothing;

-- name: seed_vendor_bill
-- In the order of the rows, which is that of entry.
insert into purchase.vendor_bill (id, community_id, vendor_id, purchase_order_id, number, bill_date, received_on, total)
select id, community_id, vendor_id, purchase_order_id, number, bill_date, received_on, total
from jsonb_populate_recordset(null::purchase.vendor_bill, %(rows)s::jsonb) with ordinality order by ordinality
on conflict do nothing;

-- name: seed_vendor_bill_line
insert into purchase.vendor_bill_line (bill_id, position, purchase_order_id, order_position, quantity, unit_price, cgst, sgst)
select bill_id, position, purchase_order_id, order_position, quantity, unit_price, cgst, sgst
from jsonb_populate_recordset(null::purchase.vendor_bill_line, %(rows)s::jsonb) on conflict do nothing;
