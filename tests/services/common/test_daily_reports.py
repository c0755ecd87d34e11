"""Yesterday's figures: asked of every service, mailed to each society's officers with a spreadsheet, once."""

import io
from contextlib import closing
from datetime import date
from uuid import UUID

import openpyxl
import psycopg2
import pytest

from actors.common import send_daily_reports
from actors.common.reference.seed import seed_society
from actors.common.reports import figures
from infra.settings import settings
from periodic.common import generate_daily_reports
from pipelines import common as pipeline
from tests.support.deaths import outlives_every_death
from tests.support.queue import broker_on
from tests.support.service import asker, work_off

DAY = "2026-04-09"
FIGURES = """
    create schema sales;
    create table sales.seen (community uuid, day date, figure text, amount numeric);
    create function sales.daily_figures(community uuid, day date) returns table (figure text, amount numeric)
        language sql stable as $$
            select named.figure, coalesce((select sum(seen.amount) from sales.seen where seen.figure = named.figure
                and seen.community = daily_figures.community and seen.day = daily_figures.day), 0)
            from (values ('new_members'), ('dues'), ('overdue_bills'), ('collected')) as named (figure) $$;
    create schema payroll;
    create table payroll.broken (community uuid);
    create function payroll.daily_figures(community uuid, day date) returns table (figure text, amount numeric)
        language sql stable as $$ select 'staff_present', 1 / (not exists (
            select from payroll.broken where broken.community = daily_figures.community))::int::numeric $$;
    create schema inventory;
"""
SEEN = (
    ("2026-03-31", "collected", 999),
    ("2026-04-01", "collected", "12000000.50"),
    ("2026-04-08", "collected", 30000),
    ("2026-04-09", "collected", "120000.25"),
    ("2026-04-08", "dues", 500000),
    ("2026-04-09", "dues", 380000),
    ("2026-04-09", "overdue_bills", 12),
    ("2026-04-08", "overdue_bills", 12),
    ("2026-04-09", "new_members", 3),
)


@pytest.fixture
def ask(common):
    return asker(common)


@pytest.fixture
def services(ask, common, monkeypatch):
    """Sales and payroll tell figures, inventory has none, community's database is away, purchase has no schema."""
    ask(FIGURES)
    monkeypatch.setenv("DHANMAN_COMMUNITY_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/community")
    settings.cache_clear()
    yield
    ask("drop schema sales cascade; drop schema payroll cascade; drop schema inventory cascade")


@pytest.fixture
def society(common, ask, services):
    with closing(psycopg2.connect(common)) as connection, connection:
        made = seed_society(connection, "common")
    for day, figure, amount in SEEN:
        ask("insert into sales.seen values (%s, %s, %s, %s)", str(made), day, figure, amount)
    return str(made)


@pytest.fixture
def another(ask, society):
    """A society without officers."""

    def another(number):
        made = str(UUID(int=number))
        ask(
            "insert into common.community (id, name, legal_name, registration_number, address, city, state_name, "
            "law_scope, pin_code, email) select %s, %s, legal_name, registration_number, address, city, state_name, "
            "law_scope, pin_code, %s from common.community where id = %s",
            made, f"Blue Hill {number}", f"office{number}@bluehill.example.in", society,
        )  # fmt: skip
        return made

    return another


def test_manager_treasurer_and_secretary_get_the_figures_and_a_spreadsheet(society, mailbox):
    done = send_daily_reports.fn([society], DAY)

    assert done == {
        "societies": 1,
        "sent": 3,
        "no_figures": {"Green Valley": ["purchase", "community", "inventory"]},
        "refused": [],
        "told_before": 0,
    }
    assert [each["To"].addresses[0].username for each in mailbox.letters] == [
        "manager",
        "treasurer",
        "secretary",
    ]
    letter = mailbox.letters[0]
    assert letter["Subject"] == "Green Valley, 09 Apr 2026: ₹ 1,20,000.25 collected"
    text = letter.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert "Thursday, 9 April 2026" in text
    assert "Sales 9 Apr 8 Apr Change April so far" in " ".join(text.split())
    lines = {line[:34].strip(): " ".join(line[34:].split()) for line in text.splitlines()}
    assert lines["Collected"] == "₹ 1,20,000.25 ₹ 30,000.00 ▲ ₹ 90,000.25 ₹ 1,21,50,000.75"
    assert lines["Dues of members"] == "₹ 3,80,000.00 ₹ 5,00,000.00 ▼ ₹ 1,20,000.00"
    assert lines["Overdue bills"] == "12 12 ="
    assert lines["New members"] == "3 0 ▲ 3"
    assert lines["Staff present"] == "1 1 ="
    html = letter.get_body(("html",)).get_content()
    for said in ("₹ 1,21,50,000.75", "Green Valley Co-operative Housing Society Ltd."):
        assert said in html
    for part in (text, html):
        for said in (
            "purchase (it tells none yet)",
            "community (its database is away)",
            "inventory (it tells none yet)",
        ):
            assert said in " ".join(part.split())


