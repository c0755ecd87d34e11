"""What operators do to recurring jobs: reschedule, reset, remove, pause, trigger; and what becomes of orphans."""

from __future__ import annotations

from typing import Any

import pytest

from infra.queue.broker import JobBroker
from infra.scheduling import cron
from infra.scheduling.declare import declare
from infra.scheduling.find import history, list_recurring
from infra.scheduling.ledger import fire_waiting
from infra.scheduling.operate import (
    RecurringRefused,
    WrongRecurring,
    pause,
    remove,
    reschedule,
    reset,
    resume,
    trigger,
)
from tests.support.recurring import added, at, declared, found, run_all, sent, store_at

# -- reschedule


def test_another_schedule_begins_with_its_first_tick_after_now(broker: JobBroker) -> None:
    declared(broker)
    done = reschedule(store_at(broker, at("01 07:10")), "every-hour", spec="15 * * * *", by="asha")

    assert (done.changed, done.next_at) == (True, at("01 07:15"))
    assert sent(broker, "01 07:14") == 0, "07:00 was due by the old one and is not made up for"
    assert sent(broker, "01 07:15:01") == 1
    job = found(broker, "every-hour")
    assert (job.spec, job.code_spec, job.changed_by) == ("15 * * * *", "0 * * * *", "asha")


def test_another_schedule_survives_deploys_until_it_is_reset(broker: JobBroker) -> None:
    declared(broker)
    reschedule(
        store_at(broker, at("01 06:40")), "every-hour", spec="15 9 * * *", zone="Asia/Dubai", by="asha"
    )

    declared(broker, "30 * * * *", "01 06:50")
    job = found(broker, "every-hour")
    assert (job.spec, job.zone, job.code_spec) == ("15 9 * * *", "Asia/Dubai", "30 * * * *")

    done = reset(store_at(broker, at("01 06:55")), "every-hour")
    assert (done.changed, done.after, done.next_at) == (True, cron("30 * * * *"), at("01 07:30"))
    assert not reset(broker.store("common"), "every-hour").changed
    declared(broker, "45 * * * *", "01 06:56")
    assert found(broker, "every-hour").spec == "45 * * * *", "it follows the code again"


def test_the_code_s_own_schedule_is_a_reset_and_so_is_code_that_says_the_same(broker: JobBroker) -> None:
    declared(broker)
    store = store_at(broker, at("01 06:40"))
    reschedule(store, "every-hour", spec="15 * * * *", by="asha")
    reschedule(store, "every-hour", spec="@hourly", by="asha")
    assert found(broker, "every-hour").changed_at is None

    reschedule(store, "every-hour", spec="15 * * * *", by="asha")
    declared(broker, "15 * * * *", "01 06:50")
    assert found(broker, "every-hour").changed_at is None


@pytest.mark.parametrize(
    ("spec", "zone", "said"),
    [
        ("0 24 * * *", None, "hour: 24"),
        ("0 9 * * *", "Asia/Kolkatta", "did you mean"),
        ("", None, "five fields"),
    ],
)
def test_a_schedule_that_cannot_be_changes_nothing(
    broker: JobBroker, spec: str, zone: str | None, said: str
) -> None:
    declared(broker)
    with pytest.raises(WrongRecurring, match=said):
        reschedule(broker.store("common"), "every-hour", spec=spec, zone=zone, by="asha")
    assert found(broker, "every-hour").changed_at is None


def test_a_paused_job_stays_paused_under_another_schedule(broker: JobBroker) -> None:
    declared(broker)
    store = store_at(broker, at("01 06:40"))
    pause(store, "every-hour", by="asha", reason="year end")
    reschedule(store, "every-hour", spec="15 * * * *", by="asha")
    assert sent(broker, "01 07:15:01") == 0

    resume(store_at(broker, at("01 07:20")), "every-hour")
    assert found(broker, "every-hour").next_at == at("01 08:15")


def test_a_job_that_was_added_has_nothing_to_go_back_to(broker: JobBroker, bills: list[Any]) -> None:
    added(broker)
    with pytest.raises(RecurringRefused, match="bill-towers was added at run time"):
        reset(broker.store("common"), "bill-towers")
    assert reschedule(broker.store("common"), "bill-towers", spec="15 * * * *", by="ravi").changed
    assert found(broker, "bill-towers").changed_by == "ravi"


# -- orphans


