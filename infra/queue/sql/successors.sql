-- name: settle
-- What waits for finished jobs and workflows goes on: see settle() in the schema.
select what, id::text, workflow_id::text, followed_in
  from {schema}.settle(%(ids)s::uuid[], %(states)s::text[], %(results)s::jsonb[]);

-- name: complete
-- Workflows of which nothing is active any more are complete: see complete() in the schema.
select workflow_id::text, outcome, counts, followed_in, parent_id::text, parent_service, home, spans
  from {schema}.complete(%(ids)s::uuid[]);

-- name: count_members
select {schema}.count_members(%(ids)s::uuid[], %(worker_id)s::uuid, %(added)s::bigint[], %(succeeded)s::bigint[],
                              %(failed)s::bigint[], %(cancelled)s::bigint[]);

-- name: reopen
select parent_id::text, parent_service from {schema}.reopen(%(ids)s::uuid[]);

-- name: look_across
-- One store's share of a workflow that spans several: whether anything of it is active here, and its figures.
select {schema}.is_active(%(id)s::uuid), m.total, m.succeeded, m.failed, m.cancelled
  from {schema}.members_of(%(id)s::uuid) m;

-- name: revision_of
select revision from {schema}.workflow where workflow_id = %(id)s::uuid and completed_at is null and opened_at is not null;

-- name: complete_across
-- Completes a workflow that spans stores, unless it has changed since it was seen idle in all of them.
update {schema}.workflow w
   set completed_at = {schema}.clock(),
       outcome = (case when %(succeeded)s = %(total)s then 'done' when w.cancelled_at is not null then 'cancelled'
                       else 'failed' end)::{schema}.state
 where w.workflow_id = %(id)s::uuid and w.completed_at is null and w.revision = %(revision)s
returning w.workflow_id::text, w.outcome::text, w.followed_in, w.parent_id::text, w.parent_service;

-- name: idle_workflows
-- Open workflows that may be complete: for those whose last member's process died between its commit and this question.
-- Reads workflow_open, and for each the end of queue_member.
select w.workflow_id::text
  from {schema}.workflow w
 where w.completed_at is null and w.opened_at is not null and w.home || '_jobs' = %(schema)s
   and (select true from {schema}.queue q where q.workflow_id = w.workflow_id and q.state <> 'awaiting'
         order by q.id desc limit 1) is null
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
                     %(conditions)s::text[], %(hands_on)s::text[], %(delays)s::bigint[]);

-- name: join_workflow
-- Takes the lock that keeps a workflow from being completed while members are added.
select completed_at is not null, cancelled_at is not null, home, spans, name, opened_at is not null
  from {schema}.workflow
 where workflow_id = %(id)s::uuid
   for no key update;

-- name: span
-- The workflow has members in these services from now on.
update {schema}.workflow
   set spans = %(spans)s, revision = revision + 1
 where workflow_id = %(id)s::uuid;
