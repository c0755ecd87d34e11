"""Quartz's expressions come at the same minutes here, or are refused with the reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from infra.scheduling import WrongSpec, cron
from infra.scheduling.importing.found import CannotBe
from infra.scheduling.importing.quartz_cron import translate
from tests.scheduling.importing import quartz_rules
from tests.scheduling.importing.quartz_rules import MONTHS, WEEKDAYS

DAY = timedelta(days=1)

slowly = settings(deadline=None, suppress_health_check=list(HealthCheck))


def items(low: int, high: int, names: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    """One item of a field, in every form that Quartz has."""
    number = st.integers(low, high).map(str)
    step = st.integers(1, min(high, 23)).map(str)
    forms = [
        number,
        st.just("*"),
        st.builds("{}-{}".format, number, number),
        st.builds("{}/{}".format, number, step),
        st.builds("{}-{}/{}".format, number, number, step),
        st.builds("*/{}".format, step),
        st.builds("/{}".format, step),
    ]
    if names:
        name = st.sampled_from(names)
        forms += [name, st.builds("{}-{}".format, name, name)]
    return st.one_of(forms)


def lists(low: int, high: int, names: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    return st.lists(items(low, high, names), min_size=1, max_size=3).map(",".join)


LAST = st.one_of(st.just("L"), st.integers(1, 27).map("L-{}".format))
DAYS = st.one_of(
    lists(1, 31),
    LAST,
    st.builds("{},{}".format, lists(1, 31), LAST),
    st.just("LW"),
    st.just("30W"),
    st.just("31W"),
)
A_WEEKDAY = st.one_of(st.integers(1, 7).map(str), st.sampled_from(WEEKDAYS))
WEEKS = st.one_of(
    lists(1, 7, WEEKDAYS),
    st.just("L"),
    A_WEEKDAY.map("{}L".format),
    st.builds("{}#{}".format, A_WEEKDAY, st.integers(1, 5)),
)
ON_DAYS = st.one_of(DAYS.map(lambda day: (day, "?")), WEEKS.map(lambda weekday: ("?", weekday)))


@settings(slowly, max_examples=200)
@given(ON_DAYS, st.one_of(st.just("*"), lists(1, 12, MONTHS)), st.integers(1996, 2036))
@example(("31W", "?"), "JAN,MAR", 2026)
@example(("30W", "?"), "4/5", 2026)
@example(("?", "FRI-MON"), "NOV-FEB", 2027)
@example(("25-5", "?"), "*", 2027)
def test_three_years_of_days_are_those_of_quartz(days: tuple[str, str], month: str, year: int) -> None:
    expression = f"0 30 6 {days[0]} {month} {days[1]}"
    try:
        when = cron(translate(expression)[0], "UTC")
    except CannotBe:
        if "W" not in days[0]:  # all others have a counterpart
            raise
        return
    except WrongSpec:
        when = None  # never comes
    start = datetime(year, 1, 1, 6, 30, tzinfo=UTC)
    expected = [start + n * DAY for n in range(3 * 365) if quartz_rules.matches(expression, start + n * DAY)]
    found = list(when.ticks_between(start - DAY, start + (3 * 365 - 1) * DAY)) if when else []
    assert [tick for tick in found if tick >= start] == expected


@settings(slowly, max_examples=100)
@given(lists(0, 59), lists(0, 23))
@example("50-10/7", "22-4/3")
@example("59/30", "23/5")
def test_the_minutes_of_a_day_are_those_of_quartz(minute: str, hour: str) -> None:
    expression = f"0 {minute} {hour} * * ?"
    when = cron(translate(expression)[0], "UTC")
    start = datetime(2026, 3, 1, tzinfo=UTC)
    minutes = [start + timedelta(minutes=n) for n in range(24 * 60)]
    found = list(when.ticks_between(start - timedelta(minutes=1), minutes[-1]))
    assert found == [moment for moment in minutes if quartz_rules.matches(expression, moment)]


@pytest.mark.parametrize(
    ("expression", "spec"),
    [
        ("0 0 6 1 * ?", "0 6 1 * *"),
        ("0 0 12 * * ? *", "0 12 * * *"),
        ("0 0/15 9-17 ? * MON-FRI", "*/15 9-17 * * 1-5"),
        ("0 0 6 ? * 1", "0 6 * * 0"),
        ("0 0 6 ? * FRI-MON", "0 6 * * 0,1,5,6"),
        ("0 0 6 ? * 2/2", "0 6 * * 1-5/2"),
        ("0 0 6 ? * 6L", "0 6 * * 5L"),
        ("0 0 6 ? * tue#2", "0 6 * * 2#2"),
        ("0 0 6 L-3 * ?", "0 6 L-3 * *"),
        ("0 0 6 31W 1,3 ?", "0 6 LW 1,3 *"),
    ],
)
def test_an_expression_becomes_the_spec_that_one_would_write(expression: str, spec: str) -> None:
    assert translate(expression) == (spec, ())


def test_a_constant_second_is_left_out_and_said() -> None:
    assert translate("30 0 6 1 * ?") == ("0 6 1 * *", ("30 s earlier: schedules here are by the minute",))


def test_two_fields_of_days_without_a_question_mark_are_read_where_one_is_free() -> None:
    spec, [remark] = translate("0 0 6 * * MON")
    assert spec == "0 6 * * 1"
    assert "Quartz refuses" in remark


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("0/10 * * * * ?", "second: it runs 6 times a minute"),
        ("* 0 6 * * ?", "second: it runs 60 times a minute"),
        ("0 0 6 1 1 ? 2027", "year: it runs in 2027 only"),
        (
            "0 0 6 15W * ?",
            "15W, the workday nearest to it, cannot be said in one schedule; let the job run on days 14-16",
        ),
        ("0 0 6 31W * ?", "31W"),
        ("0 0 6 L-3W * ?", "of the workdays only LW"),
        ("0 0 6 L,L-2 * ?", "more than one L"),
        ("0 0 6 13 * FRI", "both restricted"),
        ("0 0 6 ? * ?", "both '?'"),
        ("0 0 6 ? * MON-FRI/2", "write it in numbers"),
        ("0 0 6 ? * MON/2", "write it in numbers"),
        ("0 0 6 ? * 2#1,2#3", "only by themselves"),
        ("0 0 6 ? * 2#6", "between 1 and 5"),
        ("0 0 6 ? * 0", "day of week: 0 is not between 1 and 7"),
        ("0 0/60 * * * ?", "minute: a step of 60"),
        ("0 61 6 * * ?", "minute: 61 is not between 0 and 59"),
        ("0 0 6 * JANUARY ?", "month: 'january' is not understood"),
        ("0 6 1 * *", "six fields"),
    ],
)
def test_what_cannot_be_said_names_the_field_and_the_reason(expression: str, why: str) -> None:
    with pytest.raises(CannotBe) as refused:
        translate(expression)
    assert why in str(refused.value)
