-- name: put
-- Messages enter the queue. A row comes back for each that did not: see put() in the schema.
select duplicate::text, existing::text
  from {schema}.put(%(message_ids)s::uuid[], %(queues)s, %(actors)s, %(priorities)s, %(delays)s::bigint[],
                    %(etas)s::timestamptz[], %(unique_keys)s::text[], %(unique_runnings)s, %(messages)s::jsonb[], %(sent_at)s::timestamptz,
                    %(limit_keys)s::text[], %(workflow_ids)s::uuid[], %(awaitings)s, %(followed_ins)s::text[]);
