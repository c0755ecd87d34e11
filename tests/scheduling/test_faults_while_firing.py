"""Each tick once, whatever happens to those who fire: kill -9 at every point, restarts of the server, clocks that are
set, a ledger that was lost.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from threading import current_thread
from typing import Any

import pytest

from infra.queue.broker import JobBroker
from infra.scheduling import ledger
from infra.scheduling.operate import pause, resume
from infra.store.connections import DISCONNECTED, connect
from infra.store.migrate import migrate
from tests.scheduling.policies import Expected
from tests.support.firing import (
    EVERY_POLICY,
    HOUR,
    MINUTE,
    POINTS,
    SECOND,
    SEVEN,
    SIX,
    Firing,
    assert_ledger_and_queue_agree,
    end_all,
    fired_at,
    given,
    ledger_of,
    lived,
    url_of,
)
from tests.support.own_server import OwnServer, own_server
from tests.support.queue import SERVICES, broker_on, empty, execute, rows, working
from tests.support.recurring import store_at
from tests.support.scheduler import Job, shown
from tests.support.waiting import wait_for

CROWD = Job("crowd", missed="all")


@pytest.mark.parametrize("point", POINTS)
def test_a_process_killed_while_it_fires_leaves_all_or_nothing(broker: JobBroker, point: str) -> None:
    given(broker, *EVERY_POLICY)
    order = Firing(url_of(broker), SEVEN + SECOND, EVERY_POLICY)

    assert not Firing(order.url, order.moment, order.jobs, dies_at=point).run()

    count = len(EVERY_POLICY) if point == "after the commit" else 0
    assert rows(
        broker, "select (select count(*) from {schema}.tick), (select count(*) from {schema}.job)"
    ) == [(count, count)]
    assert_ledger_and_queue_agree(broker)
    assert order.run()
    assert order.run()
    assert ledger_of(broker) == {job.name: [("04-01 07:00", "sent")] for job in EVERY_POLICY}
    assert_ledger_and_queue_agree(broker)


def test_kills_at_random_leave_the_ledger_as_the_policies_say(broker: JobBroker) -> None:
    seed = random.randrange(10_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    given(broker, *EVERY_POLICY)
    expected = [Expected(job, SEVEN) for job in EVERY_POLICY]
    now, killed = SIX, 0

    for _ in range(25):
        if chance.random() < 0.5:
            now = now.replace(minute=0, second=1) + HOUR
        else:
            now += timedelta(minutes=chance.randrange(20, 240))
        while chance.random() < 0.6:
            fatal = Firing(
                url_of(broker),
                now,
                EVERY_POLICY,
                chance.choice(POINTS),
                chance.randrange(1, 3),
                chance.choice([2, 99]),
            )
            killed += not fatal.run()
        assert Firing(url_of(broker), now, EVERY_POLICY).run()
        for one in expected:
            one.fire(now)
            assert ledger_of(broker).get(one.job.name, []) == sorted(
                (shown(due), outcome) for due, outcome in one.ledger.items()
            ), one.job.name
        assert_ledger_and_queue_agree(broker)
        for one in expected:
            if chance.random() < 0.5:
                end_all(broker, one.job.actor_name)
                one.running.clear()
    assert killed > 5


def test_a_clock_set_back_an_hour_and_ahead_two_days_doubles_and_loses_nothing(broker: JobBroker) -> None:
    jobs = tuple(Job(missed, missed=missed) for missed in ("once", "all", "skip"))
    given(broker, *jobs)
    in_two_days = SEVEN + timedelta(days=2, hours=2)
    hours = [SEVEN + hour * HOUR for hour in range(51)]
    assert hours[-1] == in_two_days

    for moment in (
        SEVEN,
        SEVEN - HOUR + MINUTE,
        SEVEN - MINUTE,
        SEVEN,
        in_two_days,
        SEVEN + HOUR,
        in_two_days,
    ):
        rivals = [Firing(url_of(broker), moment + SECOND, jobs).start() for _ in range(2)]
        assert all(lived(rival) for rival in rivals)

    expected = {"all": hours, "once": [SEVEN, in_two_days], "skip": [SEVEN, in_two_days]}
    assert ledger_of(broker) == {
        name: [(shown(due), "sent") for due in dues] for name, dues in expected.items()
    }
    assert_ledger_and_queue_agree(broker)
    assert fired_at(broker, in_two_days + HOUR) == 3, "and then it goes on"


def test_a_schedule_that_begins_again_in_the_past_sends_nothing_twice(broker: JobBroker) -> None:
    """The clock was set back, and the job resumed meanwhile: its next tick is one that the ledger has."""
    given(broker, Job("resumed"), Job("other"))
    assert fired_at(broker, SEVEN + SECOND) == 2
    early = store_at(broker, SIX)
    pause(early, "resumed", by="asha", reason=None)
    resume(early, "resumed")

    assert fired_at(broker, SEVEN + SECOND) == 0
    assert fired_at(broker, SEVEN + HOUR + SECOND) == 2, "neither this one nor others are held up by it"
    assert_ledger_and_queue_agree(broker)


def test_a_run_in_the_queue_is_not_doubled_by_a_ledger_that_was_lost(broker: JobBroker) -> None:
    """Its id follows from the job's name and the tick, in every process and release."""
    given(broker, Job("every-hour"))
    fired_at(broker, SEVEN + SECOND)
    rows(broker, "delete from {schema}.tick returning 1")
    rows(broker, "update {schema}.recurring set next_at = %s returning 1", SEVEN)

    assert Firing(url_of(broker), SEVEN + MINUTE, (Job("every-hour"),)).run()

    assert rows(broker, "select message_id::text from {schema}.job") == [
        ("99287e54-6ee3-5f3f-85a1-c2b48fe8b71f",)
    ]
    assert_ledger_and_queue_agree(broker)


