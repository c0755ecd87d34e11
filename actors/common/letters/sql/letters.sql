-- Letters: once each, whoever runs and however often.

-- name: claim_letter
-- The right to send a letter, held by the transaction that sends it: a second run waits for the first to commit and
-- then gets no row; if the first fails, its row vanishes and the letter can be sent again.
insert into {schema}.letter (key, recipient, subject, message_id)
values (%(key)s, %(recipient)s, %(subject)s, %(message_id)s)
on conflict (key) do nothing
returning key;

-- name: letters_sent
-- Of these letters, those on record, by the primary key; spares a second run their making.
select key from {schema}.letter where key = any (%(keys)s);
