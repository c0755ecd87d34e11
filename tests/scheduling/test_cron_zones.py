"""What becomes of a job's time when the clocks of its zone are set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from infra.scheduling.cron import cron
from infra.scheduling.spec import WrongSpec
from tests.scheduling.crontab5 import Crontab5
from tests.scheduling.spec_texts import SPECS, ZONES

NEW_YORK, PARIS, LORD_HOWE = "America/New_York", "Europe/Paris", "Australia/Lord_Howe"
CASABLANCA, SANTIAGO, APIA = "Africa/Casablanca", "America/Santiago", "Pacific/Apia"
HOUR = timedelta(hours=1)


def due(spec: str, zone: str, day: str, days: int = 1) -> list[str]:
    """The times from this midnight on, with their offsets, to the midnight so many days later, which does not count."""
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    end = start + timedelta(days=days) - timedelta(microseconds=1)
    return [
        f"{tick:%d %H:%M %z}"
        for tick in cron(spec, zone).ticks_between(start - timedelta(microseconds=1), end)
    ]


@pytest.mark.parametrize(
    ("spec", "zone", "day", "times"),
    [
        ("30 2 * * *", NEW_YORK, "2027-03-14", ["14 03:00 -0400"]),
        ("0 2 * * *", NEW_YORK, "2027-03-14", ["14 03:00 -0400"]),
        ("59 2 * * *", NEW_YORK, "2027-03-14", ["14 03:00 -0400"]),
        ("0 3 * * *", NEW_YORK, "2027-03-14", ["14 03:00 -0400"]),
        ("59 1 * * *", NEW_YORK, "2027-03-14", ["14 01:59 -0500"]),
        ("30 2 * * *", PARIS, "2027-03-28", ["28 03:00 +0200"]),
        ("15 2 * * *", LORD_HOWE, "2026-10-04", ["04 02:30 +1100"]),
        ("30 2 * * *", CASABLANCA, "2027-03-14", ["14 03:00 +0100"]),  # the end of Ramadan
        ("0 0 * * *", SANTIAGO, "2026-09-06", ["06 01:00 -0300"]),
        ("0 0 6 9 *", SANTIAGO, "2026-09-06", ["06 01:00 -0300"]),
        (
            "0 0,2,3 * * *",
            NEW_YORK,
            "2027-03-14",
            ["14 00:00 -0500", "14 03:00 -0400"],
        ),  # two of them at once
        ("*/15 2 * * *", NEW_YORK, "2027-03-14", ["14 03:00 -0400"]),
    ],
)
def test_in_a_gap_a_job_comes_once_right_after_it(spec: str, zone: str, day: str, times: list[str]) -> None:
    assert due(spec, zone, day) == times


def test_a_job_of_a_day_that_a_zone_leaves_out_comes_when_the_next_one_begins() -> None:
    friday = cron("0 6 * * fri", APIA)
    before = datetime(2011, 12, 29, 12, tzinfo=ZoneInfo(APIA))
    after = before + timedelta(days=3)
    assert [f"{tick:%a %d %H:%M}" for tick in friday.ticks_between(before, after)] == ["Sat 31 00:00"]
    assert due("0 6 * * *", APIA, "2011-12-29", 3) == ["29 06:00 -1000", "31 00:00 +1400", "31 06:00 +1400"]
    assert due("0 */12 * * *", APIA, "2011-12-29", 3)[1:] == [
        "29 12:00 -1000",
        "31 00:00 +1400",
        "31 12:00 +1400",
    ]


@pytest.mark.parametrize(
    ("spec", "zone", "day", "times"),
    [
        ("30 1 * * *", NEW_YORK, "2027-11-07", ["07 01:30 -0400"]),
        ("0 1 * * *", NEW_YORK, "2027-11-07", ["07 01:00 -0400"]),
        ("0 2 * * *", NEW_YORK, "2027-11-07", ["07 02:00 -0500"]),
        ("30 2 * * *", PARIS, "2027-10-31", ["31 02:30 +0200"]),
        ("45 1 * * *", LORD_HOWE, "2027-04-04", ["04 01:45 +1100"]),
        ("30 2 * * *", CASABLANCA, "2027-02-07", ["07 02:30 +0100"]),
        ("30 23 * * *", SANTIAGO, "2027-04-03", ["03 23:30 -0300"]),
        ("*/30 1 * * *", NEW_YORK, "2027-11-07", ["07 01:00 -0400", "07 01:30 -0400"]),
        ("0 0,1,2 * * *", NEW_YORK, "2027-11-07", ["07 00:00 -0400", "07 01:00 -0400", "07 02:00 -0500"]),
        ("0 */2 * * *", PARIS, "2027-10-31", None),
    ],
)
def test_in_an_overlap_a_job_comes_once_on_the_first_pass(
    spec: str, zone: str, day: str, times: list[str] | None
) -> None:
    found = due(spec, zone, day)
    walls = [tick[:8] for tick in found]
    assert len(set(walls)) == len(walls)
    assert times is None or found == times


@pytest.mark.parametrize(
    ("spec", "zone", "day", "hours", "every"),
    [
        ("0 * * * *", NEW_YORK, "2027-03-14", 23, HOUR),
        ("30 * * * *", NEW_YORK, "2027-03-14", 23, HOUR),
        ("*/15 * * * *", NEW_YORK, "2027-03-14", 23, HOUR / 4),
        ("0 * * * *", NEW_YORK, "2027-11-07", 25, HOUR),
        ("*/15 * * * *", NEW_YORK, "2027-11-07", 25, HOUR / 4),
        ("* * * * *", PARIS, "2027-10-31", 25, HOUR / 60),
        ("*/30 * * * *", LORD_HOWE, "2026-10-04", 23.5, HOUR / 2),
        ("*/30 * * * *", LORD_HOWE, "2027-04-04", 24.5, HOUR / 2),
        ("10 0-23 * * *", CASABLANCA, "2027-02-07", 25, HOUR),  # as `10 * * * *`
    ],
)
def test_a_job_of_every_hour_keeps_its_pace_through_gap_and_overlap(
    spec: str, zone: str, day: str, hours: float, every: timedelta
) -> None:
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    one = cron(spec, zone)
    first = one.next_after(start - timedelta(seconds=1))
    assert first is not None
    ticks = list(
        one.ticks_between(first - timedelta(seconds=1), start + timedelta(hours=hours) - timedelta(seconds=1))
    )
    assert ticks == [first + n * every for n in range(int(timedelta(hours=hours) / every))]


def test_in_a_gap_of_half_an_hour_the_full_hour_is_left_out() -> None:
    assert due("0 0-23 * * *", LORD_HOWE, "2026-10-04")[:3] == [
        "04 00:00 +1030",
        "04 01:00 +1030",
        "04 03:00 +1100",
    ]


def test_the_times_of_an_overlap_are_in_order_and_equal_to_themselves() -> None:
    one = cron("*/15 * * * *", NEW_YORK)
    start = datetime(2027, 11, 7, 4, 59, tzinfo=UTC)
    ticks = list(one.ticks_between(start, start + 2 * HOUR))
    assert ticks == sorted(ticks) == [tick.astimezone(UTC) for tick in ticks]
    assert len({*ticks, *(tick.astimezone(UTC) for tick in ticks)}) == 8
    for tick in ticks:
        assert one.next_after(tick - timedelta(seconds=1)) == one.latest_until(tick) == tick
        assert one.next_after(tick.astimezone(ZoneInfo(NEW_YORK)) - timedelta(microseconds=1)) is not None


def test_a_moment_of_the_second_pass_is_after_the_whole_first_pass() -> None:
    second_pass = datetime(2027, 11, 7, 1, 10, tzinfo=ZoneInfo(NEW_YORK), fold=1)
    daily = cron("30 1 * * *", NEW_YORK)
    assert f"{daily.next_after(second_pass):%d %H:%M %z}" == "08 01:30 -0500"
    assert f"{daily.latest_before(second_pass):%d %H:%M %z}" == "07 01:30 -0400"
    assert daily.validate(datetime(2027, 11, 7, 5, 30, tzinfo=UTC))
    assert not daily.validate(datetime(2027, 11, 7, 6, 30, tzinfo=UTC))
    assert daily.validate(datetime(2027, 3, 13, 6, 30, tzinfo=UTC))


@cache
def changes(zone: str) -> list[datetime]:
    """When the clocks are set there, in 60 years."""
    found, at = [], datetime(1995, 1, 1, tzinfo=UTC)
    offset = at.astimezone(ZoneInfo(zone)).utcoffset()
    while at.year < 2055:
        at += 6 * HOUR
        if at.astimezone(ZoneInfo(zone)).utcoffset() != offset:
            offset = at.astimezone(ZoneInfo(zone)).utcoffset()
            found.append(at)
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(SPECS, st.sampled_from(ZONES[2:]), st.integers(0), st.integers(-36 * 60, 6 * 60))
@example("1 * * * *", NEW_YORK, 1, -120)
@example("*/15 * * * *", LORD_HOWE, 4, -600)
@example("* 0 30,31 12 *", APIA, 4, -36 * 60)
def test_around_every_change_the_times_are_those_that_the_clocks_show(
    spec: str, zone: str, which: int, minutes: int
) -> None:
    try:
        one = cron(spec, zone)
    except WrongSpec:
        return
    change = changes(zone)[which % len(changes(zone))]
    start = change + timedelta(minutes=minutes)
    end = start + 36 * HOUR
    plain = Crontab5(spec, zone).ticks(start.date() - timedelta(days=2), end.date() + timedelta(days=2))
    expected = [tick for tick in plain if start < tick <= end]
    assert list(one.ticks_between(start, end)) == expected

    at: datetime | None = start
    for tick in expected[:150]:
        at = one.next_after(at)
        assert at == tick
    at = end + timedelta(microseconds=1)
    for tick in reversed(expected[-150:]):
        at = one.latest_before(at)
        assert at == tick
