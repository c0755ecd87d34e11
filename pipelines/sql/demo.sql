-- name: at_work
-- Jobs of sales that are queued or running; those that wait for a retry, and why the latest of them does. Reminders wait
-- for their day and are left out. Reads the queue, which holds nothing that is finished.
select count(*) filter (where state in ('queued', 'consumed'))::int,
       count(*) filter (where state = 'retrying')::int,
       max(error) filter (where state = 'retrying')
  from {schema}.queue
 where actor_name like 'sales.%%' and actor_name <> 'sales.send_invoice_reminder';

-- name: failures_lately
-- Jobs of sales that ended without success in the last seconds, and why. Reads finished_finished_at.
select message_id::text, actor_name, coalesce(error, reason)
  from {schema}.finished
 where state in ('failed', 'rejected') and actor_name like 'sales.%%'
   and finished_at > {schema}.clock() - %(seconds)s * interval '1 second'
 order by finished_at;
