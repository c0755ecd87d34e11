-- Users mirrored from Auth0, notifications that went out, counters of events, and what the reports remember.

create table app_user (
    auth0_id        text primary key check (auth0_id <> ''),
    email           text,
    name            text not null,
    phone           text,
    verified        boolean not null,
    blocked         boolean not null,
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    deleted_at      timestamptz,
    welcomed_at     timestamptz,
    seen_at         timestamptz not null
) with (fillfactor = 80);
create index app_user_email on app_user (lower(email));
comment on table app_user is 'Users as Auth0 has them; a mirror, written by sync-auth0-users alone.';
comment on column app_user.auth0_id is 'Auth0''s user_id, such as auth0|65f0….';
comment on column app_user.email is 'Null for users who sign in by telephone.';
comment on column app_user.name is 'Full name; where Auth0 has none, the nickname or the address.';
comment on column app_user.phone is 'Telephone, E.164; null where Auth0 knows none.';
comment on column app_user.verified is 'Whether the address was confirmed.';
comment on column app_user.blocked is 'Blocked by an administrator: may not sign in.';
comment on column app_user.created_at is 'When Auth0 made the user.';
comment on column app_user.updated_at is 'When Auth0 last changed it; a sign-in counts.';
comment on column app_user.deleted_at is 'When a complete listing first lacked it; null again when it comes back.';
comment on column app_user.welcomed_at is 'When the letter of welcome was arranged; once, whatever happens to the user later.';
comment on column app_user.seen_at is 'Beginning of the last run whose listing had it. Not indexed, so that writing it stays cheap.';

create table user_sync (
    scheduled_for   timestamptz primary key,
    begun_at        timestamptz not null default clock(),
    started_at      timestamptz not null default clock(),
    finished_at     timestamptz,
    outcome         text not null default 'RUNNING' check (outcome in ('RUNNING', 'COMPLETE', 'REFUSED')),
    listed          integer check (listed >= 0),
    missing         integer check (missing >= 0),
    check ((outcome = 'RUNNING') = (finished_at is null)),
    check ((outcome = 'RUNNING') = (listed is null and missing is null))
);
comment on table user_sync is 'Runs of sync-auth0-users. Users older than the first of them are not welcomed.';
comment on column user_sync.scheduled_for is 'The tick.';
comment on column user_sync.begun_at is 'First attempt.';
comment on column user_sync.started_at is 'Latest attempt; users seen before it are missing from its listing.';
comment on column user_sync.finished_at is 'When the listing was complete, and settled.';
comment on column user_sync.outcome is
    'RUNNING, or given up before the listing was complete; COMPLETE; REFUSED: too many were missing to believe it.';
comment on column user_sync.listed is 'Users in the listing.';
comment on column user_sync.missing is 'Users that it lacked: deleted when COMPLETE, left alone when REFUSED.';

create table notification (
    key             text primary key check (key <> ''),
    channel         text not null check (channel in ('email', 'sms', 'push')),
    recipient       text not null,
    subject         text not null,
    state           text not null check (state in ('SENT', 'REFUSED')),
    reason          text,
    decided_at      timestamptz not null default clock(),
    check ((state = 'REFUSED') = (reason is not null))
);
create index notification_refused on notification (decided_at) where state = 'REFUSED';
create index notification_decided_at on notification (decided_at);
comment on table notification is 'Notifications sent or refused; the row commits with the sending, so each goes out once.';
comment on column notification.key is 'What it is about, such as visitors/gate/<visit>.';
comment on column notification.channel is 'By which way.';
comment on column notification.recipient is 'Address, telephone or, for push, the user''s Auth0 id.';
comment on column notification.subject is 'Its subject or title.';
comment on column notification.state is 'SENT: the gateway took it. REFUSED: it never will; sent again, it is tried again.';
comment on column notification.reason is 'What the gateway said.';
comment on column notification.decided_at is 'When.';

create table analytics_event (
    event_id        uuid primary key,
    counted_at      timestamptz not null default clock()
);
create index analytics_event_counted_at on analytics_event (counted_at);
comment on table analytics_event is 'Events that were counted, so that none counts twice; forgotten after 90 days.';
comment on column analytics_event.event_id is 'Given by whoever saw it.';
comment on column analytics_event.counted_at is 'When it was counted.';

create table analytics_daily (
    community_id    uuid not null,
    day             date not null,
    event           text not null check (event ~ '^[a-z][a-z0-9_.-]*$'),
    count           bigint not null check (count > 0),
    primary key (community_id, day, event)
);
comment on table analytics_daily is 'How often something happened in a society on a day.';
comment on column analytics_daily.community_id is 'The society.';
comment on column analytics_daily.day is 'The day in India.';
comment on column analytics_daily.event is 'What happened, such as app.opened.';
comment on column analytics_daily.count is 'How often.';

create table database_size (
    series          text not null,
    day             date not null,
    bytes           bigint not null check (bytes >= 0),
    primary key (series, day)
);
comment on table database_size is 'Size of each database at the day''s health report; from it the report tells growth.';
comment on column database_size.series is 'The database as the backups know it.';
comment on column database_size.day is 'Day in India.';
comment on column database_size.bytes is 'On the server''s disk.';
