-- name: seed_tokens
-- Tokens of users in turn, evenly over a year.
with made as (
    insert into common.refresh_token (token_hash, user_id, issued_at, expires_at, revoked_at)
    select sha256(convert_to(concat_ws('/', %(seed_number)s, 'token', n), 'UTF8')), 'auth0|seed-' || n %% %(users)s,
        moment, moment + interval '30 days', case when n %% 8 = 0 then moment + interval '3 days' end
    from generate_series(1, %(tokens)s) as n,
        lateral (select %(until)s::timestamptz - n * interval '365 days' / %(tokens)s as moment) as issued
    on conflict (token_hash) do nothing
)
select %(tokens)s::bigint as tokens;
