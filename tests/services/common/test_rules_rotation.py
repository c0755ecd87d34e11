"""Which backups are kept."""

from datetime import UTC, datetime, timedelta

import pytest

from actors.common.rules.rotation import Rotation

NIGHT = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)  # 06:00 in India


def every_six_hours(days, until=NIGHT):
    taken = [until - timedelta(hours=6 * n) for n in range(days * 4)]
    return {f"{moment:%Y-%m-%d %H:%M}": moment for moment in taken}


def kept(rule, taken, verified=()):
    return sorted(set(taken) - rule.expired(taken, verified))


LAST_24_HOURS = ["2026-11-23 06:30", "2026-11-23 12:30", "2026-11-23 18:30", "2026-11-24 00:30"]
EVENINGS = [f"2026-11-{day} 12:30" for day in (18, 19, 20, 21, 22)]  # 18:00 in India, the day's last
SUNDAYS = [f"2026-11-{day} 12:30" for day in ("01", "08", 15)]
MONTHS_ENDS = ["2026-08-31 12:30", "2026-09-30 12:30", "2026-10-31 12:30"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rotation(1, 0, 0), LAST_24_HOURS),
        (Rotation(7, 0, 0), EVENINGS + LAST_24_HOURS),  # with the 23rd and 24th a week
        (Rotation(7, 5, 0), SUNDAYS + EVENINGS + LAST_24_HOURS),  # with the 22nd and this week's newest five
        (Rotation(7, 5, 4), MONTHS_ENDS + SUNDAYS + EVENINGS + LAST_24_HOURS),
    ],
)
def test_the_last_of_each_day_week_and_month_stays(rule, expected):
    assert kept(rule, every_six_hours(730)) == expected


def test_run_after_run_each_week_and_month_keeps_its_last():
    rule, there = Rotation(3, 2, 2), {}
    for taken, moment in sorted(every_six_hours(120).items(), key=lambda item: item[1]):
        there[taken] = moment
        for gone in rule.expired(there):
            del there[gone]
    assert sorted(there) == kept(rule, every_six_hours(120))


@pytest.mark.parametrize("age", [timedelta(days=1), timedelta(days=400)])
def test_the_newest_one_stays_however_old_it_is(age):
    assert Rotation(1, 0, 0).expired({"only": NIGHT - age}) == set()


def test_the_newest_that_was_restored_for_a_test_stays():
    taken = every_six_hours(60)
    rule, oldest, older = Rotation(2, 0, 0), min(taken), sorted(taken)[5]
    assert {oldest, older} <= rule.expired(taken)
    assert rule.expired(taken, {oldest, older}) == rule.expired(taken) - {older}


def test_days_without_a_backup_do_not_count():
    taken = {str(n): NIGHT - timedelta(days=10 * n) for n in range(10)}
    assert kept(Rotation(3, 0, 0), taken) == ["0", "1", "2"]


def test_no_backup_at_all():
    assert Rotation(7, 5, 12).expired({}) == set()
