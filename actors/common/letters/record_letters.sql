-- Which letters were sent, so that nobody gets the same one twice.

create table letter (
    key             text primary key check (key <> ''),
    recipient       text not null,
    subject         text not null,
    message_id      text not null unique,
    sent_at         timestamptz not null default now()
);
create index letter_sent_at on letter (sent_at);
comment on table letter is 'Letters sent; written in the transaction that sends, so a second run finds the row.';
comment on column letter.key is 'What the letter is about, such as purchase/approval-digest/<approver>/2026-04-10.';
comment on column letter.recipient is 'Address it went to.';
comment on column letter.subject is 'Its subject.';
comment on column letter.message_id is 'Message-ID header, the same at every attempt.';
comment on column letter.sent_at is 'When the mail server took it.';
