-- What awaiting jobs wait for. Read for the jobs that are shown, never for all.

-- name: waits
-- What these jobs and workflows wait for, and so on up to what does not wait itself: a row a wait, (who, for what). A job
-- waits for its unmet edges, and for its workflow to open; a workflow for its edges, and for the one around it. At most 20
-- waits a step and %(most)s rows in all. Reads the primary keys of queue, workflow and edge.
with recursive up (who, id) as (
    select null::uuid, id from unnest(%(ids)s::uuid[]) id
    union
    select up.id, next.id
      from up
     cross join lateral (
        (select d.predecessor as id
           from {schema}.edge d
          where d.successor = up.id and d.met_at is null
            and (exists (select from {schema}.queue q where q.message_id = up.id and q.state = 'awaiting')
                 or exists (select from {schema}.workflow w where w.workflow_id = up.id and w.opened_at is null))
          limit 20)
        union all
        (select w.workflow_id
           from {schema}.queue q join {schema}.workflow w on w.workflow_id = q.workflow_id
          where q.message_id = up.id and q.state = 'awaiting' and w.opened_at is null)
        union all
        (select p.workflow_id
           from {schema}.workflow w join {schema}.workflow p on p.workflow_id = w.parent_id
          where w.workflow_id = up.id and w.opened_at is null and p.opened_at is null)
     ) next
)
select who::text, id::text from up where who is not null limit %(most)s;

-- name: nodes
-- What these ids are, jobs or workflows. Reads queue_pkey, finished_message_id and workflow_pkey.
select message_id::text, 'job' as kind, actor_name as name, state::text, null::text as home, coalesce(error, reason)
  from {schema}.job
 where message_id = any (%(ids)s::uuid[])
union all
select workflow_id::text, kind, name,
       case when outcome is not null then 'complete ' || outcome when cancelled_at is not null then 'closing'
            when opened_at is not null then 'open' else 'waits' end,
       home, cancel_reason
  from {schema}.workflow
 where workflow_id = any (%(ids)s::uuid[]);

-- name: predecessors
-- What one job waits for or waited for, in order. Reads edge_pkey.
select predecessor::text, condition, met_at is not null
  from {schema}.edge
 where successor = %(id)s::uuid
 order by met_at is not null, place
 limit %(limit)s;

-- name: successors
-- What waits for one job, or waited for it, in this store. Reads edge_predecessor.
select successor::text, condition, met_at is not null
  from {schema}.edge
 where predecessor = %(id)s::uuid
 limit %(limit)s;
