-- name: list
-- Every recurring job of a service with its last tick and what became of that run. Reads tick's key from its end.
select r.name, r.actor_name, r.args, r.kwargs, r.spec, r.zone, r.code_spec, r.code_zone, r.missed, r.overlap,
       case when r.paused_at is null and r.orphaned_at is null then r.next_at end,
       r.added_at, r.added_by, r.changed_at, r.changed_by, r.paused_at, r.paused_by, r.pause_reason, r.orphaned_at,
       exists (select from {schema}.actor a where a.actor_name = r.actor_name),
       last.due_at, last.outcome, last.message_id::text,
       coalesce((select q.state::text from {schema}.queue q where q.message_id = last.message_id),
                (select f.state::text from {schema}.finished f where f.message_id = last.message_id
                  order by f.finished_at desc limit 1)),
       {schema}.clock()
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
-- The latest ticks of one recurring job, each with the state of its run. Reads tick's key from its end.
select t.due_at, t.at, t.outcome, t.message_id::text, t.reason,
       coalesce((select q.state::text from {schema}.queue q where q.message_id = t.message_id),
                (select f.state::text from {schema}.finished f where f.message_id = t.message_id
                  order by f.finished_at desc limit 1))
  from {schema}.tick t
 where t.name = %(name)s
 order by t.due_at desc
 limit %(most)s;
