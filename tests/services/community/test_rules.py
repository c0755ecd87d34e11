"""Passes, complaints and events, as the house reckons them."""

from datetime import UTC, date, time, timedelta

import pytest

from actors.common.rules.quiet_hours import outside_quiet_hours
from actors.community.rules.events import Step, reason_to_skip, reminder_time, steps_ahead
from actors.community.rules.passes import PassStatus, is_valid, status_at
from actors.community.rules.sla import MissingSla, OfficeHours, Priority, due_times, earliest_letter
from actors.community.rules.sla import Step as Level
from tests.services.community.conftest import india

WEEKDAYS = dict.fromkeys(range(1, 7), (time(9), time(19)))
NORMAL = [Level(number + 1, timedelta(hours=hours), ()) for number, hours in enumerate((4, 12, 24))]
EMERGENCY = [
    Level(number + 1, timedelta(minutes=minutes), ()) for number, minutes in enumerate((30, 120, 240))
]


# -- passes


@pytest.mark.parametrize(
    ("now", "valid"), [("13:59", False), ("14:00", True), ("17:59", True), ("18:00", False)]
)
def test_a_pass_lets_in_from_its_first_moment_and_no_more_at_its_last(now, valid):
    assert is_valid(PassStatus.ISSUED, india("10 14:00"), india("10 18:00"), india(f"10 {now}")) is valid
    assert not is_valid(PassStatus.USED, india("10 14:00"), india("10 18:00"), india(f"10 {now}"))


@pytest.mark.parametrize(
    ("status", "now", "becomes"),
    [
        ("ISSUED", "17:59", "ISSUED"),
        ("ISSUED", "18:00", "EXPIRED"),
        ("INSIDE", "17:59", "INSIDE"),
        ("INSIDE", "18:00", "OVERSTAY"),
        ("USED", "18:00", "USED"),
        ("REVOKED", "18:00", "REVOKED"),
    ],
)
def test_at_18_00_an_unused_pass_is_expired_and_who_is_inside_overstays(status, now, becomes):
    assert status_at(PassStatus(status), india("10 18:00"), india(f"10 {now}")) == becomes


# -- complaints


@pytest.mark.parametrize(
    ("holidays", "third"),
    [((), "14 12:20"), ((date(2026, 4, 14),), "15 12:20")],
    ids=["no holiday", "14 April"],
)
def test_a_complaint_of_friday_18_20(holidays, third):
    office = OfficeHours(WEEKDAYS, holidays)

    assert due_times(india("10 18:20"), Priority.NORMAL, NORMAL, office) == {
        1: india("11 12:20"), 2: india("13 10:20"), 3: india(third),
    }  # fmt: skip


def test_an_emergency_runs_by_the_clock():
    due = due_times(india("10 23:10"), Priority.EMERGENCY, EMERGENCY, OfficeHours({}))

    assert due == {1: india("10 23:40"), 2: india("11 01:10"), 3: india("11 03:10")}
    assert [f"{at.astimezone(UTC):%d %H:%MZ}" for at in due.values()] == [
        "10 18:10Z",
        "10 19:40Z",
        "10 21:40Z",
    ]


@pytest.mark.parametrize(
    ("opened", "due"),
    [("12 11:00", "13 13:00"), ("10 06:00", "10 13:00"), ("10 20:00", "11 13:00"), ("10 15:00", "10 19:00")],
    ids=["Sunday", "before hours", "after hours", "to the closing minute"],
)
def test_time_runs_while_the_office_is_open(opened, due):
    assert OfficeHours(WEEKDAYS).after(india(opened), timedelta(hours=4)) == india(due)


def test_an_office_that_never_opens_and_steps_that_are_not_on_record_are_errors():
    with pytest.raises(MissingSla, match="the office is not open for 4:00:00 within a year of 10 Apr 2026"):
        OfficeHours({}).after(india("10 15:00"), timedelta(hours=4))
    with pytest.raises(
        MissingSla, match="no escalation steps are on record for NORMAL complaints of 10 Apr 2026"
    ):
        due_times(india("10 15:00"), Priority.NORMAL, [], OfficeHours(WEEKDAYS))


def test_only_an_emergency_wakes_people_up():
    assert earliest_letter(Priority.NORMAL, india("10 23:00")) == india("11 08:00")
    assert earliest_letter(Priority.NORMAL, india("10 12:20")) == india("10 12:20")
    assert earliest_letter(Priority.EMERGENCY, india("10 23:40")) == india("10 23:40")


@pytest.mark.parametrize(
    ("moment", "after"),
    [("10 22:30", "11 08:00"), ("10 20:59", "10 20:59"), ("10 21:00", "11 08:00"), ("10 07:59", "10 08:00")],
)
def test_quiet_hours(moment, after):
    assert outside_quiet_hours(india(moment)) == india(after)


# -- events


@pytest.mark.parametrize(
    ("starts", "week", "day", "hours"),
    [
        ("18 18:00", "11 18:00", "17 18:00", "18 16:00"),
        ("18 06:30", "11 08:00", "17 08:00", None),
        ("18 08:00", "11 08:00", "17 08:00", None),
        ("18 09:00", "11 09:00", "17 09:00", "18 08:00"),
        ("18 22:00", "12 08:00", "18 08:00", "18 20:00"),
    ],
    ids=["evening", "before breakfast", "at eight", "at nine", "late"],
)
def test_reminders_7_days_1_day_and_2_hours_before_but_for_quiet_hours(starts, week, day, hours):
    times = {step: reminder_time(india(starts), step) for step in Step}

    assert times == {
        Step.WEEK: india(week), Step.DAY: india(day), Step.HOURS: hours and india(hours),
    }  # fmt: skip


def ahead(starts, now):
    now = india(now)
    return [
        (due.step.value, f"{due.at:%d %H:%M}")
        for due in steps_ahead(india(starts), now, now + timedelta(days=1))
    ]


def test_a_day_arranges_the_steps_until_the_next_look():
    assert ahead("18 18:00", "10 08:00") == []
    assert ahead("18 18:00", "11 08:00") == [("7d", "11 18:00")]
    assert ahead("18 18:00", "17 08:00") == [("7d", "17 08:00"), ("1d", "17 18:00")], (
        "one that was sent changes nothing"
    )
    assert ahead("18 18:00", "18 08:00") == [("1d", "18 08:00"), ("2h", "18 16:00")]
    assert ahead("18 18:00", "18 18:00") == []


def test_of_missed_steps_only_the_latest_is_made_up_for_outside_quiet_hours():
    assert ahead("18 18:00", "17 19:00") == [("1d", "17 19:00"), ("2h", "18 16:00")]
    assert ahead("18 18:00", "17 22:00") == [("1d", "18 08:00"), ("2h", "18 16:00")]
    assert ahead("18 07:00", "17 22:00") == []


def test_who_registers_after_a_reminder_was_due_does_not_get_it():
    due = india("11 18:00")
    assert reason_to_skip(email="a@example.in", registered_at=india("11 18:00"), due=due) is None
    assert reason_to_skip(email="a@example.in", registered_at=india("11 18:01"), due=due) == (
        "registered after this reminder was due"
    )
    assert reason_to_skip(email=None, registered_at=india("10 18:00"), due=due) == "no mail address"
