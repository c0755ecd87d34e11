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
    books.post(purchase, "purchase", [bill(society, D(10), None)])

    with pytest.raises(CheckViolation, match="names no party"):
        purchase.commit()


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


def test_a_migration_that_includes_nothing_that_is_there_says_so(tmp_path):
    (tmp_path / "0001_wrong.sql").write_text("-- include: ../absent.sql\n")

    with pytest.raises(FileNotFoundError, match=r"0001_wrong\.sql includes \.\./absent\.sql"):
        migrate.with_includes(tmp_path / "0001_wrong.sql")


def trial(purchase, society):
    return books.trial_balance(purchase, "purchase", society, DAY)
