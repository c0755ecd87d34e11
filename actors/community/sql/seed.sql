-- Statements of the seed: whole tables at once, from JSON rows. Rows that stand are left alone.

-- name: seed_person
insert into community.person select * from jsonb_populate_recordset(null::community.person, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_event
insert into community.event select * from jsonb_populate_recordset(null::community.event, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_registration
insert into community.registration select * from jsonb_populate_recordset(null::community.registration, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_gate
insert into community.gate select * from jsonb_populate_recordset(null::community.gate, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_visitor_pass
insert into community.visitor_pass select * from jsonb_populate_recordset(null::community.visitor_pass, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_gate_log
insert into community.gate_log (community_id, pass_id, gate_id, direction, at)
select community_id, pass_id, gate_id, direction, at
from jsonb_populate_recordset(null::community.gate_log, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_office_hours
insert into community.office_hours select * from jsonb_populate_recordset(null::community.office_hours, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_maintenance_request
insert into community.maintenance_request
select * from jsonb_populate_recordset(null::community.maintenance_request, %(rows)s::jsonb)
on conflict do nothing;

-- name: seed_escalation
insert into community.escalation select * from jsonb_populate_recordset(null::community.escalation, %(rows)s::jsonb)
on conflict do nothing;
