-- name: get_result
-- A finished job's result, whether it is past its time, and its error. Reads finished_message_id in each partition.
select state::text, result::text, coalesce(result_ttl < {schema}.clock(), false), error
  from {schema}.finished
 where message_id = %(message_id)s
 order by finished_at desc
 limit 1;
