-- name: list
-- Every recurring job of a service with its last tick and what became of that run. Reads tick's key from its end.
select r.name, r.actor_name, r.args, r.kwargs, r.spec, r.zone, r.code_spec, r.code_zone, r.missed, r.overlap, r.next_at,
       r.paused_at, r.paused_by, r.pause_reason, r.changed_at, r.changed_by, r.orphaned_at, r.added_by,
       last.due_at, last.outcome, last.message_id::text,
       coalesce((select q.state::text from {schema}.queue q where q.message_id = last.message_id),
                (select f.state::text from {schema}.finished f where f.message_id = last.message_id
                  order by f.finished_at desc limit 1))
  from {schema}.recurring r
  left join lateral (
    select t.due_at, t.outcome, t.message_id
      from {schema}.tick t
     where t.name = r.name
     order by t.due_at desc
     limit 1
  ) last on true
 where %(name)s::text is null or r.name = %(name)s
 order by r.name;

-- name: history
select due_at, at, outcome, message_id::text, reason
  from {schema}.tick
 where name = %(name)s
 order by due_at desc
 limit %(most)s;

-- name: pause
update {schema}.recurring
   set paused_at = {schema}.clock(), paused_by = %(by)s, pause_reason = %(reason)s
 where name = %(name)s and paused_at is null
returning name;

-- name: resume
-- What was due meanwhile is not made up for: somebody meant it not to run.
update {schema}.recurring
   set paused_at = null, paused_by = null, pause_reason = null, next_at = %(next_at)s
 where name = %(name)s and paused_at is not null
returning name;

-- name: row
select actor_name, args, kwargs, spec, zone, {schema}.clock() from {schema}.recurring where name = %(name)s;
