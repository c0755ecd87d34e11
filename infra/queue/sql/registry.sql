-- name: declare_actors
-- The actors of this service, so that the SQL function knows them too. Returns those that were new or changed; sorted,
-- so that two workers that boot at once lock them in one order.
insert into {schema}.actor (actor_name, queue_name, priority, unique_running, parameters, doc, max_running,
                            max_running_per, rate_count, rate_ms)
select *
  from unnest(%(names)s, %(queues)s, %(priorities)s, %(unique_runnings)s, %(parameters)s::jsonb[], %(docs)s::text[],
              %(max_runnings)s::int[], %(max_running_pers)s::text[], %(rate_counts)s::int[], %(rate_mss)s::bigint[])
 order by 1
on conflict (actor_name) do update
   set queue_name = excluded.queue_name, priority = excluded.priority, unique_running = excluded.unique_running,
       parameters = excluded.parameters, doc = excluded.doc, registered_at = {schema}.clock(),
       max_running = excluded.max_running, max_running_per = excluded.max_running_per,
       rate_count = excluded.rate_count, rate_ms = excluded.rate_ms
 where (actor.queue_name, actor.priority, actor.unique_running, actor.parameters, actor.doc,
        actor.max_running, actor.max_running_per, actor.rate_count, actor.rate_ms)
       is distinct from
       (excluded.queue_name, excluded.priority, excluded.unique_running, excluded.parameters, excluded.doc,
        excluded.max_running, excluded.max_running_per, excluded.rate_count, excluded.rate_ms)
returning actor_name;

-- name: registered_actors
select actor_name, parameters, max_running, max_running_per, rate_count, rate_ms from {schema}.actor order by actor_name;

-- name: forget_actors
delete from {schema}.actor where actor_name = any (%(names)s::text[]) returning actor_name;
