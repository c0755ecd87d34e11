-- Notifications: once each, whoever sends and however often.

-- name: sent
-- By the primary key.
select exists (select from common.notification where key = %(key)s and state = 'SENT') as sent;

-- name: claim
-- The right to send, held by the transaction that sends: a second run waits for the first to commit and gets no row. What
-- was refused before may be tried again, by the primary key.
insert into common.notification as n (key, channel, recipient, subject, state)
values (%(key)s, %(channel)s, %(recipient)s, %(subject)s, 'SENT')
on conflict (key) do update
    set channel = excluded.channel, recipient = excluded.recipient, subject = excluded.subject, state = 'SENT',
        reason = null, decided_at = common.clock()
    where n.state = 'REFUSED'
returning key;

-- name: refuse
-- One that was sent stays sent.
insert into common.notification as n (key, channel, recipient, subject, state, reason)
values (%(key)s, %(channel)s, %(recipient)s, %(subject)s, 'REFUSED', %(reason)s)
on conflict (key) do update set reason = excluded.reason, decided_at = common.clock() where n.state = 'REFUSED';

-- name: refused_of_late
-- Counts what was refused within a day, by notification_refused.
select count(*) as refused from common.notification
where state = 'REFUSED' and decided_at > common.clock() - interval '1 day';
