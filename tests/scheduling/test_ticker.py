"""The ticker: periodiq fires what operators added or rescheduled, in minutes that the code knows nothing of."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import dramatiq
import pendulum
import periodiq
import psycopg2
import pytest

from infra.queue import registry
from infra.queue.broker import JobBroker
from infra.scheduling import cron, recurring
from infra.scheduling.declare import declare
from infra.scheduling.due import ask_when_due
from infra.scheduling.fire import _Last, fire_everywhere
from infra.scheduling.operate import add, reschedule
from infra.scheduling.ticker import NAME, declare_ticker
from infra.store.connections import Store
from tests.support.queue import refusal, rows
from tests.support.recurring import store_at


@pytest.fixture(autouse=True)
def _nothing_fired_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Last, "wake", None)


@pytest.fixture
def desk(broker: JobBroker) -> JobBroker:
    """A broker with the ticker, an actor without a schedule, and a job that the code declares for midnight."""
    declare_ticker(broker)

    @dramatiq.actor(actor_name="common.work", service="common")
    def work() -> None: ...

    @recurring("at-midnight", cron("0 0 * * *", "UTC"), service="common")
    def at_midnight() -> None: ...

    declare(broker, at(broker, "07:10:00"), complete=True)
    return broker


def at(broker: JobBroker, clock: str) -> Store:
    """The store, its clock standing still at this time, UTC."""
    return store_at(broker, datetime.fromisoformat(f"2026-04-01T{clock}+00:00"))


def wakes(monkeypatch: pytest.MonkeyPatch, broker: JobBroker, clock: str) -> None:
    """Periodiq's own scheduler finds that it is this time, as the database does."""
    now = pendulum.instance(datetime.fromisoformat(f"2026-04-01T{clock}+00:00"))
    monkeypatch.setattr(periodiq.pendulum, "now", lambda: now)
    for name in ("sleep", "alarm"):
        monkeypatch.setattr(periodiq, name, lambda _: None)
    monkeypatch.setattr(periodiq, "signal", lambda *_: None)
    monkeypatch.setattr(_Last, "wake", None)
    monkeypatch.setitem(broker._stores, "common", at(broker, clock))
    periodic = [actor for actor in broker.actors.values() if "periodic" in actor.options]
    periodiq.Scheduler(actors=periodic).schedule()


def sent(broker: JobBroker) -> list[tuple[str, str]]:
    found = rows(
        broker, "select name, due_at from {schema}.tick where outcome = 'sent' order by due_at, name"
    )
    return [(name, f"{due_at.astimezone(UTC):%H:%M}") for name, due_at in found]


def test_periodiq_fires_a_job_that_an_operator_added(
    desk: JobBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(
        at(desk, "07:10:00"),
        desk,
        name="added",
        actor_name="common.work",
        spec="23 * * * *",
        zone="UTC",
        by="asha",
    )

    for clock in ("07:22:00", "07:23:00", "07:24:00", "08:23:00"):
        wakes(monkeypatch, desk, clock)

    assert sent(desk) == [("added", "07:23"), ("added", "08:23")]
    assert rows(desk, "select distinct actor_name from {schema}.job") == [("common.work",)]


def test_periodiq_fires_a_rescheduled_job_at_its_new_minute_only(
    desk: JobBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    reschedule(at(desk, "07:10:00"), "at-midnight", spec="17 9 * * *", by="asha")

    for clock in ("09:16:00", "09:17:00", "09:18:00", "00:00:00", "23:59:00"):
        wakes(monkeypatch, desk, clock)

    assert sent(desk) == [("at-midnight", "09:17")]


def test_the_ticker_stands_in_periodiq_s_table_and_nowhere_else(
    desk: JobBroker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "periodiq"):
        periodiq.print_periodic_actors([desk.actors[NAME]])
    assert "* * * * *                infra.scheduling.ticker:recurring.ticker@default" in caplog.text

    registry.declare(desk)
    assert rows(desk, "select actor_name from {schema}.actor order by 1") == [
        ("common.at_midnight",),
        ("common.work",),
    ]
    assert rows(desk, "select name from {schema}.recurring") == [("at-midnight",)]
    with pytest.raises(ValueError, match="is no job"):
        add(desk.store("common"), desk, name="tick", actor_name=NAME, spec="@daily", by="asha")


def test_the_ticker_cannot_be_sent(desk: JobBroker) -> None:
    ticker = desk.actors[NAME]
    assert "is no job" in refusal(ticker.send)
    assert "is no job" in refusal(lambda: ticker.send_with_options(delay=1000))
    assert "is no job" in refusal(ticker.message)


def test_where_nothing_is_due_one_question_a_database_is_asked(
    desk: JobBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows(desk, "update {schema}.recurring set next_at = now() + interval '1 hour' returning 1")
    asked: list[str] = []
    fetch = Store.fetch

    def counted(store: Store, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        asked.append(statement)
        return fetch(store, statement, parameters)

    monkeypatch.setattr(Store, "fetch", counted)
    monkeypatch.setattr("infra.scheduling.fire.fire", lambda *_: pytest.fail("nothing is due"))

    assert fire_everywhere(desk) == 0
    assert len(asked) == 1
    assert all(f'"{service}_jobs".recurring' in asked[0] for service in ("common", "sales"))


def test_a_scheduler_that_started_a_moment_before_the_minute_fires_in_it(desk: JobBroker) -> None:
    """It sends at its start what is due in the minute that ends, and again seconds later."""
    ticker = desk.get_actor(NAME)
    ticker.send_with_options(scheduled_at="2026-04-01T07:22:55+00:00")
    before = len(sent(desk))
    rows(desk, "update {schema}.recurring set next_at = now() - interval '1 s' returning 1")

    ticker.send_with_options(scheduled_at="2026-04-01T07:23:00+00:00")

    assert len(sent(desk)) == before + 1


def test_a_tick_that_is_near_by_the_database_s_clock_is_waited_for(desk: JobBroker) -> None:
    """Else a scheduler whose clock is a moment ahead would be a whole minute late."""
    rows(desk, "update {schema}.recurring set next_at = clock_timestamp() + interval '0.3 s' returning 1")
    began = time.monotonic()
    assert fire_everywhere(desk) == 1
    assert time.monotonic() - began < 2


def test_a_store_that_is_not_migrated_or_away_does_not_hold_up_the_others(
    broker: JobBroker, caplog: pytest.LogCaptureFixture
) -> None:
    url = broker.store("common").url
    away = Store("purchase", "postgresql://jobs@127.0.0.1:1/jobs?connect_timeout=1")
    never_migrated = Store("payroll", url)
    migrated = [Store(service, url) for service in ("common", "sales")]

    found = ask_when_due([away, never_migrated, *migrated])

    assert [one.store for one in found] == migrated
    assert "No ticks from purchase_jobs" in caplog.text
    assert "No ticks from payroll_jobs: it is not up to date. Run `dhanman-jobs migrate`." in caplog.text


@pytest.mark.parametrize("error", [psycopg2.errors.DeadlockDetected("both wait"), ValueError("one job's")])
def test_an_error_in_one_store_does_not_end_the_scheduler(
    desk: JobBroker, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def breaks(*_: Any) -> int:
        raise error

    rows(desk, "update {schema}.recurring set next_at = now() - interval '1 minute' returning 1")
    monkeypatch.setattr("infra.scheduling.fire.fire", breaks)
    assert fire_everywhere(desk) == 0
