"""The reminder ladder on paper: which step on which day, and when not."""

from datetime import date, datetime, timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.sales.rules.ageing import ageing
from actors.sales.rules.reminders import (
    MAILED,
    PUSHED,
    QUOTES_INTEREST,
    STANDARD,
    Change,
    Decision,
    Rung,
    Standing,
    Step,
    decide,
    ladder_on,
    ladders,
    outside_quiet_hours,
    reason_to_skip,
    reminder_time,
)

DUE = date(2026, 4, 15)
DAYS = [
    (date(2026, 4, 10), Step.FRIENDLY),
    (date(2026, 4, 14), Step.BEFORE_DUE),
    (date(2026, 4, 16), Step.POLITE),
    (date(2026, 4, 22), Step.FIRM),
    (date(2026, 4, 30), Step.STATEMENT),
    (date(2026, 5, 15), Step.NOTICE),
]
FRIENDLY, BEFORE_DUE, POLITE, FIRM, STATEMENT, NOTICE = Step


@pytest.mark.parametrize(("day", "step"), DAYS)
def test_the_ladder_of_a_bill_due_on_15_april(day, step):
    before = [earlier for known, earlier in DAYS if known < day]

    assert decide(STANDARD, DUE, before, day) == Decision(step)
    assert decide(STANDARD, DUE, before, day - timedelta(days=1)) == Decision()


def test_what_goes_by_mail_what_to_the_phone_and_what_quotes_interest():
    assert {FRIENDLY, BEFORE_DUE} == PUSHED
    assert {FRIENDLY, POLITE, FIRM, STATEMENT, NOTICE} == MAILED
    assert {FIRM, STATEMENT, NOTICE} == QUOTES_INTEREST


def test_after_an_outage_the_latest_step_only_and_the_rest_are_skipped():
    found = decide(STANDARD, DUE, {FRIENDLY}, date(2026, 4, 23))

    assert found == Decision(FIRM, {BEFORE_DUE: "overtaken by FIRM", POLITE: "overtaken by FIRM"})


def test_a_due_date_that_is_over_is_not_announced_any_more():
    without_polite = ladder_on(DUE, ladders([Change(POLITE, date(2026, 4, 1), None)]))

    found = decide(without_polite, DUE, (), date(2026, 4, 16))

    assert found == Decision(None, {FRIENDLY: "overtaken by BEFORE_DUE", BEFORE_DUE: "past due"})


def test_on_the_due_date_itself_the_step_before_it_is_still_good():
    assert decide(STANDARD, DUE, {FRIENDLY}, DUE) == Decision(BEFORE_DUE)


def test_a_society_moves_a_step_and_leaves_one_out_for_bills_due_from_a_day_on():
    spans = ladders([Change(FIRM, date(2026, 5, 1), 10), Change(STATEMENT, date(2026, 6, 1), None)])

    assert ladder_on(DUE, spans) == STANDARD
    assert Rung(FIRM, 10) in ladder_on(date(2026, 5, 15), spans)
    june = {rung.step: rung.days for rung in ladder_on(date(2026, 6, 15), spans)}
    assert june == {FRIENDLY: -5, BEFORE_DUE: -1, POLITE: 1, FIRM: 10, NOTICE: 30}


def test_a_step_moved_behind_a_sharper_one_is_the_later_of_the_two():
    spans = ladders([Change(FIRM, date(2026, 4, 1), 20)])

    assert decide(ladder_on(DUE, spans), DUE, {POLITE}, date(2026, 5, 6)).take is FIRM


@given(st.lists(st.integers(0, 60), min_size=1, max_size=40))
def test_whenever_the_run_comes_a_step_is_taken_at_most_once_and_never_after_a_sharper_one(gaps):
    today, decided, taken = DUE - timedelta(days=10), set(), []
    for gap in gaps:
        today += timedelta(days=gap)
        found = decide(STANDARD, DUE, decided, today)
        assert not decided & {found.take, *found.skipped}
        decided |= set(found.skipped)
        if found.take is not None:
            decided.add(found.take)
            taken.append(found.take)

    assert taken == sorted(set(taken), key=list(Step).index)
    assert decided == {rung.step for rung in STANDARD if DUE + timedelta(days=rung.days) <= today}


@given(
    st.lists(
        st.builds(
            Change,
            st.sampled_from([POLITE, FIRM, STATEMENT]),
            st.dates(date(2025, 1, 1), date(2027, 1, 1)),
            st.none() | st.integers(1, 60),
        ),
        max_size=6,
        unique_by=lambda change: (change.step, change.effective_from),
    ),
    st.dates(date(2024, 6, 1), date(2027, 6, 1)),
)
def test_the_latest_change_that_has_begun_holds(changes, due):
    ladder = {rung.step: rung.days for rung in ladder_on(due, ladders(changes))}

    for rung in STANDARD:
        begun = [c for c in changes if c.step is rung.step and c.effective_from <= due]
        wanted = max(begun, key=lambda c: c.effective_from).days if begun else rung.days
        assert ladder.get(rung.step) == wanted


def test_the_reminder_comes_24_hours_before_the_due_date_but_not_at_night():
    assert reminder_time(DUE).isoformat() == "2026-04-14T08:00:00+05:30"


@pytest.mark.parametrize(
    ("moment", "sent"),
    [
        ("2026-04-10T22:30:00+05:30", "2026-04-11T08:00:00+05:30"),
        ("2026-04-10T20:59:00+05:30", "2026-04-10T20:59:00+05:30"),
    ],
)
def test_quiet_hours_of_the_example(moment, sent):
    assert outside_quiet_hours(datetime.fromisoformat(moment)).isoformat() == sent


@pytest.mark.parametrize(
    ("invoice", "step", "reason"),
    [
        (Standing(D("9811.00")), FRIENDLY, None),
        (Standing(D("0.01")), NOTICE, None),
        (Standing(D("0.00")), POLITE, "paid"),
        (Standing(D("9811.00"), void=True), FIRM, "void"),
        (Standing(D("9811.00"), disputed=True), NOTICE, "disputed"),
        (Standing(D("9811.00"), past_due=True), FRIENDLY, "past due"),
        (Standing(D("9811.00"), past_due=True), BEFORE_DUE, "past due"),
        (Standing(D("9811.00"), past_due=True), POLITE, None),
        (Standing(D("0.00"), past_due=True), BEFORE_DUE, "paid"),
    ],
)
def test_who_is_not_reminded(invoice, step, reason):
    assert reason_to_skip(invoice, step) == reason


def test_dues_by_age_a_bill_is_not_late_on_its_due_date():
    dues = [
        (DUE, D("1")),
        (date(2026, 4, 14), D("2")),
        (date(2026, 3, 16), D("4")),
        (date(2026, 3, 15), D("8")),
        (date(2026, 1, 15), D("16")),
        (date(2026, 1, 14), D("32")),
        (None, D("64")),
    ]

    assert list(ageing(DUE, dues).values()) == [D("1.00"), D("6.00"), D("8.00"), D("16.00"), D("96.00")]