def test_a_job_whose_actor_is_gone_is_an_orphan_until_the_actor_is_back(
    broker: JobBroker, bills: list[Any]
) -> None:
    added(broker)
    actor = broker.actors.pop("common.bill")
    declare(broker, store_at(broker, at("01 06:40")), complete=False)
    assert found(broker, "bill-towers").orphaned_at is None, (
        "a worker that loads some rooms only does not decide"
    )
    declare(broker, store_at(broker, at("01 06:40")), complete=True)

    job = found(broker, "bill-towers")
    assert (job.orphan_reason, job.next_at) == ("no code runs common.bill", None)
    for order in (
        lambda: reschedule(broker.store("common"), "bill-towers", spec="@daily", by="asha"),
        lambda: trigger(broker.store("common"), broker, "bill-towers", by="asha"),
    ):
        with pytest.raises(RecurringRefused, match=r"orphaned: no code runs common\.bill any more"):
            order()

    broker.actors["common.bill"] = actor
    declare(broker, store_at(broker, at("01 09:30")), complete=False)
    assert sent(broker, "01 09:31") == 0, "it starts anew"
    assert sent(broker, "01 10:00:01") == 1


def test_an_orphan_that_an_operator_had_changed_comes_back_at_its_own_time(broker: JobBroker) -> None:
    declared(broker)
    reschedule(store_at(broker, at("01 06:40")), "every-hour", spec="15 * * * *", by="asha")
    actor = broker.actors.pop("common.every_hour")
    declare(broker, store_at(broker, at("01 06:45")), complete=True)
    assert found(broker, "every-hour").orphan_reason == "no code declares it"
    with pytest.raises(RecurringRefused, match="orphaned: no code declares it any more"):
        trigger(broker.store("common"), broker, "every-hour", by="asha")

    broker.actors["common.every_hour"] = actor
    declare(broker, store_at(broker, at("01 06:50")), complete=True)
    assert found(broker, "every-hour").next_at == at("01 07:15")


def test_code_that_declares_a_job_that_was_added_takes_it_over(broker: JobBroker, bills: list[Any]) -> None:
    added(broker, name="every-hour", spec="15 * * * *")
    reschedule(broker.store("common"), "every-hour", spec="45 * * * *", by="asha")

    declared(broker)

    job = found(broker, "every-hour")
    assert (job.actor_name, job.arguments, job.added_by, job.changed_by) == (
        "common.every_hour",
        {},
        None,
        None,
    )
    assert (job.spec, job.next_at) == ("0 * * * *", at("01 07:00"))


def test_a_job_of_an_actor_that_the_store_never_heard_of_says_so(broker: JobBroker, bills: list[Any]) -> None:
    added(broker)
    job = found(broker, "bill-towers", "01 08:30")
    assert job.orphan_reason == "no code runs common.bill", "the registry does not have it"
    assert job.overdue
    assert list(job.next_runs(3)) == []


# -- remove


def test_a_removed_job_does_not_run_and_keeps_its_history(broker: JobBroker, bills: list[Any]) -> None:
    added(broker, overlap="queue")
    sent(broker, "01 07:00:01")
    sent(broker, "01 08:00:01")
    remove(store_at(broker, at("01 08:10")), "bill-towers")

    assert list_recurring(broker.store("common"), "bill-towers") == []
    run_all(broker)
    assert sent(broker, "01 09:00:01") + fire_waiting(broker.store("common"), broker) == 0
    ticks = history(broker.store("common"), "bill-towers", 5)
    assert [(tick.outcome, tick.reason) for tick in ticks] == [
        ("skipped", "the recurring job was removed"),
        ("sent", None),
    ]


def test_a_declared_job_cannot_be_removed_and_an_orphan_can(broker: JobBroker) -> None:
    declared(broker)
    with pytest.raises(RecurringRefused, match=r"the code declares it\. Pause it instead"):
        remove(broker.store("common"), "every-hour")
    broker.actors.pop("common.every_hour")
    declare(broker, store_at(broker, at("01 06:40")), complete=True)
    remove(broker.store("common"), "every-hour")
    assert list_recurring(broker.store("common")) == []


# -- trigger


def test_runs_triggered_in_one_instant_are_runs_of_their_own(broker: JobBroker, bills: list[Any]) -> None:
    added(broker)
    store = store_at(broker, at("01 07:00"))
    triggered = {trigger(store, broker, "bill-towers", by="asha") for _ in range(3)}

    assert sent(broker, "01 07:00") == 1, "the calendar's own tick of that instant comes as well"
    ticks = history(store, "bill-towers", 9)
    assert triggered == {tick.message_id for tick in ticks if tick.outcome == "triggered"}
    assert len(triggered) == 3
    assert {tick.reason for tick in ticks if tick.outcome == "triggered"} == {"by asha"}
    run_all(broker)
    assert len(bills) == 4


def test_a_name_that_is_not_there_is_refused(broker: JobBroker) -> None:
    store = broker.store("common")
    for order in (
        lambda: pause(store, "nobody", by="asha", reason=None),
        lambda: resume(store, "nobody"),
        lambda: reschedule(store, "nobody", spec="@daily", by="asha"),
        lambda: reset(store, "nobody"),
        lambda: remove(store, "nobody"),
        lambda: trigger(store, broker, "nobody", by="asha"),
    ):
        with pytest.raises(RecurringRefused, match="no recurring job 'nobody' in common_jobs"):
            order()
