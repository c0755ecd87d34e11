-- Events and their reminders.

-- name: events_ahead
-- A page of events that begin within a span and take place, or one of them; by event_ahead.
select id::text as id, starts_at
from community.event
where cancelled_at is null and starts_at > %(now)s and starts_at <= %(until)s
    and (%(event_id)s::uuid is null or id = %(event_id)s)
    and (event.starts_at, event.id) > (%(after_start)s, %(after_id)s::uuid)
order by event.starts_at, event.id
limit %(page)s;

-- name: event
-- By primary key.
select community_id::text as community_id, title, place, starts_at, cancelled_at is not null as cancelled
from community.event where id = %(event_id)s;

-- name: people_to_remind
-- A page of those who come and for whom this reminder is not decided, by the primary keys: registrations of the event, and
-- the reminders of each; `told_later` where a later reminder of the same start went out already.
select person.id::text as id, person.name, person.email, person.language, registration.registered_at,
    exists (
        select from community.event_reminder as later
        where later.event_id = registration.event_id and later.starts_at = %(starts_at)s
            and later.step = any (%(later_steps)s) and later.person_id = registration.person_id and later.outcome = 'SENT'
    ) as told_later
from community.registration
join community.person on person.id = registration.person_id
where registration.event_id = %(event_id)s and registration.withdrawn_at is null
    and not exists (
        select from community.event_reminder as decided
        where decided.event_id = registration.event_id and decided.starts_at = %(starts_at)s
            and decided.step = %(step)s and decided.person_id = registration.person_id)
order by person.id
limit %(page)s;

-- name: decide_reminders
-- What becomes of reminders; one that was decided before returns no row. Another run that decides the same waits here for
-- the first to commit.
insert into community.event_reminder (event_id, starts_at, step, person_id, outcome, reason)
select %(event_id)s, %(starts_at)s, %(step)s, person_id, case when reason is null then 'SENT' else 'SKIPPED' end, reason
from unnest(%(people)s::uuid[], %(reasons)s::text[]) as decided (person_id, reason)
on conflict do nothing
returning person_id::text as person_id;
