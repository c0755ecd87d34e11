"""Triggers of the Windows Task Scheduler come at the same minutes here, or are refused with the reason."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from infra.scheduling import cron
from infra.scheduling.importing import task_scheduler
from infra.scheduling.importing.found import Found, Unreadable, When
from infra.scheduling.importing.texts import text_of
from infra.scheduling.words import MONTHS

SAMPLES = Path(__file__).with_name("samples")
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAY = timedelta(days=1)
START = datetime(2024, 1, 1)
"""A wall time."""
ENDED = "<EndBoundary>2021-01-01T00:00:00</EndBoundary>"
EVERY_DAY = "<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>"


def one(
    inside: str, kind: str = "CalendarTrigger", *, zone: str = "Asia/Kolkata", settings: str = ""
) -> Found:
    text = (
        f'<Task xmlns="{task_scheduler.NAMESPACE}"><Triggers><{kind}>{inside}</{kind}></Triggers>'
        f"<Settings>{settings}</Settings><Actions><Exec><Command>a.bat</Command></Exec></Actions></Task>"
    )
    [found] = task_scheduler.read(text, zone, NOW).found
    return found


def schedule(inside: str, kind: str = "CalendarTrigger", zone: str = "Asia/Kolkata") -> When:
    found = one(inside, kind, zone=zone)
    assert found.when is not None, found.why_not
    return found.when


def starting(text: str, inside: str = EVERY_DAY) -> str:
    return f"<StartBoundary>{text}</StartBoundary>{inside}"


def repeated(every: str, during: str | None = None) -> str:
    during = "" if during is None else f"<Duration>{during}</Duration>"
    return f"<Repetition><Interval>{every}</Interval>{during}</Repetition>"


def tags(names: list[str]) -> str:
    return "".join(f"<{name} />" for name in names)


def ticks(when: When, days: int) -> list[datetime]:
    """Wall times from the start's day on."""
    start = START.replace(tzinfo=UTC)
    found = cron(when.spec, "UTC").ticks_between(
        start - timedelta(minutes=1), start + days * DAY - timedelta(minutes=1)
    )
    return [tick.replace(tzinfo=None) for tick in found]


def dates(days: int) -> list[date]:
    return [(START + n * DAY).date() for n in range(days)]


slowly = settings(deadline=None, suppress_health_check=list(HealthCheck))
SOME_DAYS = st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True)
SOME_MONTHS = st.lists(st.sampled_from(MONTHS), min_size=1, max_size=12, unique=True)


@settings(slowly, max_examples=25)
@given(SOME_DAYS)
def test_days_of_the_week(names: list[str]) -> None:
    when = schedule(
        starting(
            "2020-01-01T06:30:00", f"<ScheduleByWeek><DaysOfWeek>{tags(names)}</DaysOfWeek></ScheduleByWeek>"
        )
    )
    assert [tick.date() for tick in ticks(when, 400)] == [
        day for day in dates(400) if DAYS[day.weekday()] in names
    ]


@settings(slowly, max_examples=40)
@given(st.lists(st.integers(1, 31), max_size=8, unique=True), st.booleans(), SOME_MONTHS)
@example([31], True, ["February", "April"])
def test_days_of_the_month_and_its_last(numbers: list[int], last: bool, months: list[str]) -> None:
    named = [str(number) for number in numbers] + (["Last"] if last or not numbers else [])
    inside = "".join(f"<Day>{day}</Day>" for day in named)
    found = one(
        starting(
            "2020-01-01T06:30:00",
            f"<ScheduleByMonth><DaysOfMonth>{inside}</DaysOfMonth><Months>{tags(months)}</Months></ScheduleByMonth>",
        )
    )
    expected = [
        day
        for day in dates(4 * 365)
        if MONTHS[day.month - 1] in months
        and (day.day in numbers or ("Last" in named and day.day == monthrange(day.year, day.month)[1]))
    ]
    if found.when is None:
        assert "never comes" in (found.why_not or "")
        assert not expected
        return
    assert [tick.date() for tick in ticks(found.when, 4 * 365)] == expected


