"""What the tables themselves refuse, whoever writes to them."""

import uuid

import psycopg2
import pytest
from psycopg2.errors import CheckViolation, LockNotAvailable, RestrictViolation, UniqueViolation

from actors.sales import generate_invoice_for_resident
from tests.support.society import PERIOD

ENTRY = """insert into sales.ledger_entry (community_id, entry_date, narration, source_kind, source_id)
    values (%s, %s, 'a receipt', 'RECEIPT', %s) returning id"""
LINE = "insert into sales.ledger_line values (%s, %s, %s, %s, %s, %s)"


@pytest.fixture
def post(sales, society):
    """Post an entry of lines (account, debit, credit), as one transaction."""

    def post(*lines, day="2026-04-20", source=None):
        with sales, sales.cursor() as cursor:
            cursor.execute(ENTRY, (str(society.community_id), day, str(source or uuid.uuid4())))
            (entry,) = cursor.fetchone()
            for position, (account, debit, credit) in enumerate(lines, start=1):
                member = str(society.unit_ids[0]) if account == "11200" else None
                cursor.execute(LINE, (entry, position, account, member, debit, credit))
        return entry

    return post


def test_a_balanced_entry_is_posted(post, ask):
    entry = post(("11120", 10_000, 0), ("11200", 0, 10_000))

    assert ask("select sum(debit), sum(credit) from sales.ledger_line where entry_id = %s", entry) == [
        (10_000, 10_000)
    ]


def test_an_unbalanced_entry_cannot_be_committed(post, ask):
    with pytest.raises(CheckViolation, match=r"not balanced: debit 10000\.00, credit 9999\.00"):
        post(("11120", 10_000, 0), ("11200", 0, 9_999))

    assert ask("select count(*) from sales.ledger_entry where source_kind = 'RECEIPT'") == [(0,)]


def test_an_entry_without_lines_cannot_be_committed(post):
    with pytest.raises(CheckViolation, match="has no lines"):
        post()


def test_a_check_made_early_does_not_let_a_later_line_slip(sales, society):
    with sales.cursor() as cursor:
        cursor.execute(ENTRY, (str(society.community_id), "2026-04-20", str(uuid.uuid4())))
        (entry,) = cursor.fetchone()
        cursor.execute(LINE, (entry, 1, "11120", None, 5, 0))
        cursor.execute("set constraints all deferred")
        cursor.execute(LINE, (entry, 2, "40510", None, 0, 5))
        cursor.execute("set constraints all immediate")
        with pytest.raises(CheckViolation, match="not balanced"):
            cursor.execute(LINE, (entry, 3, "11120", None, 1, 0))


@pytest.mark.parametrize(("debit", "credit"), [(0, 0), (5, 5), (-5, 0), (0, -5)])
def test_a_line_has_exactly_one_positive_side(post, debit, credit):
    with pytest.raises(CheckViolation):
        post(("11120", debit, credit), ("40510", 0, 5))


def test_the_receivable_always_belongs_to_a_flat(post, ask, society):
    with pytest.raises(CheckViolation):
        ask(
            "with e as ("
            + ENTRY
            + ") insert into sales.ledger_line select id, 1, '11200', null, 5, 0 from e",
            str(society.community_id),
            "2026-04-20",
            str(uuid.uuid4()),
        )


@pytest.mark.parametrize(
    "change",
    [
        "update sales.ledger_entry set narration = 'another'",
        "delete from sales.ledger_entry",
        "update sales.ledger_line set debit = debit + 1 where debit > 0",
        "delete from sales.ledger_line",
        "truncate sales.ledger_entry cascade",
        """insert into sales.ledger_line
            select max(id), position, account, null, debit, 5 - debit from sales.ledger_entry,
            (values (8, '11120', 5), (9, '40510', 0)) as line (position, account, debit)
            group by position, account, debit""",
    ],
)
def test_what_is_posted_stands(post, ask, change):
    post(("11120", 100, 0), ("11200", 0, 100))

    with pytest.raises(RestrictViolation):
        ask(change)


def test_one_entry_per_source_event(post):
    receipt = uuid.uuid4()
    post(("11120", 100, 0), ("11200", 0, 100), source=receipt)

    with pytest.raises(UniqueViolation):
        post(("11120", 100, 0), ("11200", 0, 100), source=receipt)