# -- many at once


def test_more_ticks_than_a_transaction_takes_are_made_up_for_all_the_same(
    broker: JobBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(broker, *(Job(f"all-{number}", missed="all") for number in range(5)))
    monkeypatch.setattr(ledger, "MOST_TICKS", 3)
    monkeypatch.setattr(ledger, "ENOUGH", 8)

    assert fired_at(broker, SEVEN + 9 * HOUR + SECOND) == 5 * 10
    assert_ledger_and_queue_agree(broker)


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    with own_server() as running:
        migrate(running.url, SERVICES)
        yield running


def test_eight_processes_fire_a_thousand_jobs_once_through_kills_and_restarts_of_the_server(
    server: OwnServer,
) -> None:
    chance = random.Random(7)
    execute(
        server.url,
        "insert into common_jobs.recurring (name, actor_name, spec, zone, missed, next_at) "
        "select 'crowd-' || n, 'common.crowd', '0 * * * *', 'Asia/Kolkata', 'all', %s "
        "from generate_series(1, 1000) n",
        (SEVEN,),
    )
    for tick, restart in enumerate((None, "immediate", "fast", None)):
        crew = [
            Firing(
                server.url,
                SEVEN + tick * HOUR + SECOND,
                (CROWD,),
                dies_at=chance.choice(POINTS) if place % 2 else None,
                times=chance.randrange(1, 3),
                most=50,
                patience=30,
            ).start()
            for place in range(8)
        ]
        if restart:
            wait_until_ticks_are_more_than(tick * 1000, server)
            server.stop(restart)
            server.start()
        deaths = [not lived(one) for one in crew]
        assert any(deaths), "nobody died: what does this prove?"
    with broker_on(server.url) as broker:
        assert rows(broker, "select due_at, count(*) from {schema}.tick group by 1 order by 1") == [
            (SEVEN + tick * HOUR, 1000) for tick in range(4)
        ]
        assert_ledger_and_queue_agree(broker)


def wait_until_ticks_are_more_than(count: int, server: OwnServer) -> None:
    ticks = "select count(*) from common_jobs.tick"
    wait_for(lambda: execute(server.url, ticks)[0][0] > count, "they are at it")


def test_workers_catch_up_after_the_server_was_away(
    server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_vain: set[str] = set()

    def noting_connect(*args: Any, **options: Any) -> Any:
        try:
            return connect(*args, **options)
        except DISCONNECTED:
            in_vain.add(current_thread().name)
            raise

    monkeypatch.setattr("infra.store.connections.connect", noting_connect)
    monkeypatch.setattr("infra.middleware.catch_up.EVERY", 0.1)
    empty(server.url)
    with broker_on(server.url) as broker:
        given(broker, Job("late", "0 0 1 1 *"))
        with working(broker):
            server.stop()
            wait_for(lambda: "catch-up" in in_vain, "it has looked")
            server.start()
            execute(server.url, "update common_jobs.recurring set next_at = now() - interval '5 minutes'")
            wait_for(
                lambda: execute(server.url, "select 1 from common_jobs.tick where outcome = 'sent'"),
                "it is sent",
            )
