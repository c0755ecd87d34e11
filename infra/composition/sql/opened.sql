-- name: find_workflow
-- Reads the primary key; a part in another store names its home.
select home, kind, name from {schema}.workflow where workflow_id = %(id)s::uuid;

-- name: workflow_tree
-- A workflow and all those inside it, as far as this store knows.
with recursive tree as (
    select %(id)s::uuid as id
    union
    select w.workflow_id from tree t join {schema}.workflow w on w.parent_id = t.id
)
select id::text from tree;

-- name: services_of
-- The services that a workflow spans, and its outcome.
select coalesce(spans, array[home]), outcome::text from {schema}.workflow where workflow_id = %(id)s::uuid;

-- name: progress
-- The figures of a workflow in this store: those of the tally, and the running from queue_claimed, which is as large as
-- what all workers hold. A worker whose figures have not moved for a minute does not count in the rate.
with recursive tree as (
    select %(id)s::uuid as id
    union
    select w.workflow_id from tree t join {schema}.workflow w on w.parent_id = t.id
), lately as (
    select sum((t.succeeded + t.failed + t.cancelled - t.before_done)
               / greatest(extract(epoch from {schema}.clock() - coalesce(t.before_at, t.since_at)), 0.5)) as rate
      from tree join {schema}.tally t on t.workflow_id = tree.id
     where t.since_at > {schema}.clock() - interval '1 minute' and t.succeeded + t.failed + t.cancelled > t.before_done
)
select m.total, m.succeeded, m.failed, m.cancelled,
       (select count(*) from {schema}.queue q
         where q.state = 'consumed' and q.workflow_id in (select id from tree)),
       (select rate::float8 from lately),
       {schema}.clock(),
       extract(epoch from w.completed_at - w.opened_at)::float8
  from {schema}.members_of(%(id)s::uuid) m left join {schema}.workflow w on w.workflow_id = %(id)s::uuid;

-- name: cancel_workflows
-- From now on nothing can be added, and what is left counts as cancelled. Locks the rows in the order of their ids.
with wanted as materialized (
    select workflow_id from {schema}.workflow
     where workflow_id = any (%(ids)s::uuid[]) and completed_at is null
     order by workflow_id
       for no key update
)
update {schema}.workflow w
   set cancelled_at = coalesce(w.cancelled_at, {schema}.clock()), cancel_reason = coalesce(w.cancel_reason, %(reason)s),
       opened_at = coalesce(w.opened_at, {schema}.clock())
  from wanted
 where w.workflow_id = wanted.workflow_id
returning w.workflow_id::text;

-- name: unfinished_members
-- Reads queue_member and queue_awaiting.
select message_id::text from {schema}.queue where workflow_id = any (%(ids)s::uuid[]) and state <> 'awaiting'
union all
select message_id::text from {schema}.queue where workflow_id = any (%(ids)s::uuid[]) and state = 'awaiting';

-- name: ended_members
-- Members that ended in one of these states. Reads finished_member.
select message_id::text
  from {schema}.finished
 where workflow_id = any (%(ids)s::uuid[]) and state = any (%(states)s::{schema}.state[])
 order by message_id;
