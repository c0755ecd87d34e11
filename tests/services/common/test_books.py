"""Books that any service keeps: posted once, balanced, reversed, summed up."""

from datetime import date
from decimal import Decimal as D
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
from psycopg2.errors import CheckViolation, RestrictViolation

import actors.common
from actors.common import books
from actors.common.books import NotPosted, Posting
from actors.common.reference.seed import seed_society
from actors.common.rules.ledger import Entry
from infra.store import migrate
from tests.support.postgres import database_url
from tests.support.service import execute

BANK, PAYABLE, EXPENSE = "11120", "21010", "52010"
DAY = date(2026, 4, 20)
MIGRATION = """
-- include: {common}/reference/reference.sql
-- include: {common}/books/keep_books.sql
insert into ledger_account (code, name, kind, of_parties) values
    ('11120', 'Bank', 'ASSET', false), ('21010', 'Payables', 'LIABILITY', true),
    ('52010', 'Housekeeping', 'EXPENSE', false);
"""


@pytest.fixture(scope="module")
def url(postgres_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("migrations")
    (folder / "0001_books.sql").write_text(MIGRATION.format(common=Path(actors.common.__file__).parent))
    name = f"books_{uuid4().hex[:12]}"
    execute(postgres_server, f"create database {name}")
    url = database_url(postgres_server, name)
    migrate.apply(url, "purchase", folder)
    yield url
    execute(postgres_server, f"drop database {name} with (force)")


@pytest.fixture
def purchase(url):
    connection = psycopg2.connect(url)
    yield connection
    connection.close()


@pytest.fixture
def society(purchase):
    return seed_society(purchase, "purchase", seed_number=uuid4().int)


def bill(society, amount, vendor, *, event=None, day=DAY):
    entry = Entry.of((EXPENSE, amount), (PAYABLE, -amount, vendor))
    return Posting(society, day, "Housekeeping", "VENDOR_BILL", event or uuid4(), entry)


def test_an_event_is_posted_once(purchase, society):
    posting = bill(society, D("48500.00"), uuid4())
    other = bill(society, D("100.00"), uuid4())

    assert books.post(purchase, "purchase", [posting]) == {("VENDOR_BILL", posting.source_id)}
    assert books.post(purchase, "purchase", [posting, other]) == {("VENDOR_BILL", other.source_id)}
    purchase.commit()

    balance = {line.account: (line.debit, line.credit) for line in trial(purchase, society)}
    assert balance == {EXPENSE: (D("48600.00"), 0), PAYABLE: (0, D("48600.00"))}


def test_parties_sum_up_to_their_control_account(purchase, society):
    tidy, green = uuid4(), uuid4()
    books.post(
        purchase,
        "purchase",
        [bill(society, D(10), tidy), bill(society, D(5), green), bill(society, D(7), tidy)],
    )
    purchase.commit()

    assert books.balances_of_parties(purchase, "purchase", PAYABLE, society, DAY) == {
        tidy: D(-17),
        green: D(-5),
    }
    assert books.balances_of_parties(purchase, "purchase", PAYABLE, society, date(2026, 4, 19)) == {}


def test_a_control_account_wants_to_know_whose_balance_it_is(purchase, society):
    with pytest.raises(CheckViolation, match="names no party"):
        books.post(purchase, "purchase", [bill(society, D(10), None)])


def test_an_entry_is_reversed_once_with_its_parties(purchase, society):
    vendor = uuid4()
    posting = bill(society, D(10), vendor)
    books.post(purchase, "purchase", [posting])

    assert books.reverse(purchase, "purchase", "VENDOR_BILL", posting.source_id, DAY)
    assert not books.reverse(purchase, "purchase", "VENDOR_BILL", posting.source_id, DAY)
    purchase.commit()

    assert books.balances_of_parties(purchase, "purchase", PAYABLE, society, DAY) == {vendor: D(0)}
    with pytest.raises(NotPosted, match="VENDOR_BILL"):
        books.reverse(purchase, "purchase", "VENDOR_BILL", uuid4(), DAY)


def test_a_closed_month_refuses(purchase, society):
    books.post(purchase, "purchase", [bill(society, D(10), uuid4())])
    with purchase.cursor() as cursor:
        cursor.execute(
            "update purchase.accounting_period set closed_at = now(), closed_by = 'Meera' where community_id = %s",
            (str(society),),
        )
    purchase.commit()

    with pytest.raises(RestrictViolation, match="the books of 2026-04 are closed"):
        books.post(purchase, "purchase", [bill(society, D(10), uuid4())])


LINE = "insert into purchase.ledger_line values (%s, %s, %s, %s, %s, %s)"


@pytest.fixture
def entry(purchase, society):
    """An entry in the making."""
    with purchase.cursor() as cursor:
        cursor.execute(
            """insert into purchase.ledger_entry (community_id, entry_date, narration, source_kind, source_id)
            values (%s, %s, 'a bill', 'VENDOR_BILL', %s) returning id""",
            (str(society), DAY, str(uuid4())),
        )
        yield cursor.fetchone()[0]
    purchase.rollback()


def test_a_line_added_after_an_early_check_is_checked_too(purchase, entry):
    with purchase.cursor() as cursor:
        cursor.execute(LINE, (entry, 1, EXPENSE, None, 5, 0))
        cursor.execute(LINE, (entry, 3, BANK, None, 0, 5))
        cursor.execute("set constraints all immediate")
        with pytest.raises(CheckViolation, match=r"debit 5\.00, credit 6\.00"):
            cursor.execute(LINE, (entry, 4, BANK, None, 0, 1))


def test_no_line_slips_in_before_one_that_was_checked(purchase, entry):
    with purchase.cursor() as cursor:
        cursor.execute(LINE, (entry, 1, EXPENSE, None, 5, 0))
        cursor.execute(LINE, (entry, 3, BANK, None, 0, 5))
        cursor.execute("set constraints all immediate")
        with pytest.raises(CheckViolation, match=r"debit 5\.00, credit 6\.00"):
            cursor.execute(LINE, (entry, 2, BANK, None, 0, 1))


def test_a_long_entry_is_balanced_as_a_whole(purchase, society):
    vendors = [uuid4() for _ in range(300)]
    entry = Entry.of((EXPENSE, D(300)), *((PAYABLE, D(-1), vendor) for vendor in vendors))
    books.post(purchase, "purchase", [Posting(society, DAY, "Housekeeping", "VENDOR_BILL", uuid4(), entry)])
    purchase.commit()

    with purchase.cursor() as cursor:
        cursor.execute(
            """with entry as (insert into purchase.ledger_entry
                    (community_id, entry_date, narration, source_kind, source_id)
                values (%s, %s, 'a bill', 'VENDOR_BILL', %s) returning id)
            insert into purchase.ledger_line
            select id, n, %s, null, case when n = 300 then 300 else 0 end, case when n = 300 then 0 else 1 end
            from entry, generate_series(300, 1, -1) as n""",
            (str(society), DAY, str(uuid4()), EXPENSE),
        )
    with pytest.raises(CheckViolation, match=r"debit 300\.00, credit 299\.00"):
        purchase.commit()


def test_a_migration_that_includes_nothing_that_is_there_says_so(tmp_path):
    (tmp_path / "0001_wrong.sql").write_text("-- include: ../absent.sql\n")

    with pytest.raises(FileNotFoundError, match=r"0001_wrong\.sql includes \.\./absent\.sql"):
        migrate.with_includes(tmp_path / "0001_wrong.sql")


def trial(purchase, society):
    return books.trial_balance(purchase, "purchase", society, DAY)
