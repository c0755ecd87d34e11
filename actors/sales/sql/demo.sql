-- name: unfinished_of
-- How many of these jobs are still queued, running or waiting. Reads the primary key.
select count(*)::int from {schema}.queue where message_id = any (%(message_ids)s::uuid[]);

-- name: letters_under_way
-- Letters that are queued or running; those that wait for a retry, and why the latest of them does.
select count(*) filter (where state in ('queued', 'consumed'))::int,
       count(*) filter (where state = 'retrying')::int,
       max(error) filter (where state = 'retrying')
  from {schema}.queue
 where actor_name in ('sales.send_invoice_notification', 'sales.send_invoice_created_notification');

-- name: failures_of
-- Which of these jobs, and of the letters finished since the demo began, ended without success, and why. Reads
-- finished_message_id and finished_finished_at.
select message_id::text, actor_name, coalesce(error, reason)
  from {schema}.finished
 where state in ('failed', 'rejected')
   and (message_id = any (%(message_ids)s::uuid[])
        or actor_name like 'sales.send_invoice%%'
           and finished_at > {schema}.clock() - %(seconds)s * interval '1 second');
