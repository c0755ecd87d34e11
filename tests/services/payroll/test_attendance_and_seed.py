"""The evening's letter to the manager, the figures of the day, and the staff of the demo."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from actors.payroll import summarise_attendance
from actors.payroll.seed import seed
from bench.payroll import measure
from periodic.payroll import attendance_summary
from tests.support.service import work_off

INDIA = ZoneInfo("Asia/Kolkata")
DAY = "2026-06-10"
EVENING = "2026-06-10T18:00:00+05:30"


@pytest.fixture
def day(staff, ask):
    """A day with one of each."""
    for name, shift in (
        ("Anil Kale", "09:00"), ("Bina Rao", "09:00"), ("Chetan Jain", "09:00"), ("Deepa Patil", "09:00"),
        ("Esha Nair", "09:00"), ("Farhan Khan", "09:00"), ("Gita Shinde", "07:00"), ("Hari Night", "20:00"),
        ("Isha Wagh", "09:00"), ("Jai Sathe", "09:00"),
    ):  # fmt: skip
        ends = {"09:00": "18:30", "07:00": "15:00", "20:00": "06:00"}[shift]
        staff.employ(name, shift_starts=shift, shift_ends=ends, designation="Guard")

    def record(name, status, came=None, went=None, overtime=0):
        def moment(text):
            return text and f"{DAY} {text}+05:30"

        ask(
            "insert into payroll.attendance values (%s, %s, %s, %s, %s, %s)",
            str(staff.ids[name]), DAY, status, overtime, moment(came), moment(went),
        )  # fmt: skip

    record("Anil Kale", "PRESENT", "08:55")
    record("Bina Rao", "PRESENT", "09:11")
    record("Chetan Jain", "ABSENT")
    record("Deepa Patil", "HALF_DAY", "09:00", "13:00")
    record("Esha Nair", "PAID_LEAVE")
    record("Farhan Khan", "WEEKLY_OFF")
    record("Gita Shinde", "PRESENT", "06:58")
    record("Isha Wagh", "PRESENT", "09:10", "17:50", 2)
    return staff


def text_of(letter):
    return letter.get_body(("plain",)).get_content().replace("\r\n", "\n")


def test_the_manager_reads_who_was_there_and_who_not(day, mailbox):
    counts = summarise_attendance.fn(str(day.community_id), DAY, EVENING)

    assert counts == {
        "staff": 10, "present": 4, "half_day": 1, "absent": 1, "on_leave": 1, "off": 1, "late": 1, "overtime": 1,
        "missing_punches": 2, "to_come": 1,
    }  # fmt: skip
    (letter,) = mailbox.letters
    assert letter["To"].addresses[0].addr_spec == "manager@greenvalley.example.in"
    assert letter["Subject"] == "Attendance of 10 Jun 2026: 5 of 10 at work, 1 absent, 2 without punch"
    text = text_of(letter)
    for part in (
        "ABSENT (1)\n  Chetan Jain",
        "  Gita Shinde                  in at 06:58, no punch out",
        "  Jai Sathe                    no record",
        "LATE (1)\n  Bina Rao                     in at 09:11, shift from 09:00",
        "HALF DAY (1)\n  Deepa Patil",
        "ON PAID LEAVE (1)\n  Esha Nair",
        "OVERTIME (1)\n  Isha Wagh                    2 h",
    ):
        assert part in text
    assert "Hari Night" not in text  # the shift begins at 20:00
    assert "Chetan Jain" in letter.get_body(("html",)).get_content()


def test_once_a_day_and_society(day, mailbox):
    for _ in range(2):
        summarise_attendance.fn(str(day.community_id), DAY, EVENING)
    summarise_attendance.fn(str(day.community_id), "2026-06-11", "2026-06-11T18:00:00+05:30")

    assert [letter["Subject"].split(":")[0] for letter in mailbox.letters] == [
        "Attendance of 10 Jun 2026",
        "Attendance of 11 Jun 2026",
    ]


def test_the_calendar_tells_every_society_of_the_day_that_was_due(day, payroll_database, mailbox):
    moment = datetime(2026, 6, 10, 18, tzinfo=INDIA).isoformat()

    assert attendance_summary.fn(scheduled_for=moment) == 1
    work_off(payroll_database, "payroll")

    assert [letter["Subject"][:26] for letter in mailbox.letters] == ["Attendance of 10 Jun 2026:"]


def test_the_days_figures_for_the_daily_report(day, ask):
    figures = dict(
        ask("select figure, amount from payroll.daily_figures(%s, %s)", str(day.community_id), DAY)
    )

    assert figures == {"staff_present": 5, "staff_absent": 1, "staff_on_leave": 1}


def test_a_year_of_twenty_and_a_manager_that_one_could_work_with(payroll, ask):
    with payroll:
        made = seed(payroll)

    assert ask(
        "select count(*), count(distinct name), count(distinct designation) from payroll.employee"
    ) == [(21, 21, 8)]
    assert len(made.employee_ids) == 21
    ((days, absent, leave, off, half, overtime),) = ask(
        """select count(*), avg((status = 'ABSENT')::int), avg((status = 'PAID_LEAVE')::int),
            avg((status = 'WEEKLY_OFF')::int), avg((status = 'HALF_DAY')::int), sum(overtime_hours)
        from payroll.attendance"""
    )
    assert days == 21 * 365
    assert 0.005 < absent < 0.03
    assert 0.01 < leave < 0.05
    assert 0.13 < off < 0.15
    assert 0.002 < half < 0.02
    assert overtime > 200


def test_a_second_seed_changes_nothing_and_another_number_is_another_staff(payroll, ask):
    digest = """select md5(string_agg(t::text, '|' order by t)) from (
        select to_jsonb(e)::text as t from payroll.employee e
        union all select to_jsonb(a)::text from payroll.attendance a) t"""
    with payroll:
        first = seed(payroll, months=1)
    before = ask(digest)
    with payroll:
        second = seed(payroll, months=1)

    assert first.rows_inserted > 600
    assert second.rows_inserted == 0
    assert ask(digest) == before
    with payroll:
        other = seed(payroll, seed_number=7, months=1)
    assert other.rows_inserted > 600
    assert not set(other.employee_ids) & set(first.employee_ids)


def test_the_benchmark_measures_a_posted_month(payroll_database):
    figures = measure(payroll_database, sizes=(3,))

    assert figures["3 salaries, seconds"] > 0
    assert figures["payslips printed a second"] > 0
    assert figures["payslips given a second"] > 0
