-- Statements that every job of purchase needs.

-- name: hold_books
-- Whoever holds a society's row matches, pays and voids; a foreign key's share lock does not wait for it.
select from purchase.community where id = %(community_id)s for no key update;

-- name: input_credit
-- The share in force on a day, by the primary key.
select percent from purchase.input_credit_share
where community_id = %(community_id)s and effective_from <= %(day)s
order by effective_from desc limit 1;
