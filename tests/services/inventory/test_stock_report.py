"""The week's stock report: a spreadsheet whose formulas, its results and the books say the same."""

import io
from contextlib import closing
from datetime import date
from decimal import Decimal as D

import openpyxl
import psycopg2
import pytest

from actors.common.reference import society
from actors.common.reference.seed import seed_society
from actors.inventory import report_stock
from actors.inventory.report import report_on
from actors.inventory.seed import seed
from actors.inventory.workbook import workbook
from infra.settings import settings
from periodic.inventory import generate_stock_report
from tests.services.inventory.spreadsheet import Spreadsheet
from tests.support.deaths import outlives_every_death
from tests.support.queue import broker_on
from tests.support.service import emptied, work_off

FRIDAY = date(2026, 3, 27)
MARCH = date(2026, 3, 1)


@pytest.fixture(scope="module")
def year(migrated_inventory, tmp_path_factory):
    """The report of a seeded year, its spreadsheet, and how the database values the same."""
    home = tmp_path_factory.mktemp("home")
    with (
        pytest.MonkeyPatch.context() as patched,
        emptied(migrated_inventory, "inventory", home, patched),
        closing(psycopg2.connect(migrated_inventory)) as connection,
    ):
        made = seed(connection, movements=900)
        report = report_on(connection, society(connection, "inventory", made.community_id), FRIDAY)
    content = workbook(report)
    return report, content, Spreadsheet(content)


def test_every_formula_gives_what_is_stored_with_it(year):
    _, _, sheet = year

    formulas = list(sheet.cells_with_formulas())

    assert len(formulas) > 700
    for where in formulas:
        assert sheet.reckoned(*where) == pytest.approx(sheet.shown(*where), abs=1e-6), where


def test_every_formula_speaks_of_its_own_item(year):
    _, _, sheet = year
    for name, address in sheet.cells_with_formulas():
        row = openpyxl.utils.cell.coordinate_from_string(address)[1]
        code = sheet.shown(name, f"A{row}")
        if name == "Summary" or code == "Total":
            continue
        for other, cell in sheet.references(name, address):
            column, at = openpyxl.utils.cell.coordinate_from_string(cell)
            if (other, cell) == (name, "B2") or other == "FIFO layers":
                continue  # the day; and a sum over all layers, by code
            assert sheet.shown(other, f"A{at}") == code, (name, address, other, column)


def test_totals_are_those_of_the_books(year):
    report, _, sheet = year

    summary = {
        sheet.shown("Summary", f"A{row}"): sheet.reckoned("Summary", f"B{row}") for row in range(4, 14)
    }

    assert report.value == report.booked > 0
    assert summary["Items in stock"] == len(report.items)
    assert D(str(round(summary["Value by each item's own method"], 2))) == report.booked
    assert D(str(round(summary["Value by FIFO"], 2))) == report.fifo_value
    assert D(str(round(summary["Value by weighted average"], 2))) == report.average_value
    assert summary["Difference (must be nil)"] == 0
    assert summary["Write-down due (AS-2)"] > 0
    ageing = openpyxl.load_workbook(io.BytesIO(year[1]), data_only=True)["Ageing"]
    assert ageing.cell(ageing.max_row, 14).value == pytest.approx(float(report.booked))


def test_layers_and_lots_add_up_item_by_item(year):
    report, _, _ = year
    for item in report.items:
        assert sum(layer.quantity for layer in item.layers) == item.quantity == sum(item.lain), item.code
        assert sum(layer.value for layer in item.layers) == item.fifo_value, item.code


def test_the_same_report_gives_the_same_bytes(year):
    report, content, _ = year
    assert workbook(report) == content


def test_no_item_without_stock_and_nothing_that_a_name_could_start(item, deliver, inventory, community):
    odd = item("HK-001", name="=1+1")
    deliver(odd, 3, "10.00", "GRN-1", MARCH)
    item("HK-002")

    report = report_on(inventory, society(inventory, "inventory", community), FRIDAY)
    sheet = openpyxl.load_workbook(io.BytesIO(workbook(report)))["Valuation"]

    assert [one.code for one in report.items] == ["HK-001"]
    assert (sheet["B5"].value, sheet["B5"].data_type) == ("=1+1", "s")


def test_an_empty_store_has_an_empty_report(inventory, community):
    report = report_on(inventory, society(inventory, "inventory", community), FRIDAY)
    sheet = Spreadsheet(workbook(report))

    assert report.value == report.booked == 0
    for where in sheet.cells_with_formulas():
        assert sheet.reckoned(*where) == sheet.shown(*where) == 0, where


def test_a_late_report_is_of_its_own_friday(item, deliver, inventory, community):
    one = item("HK-001")
    deliver(one, 3, "10.00", "GRN-1", MARCH)
    deliver(one, 3, "20.00", "GRN-2", date(2026, 3, 28))

    report = report_on(inventory, society(inventory, "inventory", community), FRIDAY)

    assert (report.value, report.booked) == (D("10.00"), D("10.00"))


def test_the_treasurer_gets_the_spreadsheet_and_it_is_kept(
    item, deliver, community, inventory_database, mailbox
):
    deliver(item("HK-001", name="Phenyl, white"), 3, "10.00", "GRN-1", date(2025, 12, 1))
    item("SF-004", name="Guard torch", lead_days=None)

    for _ in range(2):
        done = report_stock.fn(str(community), "2026-03-27")

    assert done == {
        "file": "stock-green-valley-2026-03-27.xlsx", "value": "10.00", "refused": ["SF-004 Guard torch"],
    }  # fmt: skip
    (letter,) = mailbox.letters
    assert letter["To"].addresses[0].username == "treasurer"
    assert letter["Subject"] == "Stock report 27 Mar 2026: ₹ 10.00"
    (attached,) = letter.iter_attachments()
    kept = settings().home / "var" / "reports" / "inventory" / attached.get_filename()
    assert kept.read_bytes() == attached.get_content()
    for part in ("plain", "html"):
        text = letter.get_body((part,)).get_content()
        for said in ("Phenyl, white", "Guard torch", "₹ 10.00"):
            assert said in text, part


def test_books_that_differ_are_told(item, deliver, community, ask, inventory_database, mailbox):
    deliver(item("HK-001"), 3, "10.00", "GRN-1", MARCH)
    ask("set session_replication_role = replica; update inventory.ledger_line set debit = 9 where debit = 10")

    report_stock.fn(str(community), "2026-03-27")

    text = mailbox.letters[0].get_body(("plain",)).get_content()
    assert "₹ 9.00 — DIFFERS: please check" in text


def test_the_report_outlives_every_death(item, deliver, community, ask, kept_letters, monkeypatch):
    deliver(item("HK-001"), 3, "10.00", "GRN-1", MARCH)

    commits = outlives_every_death(
        monkeypatch,
        lambda: report_stock.fn(str(community), "2026-03-27"),
        reset=lambda: ask("delete from inventory.letter"),
        seen=lambda: (ask("select key from inventory.letter"), kept_letters()),
    )

    assert commits == 2


def test_the_calendar_reports_every_society(inventory, inventory_database, ask):
    seed_society(inventory, "inventory")
    inventory.commit()
    with broker_on(inventory_database, jobs_services=("common", "inventory")) as broker:
        broker.declare_actor(report_stock)
        assert generate_stock_report.fn(scheduled_for="2026-03-27T17:00:00+05:30") == 1
    work_off(inventory_database, "inventory")

    assert ask("select key from inventory.letter")[0][0].endswith(
        "2026-03-27/treasurer@greenvalley.example.in"
    )
