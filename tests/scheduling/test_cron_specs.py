"""What a spec may hold, how it reads, and how a wrong one is refused."""

from __future__ import annotations

import copy
import pickle
import time
from contextlib import suppress
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.scheduling.cron import Cron, cron
from infra.scheduling.spec import WrongSpec
from infra.scheduling.zones import UnknownZone
from tests.scheduling.spec_texts import SPECS

JOBS = {
    "0 */6 * * *": "every 6 hours",
    "0 3 * * *": "at 03:00 every day",
    "0 8 * * *": "at 08:00 every day",
    "0 2 * * *": "at 02:00 every day",
    "0 0 * * 0": "at 00:00 on Sundays",
    "0 6 1 * *": "at 06:00 on day 1 of every month",
    "0 10 * * *": "at 10:00 every day",
    "0 * * * *": "every hour",
    "0 0 * * *": "at 00:00 every day",
    "0 */2 * * *": "every 2 hours",
    "0 9 * * *": "at 09:00 every day",
    "0 9 * * 1": "at 09:00 on Mondays",
    "0 23 L * *": "at 23:00 on the last day of the month",
    "0 0 1 * *": "at 00:00 on day 1 of every month",
    "0 6 2 * *": "at 06:00 on day 2 of every month",
    "0 18 * * *": "at 18:00 every day",
    "*/30 * * * *": "every 30 minutes",
    "0 */4 * * *": "every 4 hours",
    "0 17 * * 5": "at 17:00 on Fridays",
}
"""All that our recurring jobs use."""

OTHERS = {
    "* * * * *": "every minute",
    "* 3 * * *": "every minute from 03:00 to 03:59",
    "*/15 8-20 * * mon-fri": "every 15 minutes from 08:00 to 20:45 on Mondays to Fridays",
    "5/20 * * * *": "every 20 minutes from minute 5",
    "*/7 * * * *": "every hour at every 7th minute from 0 to 56",
    "5,50 * * * *": "every hour at minutes 5 and 50",
    "30 */6 * * *": "every 6 hours from 00:30",
    "0 */12 * * *": "at 00:00 and 12:00 every day",
    "0 9-17 * * *": "every hour from 09:00 to 17:00",
    "5,10 8-20 1,15 3 *": "at minutes 5 and 10 of hours 8 to 20 on days 1 and 15 of March",
    "0 0 29 2 *": "at 00:00 on day 29 of February",
    "0 0 1-7,20 * *": "at 00:00 on days 1 to 7 and 20 of every month",
    "0 0 L-3 * *": "at 00:00 on the day 3 days before the last of the month",
    "0 0 L-1,L 1-3 *": "at 00:00 on the day before the last and the last day of each month from January to March",
    "0 0 LW * *": "at 00:00 on the last workday of the month",
    "0 0 * * friL": "at 00:00 on the last Friday of the month",
    "0 0 * * mon,fri#2": "at 00:00 on Mondays and the second Friday of the month",
    "0 0 * 4,10 sat-sun": "at 00:00 on Saturdays and Sundays in April and October",
    "0 0 13 * 5": "at 00:00 on day 13 of every month and on Fridays",
    "0 0 */10 * 5": "at 00:00 on Fridays that fall on days 1, 11, 21 and 31 of every month",
    "0 0 */10 * 1#1": "at 00:00 on the first Monday of the month that falls on days 1, 11, 21 and 31 of every month",
    "0 0 * 2 *": "at 00:00 every day in February",
    "0 0 1-31 * 1": "at 00:00 every day",
    "@weekly": "at 00:00 on Sundays",
}


@pytest.mark.parametrize(("spec", "words"), [*JOBS.items(), *OTHERS.items()])
def test_a_spec_can_be_read_in_words(spec: str, words: str) -> None:
    assert cron(spec).words() == words


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(SPECS, min_size=5, max_size=5))
def test_different_schedules_never_read_the_same(specs: list[str]) -> None:
    read: dict[str, Cron] = {cron(spec).words(): cron(spec) for spec in [*JOBS, *OTHERS]}
    for spec in specs:
        try:
            one = cron(spec)
        except WrongSpec:
            continue
        assert read.setdefault(one.words(), one) == one


