-- Visitors' passes.

-- name: expire_unused
-- A page of passes with which nobody came, by visitor_pass_open; one that is at the gate this moment is left for the next
-- run.
with due as (
    select id from community.visitor_pass
    where status = 'ISSUED' and valid_to <= %(at)s
    order by valid_to limit %(page)s for update skip locked
)
update community.visitor_pass set status = 'EXPIRED' from due where visitor_pass.id = due.id
returning visitor_pass.id;

-- name: note_overstays
-- A page of visitors who are inside after their time, by visitor_pass_open; each is found once, as its state changes.
with due as (
    select id from community.visitor_pass
    where status = 'INSIDE' and valid_to <= %(at)s
    order by valid_to limit %(page)s for update skip locked
)
update community.visitor_pass set status = 'OVERSTAY', overstayed_at = %(at)s from due where visitor_pass.id = due.id
returning visitor_pass.id::text as id;

-- name: overstay
-- A visitor who stays too long, with the host and the society's gates; by primary keys.
select pass.community_id::text as community_id, pass.visitor, pass.checked_in_at, pass.valid_to, pass.overstayed_at,
    host.name as host, host.email as host_email, host.flat,
    array(
        select array[gate.name, gate.email] from community.gate
        where gate.community_id = pass.community_id and gate.email is not null order by gate.name) as gates
from community.visitor_pass as pass
join community.person as host on host.id = pass.host_id
where pass.id = %(pass_id)s and pass.overstayed_at is not null;

-- name: hold_pass
-- A pass, held until the transaction ends; by primary key.
select status, valid_from, valid_to from community.visitor_pass where id = %(pass_id)s for update;

-- name: check_in
with entered as (
    update community.visitor_pass set status = 'INSIDE', checked_in_at = %(at)s, checked_out_at = null
    where id = %(pass_id)s
    returning id, community_id
)
insert into community.gate_log (community_id, pass_id, gate_id, direction, at)
select community_id, id, %(gate_id)s, 'IN', %(at)s from entered;

-- name: check_out
-- A pass for more than one visit lets in again, unless its visitor stayed too long.
with gone as (
    update community.visitor_pass
    set status = case when one_time or status = 'OVERSTAY' then 'USED' else 'ISSUED' end, checked_out_at = %(at)s
    where id = %(pass_id)s and status in ('INSIDE', 'OVERSTAY')
    returning id, community_id
)
insert into community.gate_log (community_id, pass_id, gate_id, direction, at)
select community_id, id, %(gate_id)s, 'OUT', %(at)s from gone
returning id;
