"""Firing and operators in the same moment: who has the lock comes first. And runs that wait for their turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Event, current_thread
from typing import Any

import pytest

from infra.queue.broker import JobBroker
from infra.scheduling import ledger
from infra.scheduling.ledger import fire_waiting
from infra.scheduling.operate import pause, resume
from infra.store.connections import connect
from tests.support.firing import (
    EVERY_POLICY,
    HOUR,
    MINUTE,
    SECOND,
    SEVEN,
    assert_ledger_and_queue_agree,
    end_all,
    fired_at,
    given,
    ledger_of,
    url_of,
)
from tests.support.queue import rows
from tests.support.recurring import store_at
from tests.support.scheduler import Job
from tests.support.waiting import wait_for


def test_two_schedulers_share_the_work_and_wait_for_nobody(
    broker: JobBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(broker, Job("first"), Job("second"))
    with firing_held(broker, monkeypatch, most=1) as release:
        monkeypatch.setattr(ledger, "MOST", 50)
        assert fired_at(broker, SEVEN + SECOND) == 1, "the other one"
        assert release() == 1
    assert_ledger_and_queue_agree(broker)


def test_a_pause_before_the_tick_s_lock_means_no_run(broker: JobBroker) -> None:
    given(broker, Job("paused"), Job("other"))
    with closing(connect(url_of(broker), autocommit=False)) as operator, operator.cursor() as cursor:
        cursor.execute("select from common_jobs.recurring where name = 'paused' for update")
        assert fired_at(broker, SEVEN + SECOND) == 1, "what an operator changes in this moment is let be"
        cursor.execute(
            "update common_jobs.recurring set paused_at = now(), paused_by = 'asha' where name = 'paused'"
        )
        operator.commit()

    assert fired_at(broker, SEVEN + SECOND) == 0
    assert list(ledger_of(broker)) == ["other"]


def test_a_pause_after_the_tick_s_lock_comes_after_the_run(
    broker: JobBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(broker, Job("paused"))
    with ThreadPoolExecutor(1) as thread, firing_held(broker, monkeypatch) as release:
        pausing = thread.submit(pause, broker.store("common"), "paused", by="asha", reason=None)
        wait_for(
            lambda: rows(broker, "select 1 from pg_locks where not granted") or pausing.done(), "it waits"
        )
        assert not pausing.done()
        assert release() == 1
        assert pausing.result(20)
    assert fired_at(broker, SEVEN + HOUR + SECOND) == 0


def test_resuming_makes_up_for_nothing(broker: JobBroker) -> None:
    given(broker, *EVERY_POLICY)
    for job in EVERY_POLICY:
        pause(broker.store("common"), job.name, by="asha", reason="the books are closed")
    for hour in range(3):
        assert fired_at(broker, SEVEN + hour * HOUR + SECOND) == 0
    half_past_nine = store_at(broker, SEVEN + 2 * HOUR + 30 * MINUTE)
    for job in EVERY_POLICY:
        assert resume(half_past_nine, job.name)

    assert fired_at(broker, SEVEN + 2 * HOUR + 31 * MINUTE) == 0
    assert fired_at(broker, SEVEN + 3 * HOUR + SECOND) == len(EVERY_POLICY)
    assert ledger_of(broker) == {job.name: [("04-01 10:00", "sent")] for job in EVERY_POLICY}


def test_a_run_that_waits_for_its_turn_waits_on_while_the_job_is_paused(broker: JobBroker) -> None:
    given(broker, Job("queued", overlap="queue"))
    store = broker.store("common")
    for hour in range(2):
        fired_at(broker, SEVEN + hour * HOUR + SECOND)
    pause(store, "queued", by="asha", reason=None)
    end_all(broker, "common.queued")

    assert fire_waiting(store, broker) == 0
    resume(store, "queued")
    assert fire_waiting(store, broker) == 1
    assert_ledger_and_queue_agree(broker)


def test_a_tick_does_not_overtake_those_that_wait(broker: JobBroker) -> None:
    given(broker, Job("queued", overlap="queue"))
    for hour in range(2):
        fired_at(broker, SEVEN + hour * HOUR + SECOND)
    end_all(broker, "common.queued")

    assert fired_at(broker, SEVEN + 2 * HOUR + SECOND) == 0, "08:00 is not sent yet"
    assert fire_waiting(broker.store("common"), broker) == 1
    assert [outcome for _, outcome in ledger_of(broker)["queued"]] == ["sent", "sent", "waiting"]


@contextmanager
def firing_held(
    broker: JobBroker, monkeypatch: pytest.MonkeyPatch, most: int = 50
) -> Iterator[Callable[[], int]]:
    """Fires at seven, and stops where the jobs are locked and nothing is written yet; the answer lets it go on, and
    returns how many it sent.
    """
    locked, go = Event(), Event()
    schedule = ledger.schedule

    def held(spec: str, zone: str) -> Any:
        if current_thread().name.startswith("held"):
            locked.set()
            assert go.wait(20)
        return schedule(spec, zone)

    monkeypatch.setattr(ledger, "schedule", held)
    monkeypatch.setattr(ledger, "MOST", most)
    with ThreadPoolExecutor(1, "held") as thread:
        firing = thread.submit(fired_at, broker, SEVEN + SECOND)

        def release() -> int:
            go.set()
            return firing.result(20)

        try:
            assert locked.wait(20)
            yield release
        finally:
            go.set()
