-- What the house-keeping jobs of common keep: refresh tokens that expire, and a record of the backups.

-- include: ../reference/reference.sql
-- include: ../letters/record_letters.sql

create table refresh_token (
    token_hash      bytea primary key check (octet_length(token_hash) = 32),
    user_id         text not null check (user_id <> ''),
    issued_at       timestamptz not null default clock(),
    expires_at      timestamptz not null,
    revoked_at      timestamptz,
    check (expires_at > issued_at)
);
create index refresh_token_expires_at on refresh_token (expires_at);
create index refresh_token_user on refresh_token (user_id);
comment on table refresh_token is 'Refresh tokens of users; of each only its hash. Expired ones are deleted every night.';
comment on column refresh_token.token_hash is 'SHA-256 of the token.';
comment on column refresh_token.user_id is 'Whose it is, by the id of Auth0.';
comment on column refresh_token.issued_at is 'When it was given out.';
comment on column refresh_token.expires_at is 'From then on it opens nothing.';
comment on column refresh_token.revoked_at is 'When it was taken back; it stays until it expires, so that its use can be noticed.';

create table backup (
    id              text primary key check (id ~ '^[A-Za-z0-9_.-]+$'),
    database        text not null check (database <> ''),
    series          text not null check (series <> ''),
    place           text not null check (place ~ '^(file|s3)://'),
    scheduled_for   timestamptz,
    state           text not null default 'RUNNING' check (state in ('RUNNING', 'GOOD', 'FAILED', 'REMOVED')),
    started_at      timestamptz not null default clock(),
    finished_at     timestamptz check (finished_at >= started_at),
    size            bigint check (size > 0),
    sha256          text check (sha256 ~ '^[0-9a-f]{64}$'),
    tables_listed   integer,
    verified_at     timestamptz,
    failure         text,
    removed_at      timestamptz,
    check ((state = 'RUNNING') = (finished_at is null)),
    check (state not in ('GOOD', 'REMOVED') or (size is not null and sha256 is not null and tables_listed is not null)),
    check ((state = 'FAILED') = (failure is not null)),
    check ((state = 'REMOVED') = (removed_at is not null)),
    check (verified_at is null or state in ('GOOD', 'REMOVED'))
);
create unique index backup_of_tick on backup (series, scheduled_for) where state in ('GOOD', 'REMOVED');
create index backup_started_at on backup (started_at);
create index backup_running on backup (id) where state = 'RUNNING';
comment on table backup is
    'Backups, begun and done. What they hold is told by a file beside each of them, for the day this database is lost.';
comment on column backup.id is 'Name of its files: database, server and moment.';
comment on column backup.database is 'Name of the database.';
comment on column backup.series is 'The database as its server knows it; backups of one series are rotated together.';
comment on column backup.place is 'Folder (file://) or bucket (s3://) that holds its files.';
comment on column backup.scheduled_for is 'The tick it was taken for, which has one good backup; null when taken by hand.';
comment on column backup.state is
    'RUNNING, or left by a run that died; GOOD: written, and listed by pg_restore; FAILED; REMOVED by rotation.';
comment on column backup.started_at is 'When it began; the backup holds what was committed a moment later.';
comment on column backup.finished_at is 'When it was done, or failed.';
comment on column backup.size is 'Bytes.';
comment on column backup.sha256 is 'Checksum of the file, taken while it was written.';
comment on column backup.tables_listed is 'Tables that pg_restore --list found in what was written.';
comment on column backup.verified_at is 'When it was last restored into a scratch database, and equal to its snapshot.';
comment on column backup.failure is 'What went wrong.';
comment on column backup.removed_at is 'When rotation deleted its files.';
