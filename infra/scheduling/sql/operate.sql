-- name: row
-- A recurring job, locked. A scheduler that comes meanwhile passes it over.
select actor_name, args, kwargs, spec, zone, code_spec, code_zone, changed_at is not null, orphaned_at is not null,
       added_by is not null, {schema}.clock()
  from {schema}.recurring
 where name = %(name)s
   for update;

-- name: pause
update {schema}.recurring
   set paused_at = {schema}.clock(), paused_by = %(by)s, pause_reason = %(reason)s
 where name = %(name)s and paused_at is null
returning name;

-- name: resume
-- What was due meanwhile is not made up for: somebody meant it not to run.
update {schema}.recurring
   set paused_at = null, paused_by = null, pause_reason = null, next_at = %(next_at)s
 where name = %(name)s and paused_at is not null
returning name;

-- name: reschedule
-- Changed by somebody, or with nobody back to what the code says.
update {schema}.recurring
   set spec = %(spec)s, zone = %(zone)s, next_at = %(next_at)s,
       changed_at = case when %(by)s::text is not null then {schema}.clock() end, changed_by = %(by)s
 where name = %(name)s;

-- name: remove
-- Runs that still wait for the one before them will not come.
with gone as (
    delete from {schema}.recurring where name = %(name)s returning name
)
update {schema}.tick t
   set outcome = 'skipped', at = {schema}.clock(), reason = 'the recurring job was removed'
  from gone
 where t.name = gone.name and t.outcome = 'waiting';
