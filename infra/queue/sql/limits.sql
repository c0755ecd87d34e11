-- name: claim_limited
-- Takes ready jobs of limited actors, as far as their limits leave room: see claim_limited() in the schema.
select * from {schema}.claim_limited(
    %(worker_id)s::uuid, %(lease)s::uuid, %(timeout)s::interval, %(queues)s::text[], %(lowest)s::int[], %(room)s,
    %(keys)s::text[], %(after)s, %(freed)s::text[], %(within)s::interval);

-- name: uncount_starts
-- Claims that were given back before they started count under no rate. Reads the primary key of limit_start.
update {schema}.limit_start l
   set starts = l.starts - b.jobs
  from (select key, until, count(*) as jobs
          from unnest(%(keys)s::text[], %(untils)s::timestamptz[]) as b (key, until)
         group by key, until) b
 where l.limit_key = b.key and l.over_at = b.until;

-- name: tell_of_limits
-- Other workers look at these limits.
select {schema}.tell_of_limits(%(keys)s::text[])::text;

-- name: limits
-- The limits that hold for all jobs of an actor, and those under which jobs wait, run or have started of late; the
-- waiting counted up to %(most)s. Steps through queue_limited from limit to limit, through the first %(limits)s.
with recursive step (key, nth) as (
    (select q.limit_key, 1
       from {schema}.queue q
      where q.state = 'queued' and q.limit_key is not null
      order by q.limit_key limit 1)
    union all
    select next.limit_key, s.nth + 1
      from step s
     cross join lateral (
        select q.limit_key
          from {schema}.queue q
         where q.state = 'queued' and q.limit_key is not null and q.limit_key > s.key
         order by q.limit_key limit 1
     ) next
     where s.nth < %(limits)s
), running as (
    select limit_key as key, count(*) as jobs
      from {schema}.queue
     where state = 'consumed' and limit_key is not null
     group by limit_key
), started as (
    select limit_key as key, sum(starts) as jobs from {schema}.limit_start where over_at > {schema}.clock() group by limit_key
), shown as (
    select key from step
    union select key from running
    union select key from started
    union select actor_name from {schema}.actor
           where (max_running is not null or rate_count is not null) and max_running_per is null
)
select l.key, split_part(l.key, ':', 1), a.max_running, a.rate_count, a.rate_ms,
       coalesce(r.jobs, 0)::int, coalesce(s.jobs, 0)::int, waiting.jobs::int
  from shown l
  left join {schema}.actor a on a.actor_name = split_part(l.key, ':', 1)
  left join running r on r.key = l.key
  left join started s on s.key = l.key
 cross join lateral (
    select count(*) as jobs
      from (select from {schema}.queue q where q.state = 'queued' and q.limit_key = l.key limit %(most)s) counting
 ) waiting
 order by l.key;

-- name: limited_by_queue
-- How many ready jobs of each queue are those of limited actors. Steps through queue_limited from one pair of limit and
-- queue to the next, and stops counting at %(most)s.
with recursive lane as (
    (select limit_key, queue_name
       from {schema}.queue
      where state = 'queued' and limit_key is not null
      order by limit_key, queue_name
      limit 1)
    union all
    select next.limit_key, next.queue_name
      from lane l
     cross join lateral (
        select q.limit_key, q.queue_name
          from {schema}.queue q
         where q.state = 'queued' and q.limit_key is not null and (q.limit_key, q.queue_name) > (l.limit_key, l.queue_name)
         order by q.limit_key, q.queue_name
         limit 1
     ) next
)
select l.queue_name, sum(counted.jobs)::bigint
  from lane l
 cross join lateral (
    select count(*) as jobs
      from (select from {schema}.queue q
             where q.state = 'queued' and q.limit_key = l.limit_key and q.queue_name = l.queue_name
             limit %(most)s) counting
 ) counted
 group by l.queue_name;