def test_a_closed_month_refuses_and_an_open_one_takes(post, ask, society):
    post(("11120", 100, 0), ("11200", 0, 100))
    ask(
        "update sales.accounting_period set closed_at = now(), closed_by = 'treasurer' where month = '2026-04-01'"
    )

    with pytest.raises(RestrictViolation, match="the books of 2026-04 are closed"):
        post(("11120", 100, 0), ("11200", 0, 100))
    post(("11120", 100, 0), ("11200", 0, 100), day="2026-05-02")


def test_a_closing_waits_for_a_posting_on_its_way(sales_database, sales, society, post):
    post(("11120", 100, 0), ("11200", 0, 100))
    treasurer = psycopg2.connect(sales_database)
    with sales.cursor() as posting, treasurer.cursor() as closing:
        posting.execute(ENTRY, (str(society.community_id), "2026-04-20", str(uuid.uuid4())))
        closing.execute("set local lock_timeout = '200ms'")

        with pytest.raises(LockNotAvailable):
            closing.execute("update sales.accounting_period set closed_at = now(), closed_by = 'treasurer'")
    sales.rollback()
    treasurer.close()


@pytest.mark.parametrize(
    "change",
    [
        "update sales.invoice set total = total + 1, heads_total = heads_total + 1",
        "update sales.invoice set number = 'GV/2627/000099'",
        "update sales.invoice set bill_to = 'Somebody Else'",
        "delete from sales.invoice",
        "update sales.invoice_line set amount = amount + 1",
        "delete from sales.invoice_line",
        "insert into sales.invoice_line (invoice_id, position, head, amount) select id, 9, 'NOC', 1 from sales.invoice",
    ],
)
def test_an_issued_bill_stands(society, ask, change):
    ask("update sales.unit set is_let = false")
    generate_invoice_for_resident.fn(str(society.unit_ids[0]), PERIOD)

    with pytest.raises(RestrictViolation, match="is issued"):
        ask(change)


def test_an_issued_bill_can_be_paid_disputed_and_voided(society, ask):
    generate_invoice_for_resident.fn(str(society.unit_ids[0]), PERIOD)

    ask("update sales.invoice set paid_amount = total, disputed_at = now(), voided_at = now()")
    with pytest.raises(CheckViolation):
        ask("update sales.invoice set paid_amount = total + 1")


def test_a_bill_that_is_not_the_sum_of_its_lines_cannot_be_committed(society, ask):
    with pytest.raises(CheckViolation, match="its lines add up to 0, not to 100"):
        ask(
            """insert into sales.invoice (community_id, unit_id, resident_id, bill_to, period, kind,
                invoice_date, due_date, heads_total, taxable_value, cgst_rate, sgst_rate, cgst, sgst, round_off, total)
            select u.community_id, u.id, o.resident_id, 'X', '2026-04-01', 'BILL_OF_SUPPLY',
                '2026-04-01', '2026-04-15', 100, 0, 0, 0, 0, 0, 0, 100
            from sales.unit u join sales.ownership o on o.unit_id = u.id limit 1"""
        )


def test_members_owe_what_the_receivable_account_says(society, ask):
    for unit in society.unit_ids:
        generate_invoice_for_resident.fn(str(unit), PERIOD)

    ((owed, receivable, trial),) = ask(
        """select (select sum(total) from sales.invoice) + (select coalesce(sum(amount), 0) from sales.opening_arrears),
            (select sum(debit - credit) from sales.ledger_line where account_code = '11200'),
            (select sum(debit - credit) from sales.ledger_line)"""
    )
    assert owed == receivable
    assert trial == 0


def test_every_table_and_column_is_explained(sales_database, ask):
    unexplained = ask(
        """select c.relname, a.attname from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where n.nspname = 'sales' and c.relkind = 'r' and c.relname !~ 'yoyo'
            and (col_description(c.oid, a.attnum) is null or obj_description(c.oid) is null)"""
    )
    assert unexplained == []


def test_the_accounts_and_heads_of_the_rules_are_those_of_the_tables(sales_database, ask):
    from actors.sales.rules.posting import Account

    assert {code for (code,) in ask("select code from sales.ledger_account")} == {
        account.value for account in Account
    }