@settings(slowly, max_examples=40)
@given(
    st.lists(st.sampled_from(["1", "2", "3", "4", "Last"]), min_size=1, unique=True), SOME_DAYS, SOME_MONTHS
)
def test_weekdays_of_the_month(weeks: list[str], names: list[str], months: list[str]) -> None:
    inside = "".join(f"<Week>{week}</Week>" for week in weeks)
    when = schedule(
        starting(
            "2020-01-01T06:30:00",
            f"<ScheduleByMonthDayOfWeek><Weeks>{inside}</Weeks><DaysOfWeek>{tags(names)}</DaysOfWeek>"
            f"<Months>{tags(months)}</Months></ScheduleByMonthDayOfWeek>",
        )
    )

    def is_on(day: date) -> bool:
        last = day.day + 7 > monthrange(day.year, day.month)[1]
        which = str((day.day + 6) // 7) in weeks or (last and "Last" in weeks)
        return which and DAYS[day.weekday()] in names and MONTHS[day.month - 1] in months

    assert [tick.date() for tick in ticks(when, 2 * 365)] == [day for day in dates(2 * 365) if is_on(day)]


@settings(slowly, max_examples=60)
@given(st.integers(0, 23), st.integers(0, 59), st.integers(1, 720), st.integers(1, 1440))
@example(8, 0, 15, 600)
@example(22, 30, 60, 300)
@example(0, 5, 15, 1440)
def test_repetitions_of_a_day(hour: int, minute: int, every: int, during: int) -> None:
    found = one(repeated(f"PT{every}M", f"PT{during}M") + starting(f"2020-01-01T{hour:02}:{minute:02}:00"))
    first = hour * 60 + minute
    passed = 0
    expected = set()
    while passed < during:
        expected.add((first + passed) % 1440)
        passed += every
    if found.when is None:
        assert "one schedule cannot say it" in (found.why_not or "")
        rows = {
            tuple(sorted(m % 60 for m in expected if m // 60 == hour)) for hour in {m // 60 for m in expected}
        }
        assert len(rows) > 1, "each hour has the same minutes, so one schedule can say it"
        return
    assert {tick.hour * 60 + tick.minute for tick in ticks(found.when, 1)} == expected


@pytest.mark.parametrize(
    ("inside", "spec"),
    [
        (starting("2020-01-01T06:30:00"), "30 6 * * *"),
        (repeated("PT15M") + starting("2020-01-01T00:05:00"), "5-50/15 * * * *"),
        (repeated("PT1H", "P1D") + starting("2020-01-01T08:00:00"), "0 * * * *"),
        (repeated("PT1H", "PT9H") + starting("2020-01-01T08:00:00"), "0 8-16 * * *"),
        (starting("2020-01-01T06:30:00+05:30"), "30 6 * * *"),
        (starting("2020-01-01T20:00:00Z"), "30 1 * * *"),
    ],
)
def test_a_daily_trigger_becomes_the_spec_that_one_would_write(inside: str, spec: str) -> None:
    assert schedule(inside).spec == spec


def test_what_is_not_the_same_is_remarked() -> None:
    when = schedule(
        "<RandomDelay>PT5M</RandomDelay><EndBoundary>2027-03-31T00:00:00</EndBoundary>"
        + repeated("PT1H", "PT9H")
        + starting("2020-01-01T08:00:20")
    )
    remarks = " / ".join(when.remarks)
    for expected in ("20 s earlier", "RandomDelay", "was to end on 2027-03-31", "not at 17:00"):
        assert expected in remarks


def test_a_time_with_an_offset_stays_where_it_is_when_clocks_are_set() -> None:
    when = schedule(starting("2020-01-01T06:30:00Z"), zone="Europe/Berlin")
    assert (when.spec, when.zone) == ("30 6 * * *", "UTC")
    assert "Europe/Berlin" in when.remarks[0]


def test_a_trigger_of_one_time_that_repeats_for_ever_is_a_schedule() -> None:
    when = schedule(repeated("PT30M") + starting("2020-01-01T00:10:00", ""), "TimeTrigger")
    assert when.spec == "10,40 * * * *"


@pytest.mark.parametrize(
    ("kind", "inside", "why"),
    [
        ("BootTrigger", "", "when the machine starts"),
        ("LogonTrigger", "", "when somebody logs on"),
        ("EventTrigger", "", "at an event"),
        ("IdleTrigger", "", "idle"),
        ("RegistrationTrigger", "", "registered"),
        ("TimeTrigger", starting("2026-01-01T06:00:00", ""), "it ran once, on 2026-01-01 06:00"),
        ("TimeTrigger", starting("2027-01-01T06:00:00", ""), "send --eta"),
        ("TimeTrigger", repeated("PT1H", "P1D") + starting("2026-01-01T06:00:00", ""), "for 1 day after its start"),
        ("TimeTrigger", repeated("PT7M") + starting("2026-01-01T06:00:00", ""), "every 7 minutes divides neither"),
        ("CalendarTrigger", starting("2026-01-01T06:00:00", EVERY_DAY.replace("1<", "2<")), "every 2 days"),
        ("CalendarTrigger", EVERY_DAY, "no StartBoundary"),
        ("CalendarTrigger", starting("2026-01-01T06:00:00", ""), "no schedule that is known"),
        ("CalendarTrigger", repeated("PT7M") + starting("2026-01-01T06:00:00"), "does not divide the day"),
        ("CalendarTrigger", repeated("PT30S") + starting("2026-01-01T06:00:00"), "by the minute"),
        ("CalendarTrigger", starting("2020-01-01T06:00:00") + ENDED, "it ended on 2021-01-01"),
        ("CalendarTrigger", starting("2027-01-01T06:00:00"), "it starts on 2027-01-01 06:00, but would run"),
        (
            "CalendarTrigger",
            starting("2020-01-01T20:00:00Z", "<ScheduleByWeek><DaysOfWeek><Monday/></DaysOfWeek></ScheduleByWeek>"),
            "another day in Asia/Kolkata",
        ),
        (
            "CalendarTrigger",
            repeated("PT1H", "P1D")
            + starting("2020-01-01T08:00:00", "<ScheduleByWeek><DaysOfWeek><Monday/></DaysOfWeek></ScheduleByWeek>"),
            "runs on into the next day",
        ),
    ],
)  # fmt: skip
def test_a_trigger_that_cannot_be_says_why(kind: str, inside: str, why: str) -> None:
    assert why in (one(inside, kind).why_not or "")


def test_a_start_to_come_that_changes_nothing_is_no_obstacle() -> None:
    assert schedule(starting("2026-11-25T06:00:00")).spec == "0 6 * * *"


@pytest.mark.parametrize(
    ("policy", "overlap"),
    [("Parallel", "allow"), ("IgnoreNew", "skip"), ("Queue", "queue"), ("StopExisting", None)],
)
def test_policies_of_overlap(policy: str, overlap: str | None) -> None:
    found = one(
        starting("2020-01-01T06:00:00"),
        settings=f"<MultipleInstancesPolicy>{policy}</MultipleInstancesPolicy>",
    )
    assert found.overlap == overlap


def test_an_export_in_utf_16_has_tasks_with_several_triggers() -> None:
    data = (SAMPLES / "tasks.xml").read_bytes()
    assert data.startswith(b"\xff\xfe")
    found = task_scheduler.read(text_of(data), "Asia/Kolkata", NOW).found
    assert [(f.where, f.when.spec if f.when else f.why_not) for f in found] == [
        ("task SendReminders, trigger 1", "0 10 * * 1,4"),
        ("task SendReminders, trigger 2", "30 9 1,L 4,10 *"),
        ("task SendReminders, trigger 3", "it runs when the machine starts, which is no time"),
        ("task GateSync", "5-50/15 * * * *"),
        (
            "task EverySecondWeek",
            "every 2 weeks: a calendar cannot count so, as years are not a multiple of it",
        ),
    ]
    assert [f.missed for f in found] == ["once", "once", "once", "skip", "skip"]
    assert [f.overlap for f in found] == ["queue", "queue", "queue", None, "skip"]
    assert [f.paused_reason for f in found[:4]] == [
        None,
        "the trigger was disabled in the Task Scheduler",
        None,
        "the task was disabled in the Task Scheduler",
    ]
    assert (
        found[0].command == r'"C:\Program Files\Dhanman\dhanman-jobs.exe" send sales.send_payment_reminders'
    )
    assert found[3].jobs == ("GateSync", r"\Dhanman\GateSync")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8", "utf-8-sig"])
def test_each_encoding_of_windows_is_read(encoding: str) -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?><Tasks/>'
    assert text_of(text.encode(encoding)) == text


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE Task [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><Task>&b;</Task>',
        '<!DOCTYPE Task SYSTEM "file:///etc/passwd"><Task/>',
        "<Task>",
        "<Jobs/>",
        "",
    ],
)
def test_dangerous_or_broken_xml_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(Unreadable):
        task_scheduler.read(text, "Asia/Kolkata", NOW)


def test_exports_that_stand_one_behind_the_other_are_all_read() -> None:
    task = (
        f'<?xml version="1.0" encoding="UTF-16"?>\n<Task xmlns="{task_scheduler.NAMESPACE}"><Triggers>'
        f"<CalendarTrigger>{starting('2020-01-01T06:30:00')}</CalendarTrigger></Triggers></Task>\n"
    )
    assert len(task_scheduler.read(task * 2, "Asia/Kolkata", NOW).found) == 2
