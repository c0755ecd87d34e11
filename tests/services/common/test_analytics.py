"""Counters of events: each event once, however often and in whatever company it comes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from uuid import UUID

import pytest

from actors.common import update_analytics
from tests.support.deaths import outlives_every_death
from tests.support.service import asker

GREEN, BLUE = str(UUID(int=1)), str(UUID(int=2))


@pytest.fixture
def ask(common):
    return asker(common)


def event(number, name="app.opened", community=GREEN, day="2026-04-10"):
    return [str(UUID(int=number)), name, community, day]


def counters(ask):
    return ask("select community_id::text, day, event, count from common.analytics_daily order by 1, 2, 3")


def test_events_are_counted_by_society_and_day_and_a_repetition_is_not(ask):
    batch = [
        event(1),
        event(2),
        event(2),
        event(3, community=BLUE),
        event(4, day="2026-04-11"),
        event(5, "bill.paid"),
    ]

    assert update_analytics.fn(batch) == {"counted": 5, "counted_before": 1, "refused": {}}
    assert update_analytics.fn([event(2), event(6)]) == {"counted": 1, "counted_before": 1, "refused": {}}

    day, next_day = date(2026, 4, 10), date(2026, 4, 11)
    assert counters(ask) == [
        (GREEN, day, "app.opened", 3),
        (GREEN, day, "bill.paid", 1),
        (GREEN, next_day, "app.opened", 1),
        (BLUE, day, "app.opened", 1),
    ]


def test_a_bad_event_is_named_and_the_others_count(ask):
    done = update_analytics.fn(
        [event(1), ["x", "app.opened", GREEN, "2026-04-10"], event(2, "App Opened"), event(3, day="?")]
    )

    assert done["counted"] == 1
    assert done["refused"] == {
        "x": "badly formed hexadecimal UUID string",
        str(UUID(int=2)): "'App Opened' is no name of an event, such as app.opened",
        str(UUID(int=3)): "Invalid isoformat string: '?'",
    }


def test_batches_that_come_at_once_and_in_any_order_add_up(ask):
    names = [f"event.{n}" for n in range(10)]
    batches = [
        [event(batch * 100 + n, names[n % 10]) for n in (range(100) if batch % 2 else reversed(range(100)))]
        for batch in range(8)
    ]

    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(update_analytics.fn, batches + batches))

    assert sum(each["counted"] for each in done) == 800
    assert {count for *_, count in counters(ask)} == {80}


def test_ids_are_forgotten_after_ninety_days(ask):
    update_analytics.fn([event(1), event(2)])
    ask(
        "update common.analytics_event set counted_at = now() - interval '91 days' where event_id = %s",
        event(1)[0],
    )

    update_analytics.fn([event(3)])

    assert [row[0] for row in ask("select event_id::text from common.analytics_event order by 1")] == [
        event(2)[0], event(3)[0]
    ]  # fmt: skip


def test_counting_outlives_every_death(ask, monkeypatch):
    def reset():
        ask("delete from common.analytics_event")
        ask("delete from common.analytics_daily")

    commits = outlives_every_death(
        monkeypatch,
        lambda: update_analytics.fn([event(1), event(2)]),
        reset=reset,
        seen=lambda: counters(ask),
    )

    assert commits == 1
