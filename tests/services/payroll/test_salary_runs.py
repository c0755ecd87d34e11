"""The life of a run: drafts and posted months, deaths, workers at once, pages, the calendar."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from psycopg2.errors import CheckViolation, RestrictViolation, UniqueViolation

from actors.payroll import actors as jobs
from actors.payroll import pay_society, post_salaries, runs
from actors.payroll.runs import NotComplete
from actors.payroll.seed import seed
from periodic.payroll import process_monthly_salaries
from pipelines.payroll import pay_every_society, pay_in_pages
from tests.services.payroll.conftest import GUARD_SALARY, JUNE, MAY
from tests.services.payroll.seen import ALL, BOOKS, letter_text
from tests.support.deaths import outlives_every_death
from tests.support.service import execute, work_off


def test_a_second_run_writes_posts_and_mails_nothing(guard, staff, ask, mailbox):
    first = staff.run(JUNE)
    before = ask(ALL), ask(BOOKS)

    assert staff.run(JUNE) == first
    assert (ask(ALL), ask(BOOKS)) == before
    assert len(mailbox.letters) == 1


@pytest.mark.parametrize("flawed", [False, True])
def test_a_run_that_dies_at_any_commit_ends_as_an_undisturbed_one(
    payroll_database, payroll, ask, tmp_path, monkeypatch, flawed
):
    monkeypatch.setattr(runs, "PAGE", 2)
    made = {}

    def reset():
        for table in ("letter", "payroll_finding", "advance_recovery", "pay_item_line", "pay_item", "advance",
                      "payroll_run", "ledger_line", "ledger_entry"):  # fmt: skip
            execute(payroll_database, f"set session_replication_role = replica; delete from payroll.{table}")
        with payroll:
            made["at"] = seed(payroll, employees=4, first_month=JUNE, months=1, flawed=flawed).community_id

    commits = outlives_every_death(
        monkeypatch,
        lambda: pay_society.fn(str(made["at"]), JUNE),
        reset=reset,
        seen=lambda: (ask(ALL), ask(BOOKS), sorted(file.name for file in tmp_path.rglob("*.eml"))),
    )

    assert commits >= 6  # the society, three pages, the posting, the letter


def test_two_workers_at_once_pay_once(payroll_database, payroll, ask, monkeypatch):
    monkeypatch.setattr(runs, "PAGE", 2)
    with payroll:
        made = seed(payroll, employees=8, first_month=JUNE, months=1)

    with ThreadPoolExecutor(4) as workers:
        results = list(workers.map(lambda _: pay_society.fn(str(made.community_id), JUNE), range(4)))

    assert all(result == results[0] for result in results)
    assert ask("select count(*), count(distinct employee_id) from payroll.pay_item") == [(9, 9)]
    assert ask("select count(*) from payroll.ledger_entry where source_kind = 'PAYROLL_RUN'") == [(1,)]
    assert ask("select count(*) from payroll.letter") == [(1,)]


def test_workers_at_once_do_not_block_one_another_over_arrears(payroll, ask, monkeypatch):
    monkeypatch.setattr(runs, "PAGE", 2)
    with payroll:
        made = seed(payroll, employees=8, first_month=MAY, months=2)
    pay_society.fn(str(made.community_id), MAY)
    ask("update payroll.attendance set status = 'PRESENT' where status = 'WEEKLY_OFF' and day = '2026-05-01'")
    ask("update payroll.attendance set overtime_hours = 4 where status = 'PRESENT' and day = '2026-05-20'")

    with ThreadPoolExecutor(4) as workers:
        results = list(workers.map(lambda _: pay_society.fn(str(made.community_id), JUNE), range(4)))

    assert results[0]["arrears"] > 2
    assert all(result == results[0] for result in results)


def test_a_month_in_which_all_are_refused_waits_as_a_draft(staff, ask, mailbox):
    staff.employ("Sita Patil", sex="F")
    staff.attends("Sita Patil", JUNE)

    assert staff.run(JUNE)["posted"] is False
    assert ask("select status from payroll.payroll_run") == [("DRAFT",)]
    staff.pays("Sita Patil", "2026-06-01", **GUARD_SALARY)
    assert staff.run(JUNE)["posted"] is True

    assert [letter["Subject"] for letter in mailbox.letters] == [
        "Salaries of June 2026: not posted, 1 refused",
        "Salaries of June 2026: 1 worked out, net ₹ 15,088.00",
    ]
    assert "Sita Patil" in letter_text(mailbox.letters[0])


def test_a_draft_is_worked_out_anew_a_posted_month_stands(guard, staff, ask):
    period = runs.Period.parse(JUNE)
    runs.work_out_page(staff.community_id, period)
    staff.attends(guard, JUNE, status="ABSENT", days=[3])

    staff.run(JUNE)
    assert staff.figures(guard, JUNE, "payable_days") == (29,)

    staff.attends(guard, JUNE, status="ABSENT", days=[4])
    staff.run(JUNE)
    assert staff.figures(guard, JUNE, "payable_days") == (29,)


def test_what_is_posted_cannot_be_changed(guard, staff, ask):
    staff.run(JUNE)

    for statement in (
        "update payroll.pay_item set gross = gross",
        "delete from payroll.pay_item",
        "update payroll.pay_item_line set amount = amount + 1",
        "delete from payroll.pay_item_line",
        "update payroll.payroll_run set status = 'DRAFT', posted_at = null",
        "delete from payroll.payroll_run",
    ):
        with pytest.raises(RestrictViolation, match="the payroll run is posted"):
            ask(statement)


def test_a_line_that_does_not_add_up_cannot_be_posted(guard, staff, ask):
    runs.work_out_page(staff.community_id, runs.Period.parse(JUNE))
    ask("update payroll.pay_item_line set amount = amount + 1 where component = 'BASIC'")

    with pytest.raises(CheckViolation, match="lines do not add up to its gross"):
        ask("update payroll.payroll_run set status = 'POSTED', posted_at = now()")


def test_nobody_has_two_regular_lines_of_a_month(guard, staff, ask):
    runs.work_out_page(staff.community_id, runs.Period.parse(JUNE))

    with pytest.raises(UniqueViolation):
        ask(
            """insert into payroll.pay_item select (jsonb_populate_record(item,
                jsonb_build_object('id', gen_random_uuid()))).* from payroll.pay_item as item"""
        )


def test_a_closed_month_takes_no_salaries(guard, staff, ask):
    ask(
        """insert into payroll.accounting_period values (%s, '2026-06-01', now(), 'Meera')""",
        str(staff.community_id),
    )

    with pytest.raises(RestrictViolation, match="the books of 2026-06 are closed"):
        staff.run(JUNE)
    assert ask("select status from payroll.payroll_run") == [("DRAFT",)]


def test_a_run_is_cancelled_between_pages_and_goes_on_later(payroll, ask, monkeypatch):
    monkeypatch.setattr(runs, "PAGE", 2)
    with payroll:
        made = seed(payroll, employees=4, first_month=JUNE, months=1)

    seen = []

    class Cancelled:
        def progress(self, done, total):
            seen.append((done, total))

        def cancellation_requested(self):
            return True

        def log(self, line):
            pass

    with monkeypatch.context() as patched:
        patched.setattr(jobs, "current_job", Cancelled)
        result = pay_society.fn(str(made.community_id), JUNE)
    assert result == {"period": JUNE, "posted": False, "employees": 2, "cancelled": True}
    assert seen == [(1, 3)]
    assert ask("select count(*) from payroll.pay_item") == [(2,)]

    assert pay_society.fn(str(made.community_id), JUNE)["employees"] == 5


def test_a_month_whose_pages_are_not_all_done_is_not_posted_and_the_treasurer_is_told(payroll, ask, mailbox):
    with payroll:
        made = seed(payroll, employees=4, first_month=JUNE, months=1)
    runs.work_out_page(made.community_id, runs.Period.parse(JUNE), None, 2)

    with pytest.raises(NotComplete, match="pay of 2026-06 is not worked out for"):
        post_salaries.fn(str(made.community_id), JUNE, "a batch")

    assert ask("select count(*) from payroll.ledger_entry where source_kind = 'PAYROLL_RUN'") == [(0,)]
    assert [letter["Subject"] for letter in mailbox.letters] == ["Salaries of June 2026: not posted"]


def test_a_large_society_is_a_batch_of_pages_that_posts_at_its_end(
    payroll_database, payroll, ask, monkeypatch, mailbox
):
    monkeypatch.setattr(runs, "PAGE", 2)
    with payroll:
        made = seed(payroll, employees=4, first_month=JUNE, months=1)

    pay_in_pages(made.community_id, JUNE)
    work_off(payroll_database, "payroll")

    assert ask("select status from payroll.payroll_run") == [("POSTED",)]
    assert ask("select count(*) from payroll.pay_item") == [(5,)]
    assert ask("select count(*) from payroll_jobs.job where actor_name = 'payroll.work_out_salaries'") == [
        (3,)
    ]
    assert len(mailbox.letters) == 1


def test_the_calendar_pays_every_society_for_the_month_that_was_due(
    guard, staff, payroll_database, ask, mailbox
):
    started = process_monthly_salaries.fn(
        scheduled_for=datetime(2026, 6, 30, 23, tzinfo=ZoneInfo("Asia/Kolkata")).isoformat()
    )
    again = pay_every_society(JUNE)
    work_off(payroll_database, "payroll")

    assert list(started) == list(again) == ["Green Valley"]
    assert ask("select period::text, status from payroll.payroll_run") == [("2026-06-01", "POSTED")]
    assert len(mailbox.letters) == 1
