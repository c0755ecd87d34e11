-- name: put
-- Messages enter the queue. A row comes back for each that did not: see put() in the schema.
select duplicate::text, existing::text
  from {schema}.put(%(message_ids)s::uuid[], %(queues)s, %(actors)s, %(priorities)s, %(delays)s::bigint[],
                    %(unique_keys)s::text[], %(unique_runnings)s, %(messages)s::jsonb[], %(sent_at)s::timestamptz);

-- name: declare_actors
-- The actors of this service, so that the SQL function knows them too.
insert into {schema}.actor (actor_name, queue_name, priority, unique_running, parameters, doc)
select * from unnest(%(names)s, %(queues)s, %(priorities)s, %(unique_runnings)s, %(parameters)s::jsonb[], %(docs)s::text[])
on conflict (actor_name) do update
   set queue_name = excluded.queue_name, priority = excluded.priority, unique_running = excluded.unique_running,
       parameters = excluded.parameters, doc = excluded.doc, registered_at = {schema}.clock()
 where (actor.queue_name, actor.priority, actor.unique_running, actor.parameters, actor.doc)
       is distinct from
       (excluded.queue_name, excluded.priority, excluded.unique_running, excluded.parameters, excluded.doc);
