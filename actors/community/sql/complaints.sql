-- Complaints and their escalation.

-- name: unplanned_requests
-- A page of open complaints for which nobody has reckoned who hears of them when, or one of them; by
-- maintenance_request_open, in the order of ids.
select request.id::text as id, request.community_id::text as community_id, request.number, request.priority, request.opened_at
from community.maintenance_request as request
where request.closed_at is null and request.id > %(after)s::uuid
    and (%(request_id)s::uuid is null or request.id = %(request_id)s)
    and not exists (select from community.escalation where request_id = request.id)
order by request.id
limit %(page)s;

-- name: request_exists
-- By primary key.
select id from community.maintenance_request where id = %(request_id)s;

-- name: sla_steps
-- All steps, latest first; a dozen rows.
select priority, level, effective_from, minutes, roles from community.sla_step order by effective_from desc, level;

-- name: office_hours
-- Of these societies, by primary key.
select community_id::text as community_id, weekday, opens, closes from community.office_hours
where community_id = any (%(communities)s::uuid[]);

-- name: holidays_of
-- Of these societies from a day on, by primary key.
select community_id::text as community_id, day from community.holiday
where community_id = any (%(communities)s::uuid[]) and day >= %(first)s;

-- name: plan_escalations
-- When each level hears of these complaints; what was planned before stands and returns no row.
insert into community.escalation (request_id, level, due_at)
select * from unnest(%(requests)s::uuid[], %(levels)s::int[], %(due)s::timestamptz[])
on conflict do nothing
returning request_id::text as request_id, level, due_at;

-- name: drop_needless_escalations
-- Steps whose complaint was closed in time; by escalation_due.
update community.escalation set outcome = 'NOT_NEEDED', decided_at = community.clock()
from community.maintenance_request as request
where request.id = escalation.request_id and escalation.outcome is null and escalation.due_at <= %(at)s
    and request.closed_at is not null;

-- name: due_escalations
-- A page of steps that are due and undecided, by escalation_due.
select request_id::text as request_id, level, due_at from community.escalation
where outcome is null and due_at <= %(at)s
    and (escalation.due_at, escalation.request_id, escalation.level) > (%(after_due)s, %(after_id)s::uuid, %(after_level)s)
order by escalation.due_at, escalation.request_id, escalation.level
limit %(page)s;

-- name: hold_escalation
-- A step with its complaint, both held until the transaction ends; by primary keys.
select escalation.due_at, escalation.outcome, escalation.decided_at, request.community_id::text as community_id, request.number,
    request.priority, request.category, request.title, request.opened_at, request.closed_at, person.name as resident,
    person.flat, community.clock() as now
from community.escalation
join community.maintenance_request as request on request.id = escalation.request_id
join community.person on person.id = request.person_id
where escalation.request_id = %(request_id)s and escalation.level = %(level)s
for update of escalation, request;

-- name: decide_escalation
-- By primary keys. The complaint's level never falls.
with decided as (
    update community.escalation set outcome = %(outcome)s, decided_at = %(at)s
    where request_id = %(request_id)s and level = %(level)s
)
update community.maintenance_request set level = greatest(level, %(level)s)
where id = %(request_id)s and %(outcome)s = 'ESCALATED';
