-- Refresh tokens past their time.

-- name: expired_tokens
-- For the progress bar; reads refresh_token_expires_at alone.
select count(*) as tokens from common.refresh_token where expires_at < %(before)s;

-- name: short_of_patience
-- A chunk that takes longer than this is given up, and retried with the job.
select set_config('statement_timeout', '30s', true) as longest, set_config('lock_timeout', '2s', true) as longest_wait;

-- name: delete_expired_tokens
-- A chunk, the oldest first, by refresh_token_expires_at. It locks no more than that, and waits for no lock.
with expired as materialized (
    select token_hash from common.refresh_token
    where expires_at < %(before)s
    order by expires_at
    limit %(chunk)s
    for update skip locked
), gone as (
    delete from common.refresh_token using expired where refresh_token.token_hash = expired.token_hash returning 1
)
select count(*) as deleted from gone;
