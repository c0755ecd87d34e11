-- name: settle
-- What waits for finished jobs and workflows goes on: see settle() in the schema.
select what, id::text, workflow_id::text, followed_in
  from {schema}.settle(%(ids)s::uuid[], %(states)s::text[], %(results)s::jsonb[]);

-- name: led_to
-- What these events led to in this store, now or at an earlier time: settle() says it once, to a caller who may not have
-- lived to pass it on. Reads edge_predecessor, workflow_parent and finished_member.
with recursive event as (
    select * from unnest(%(ids)s::uuid[], %(states)s::text[], %(results)s::jsonb[]) as e (id, state, result)
), whole as (
    select w.workflow_id
      from {schema}.workflow w
     where w.workflow_id in (select d.successor from event e join {schema}.edge d on d.predecessor = e.id
                             union all
                             select e.id from event e where e.state in ('opened', 'closed'))
       and w.opened_at is not null
    union
    select i.workflow_id from whole join {schema}.workflow i on i.parent_id = whole.workflow_id and i.opened_at is not null
), gone as (
    select d.successor as id
      from event e join {schema}.edge d on d.predecessor = e.id and d.condition = 'success'
     where e.state = 'cancelled'
    union
    select d.successor from gone g join {schema}.edge d on d.predecessor = g.id and d.condition = 'success'
)
select case when w.cancelled_at is null then 'opened' else 'cancelled workflow' end, w.workflow_id::text, w.workflow_id::text,
       array_to_string(w.spans, ',')
  from whole join {schema}.workflow w using (workflow_id)
union all
select 'cancelled', f.message_id::text, f.workflow_id::text, f.followed_in
  from gone join {schema}.finished f on f.message_id = gone.id and f.state = 'cancelled'
union all
select 'cancelled', f.message_id::text, f.workflow_id::text, f.followed_in
  from whole
  join {schema}.workflow w using (workflow_id)
  join {schema}.finished f using (workflow_id)
 where w.cancelled_at is not null and f.state = 'cancelled' and f.followed_in is not null;

-- name: complete
-- Workflows of which nothing is active any more are complete: see complete() in the schema.
select workflow_id::text, outcome, counts, followed_in, parent_id::text, parent_service, home, spans, untold
  from {schema}.complete(%(ids)s::uuid[]);

-- name: set_untold
-- What waits for this completed workflow in another database is told next, of these counts; or, with null, has been told.
update {schema}.workflow set untold = %(counts)s::jsonb where workflow_id = %(id)s::uuid;

-- name: completed_lately
-- Whether what waits for one of these workflows in another database may still be on its way there: it is written by a job
-- that adds it and is finished after it, or is tried again.
select exists (select from {schema}.workflow
                where workflow_id = any (%(ids)s::uuid[]) and completed_at > {schema}.clock() - interval '1 hour');

-- name: count_members
select {schema}.count_members(%(ids)s::uuid[], %(worker_id)s::uuid, %(added)s::bigint[], %(succeeded)s::bigint[],
                              %(failed)s::bigint[], %(cancelled)s::bigint[]);

-- name: reopen
select workflow_id::text, service from {schema}.reopen(%(ids)s::uuid[]);

-- name: look_across
-- One store's share of a workflow that spans several: whether anything of it is active here, and its figures. A share that
-- has not heard yet that the workflow is open will be.
select {schema}.is_active(%(id)s::uuid)
       or exists (select from {schema}.workflow w where w.workflow_id = %(id)s::uuid and w.opened_at is null), m.total, m.succeeded, m.failed, m.cancelled
  from {schema}.members_of(%(id)s::uuid) m;

-- name: revision_of
select revision from {schema}.workflow where workflow_id = %(id)s::uuid and completed_at is null and opened_at is not null;

-- name: complete_across
-- Completes a workflow that spans stores, unless it has changed since it was seen idle in all of them.
update {schema}.workflow w
   set completed_at = {schema}.clock(),
       outcome = (case when w.cancelled_at is not null then 'cancelled' when %(succeeded)s = %(total)s then 'done'
                       else 'failed' end)::{schema}.state
 where w.workflow_id = %(id)s::uuid and w.completed_at is null and w.revision = %(revision)s
returning w.workflow_id::text, w.outcome::text, w.followed_in, w.parent_id::text, w.parent_service;

-- name: idle_workflows
-- Open workflows that may be complete: for those whose last member's process died between its commit and this question;
-- and completed ones of which another database has not heard. Reads workflow_open, and for each the end of queue_member;
-- workflow_untold.
select w.workflow_id::text
  from {schema}.workflow w
 where w.completed_at is null and w.opened_at is not null and w.home || '_jobs' = %(schema)s
   and (select true from {schema}.queue q where q.workflow_id = w.workflow_id and q.state <> 'awaiting'
         order by q.id desc limit 1) is null
union all
select w.workflow_id::text from {schema}.workflow w where w.untold is not null
 limit 10000;

-- name: open_workflow
-- A row comes back when the workflow is new.
insert into {schema}.workflow (workflow_id, kind, name, home, spans, parent_id, parent_service, followed_in, unique_key,
                               opened_at)
values (%(workflow_id)s, %(kind)s, %(name)s, %(home)s, %(spans)s, %(parent_id)s, %(parent_service)s, %(followed_in)s,
        %(unique_key)s, case when %(opened)s then {schema}.clock() end)
on conflict do nothing
returning 1;

-- name: workflow_with_key
select workflow_id::text from {schema}.workflow where unique_key = %(unique_key)s and completed_at is null;

-- name: add_edges
insert into {schema}.edge (successor, predecessor, workflow_id, place, condition, hands_on, delay_ms)
select * from unnest(%(successors)s::uuid[], %(predecessors)s::uuid[], %(workflow_ids)s::uuid[], %(places)s::int[],
                     %(conditions)s::text[], %(hands_on)s::text[], %(delays)s::bigint[])
on conflict do nothing;

-- name: predecessors_among
-- For which of these jobs something waits, or waited, in this store. Reads edge_predecessor.
select distinct predecessor::text from {schema}.edge where predecessor = any (%(ids)s::uuid[]);

-- name: wants_result
-- Whether a job in this store is to get the result of that one. Reads edge_predecessor.
select exists (select from {schema}.edge where predecessor = %(id)s::uuid and hands_on = 'result');

-- name: waits_already
-- Whether this edge is there.
select exists (select from {schema}.edge where successor = %(successor)s::uuid and predecessor = %(predecessor)s::uuid);

-- name: join_workflow
-- Takes the lock that keeps a workflow from being completed while members are added.
select completed_at is not null as complete, cancelled_at is not null as cancelled, opened_at is not null as opened, kind, name,
       home, coalesce(spans, array[home]) as spans, parent_service, parent_id::text
  from {schema}.workflow
 where workflow_id = %(id)s::uuid
   for no key update;

-- name: span
-- The workflow has members in these services from now on.
update {schema}.workflow
   set spans = %(spans)s, revision = revision + 1
 where workflow_id = %(id)s::uuid;
