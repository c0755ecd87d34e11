-- name: edges_of
-- Edges of one workflow whose successors are in this store, in the order of their writing. Reads edge_workflow, no more of
-- it than is drawn.
select predecessor::text, successor::text, condition, met_at is not null, workflow_id = predecessor
  from {schema}.edge
 where workflow_id = %(id)s::uuid
 limit %(limit)s;

-- name: edges_from
-- What waits for these nested workflows in this store: steps of the workflow around them, and their own callbacks. Reads
-- edge_predecessor.
select predecessor::text, successor::text, condition, met_at is not null, workflow_id = predecessor
  from {schema}.edge
 where predecessor = any (%(ids)s::uuid[])
 limit %(limit)s;

-- name: nested_in
-- Workflows that are members of this one and at home in this store. Reads workflow_parent.
select workflow_id::text
  from {schema}.workflow
 where parent_id = %(id)s::uuid and home = %(service)s
 limit %(limit)s;

-- name: drawn_jobs
-- The jobs that are drawn. Reads queue_pkey and finished_message_id.
select message_id::text, actor_name, state::text, attempts, message, error, reason, workflow_id::text
  from {schema}.job
 where message_id = any (%(ids)s::uuid[]);

-- name: other_members
-- A few members besides those that are drawn. Reads queue_member, queue_awaiting and finished_member, each no further than
-- the limit.
(select message_id::text, actor_name, state::text, attempts, message, error, cancel_reason as reason, workflow_id::text
   from {schema}.queue
  where workflow_id = %(id)s::uuid and state <> 'awaiting' and message_id <> all (%(drawn)s::uuid[])
  limit %(limit)s)
union all
(select message_id::text, actor_name, state::text, attempts, message, error, cancel_reason, workflow_id::text
   from {schema}.queue
  where workflow_id = %(id)s::uuid and state = 'awaiting' and message_id <> all (%(drawn)s::uuid[])
  limit %(limit)s)
union all
(select message_id::text, actor_name, state::text, attempts, message, error, reason, workflow_id::text
   from {schema}.finished
  where workflow_id = %(id)s::uuid and message_id <> all (%(drawn)s::uuid[])
  limit %(limit)s)
 limit %(limit)s;

-- name: count_members_by_actor
-- The members of a small workflow besides those that are drawn. Reads queue_member, queue_awaiting and finished_member.
select actor_name, state::text, count(*)
  from (
    select message_id, actor_name, state from {schema}.queue where workflow_id = %(id)s::uuid and state <> 'awaiting'
    union all
    select message_id, actor_name, state from {schema}.queue where workflow_id = %(id)s::uuid and state = 'awaiting'
    union all
    select message_id, actor_name, state from {schema}.finished where workflow_id = %(id)s::uuid
  ) m
 where message_id <> all (%(drawn)s::uuid[])
 group by actor_name, state
 order by actor_name, state;

-- name: own_figures
-- The figures of one workflow in this store without those inside it: total, succeeded, failed, cancelled, running. Reads
-- tally_pkey, and queue_claimed, which is as large as what all workers hold.
with claimed as materialized (
    select workflow_id from {schema}.queue where state = 'consumed'
)
select coalesce(sum(t.added), 0)::bigint, coalesce(sum(t.succeeded), 0)::bigint, coalesce(sum(t.failed), 0)::bigint,
       coalesce(sum(t.cancelled), 0)::bigint,
       (select count(*) from claimed c where c.workflow_id = %(id)s::uuid)
  from {schema}.tally t
 where t.workflow_id = %(id)s::uuid;
