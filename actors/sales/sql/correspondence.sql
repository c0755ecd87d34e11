-- Statements of letters: once each, whoever runs and however often.

-- name: claim_letter
-- The right to send a letter, held by the transaction that sends it: a second run waits for the first to commit and
-- then gets no row; if the first fails, its row vanishes and the letter can be sent again.
insert into sales.mail_log (invoice_id, kind, recipient, message_id)
values (%(invoice_id)s, %(kind)s, %(recipient)s, %(message_id)s)
on conflict (invoice_id, kind) do nothing
returning invoice_id;

-- name: schedule_reminder
-- A step of the ladder, entered once.
insert into sales.reminder (invoice_id, step, scheduled_for)
values (%(invoice_id)s, %(step)s, %(scheduled_for)s)
on conflict (invoice_id, step) do nothing;

-- name: decide_reminder
-- What became of a step, written once; the first decision stands.
insert into sales.reminder as reminder (invoice_id, step, scheduled_for, outcome, reason, decided_at)
values (%(invoice_id)s, %(step)s, now(), %(outcome)s, %(reason)s, now())
on conflict (invoice_id, step) do update
    set outcome = excluded.outcome, reason = excluded.reason, decided_at = excluded.decided_at
    where reminder.outcome is null
returning outcome;

-- name: letter_was_sent
-- Whether a letter is on record, by the primary key; spares a second run the printing.
select exists (select from sales.mail_log where invoice_id = %(invoice_id)s and kind = %(kind)s) as sent;
