-- name: unfinished_of
-- How many of these jobs are still queued, running or waiting. Reads the primary key.
select count(*)::int from {schema}.queue where message_id = any (%(message_ids)s::uuid[]);

-- name: unfinished_letters
-- How many jobs that these led to are not finished; reminders that wait for their day do not count.
select count(*)::int from {schema}.queue where state <> 'scheduled' and actor_name like 'sales.%%';

-- name: failed_of
-- How many of these jobs ended without success. Reads finished_message_id.
select count(*)::int
  from {schema}.finished
 where message_id = any (%(message_ids)s::uuid[]) and state <> 'done';
