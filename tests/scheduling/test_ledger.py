"""Each tick exactly once: whoever fires, however often, however late."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import dramatiq
import psycopg2
import pytest

from infra.queue.broker import JobBroker
from infra.scheduling import cron, recurring
from infra.scheduling.declare import declare
from infra.scheduling.due import ask_when_due
from infra.scheduling.ledger import fire, fire_waiting
from infra.scheduling.operate import RecurringRefused, pause, resume, trigger
from tests.support.queue import job_state, rows, wait_until, working
from tests.support.recurring import INDIA, at, run_all, store_at
from tests.support.waiting import wait_for


def hourly(broker: JobBroker, **options: Any) -> list[datetime]:
    """A job of every full hour, known since 06:30; what it was told it runs for."""
    told: list[datetime] = []

    @recurring("every-hour", cron("0 * * * *"), service="common", **options)
    def every_hour(scheduled_for: datetime) -> None:
        told.append(scheduled_for)

    declare(broker, store_at(broker, at("01 06:30")), complete=True)
    return told


def ledger(broker: JobBroker) -> list[tuple[str, str]]:
    found = rows(broker, "select due_at, outcome from {schema}.tick order by due_at")
    return [(f"{due_at.astimezone(INDIA):%d %H:%M}", outcome) for due_at, outcome in found]


def test_a_run_is_told_for_when_it_was_due(broker: JobBroker) -> None:
    told = hourly(broker)

    assert fire(store_at(broker, at("01 06:59:59")), broker) == 0
    assert fire(store_at(broker, at("01 07:00:01")), broker) == 1

    run_all(broker)
    assert told == [at("01 07:00")]
    assert str(told[0].tzinfo) == "Asia/Kolkata"
    assert ledger(broker) == [("01 07:00", "sent")]


def test_many_schedulers_fire_a_tick_once(broker: JobBroker) -> None:
    told = hourly(broker)
    store = store_at(broker, at("01 07:00:05"))
    with ThreadPoolExecutor(8) as threads:
        sent = list(threads.map(lambda _: fire(store, broker), range(40)))

    assert sum(sent) == 1
    run_all(broker)
    assert told == [at("01 07:00")]


@pytest.mark.parametrize(
    ("missed", "sent"),
    [("once", ["01 10:00"]), ("all", ["01 07:00", "01 08:00", "01 09:00", "01 10:00"]), ("skip", [])],
)
def test_what_was_missed_is_made_up_for_as_declared(broker: JobBroker, missed: str, sent: list[str]) -> None:
    hourly(broker, missed=missed)

    fire(store_at(broker, at("01 10:05")), broker)
    fire(store_at(broker, at("01 10:06")), broker)

    assert [due for due, outcome in ledger(broker) if outcome == "sent"] == sent
    assert fire(store_at(broker, at("01 11:00:02")), broker) == 1, "then it goes on"


def test_a_clock_that_is_set_back_fires_nothing_again(broker: JobBroker) -> None:
    hourly(broker)
    fire(store_at(broker, at("01 07:00:01")), broker)

    for minute in range(55, 60):
        assert fire(store_at(broker, at(f"01 06:{minute}")), broker) == 0
    assert fire(store_at(broker, at("01 07:00:01")), broker) == 0
    assert ledger(broker) == [("01 07:00", "sent")]


def test_a_death_between_ledger_and_enqueue_loses_nothing(
    broker: JobBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    hourly(broker)
    store = store_at(broker, at("01 07:00:01"))
    with monkeypatch.context() as patched:
        patched.setattr("infra.scheduling.ledger.put", dies)
        with pytest.raises(psycopg2.OperationalError):
            fire(store, broker)
    assert ledger(broker) == []

    assert fire(store, broker) == 1
    assert ledger(broker) == [("01 07:00", "sent")]


def dies(*_: Any) -> None:
    raise psycopg2.OperationalError("the process is gone")


def test_a_run_whose_predecessor_runs_is_skipped(broker: JobBroker) -> None:
    hourly(broker, overlap="skip")
    for hour in (7, 8):
        fire(store_at(broker, at(f"01 {hour:02}:00:01")), broker)

    assert ledger(broker) == [("01 07:00", "sent"), ("01 08:00", "skipped")]
    run_all(broker)
    fire(store_at(broker, at("01 09:00:01")), broker)
    assert ledger(broker)[-1] == ("01 09:00", "sent")


def test_a_run_whose_predecessor_runs_waits_for_it(broker: JobBroker) -> None:
    told = hourly(broker, overlap="queue")
    for hour in (7, 8, 9):
        fire(store_at(broker, at(f"01 {hour:02}:00:01")), broker)
    assert [outcome for _, outcome in ledger(broker)] == ["sent", "waiting", "waiting"]
    assert fire_waiting(broker.store("common"), broker) == 0

    for _ in range(2):
        run_all(broker)
        assert fire_waiting(broker.store("common"), broker) == 1
    run_all(broker)
    assert told == [at(f"01 {hour:02}:00") for hour in (7, 8, 9)]


def test_a_schedule_that_an_operator_changed_survives_a_deploy(broker: JobBroker) -> None:
    hourly(broker)
    rows(
        broker,
        "update {schema}.recurring set spec = '30 * * * *', changed_at = now(), changed_by = 'asha' returning 1",
    )

    declare(broker, store_at(broker, at("01 06:40")), complete=True)

    assert rows(broker, "select spec, code_spec from {schema}.recurring") == [("30 * * * *", "0 * * * *")]


def test_a_name_that_two_services_declare_is_refused(broker: JobBroker) -> None:
    for service in ("common", "sales"):

        @recurring("every-hour", cron("0 * * * *"), service=service)
        def every_hour() -> None: ...

    with pytest.raises(ValueError, match=r"declared twice: common\.every_hour and sales\.every_hour"):
        declare(broker, broker.store("common"), complete=True)


def test_a_job_whose_code_is_gone_is_an_orphan_and_does_not_run(broker: JobBroker) -> None:
    hourly(broker)
    actor = broker.actors.pop("common.every_hour")
    declare(broker, store_at(broker, at("01 06:40")), complete=True)

    assert rows(broker, "select orphaned_at is not null from {schema}.recurring") == [(True,)]
    broker.actors["common.every_hour"] = actor
    assert fire(store_at(broker, at("01 07:00:01")), broker) == 0
    declare(broker, store_at(broker, at("01 07:10")), complete=True)
    assert fire(store_at(broker, at("01 08:00:01")), broker) == 1, "it is back, and starts anew"
    assert ledger(broker) == [("01 08:00", "sent")]


def test_ten_thousand_jobs_of_one_minute_are_sent_within_five_seconds(broker: JobBroker) -> None:
    @dramatiq.actor
    def work(number: int) -> None: ...

    rows(
        broker,
        "insert into {schema}.recurring (name, actor_name, args, spec, zone, next_at) "
        "select 'job-' || n, 'work', jsonb_build_array(n), '0 0 * * *', 'Asia/Kolkata', %s "
        "from generate_series(1, 10000) n returning 1",
        at("02 00:00"),
    )
    took = []
    for day in ("02", "03", "04"):  # the next one only where a busy machine was too slow
        began = time.monotonic()
        assert fire(store_at(broker, at(f"{day} 00:00:01")), broker) == 10_000
        took.append(time.monotonic() - began)
        if took[-1] < 5:
            break

    sent = 10_000 * len(took)
    assert rows(broker, "select count(*), count(distinct message_id) from {schema}.queue") == [(sent, sent)]
    assert min(took) < 5, took


def test_periodiq_s_sending_goes_through_the_ledger(
    broker: JobBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.scheduling.fire._Last.wake", None)
    told = hourly(broker)
    rows(broker, "update {schema}.recurring set next_at = date_trunc('minute', now()) returning 1")
    actor = broker.get_actor("common.every_hour")

    for _ in range(3):
        actor.send_with_options(scheduled_at="2026-04-01T07:00:00+05:30")

    assert len(ledger(broker)) == 1
    run_all(broker)
    assert len(told) == 1
    by_hand = actor.send()
    with working(broker):
        wait_until(broker, by_hand, "Succeeded")
    assert job_state(broker, by_hand) == "Succeeded"


def test_a_worker_sends_what_no_scheduler_sent(broker: JobBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.middleware.catch_up.EVERY", 0.1)
    told = hourly(broker)
    rows(broker, "update {schema}.recurring set next_at = now() - interval '5 minutes' returning 1")

    with working(broker):
        wait_for(lambda: told, "the run that was late")
    assert [outcome for _, outcome in ledger(broker)] == ["sent"]


def test_a_job_that_its_actor_does_not_take_any_more_is_skipped_and_holds_up_no_other(
    broker: JobBroker,
) -> None:
    hourly(broker)

    @dramatiq.actor
    def work(number: int) -> None: ...

    @dramatiq.actor(unique="waiting", unique_key=lambda number: str(10 // number))
    def divide(number: int) -> None: ...

    rows(
        broker,
        "insert into {schema}.recurring (name, actor_name, args, spec, zone, next_at) "
        "select *, '0 * * * *', 'Asia/Kolkata', %s "
        "from (values ('too-many', 'work', '[1, 2]'::jsonb), ('broken-key', 'divide', '[0]')) v returning 1",
        at("01 07:00"),
    )

    assert fire(store_at(broker, at("01 07:00:01")), broker) == 1

    ticks = rows(broker, "select name, outcome, reason from {schema}.tick order by 1")
    assert ticks[0] == ("broken-key", "skipped", "refused: integer division or modulo by zero")
    assert ticks[1] == ("every-hour", "sent", None)
    assert ticks[2][:2] == ("too-many", "skipped")
    assert "too many positional arguments" in ticks[2][2]
    assert fire(store_at(broker, at("01 08:00:01")), broker) == 1, "it moves on"


def test_a_run_whose_unique_key_another_job_holds_is_skipped_and_its_tick_says_by_whom(
    broker: JobBroker,
) -> None:
    hourly(broker, unique="waiting", unique_key=lambda **_: "one at a time")
    for hour in (7, 8):
        fire(store_at(broker, at(f"01 {hour:02}:00:01")), broker)
    with pytest.raises(RecurringRefused, match=r"every-hour was not triggered: job .* has its unique key"):
        trigger(broker.store("common"), broker, "every-hour", by="asha")

    [(holder,)] = rows(broker, "select message_id::text from {schema}.queue")
    assert rows(broker, "select outcome, message_id::text, reason from {schema}.tick order by due_at") == [
        ("sent", holder, None),
        ("skipped", None, f"job {holder} has its unique key"),
    ]


def test_a_job_in_a_zone_that_this_machine_lacks_stays_due_and_holds_up_no_other(broker: JobBroker) -> None:
    hourly(broker)
    rows(
        broker,
        "insert into {schema}.recurring (name, actor_name, spec, zone, next_at) "
        "values ('elsewhere', 'common.every_hour', '0 * * * *', 'Asia/Atlantis', %s) returning 1",
        at("01 07:00"),
    )

    assert fire(store_at(broker, at("01 07:00:01")), broker) == 1
    assert rows(broker, "select next_at from {schema}.recurring where name = 'elsewhere'") == [
        (at("01 07:00"),)
    ]


def test_a_paused_job_s_waiting_run_waits_until_it_is_resumed(broker: JobBroker) -> None:
    hourly(broker, overlap="queue")
    for hour in (7, 8):
        fire(store_at(broker, at(f"01 {hour:02}:00:01")), broker)
    pause(broker.store("common"), "every-hour", by="asha", reason=None)
    run_all(broker)

    assert fire_waiting(broker.store("common"), broker) == 0
    assert [found.waiting for found in ask_when_due([broker.store("common")])] == [False]
    resume(broker.store("common"), "every-hour")
    assert fire_waiting(broker.store("common"), broker) == 1
