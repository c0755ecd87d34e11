-- name: declare_actors
-- The actors of this service, so that the SQL function knows them too. Returns those that were new or changed; sorted,
-- so that two workers that boot at once lock them in one order.
insert into {schema}.actor (actor_name, queue_name, priority, unique_running, parameters, doc)
select *
  from unnest(%(names)s, %(queues)s, %(priorities)s, %(unique_runnings)s, %(parameters)s::jsonb[], %(docs)s::text[])
 order by 1
on conflict (actor_name) do update
   set queue_name = excluded.queue_name, priority = excluded.priority, unique_running = excluded.unique_running,
       parameters = excluded.parameters, doc = excluded.doc, registered_at = {schema}.clock()
 where (actor.queue_name, actor.priority, actor.unique_running, actor.parameters, actor.doc)
       is distinct from
       (excluded.queue_name, excluded.priority, excluded.unique_running, excluded.parameters, excluded.doc)
returning actor_name;

-- name: registered_actors
select actor_name, parameters from {schema}.actor order by actor_name;

-- name: forget_actors
delete from {schema}.actor where actor_name = any (%(names)s::text[]) returning actor_name;