@pytest.mark.parametrize(
    ("spec", "same"),
    [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@Midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
        ("0 0 * * 7", "0 0 * * sun"),
        ("0 0 * * SUN", "0 0 * * 0"),
        ("0 0 * * sat-sun", "0 0 * * 6,0"),
        ("0 0 * * friL", "0 0 * * 5L"),
        ("0 0 * * fri#2", "0 0 * * 5#2"),
        ("0 0 * * fri,fri#2", "0 0 * * 5"),
        ("0 0 * JAN-MAR/2 *", "0 0 * 1,3 *"),
        ("*/30 * * * *", "30,00 0-23 1-31 * 0-7"),
        ("5/20 * * * *", "5,25,45 * * * *"),
        ("0 0 1-31 * 1", "@daily"),
        ("  0\t6 1 *  *\n", "0 6 1 * *"),
    ],
)
def test_two_spellings_of_a_schedule_are_equal(spec: str, same: str) -> None:
    assert cron(spec) == cron(same)
    assert hash(cron(spec)) == hash(cron(same))
    assert cron(spec).words() == cron(same).words()


@pytest.mark.parametrize(
    ("spec", "other"),
    [
        ("0 0 1 * *", "0 0 2 * *"),
        ("0 0 L * *", "0 0 L-1 * *"),
        ("0 0 * * 5L", "0 0 * * 5"),
        ("0 0 */2 * 1", "0 0 1-31/2 * 1"),  # both kinds of day, or either
    ],
)
def test_two_schedules_are_not_equal(spec: str, other: str) -> None:
    assert cron(spec) != cron(other)
    assert cron(spec) != spec
    assert cron(spec) != cron(spec, "Europe/Paris")


