-- Letters: once each, whoever runs and however often.

-- name: claim_letter
-- The right to send a letter, held by the transaction that sends it: a second run waits for the first to commit and
-- then gets no row; if the first fails, its row vanishes and the letter can be sent again. No constraint is named: the
-- Message-ID, made from the key, is unique as well, and of two at once either may meet the other's row.
insert into {schema}.letter (key, recipient, subject, message_id)
values (%(key)s, %(recipient)s, %(subject)s, %(message_id)s)
on conflict do nothing
returning key;

-- name: letters_sent
-- Of these letters, those on record, by the primary key; spares a second run their making.
select key from {schema}.letter where key = any (%(keys)s);

-- name: letters_are_kept
-- Not every service has the table, and not every database is migrated.
select to_regclass('{schema}.letter') is not null;

-- name: forget_letters
-- Old letters, the oldest first, by letter_sent_at; those that somebody locks stay for the next time.
with old as materialized (
    select key from {schema}.letter where sent_at < %(before)s order by sent_at limit %(most)s for update skip locked
), forgotten as (
    delete from {schema}.letter using old where letter.key = old.key returning 1
)
select count(*) from forgotten;
