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
select id::text from tree order by id;

-- name: services_of
-- The services that a workflow spans, and its outcome.
select coalesce(spans, array[home]), outcome::text from {schema}.workflow where workflow_id = %(id)s::uuid;

-- name: progress
-- The figures of workflows in this store, those inside them included: of the tally, and the running from queue_claimed, which
-- is as large as what all workers hold; asked for first and by nothing else, lest a workflow's members be read instead. A
-- worker whose figures have not moved for a minute does not count in the rate.
with recursive tree as (
    select id as root, id from unnest(%(ids)s::uuid[]) id
    union all
    select t.root, w.workflow_id from tree t join {schema}.workflow w on w.parent_id = t.id
), claimed as materialized (
    select workflow_id as id, count(*) as jobs from {schema}.queue where state = 'consumed' group by workflow_id
), noted as (
    select t.root, sum(y.added) as total, sum(y.succeeded) as succeeded, sum(y.failed) as failed, sum(y.cancelled) as cancelled,
           sum((y.succeeded + y.failed + y.cancelled - y.before_done)
               / greatest(extract(epoch from {schema}.clock() - coalesce(y.before_at, y.since_at)), 0.5))
             filter (where y.since_at > {schema}.clock() - interval '1 minute'
                       and y.succeeded + y.failed + y.cancelled > y.before_done) as rate
      from tree t join {schema}.tally y on y.workflow_id = t.id
     group by t.root
), running as (
    select t.root, sum(c.jobs) as jobs from tree t join claimed c on c.id = t.id group by t.root
)
select a.id::text, coalesce(n.total, 0)::bigint, coalesce(n.succeeded, 0)::bigint, coalesce(n.failed, 0)::bigint,
       coalesce(n.cancelled, 0)::bigint, coalesce(r.jobs, 0)::bigint, n.rate::float8, {schema}.clock(),
       extract(epoch from w.completed_at - w.opened_at)::float8
  from unnest(%(ids)s::uuid[]) as a (id)
  left join noted n on n.root = a.id
  left join running r on r.root = a.id
  left join {schema}.workflow w on w.workflow_id = a.id;

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

-- name: followed_in
select followed_in from {schema}.workflow where workflow_id = %(id)s::uuid;

-- name: cancelled_callbacks
-- Jobs that were cancelled because the workflow was. Reads edge_predecessor.
select f.message_id::text
  from {schema}.edge d join {schema}.finished f on f.message_id = d.successor
 where d.predecessor = %(id)s::uuid and d.condition = 'success' and d.met_at is null and f.state = 'cancelled';

-- name: failures
-- Members that failed or were deleted, and why. Reads finished_member.
select message_id::text, actor_name, message -> 'args', message -> 'kwargs', error, reason, finished_at
  from {schema}.finished
 where workflow_id = any (%(ids)s::uuid[]) and state in ('failed', 'rejected')
 order by finished_at, message_id
 limit %(limit)s;
