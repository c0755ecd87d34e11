-- Statements of letters: once each, whoever runs and however often.

-- name: claim_letter
-- The right to send a letter, held by the transaction that sends it: a second run waits for the first to commit and
-- then gets no row; if the first fails, its row vanishes and the letter can be sent again.
insert into sales.mail_log (invoice_id, kind, recipient, message_id)
values (%(invoice_id)s, %(kind)s, %(recipient)s, %(message_id)s)
on conflict do nothing
returning invoice_id;

-- name: schedule_reminders
-- Steps of the ladder, each entered once.
insert into sales.reminder (invoice_id, step, scheduled_for)
select * from unnest(%(invoice_ids)s::uuid[], %(steps)s::text[], %(moments)s::timestamptz[])
on conflict (invoice_id, step) do nothing;

-- name: letter_was_sent
-- Whether a letter is on record, by the primary key; spares a second run the printing.
select exists (select from sales.mail_log where invoice_id = %(invoice_id)s and kind = %(kind)s) as sent;