@pytest.mark.parametrize("one", [cron("0 6 1 * *"), cron("@weekly", "Europe/Paris"), cron("0 0 L-3 * friL")])
def test_a_schedule_survives_being_printed_pickled_and_copied(one: Cron) -> None:
    for again in (eval(repr(one)), pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
        assert again == one
        assert (again.spec, again.zone) == (one.spec, one.zone)
    assert repr(cron("0  6 1 * *")) == "cron('0 6 1 * *')"
    assert repr(cron("@weekly", ZoneInfo("Europe/Paris"))) == "cron('@weekly', 'Europe/Paris')"
    assert str(cron("@weekly")) == "@weekly"


WRONG = {
    "0 24 * * *": "hour: 24 is not between 0 and 23",
    "60 * * * *": "minute: 60 is not between 0 and 59",
    "0 0 0 * *": "day of month: 0 is not between 1 and 31",
    "0 0 32 * *": "day of month: 32 is not between 1 and 31",
    "0 0 * 13 *": "month: 13 is not between 1 and 12",
    "0 0 * * 8": "day of week: 8 is not between 0 and 7",
    "0 0 * * 9L": "day of week: 9 is not between 0 and 7",
    "99999999999999999999999 * * * *": "minute: '99999999999999999999999' is not between 0 and 59",
    "-1 * * * *": "minute: -1 is not between 0 and 59; a range has a value on each side",
    "0 0 -3 * *": "day of month: -3 is not between 1 and 31",
    "- * * * *": "minute: '-' is incomplete",
    "1- * * * *": "minute: '1-' is incomplete",
    "/5 * * * *": "minute: '/5' is incomplete",
    "1,,2 * * * *": "minute: nothing stands between two commas",
    "1.5 * * * *": "minute: '1.5' is not a number between 0 and 59",
    "** * * * *": "minute: '**' is not a number between 0 and 59",
    "٣ * * * *": "minute: '٣' has characters that are not ASCII",
    "0 0 * * fry": "day of week: 'fry' is neither a number between 0 and 7 nor a name, did you mean 'fri'?",
    "0 0 * * thursday": "day of week: 'thursday' is neither a number between 0 and 7 nor a name, did you mean 'thu'?",
    "0 0 * sept *": "month: 'sept' is neither a number between 1 and 12 nor a name, did you mean 'sep'?",
    "0 0 * xyz *": "month: 'xyz' is neither a number between 1 and 12 nor a name (jan, feb,",
    "*/0 * * * *": "minute: a step of '0' is not between 1 and 59",
    "*/90 * * * *": "minute: a step of '90' is not between 1 and 59",
    "0 */24 * * *": "hour: a step of '24' is not between 1 and 23",
    "*/ * * * *": "minute: a step of '' is not between 1 and 59",
    "*/-5 * * * *": "minute: a step of '-5' is not between 1 and 59",
    "59-0 * * * *": "minute: '59-0' runs backwards",
    "0 0 * * fri-mon": "day of week: 'fri-mon' runs backwards",
    "0 0 ? * 1": "day of month: '?' is not supported; write '*'",
    "0 0 15W * *": "day of month: '15w' is not supported",
    "0 0 L3 * *": "day of month: 'l3' is not understood",
    "0 0 L-31 * *": "day of month: L-31: the days before the last one are between 1 and 30",
    "0 0 * * L": "day of week: L needs a day",
    "0 0 * * 5#6": "day of week: '5#6': which one of the month is between 1 and 5",
    "L * * * *": "minute: 'l' is not a number between 0 and 59",
    "0 0 30 2 *": "never comes",
    "0 0 31 4,6,9,11 *": "never comes",
    "0 0 L-29 2 *": "never comes",
    "0 0 */31 * mon#2": "never comes",  # a first of the month that is the second Monday
    "0 6 1 *": "five fields (minute, hour, day of month, month, day of week); it has 4",
    "0 0 6 1 * *": "seconds and years are not supported",
    "": "empty",
    " \t ": "empty",
    "@dayly": "unknown name '@dayly', did you mean '@daily'?",
    "@reboot": "unknown name '@reboot'; there are @yearly,",
}


@pytest.mark.parametrize(("spec", "why"), WRONG.items())
def test_a_wrong_spec_is_refused_by_the_name_of_its_field(spec: str, why: str) -> None:
    with pytest.raises(WrongSpec) as refused:
        cron(spec)
    assert why in str(refused.value)
    if spec.strip() and not spec.startswith("@"):
        assert str(refused.value).endswith(f"in {spec!r}")


@pytest.mark.parametrize("nonsense", [None, 5, b"0 6 1 * *", ["0 6 1 * *"], {}])
def test_what_is_no_text_is_no_spec(nonsense: object) -> None:
    with pytest.raises(TypeError, match=r"a text such as '0 6 1 \* \*'"):
        cron(nonsense)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a zone is a name"):
        cron("0 6 1 * *", nonsense)  # type: ignore[arg-type]


@pytest.mark.parametrize("spec", ["x" * 10_000, "1," * 5_000, "9" * 10_000, "* " * 5_000, "*/" * 5_000])
def test_a_spec_of_10_kb_is_refused_at_once_and_not_repeated_in_full(spec: str) -> None:
    start = time.process_time()
    with pytest.raises(WrongSpec, match="500 characters at most, this one has 10,000") as refused:
        cron(spec)
    assert time.process_time() - start < 0.05
    assert len(str(refused.value)) < 200


@given(st.text(max_size=30) | st.text(alphabet="0123456789*,-/#LW@ jansuwk", max_size=30))
def test_any_text_is_a_spec_or_refused_as_one(text: str) -> None:
    with suppress(WrongSpec):
        assert cron(text).words()


@pytest.mark.parametrize(
    ("zone", "hint"),
    [
        ("Asia/Kolkatta", "did you mean 'Asia/Kolkata'?"),
        ("asia/kolkata", "did you mean 'Asia/Kolkata'?"),
        ("IST", "did you mean 'Asia/Kolkata'?"),
        ("New York", "did you mean 'America/New_York'?"),
        ("", "a zone is named like 'Asia/Kolkata'"),
        ("x" * 10_000, "a zone is named like 'Asia/Kolkata'"),
        ("../../etc/passwd", "a zone is named like 'Asia/Kolkata'"),
        ("localtime", "another one on each machine"),
    ],
)
def test_a_zone_is_checked_by_its_name(zone: str, hint: str) -> None:
    with pytest.raises(UnknownZone) as refused:
        cron("@daily", zone)
    assert hint in str(refused.value)
    assert len(str(refused.value)) < 200


def test_the_zone_is_that_of_dhanman_unless_another_is_named() -> None:
    assert cron("@daily").zone == ZoneInfo("Asia/Kolkata")
    assert cron("@daily", ZoneInfo("Europe/Paris")).zone == ZoneInfo("Europe/Paris")
