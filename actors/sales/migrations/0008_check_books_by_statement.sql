-- The books' checks once a statement, as in the other services, instead of once a row.

drop trigger ledger_entry_balances on ledger_entry;
drop trigger ledger_line_keeps_balance on ledger_line;
drop trigger ledger_entry_stands on ledger_entry;
drop trigger ledger_line_stands on ledger_line;
drop trigger ledger_lines_come_with_their_entry on ledger_line;
drop trigger ledger_entry_in_open_month on ledger_entry;
drop function entry_must_balance();
drop function posted_must_stand();
drop function lines_must_come_with_their_entry();
drop function month_must_be_open();

-- include: ../../common/books/check_books.sql
