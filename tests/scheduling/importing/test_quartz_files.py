"""Quartz's job files and lists of expressions."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.scheduling.importing import quartz_text, quartz_xml
from infra.scheduling.importing.found import Found, Unreadable

SAMPLES = Path(__file__).with_name("samples")
SIX = "<cron-expression>0 0 6 * * ?</cron-expression>"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def one(kind: str, inside: str, zone: str = "Asia/Kolkata") -> Found:
    text = (
        "<job-scheduling-data><schedule><job><name>J</name></job><trigger>"
        f"<{kind}><name>T</name><job-name>J</job-name>{inside}</{kind}></trigger></schedule></job-scheduling-data>"
    )
    [found] = quartz_xml.read(text, zone, NOW).found
    return found


def schedule(kind: str, inside: str, zone: str = "Asia/Kolkata") -> tuple[str, str]:
    found = one(kind, inside, zone)
    assert found.when is not None, found.why_not
    return found.when.spec, found.when.zone


def simple(milliseconds: int, start: str = "", count: int | str = -1) -> str:
    start = start and f"<start-time>{start}</start-time>"
    return f"{start}<repeat-count>{count}</repeat-count><repeat-interval>{milliseconds}</repeat-interval>"


def calendar(count: int, unit: str, start: str = "2024-01-31T09:30:00") -> str:
    return (
        f"<start-time>{start}</start-time><repeat-interval>{count}</repeat-interval>"
        f"<repeat-interval-unit>{unit}</repeat-interval-unit>"
    )


def test_a_job_file_gives_each_trigger_with_its_jobs_data() -> None:
    legacy = quartz_xml.read((SAMPLES / "quartz_jobs.xml").read_text(), "Asia/Kolkata", NOW)
    read = [(f.where, f.when.spec, f.when.zone) if f.when else (f.where, f.why_not) for f in legacy.found]
    assert read == [
        ("trigger OnTheFirst", "0 6 1 * *", "Asia/Kolkata"),
        ("trigger OnTheLastWorkday", "0 18 LW * *", "Asia/Dubai"),
        ("trigger EveryQuarter", "5-50/15 * * * *", "Asia/Kolkata"),
        ("trigger EveryTenSeconds", "every 10 s: schedules here are by the minute"),
        ("trigger EachQuarterOfTheYear", "30 9 L 1,4,7,10 *", "Asia/Kolkata"),
        ("trigger NotOnHolidays", "it leaves out what the calendar Holidays excludes"),
    ]
    first, second, quarter, *_ = legacy.found
    assert first.jobs == ("MonthlyInvoices", "Billing.MonthlyInvoices")
    assert first.kwargs == {"unit_id": "A-101", "period": "2026-12"}
    assert second.kwargs["period"] == "2027-01"
    assert [f.missed for f in (first, second, quarter)] == ["skip", "all", "skip"]


@pytest.mark.parametrize(
    ("instruction", "missed"),
    [
        ("", "once"),
        ("SmartPolicy", "once"),
        ("FireOnceNow", "once"),
        ("DoNothing", "skip"),
        ("MISFIRE_INSTRUCTION_DO_NOTHING", "skip"),
        ("IgnoreMisfirePolicy", "all"),
    ],
)
def test_a_misfire_instruction_is_what_becomes_of_missed_runs(instruction: str, missed: str) -> None:
    given = instruction and f"<misfire-instruction>{instruction}</misfire-instruction>"
    assert one("cron", f"{given}<cron-expression>0 0 6 * * ?</cron-expression>").missed == missed


@pytest.mark.parametrize(
    ("kind", "inside", "spec"),
    [
        ("simple", simple(60_000), "* * * * *"),
        ("simple", simple(900_000, "2024-01-01T00:05:00"), "5-50/15 * * * *"),
        ("simple", simple(4 * 3_600_000, "2024-01-01T02:30:00"), "30 2-22/4 * * *"),
        ("simple", simple(24 * 3_600_000, "2024-01-01T02:30:00Z"), "0 8 * * *"),
        ("simple", simple(7 * 24 * 3_600_000, "2024-01-01T02:30:00"), "30 2 * * 1"),
        ("calendar-interval", calendar(15, "Minute"), "*/15 * * * *"),
        ("calendar-interval", calendar(1, "Day"), "30 9 * * *"),
        ("calendar-interval", calendar(1, "Week"), "30 9 * * 3"),
        ("calendar-interval", calendar(1, "Month"), "30 9 L * *"),
        ("calendar-interval", calendar(2, "Month", "2024-02-15T09:30:00"), "30 9 15 2,4,6,8,10,12 *"),
        ("calendar-interval", calendar(1, "Year"), "30 9 31 1 *"),
    ],
)
def test_an_interval_that_the_calendar_can_count_is_a_schedule(kind: str, inside: str, spec: str) -> None:
    assert schedule(kind, inside) == (spec, "Asia/Kolkata")


def test_an_interval_goes_on_where_clocks_are_set_so_it_is_counted_in_utc() -> None:
    daily = simple(24 * 3_600_000, "2024-01-01T06:00:00")
    assert schedule("simple", daily, "Europe/Berlin") == ("0 5 * * *", "UTC")


def test_an_interval_without_a_start_is_counted_from_midnight_and_says_so() -> None:
    found = one("simple", simple(3_600_000))
    assert found.when is not None
    assert found.when.spec == "0 * * * *"
    assert "from the scheduler's start" in found.when.remarks[0]


@pytest.mark.parametrize(
    ("kind", "inside", "why"),
    [
        ("simple", simple(90 * 60_000, "2024-01-01T00:00:00"), "every 90 minutes divides neither"),
        ("simple", simple(60_000, count=10), "10 times more"),
        ("simple", simple(60_000, count=0), "once"),
        ("calendar-interval", calendar(2, "Day"), "every 2 day(s)"),
        ("calendar-interval", calendar(1, "Month", "2024-01-30T09:30:00"), "every 1 month(s) from 2024-01-30"),
        ("calendar-interval", calendar(5, "Month", "2024-01-15T09:30:00"), "every 5 month(s)"),
        ("cron", SIX + "<time-zone>Nowhere Standard Time</time-zone>", "unknown zone"),
        ("cron", SIX + "<misfire-instruction>Panic</misfire-instruction>", "'Panic'"),
        ("cron", SIX + "<end-time>2020-01-01T00:00:00Z</end-time>", "it ended on"),
        ("cron", SIX + "<start-time>2027-01-01T00:00:00Z</start-time>", "it starts on"),
        ("daily-time", "", "no counterpart"),
    ],
)  # fmt: skip
def test_a_trigger_that_cannot_be_says_why(kind: str, inside: str, why: str) -> None:
    assert why in (one(kind, inside).why_not or "")


def test_a_file_of_something_else_is_refused_as_a_whole() -> None:
    with pytest.raises(Unreadable, match="<beans>"):
        quartz_xml.read("<beans/>", "Asia/Kolkata", NOW)


def test_expressions_stand_one_a_line_with_a_name_and_a_zone() -> None:
    legacy = quartz_text.read((SAMPLES / "quartz.txt").read_text(), "Asia/Kolkata")
    read = [(f.jobs[0], f.when.spec, f.when.zone) if f.when else (f.jobs[0], f.why_not) for f in legacy.found]
    assert read == [
        ("sales.send_payment_reminders", "0 10 * * 1-5", "Asia/Kolkata"),
        ("GateSync", "*/15 * * * *", "Asia/Dubai"),
        ("line 4", "year: it runs in 2027 only, and schedules here know no years"),
    ]
