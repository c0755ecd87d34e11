-- Counters of events.

-- name: count_events
-- Counts those that were not counted before, by the primary keys. Both tables are written in the order of their keys, so
-- that two batches wait for one another rather than lock one another out.
with given as (
    select distinct on (event_id) event_id, event, community_id, day
    from unnest(%(event_ids)s::uuid[], %(events)s::text[], %(community_ids)s::uuid[], %(days)s::date[])
        as given (event_id, event, community_id, day)
    order by event_id
), fresh as (
    insert into common.analytics_event (event_id)
    select event_id from given order by event_id
    on conflict (event_id) do nothing
    returning event_id
), counted as (
    insert into common.analytics_daily as d (community_id, day, event, count)
    select community_id, day, event, count(*)
    from given join fresh using (event_id)
    group by community_id, day, event
    order by community_id, day, event
    on conflict (community_id, day, event) do update set count = d.count + excluded.count
)
select count(*) as counted from fresh;

-- name: forget_events
-- Old ids go, so many at most each time, by analytics_event_counted_at.
with old as materialized (
    select event_id from common.analytics_event
    where counted_at < common.clock() - interval '90 days'
    order by counted_at
    limit %(most)s
    for update skip locked
)
delete from common.analytics_event using old where analytics_event.event_id = old.event_id;
