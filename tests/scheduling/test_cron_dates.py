"""Which times a spec means: compared over 50 years with a second implementation, and with a second library."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from infra.scheduling.cron import Cron, cron
from infra.scheduling.spec import WrongSpec
from tests.scheduling.crontab5 import Crontab5
from tests.scheduling.spec_texts import DAILY_SPECS, SPECS, UNDISPUTED_SPECS, ZONES

IST = ZoneInfo("Asia/Kolkata")
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
MOMENTS = st.datetimes(datetime(1995, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))

slowly = settings(deadline=None, suppress_health_check=list(HealthCheck))


def made(spec: str, zone: str) -> Cron | None:
    """None if it never comes: then the second implementation must not find a day either."""
    try:
        return cron(spec, zone)
    except WrongSpec:
        assert not any(Crontab5(spec, zone).days(date(2000, 1, 1), date(2040, 12, 31)))
        return None


@settings(slowly, max_examples=10)
@given(DAILY_SPECS, st.sampled_from(("Asia/Kolkata", "UTC")), st.integers(1990, 2040))
@example("30 2 L-3,LW,13 * fri#2,monL", "Asia/Kolkata", 2000)
@example("30 2 */2,L-5 * */3", "Europe/Paris", 2010)  # all other changes of clocks: test_cron_zones.py
@example("30 2 29 2 *", "Asia/Kolkata", 2080)  # no leap day in 2100
def test_fifty_years_of_days_are_those_of_crontab_5(spec: str, zone: str, year: int) -> None:
    expected = Crontab5(spec, zone).ticks(date(year, 1, 1), date(year + 49, 12, 31))
    one = made(spec, zone)
    if one is None or not expected:
        return
    found = list(one.ticks_between(expected[0] - SECOND, expected[-1]))
    assert found == expected
    assert [tick.utcoffset() for tick in found] == [
        tick.astimezone(one.zone).utcoffset() for tick in expected
    ]


@settings(slowly, max_examples=150)
@given(SPECS, st.sampled_from(ZONES), MOMENTS)
def test_what_is_due_after_and_before_a_moment_is_what_crontab_5_says(
    spec: str, zone: str, moment: datetime
) -> None:
    one = made(spec, zone)
    if one is None:
        return
    following, last = one.next_after(moment), one.latest_before(moment)
    assert following is not None
    assert last is not None

    near = [last - DAY, last + 2 * DAY, following - 2 * DAY, following + DAY]
    days = {(edge + n * DAY).date() for edge in near for n in (-1, 0, 1)}
    plain = Crontab5(spec, zone)
    ticks = sorted({tick for day in days for tick in plain.ticks(day, day)})
    assert following == min(tick for tick in ticks if tick > moment)
    assert last == max(tick for tick in ticks if tick < moment)
    assert not any(plain.days(last.date() + 2 * DAY, following.date() - 2 * DAY))

    assert one.latest_until(following) == following
    assert one.validate(following + 59 * SECOND)
    assert one.validate(moment) == (moment.replace(second=0, microsecond=0) in ticks)


@settings(slowly, max_examples=150)
@given(UNDISPUTED_SPECS, st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))
def test_croniter_says_the_same_where_the_two_libraries_do_not_disagree(spec: str, moment: datetime) -> None:
    one = made(spec, "UTC")
    if one is None:
        return
    other = croniter(spec, moment, implement_cron_bug=True)
    tick: datetime | None = moment
    for _ in range(5):
        tick = one.next_after(tick)
        assert tick == other.get_next(datetime)
    other = croniter(spec, moment, implement_cron_bug=True)
    tick = moment
    for _ in range(5):
        tick = one.latest_before(tick)
        assert tick == other.get_prev(datetime)


@pytest.mark.parametrize(
    ("spec", "after", "due"),
    [
        # periodiq's own spec never matches these
        ("@weekly", "2026-11-24 12:00", ["2026-11-29 00:00", "2026-12-06 00:00"]),
        ("0 9 * * sun", "2026-11-24 12:00", ["2026-11-29 09:00", "2026-12-06 09:00"]),
        # and gives a wrong next date for these
        ("0 8 1,15 3 *", "2026-03-10 08:00", ["2026-03-15 08:00", "2027-03-01 08:00", "2027-03-15 08:00"]),
        ("0 8 1,15 3 *", "2026-12-01 08:10", ["2027-03-01 08:00", "2027-03-15 08:00"]),
        ("0 0 29 2 *", "2026-11-24 12:00", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 0 29 2 *", "2096-03-01 00:00", ["2104-02-29 00:00"]),
        ("*/30 6 * * *", "2026-11-24 06:30", ["2026-11-25 06:00", "2026-11-25 06:30"]),
        ("*/30 6 * * *", "2026-11-24 08:10", ["2026-11-25 06:00", "2026-11-25 06:30"]),
        # the ends of months
        ("0 23 L * *", "2028-01-31 23:00", ["2028-02-29 23:00", "2028-03-31 23:00", "2028-04-30 23:00"]),
        ("0 23 L-3 * *", "2027-01-28 23:00", ["2027-02-25 23:00", "2027-03-28 23:00", "2027-04-27 23:00"]),
        ("0 0 L-30 * *", "2026-11-24 12:00", ["2026-12-01 00:00", "2027-01-01 00:00", "2027-03-01 00:00"]),
        ("0 0 L-28 2 *", "2026-11-24 12:00", ["2028-02-01 00:00", "2032-02-01 00:00"]),
        ("0 0 LW * *", "2026-12-31 00:00", ["2027-01-29 00:00", "2027-02-26 00:00"]),
        ("0 0 31 * *", "2027-01-31 00:00", ["2027-03-31 00:00", "2027-05-31 00:00"]),
        # days of the week
        ("0 0 * * 7", "2026-11-24 12:00", ["2026-11-29 00:00"]),
        ("0 0 * * fri#2", "2026-11-24 12:00", ["2026-12-11 00:00", "2027-01-08 00:00"]),
        ("0 0 * * 5L", "2026-11-24 12:00", ["2026-11-27 00:00", "2026-12-25 00:00"]),
        ("0 0 * 2 mon#5", "2026-11-24 12:00", ["2044-02-29 00:00", "2072-02-29 00:00", "2112-02-29 00:00"]),
        # both kinds of day: either will do, unless one starts with a star
        ("0 0 13 * 5", "2026-12-05 00:00", ["2026-12-11 00:00", "2026-12-13 00:00", "2026-12-18 00:00"]),
        ("0 0 31,L-3 2 1", "2027-02-22 00:00", ["2027-02-25 00:00", "2028-02-07 00:00"]),
        ("0 0 */2 * 1", "2026-11-30 00:00", ["2026-12-07 00:00", "2026-12-21 00:00", "2027-01-11 00:00"]),
        ("0 0 1-31 * 1", "2026-11-24 12:00", ["2026-11-25 00:00", "2026-11-26 00:00"]),
        ("0 0 L-3,* * 1", "2026-11-24 12:00", ["2026-11-25 00:00", "2026-11-26 00:00"]),
    ],
)
def test_the_next_times_of_a_spec(spec: str, after: str, due: list[str]) -> None:
    at = datetime.fromisoformat(after).replace(tzinfo=IST)
    ticks = list(cron(spec).ticks_between(at, at + timedelta(days=366 * 100), limit=len(due)))
    assert [f"{tick:%Y-%m-%d %H:%M}" for tick in ticks] == due
    back: datetime | None = ticks[-1]
    for tick in reversed(ticks[:-1]):
        back = cron(spec).latest_before(back)
        assert back == tick


def test_a_moment_without_a_zone_is_refused() -> None:
    one = cron("@daily")
    for ask in (one.next_after, one.latest_before, one.latest_until, one.validate, one.next_valid_date):
        with pytest.raises(ValueError, match="has no zone"):
            ask(datetime(2026, 11, 24))


def test_next_is_after_and_latest_is_before_and_between_is_after_and_until() -> None:
    one = cron("0 6 * * *")
    first, second, third = (datetime(2026, 11, day, 6, tzinfo=IST) for day in (1, 2, 3))
    assert one.next_after(first) == second
    assert one.next_after(first - timedelta(microseconds=1)) == first
    assert one.latest_before(second) == first
    assert one.latest_before(second + timedelta(microseconds=1)) == second
    assert one.latest_until(second) == second
    assert list(one.ticks_between(first, third)) == [second, third]
    assert list(one.ticks_between(first, third, limit=1)) == [second]
    assert list(one.ticks_between(first, third, limit=0)) == []
    assert list(one.ticks_between(third, first)) == []
    assert f"{one.next_after(first):%F %T %z %Z}" == "2026-11-02 06:00:00 +0530 IST"


def test_where_the_calendar_ends_there_is_no_next_time() -> None:
    assert cron("@yearly", "UTC").next_after(datetime(9999, 6, 1, tzinfo=UTC)) is None
    assert cron("0 0 2 1 *", "UTC").latest_before(datetime(1, 1, 2, tzinfo=UTC)) is None
    assert cron("0 0 L-3 * *").latest_before(datetime(1, 1, 20, tzinfo=UTC)) is None
    assert list(
        cron("@yearly").ticks_between(datetime(9990, 6, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    )


def test_ten_thousand_next_times_take_less_than_a_second() -> None:
    specs = [
        "0 6 1 * *",
        "*/30 * * * *",
        "0 23 L * *",
        "0 17 * * 5",
        "0 */6 * * *",
        "0 9 * * *",
        "0 0 L-3 * *",
    ]
    jobs = [cron(spec, zone) for spec in specs for zone in ("Asia/Kolkata", "America/New_York")]
    moments = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=n * 997) for n in range(10_000)]
    start = time.process_time()
    for n, moment in enumerate(moments):
        jobs[n % len(jobs)].next_after(moment)
    assert time.process_time() - start < 1


def test_a_week_of_minutes_and_a_generation_of_days_are_gone_through_in_a_second() -> None:
    start, began = datetime(2026, 1, 1, tzinfo=IST), time.process_time()
    assert sum(1 for _ in cron("* * * * *").ticks_between(start, start + 7 * DAY)) == 7 * 24 * 60
    days = list(cron("0 6 * * *").ticks_between(start, start + 10_000 * DAY))
    assert len(days) == 10_000
    assert all(later - earlier == DAY for earlier, later in pairwise(days))
    assert time.process_time() - began < 1
