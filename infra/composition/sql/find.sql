-- name: workflows
-- Workflows at home in this store, the latest first, from a place on. Looks no further back than %(most)s rows. Reads
-- workflow_open or workflow_created from their end.
select w.workflow_id::text, w.kind, w.name, w.home, w.spans, w.parent_id::text, w.parent_service, w.unique_key, w.created_at,
       w.opened_at, w.completed_at, w.cancel_reason, w.outcome::text, w.followed_in,
       case when outcome is not null then 'complete ' || outcome when cancelled_at is not null then 'closing'
            when opened_at is not null then 'open' else 'waits' end,
       extract(epoch from {schema}.clock() - w.created_at)::float8
  from (select *
          from {schema}.workflow
         where (not %(open_only)s or completed_at is null)
           and (%(before_at)s::timestamptz is null
                or (created_at, workflow_id) < (%(before_at)s::timestamptz, %(before_id)s::uuid))
           and (%(newer)s::interval is null or created_at >= {schema}.clock() - %(newer)s::interval)
         order by created_at desc, workflow_id desc
         limit %(most)s) w
 where w.home = %(service)s and (%(kinds)s::text[] is null or w.kind = any (%(kinds)s::text[]))
   and (w.parent_id is null or %(nested)s)
   and (%(name)s::text is null or strpos(lower(w.name), lower(%(name)s)) > 0)
 order by w.created_at desc, w.workflow_id desc
 limit %(limit)s;

-- name: workflows_of
-- These workflows, as far as they are at home in this store. Reads workflow_pkey.
select w.workflow_id::text, w.kind, w.name, w.home, w.spans, w.parent_id::text, w.parent_service, w.unique_key, w.created_at,
       w.opened_at, w.completed_at, w.cancel_reason, w.outcome::text, w.followed_in,
       case when outcome is not null then 'complete ' || outcome when cancelled_at is not null then 'closing'
            when opened_at is not null then 'open' else 'waits' end,
       extract(epoch from {schema}.clock() - w.created_at)::float8
  from {schema}.workflow w
 where w.workflow_id = any (%(ids)s::uuid[]) and w.home = %(service)s
 order by w.created_at, w.workflow_id;

-- name: workflow_ids_between
-- The ids that begin alike, as a range. Reads workflow_pkey.
select workflow_id::text
  from {schema}.workflow
 where workflow_id between %(first)s::uuid and %(last)s::uuid and home = %(service)s
 limit 5;

-- name: failed_members
-- Some of the members that failed, the latest first among the first thousand. Reads finished_member.
select message_id::text, actor_name, state::text, attempts, message, error, reason, workflow_id::text
  from (select *
          from {schema}.finished
         where workflow_id = any (%(ids)s::uuid[]) and state in ('failed', 'rejected')
         limit 1000) f
 order by finished_at desc, message_id
 limit %(limit)s;

-- name: callbacks
-- What waits for one workflow in this store. Reads edge_predecessor.
select successor::text, condition, met_at is not null
  from {schema}.edge
 where predecessor = %(id)s::uuid and workflow_id = %(id)s::uuid
 limit %(limit)s;