def test_the_spreadsheet_has_numbers_a_sheet_a_service_and_is_kept(society, mailbox):
    send_daily_reports.fn([society], DAY)

    (attached,) = mailbox.letters[0].iter_attachments()
    assert attached.get_filename() == "daily-green-valley-2026-04-09.xlsx"
    kept = settings().home / "var" / "reports" / "daily" / society / attached.get_filename()
    assert kept.read_bytes() == attached.get_content()
    book = openpyxl.load_workbook(io.BytesIO(attached.get_content()))
    assert book.sheetnames == ["Sales", "Purchase", "Payroll", "Community", "Inventory"]
    sheet = book["Sales"]
    assert [cell.value for cell in sheet[5]] == ["Collected (₹)", 120000.25, 30000, "=B5-C5", 12150000.75]
    assert sheet["E5"].number_format.startswith("[>=10000000]##\\,##\\,##\\,##0.00;")
    assert [cell.value for cell in sheet[7]] == ["Overdue bills", 12, 12, "=B7-C7", None]
    assert sheet["B7"].number_format == "#,##0"
    assert book["Community"]["A4"].value == "No figures: its database is away."
    shown = openpyxl.load_workbook(io.BytesIO(attached.get_content()), data_only=True)["Sales"]
    assert shown["D5"].value == 90000.25


def test_on_the_first_of_a_month_the_day_before_is_of_another_month(society):
    (sales, *_) = figures.figures_of([society], date(2026, 4, 1))[society]

    collected = next(line for line in sales.lines if line.figure == "collected")
    assert (float(collected.today), float(collected.before), float(collected.month)) == (
        12e6 + 0.5,
        999,
        12e6 + 0.5,
    )


def test_a_second_run_mails_nobody_and_asks_no_service(society, mailbox, monkeypatch):
    send_daily_reports.fn([society], DAY)
    monkeypatch.setattr(figures, "_ask", None)

    done = send_daily_reports.fn([society], DAY)

    assert (done["sent"], done["told_before"]) == (0, 1)
    assert len(mailbox.letters) == 3


def test_a_society_whose_figures_cannot_be_had_does_not_hold_up_the_others(society, another, ask, mailbox):
    blue = another(1)
    ask("insert into payroll.broken values (%s)", blue)

    done = send_daily_reports.fn([blue, society], DAY)

    assert done["no_figures"]["Blue Hill 1"] == ["purchase", "payroll", "community", "inventory"]
    assert done["no_figures"]["Green Valley"] == ["purchase", "community", "inventory"]
    assert done["sent"] == 4
    blues = next(each for each in mailbox.letters if each["To"].addresses[0].username == "office1")
    assert "payroll (they could not be worked out)" in " ".join(
        blues.get_body(("plain",)).get_content().split()
    )


def test_an_address_that_is_refused_is_named_and_the_others_get_theirs(society, ask, mailbox):
    ask("update common.officer set email = 'unknown@greenvalley.example.in' where role = 'MANAGER'")

    done = send_daily_reports.fn([society], DAY)

    assert done["sent"] == 2
    (said,) = done["refused"]
    assert "no such mailbox" in said


def test_figures_that_take_too_long_are_done_without(society, ask, mailbox, monkeypatch):
    ask(
        "create or replace function payroll.daily_figures(community uuid, day date) returns table (figure text, amount "
        "numeric) language sql as $$ select pg_sleep(9)::text, 1::numeric $$"
    )
    monkeypatch.setattr(figures, "PATIENCE", "150ms")

    done = send_daily_reports.fn([society], DAY)

    assert "payroll" in done["no_figures"]["Green Valley"]
    assert "payroll (they took too long)" in mailbox.letters[0].get_body(("html",)).get_content()


def test_without_any_figures_nobody_is_mailed(common, ask, mailbox):
    with closing(psycopg2.connect(common)) as connection, connection:
        society = str(seed_society(connection, "common"))

    done = send_daily_reports.fn([society], DAY)

    assert (done["societies"], done["sent"]) == (0, 0)
    assert len(done["no_figures"]["Green Valley"]) == 5
    assert mailbox.letters == []


def test_the_calendar_reports_the_day_that_ended_in_india(society, ask, common):
    with broker_on(common) as broker:
        broker.declare_actor(send_daily_reports)
        job = generate_daily_reports.fn(scheduled_for="2026-04-09T20:30:00+00:00")
        assert generate_daily_reports.fn(scheduled_for="2026-04-10T02:00:00+05:30") == job
    work_off(common, "common")

    keys = [key for (key,) in ask("select key from common.letter order by key")]
    assert [key.partition(society)[2] for key in keys] == [
        f"/2026-04-09/{name}@greenvalley.example.in" for name in ("manager", "secretary", "treasurer")
    ]
    assert generate_daily_reports.options["recurring"].missed == "all"


def test_many_societies_are_a_batch_of_pages(society, another, ask, common, monkeypatch):
    for number in range(1, 5):
        another(number)
    monkeypatch.setattr(pipeline, "PAGE", 2)
    with broker_on(common) as broker:
        broker.declare_actor(send_daily_reports)
        batch = pipeline.report_every_society(date(2026, 4, 9))
        assert pipeline.report_every_society(date(2026, 4, 9)) == batch
    assert ask("select count(*) from common_jobs.queue") == [(3,)]

    work_off(common, "common")

    assert ask("select outcome::text from common_jobs.workflow where workflow_id = %s", batch) == [("done",)]
    assert ask("select count(*) from common.letter") == [(3 + 4,)]


def test_no_society_has_no_job(common):
    assert pipeline.report_every_society(date(2026, 4, 9)) is None


def test_a_report_outlives_every_death(society, ask, monkeypatch):
    commits = outlives_every_death(
        monkeypatch,
        lambda: send_daily_reports.fn([society], DAY),
        reset=lambda: ask("delete from common.letter"),
        seen=lambda: (
            ask("select key from common.letter order by key"),
            {file.name for file in settings().mail_folder.glob("*.eml")},
        ),
    )

    assert commits > 3
