"""Recurring jobs that operators add: they run like the code's, and what cannot run is refused before."""

from __future__ import annotations

from typing import Any

import dramatiq
import pytest

from infra.queue.broker import JobBroker
from infra.scheduling.declare import declare
from infra.scheduling.find import history
from infra.scheduling.operate import NewRecurring, RecurringRefused, WrongRecurring, add, add_many, resume
from tests.support.queue import rows, wait_until, working
from tests.support.recurring import added, at, declared, found, sent, store_at


def test_a_job_that_was_added_runs_with_its_arguments(broker: JobBroker, bills: list[Any]) -> None:
    assert added(broker, kwargs={"copies": 2}) == "added"

    assert sent(broker, "01 06:59:59") == 0
    assert sent(broker, "01 07:00:01") == 1
    [tick] = history(broker.store("common"), "bill-towers", 5)
    with working(broker):
        wait_until(broker, tick.message_id, "Succeeded")
    assert bills == [("towers", 2)]


def test_the_same_job_added_again_is_left_as_it_is(broker: JobBroker, bills: list[Any]) -> None:
    added(broker)
    assert added(broker, "01 07:30", by="ravi", spec="@hourly") == "unchanged", "@hourly means the same"
    assert sent(broker, "01 07:31") == 1, "what was due is not forgotten"
    assert found(broker, "bill-towers").added_by == "asha"


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"spec": "30 * * * *"}, "schedule '0 [*] [*] [*] [*]' instead of '30 [*] [*] [*] [*]'"),
        ({"zone": "Asia/Dubai"}, "zone 'Asia/Kolkata' instead of 'Asia/Dubai'"),
        ({"args": ["villas"]}, r"with other values \(arguments\)"),
        ({"missed": "all"}, "missed 'once' instead of 'all'"),
        ({"overlap": "skip"}, "overlap 'allow' instead of 'skip'"),
    ],
)
def test_other_values_under_the_same_name_are_refused_or_replace_it(
    broker: JobBroker, bills: list[Any], other: dict[str, Any], said: str
) -> None:
    added(broker)
    with pytest.raises(RecurringRefused, match=f"asha added it, .*{said}"):
        added(broker, **other)

    assert added(broker, by="ravi", replace=True, **other) == "replaced"
    assert added(broker, **other) == "unchanged"
    assert found(broker, "bill-towers").added_by == "ravi"


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"name": "Bill Towers"}, "small letters, digits and dashes, not 'Bill Towers'"),
        ({"name": "b" * 101}, "at most 100 characters"),
        ({"actor_name": "common.bil"}, "unknown actor 'common.bil', did you mean 'common.bill'"),
        ({"args": []}, "missing a required argument: 'society'"),
        ({"args": ["towers", "two"]}, "argument 'copies' must be int"),
        ({"kwargs": {"month": 4}}, "unexpected keyword argument 'month'"),
        ({"args": ["towers" * 20_000]}, "the message is 120,"),
        ({"spec": "0 24 * * *"}, "hour: 24 is not between 0 and 23"),
        ({"spec": "0 0 30 2 *"}, "never comes"),
        ({"zone": "Asia/Kolkatta"}, "did you mean 'Asia/Kolkata'"),
        ({"missed": "never"}, "missed must be one of once, all, skip"),
        ({"overlap": "wait"}, "overlap must be one of allow, skip, queue"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_is_written(
    broker: JobBroker, bills: list[Any], other: dict[str, Any], said: str
) -> None:
    with pytest.raises(WrongRecurring, match=said):
        added(broker, **other)
    assert rows(broker, "select * from {schema}.recurring") == []


def test_a_job_replaced_under_the_same_schedule_makes_up_for_what_was_due(
    broker: JobBroker, bills: list[Any]
) -> None:
    added(broker)
    added(broker, "01 07:30", args=["villas"], replace=True)
    assert sent(broker, "01 07:31") == 1

    added(broker, "01 08:20", args=["villas"], spec="15 * * * *", replace=True)
    assert sent(broker, "01 08:21") == 0, "another schedule begins with its first tick after now"


def test_an_actor_of_another_service_is_refused(broker: JobBroker, bills: list[Any]) -> None:
    with pytest.raises(WrongRecurring, match=r"common.bill is an actor of common, not of sales"):
        add(
            broker.store("sales"),
            broker,
            name="bill-towers",
            actor_name="common.bill",
            spec="@daily",
            args=["towers"],
            by="asha",
        )


def test_a_name_is_one_job_s_in_the_whole_house(broker: JobBroker, bills: list[Any]) -> None:
    declared(broker)
    with pytest.raises(RecurringRefused, match="every-hour is in use: the code of common declares it"):
        added(broker, name="every-hour")
    broker.actors.pop("common.every_hour")
    with pytest.raises(RecurringRefused, match="the code declares it"):
        added(broker, name="every-hour", replace=True)
    declare(broker, store_at(broker, at("01 06:40")), complete=True)
    with pytest.raises(RecurringRefused, match="an orphan has it"):
        added(broker, name="every-hour", replace=True)

    @dramatiq.actor(actor_name="sales.bill", service="sales")
    def bill() -> None: ...

    add(broker.store("sales"), broker, name="bill-towers", actor_name="sales.bill", spec="@daily", by="asha")
    with pytest.raises(RecurringRefused, match="sales has a recurring job of that name"):
        added(broker)


def test_the_moment_that_was_due_is_given_by_the_schedule_alone(broker: JobBroker) -> None:
    @dramatiq.actor(actor_name="common.bill", service="common")
    def bill(scheduled_for: str) -> None: ...

    with pytest.raises(WrongRecurring, match="scheduled_for is the moment that was due"):
        added(broker, args=[], kwargs={"scheduled_for": "2026-04-01"})
    assert added(broker, args=[]) == "added"


def test_many_are_added_together_or_not_at_all(broker: JobBroker, bills: list[Any]) -> None:
    store = store_at(broker, at("01 06:30"))
    good = [NewRecurring(f"bill-{n}", "common.bill", "0 7 * * *", args=[f"tower {n}"]) for n in range(50)]

    added(broker, name="bill-13", args=["another"])
    with pytest.raises(RecurringRefused, match="bill-13 is in use"):
        add_many(store, broker, good, by="asha")
    with pytest.raises(WrongRecurring, match="bill-7 is there twice"):
        add_many(store, broker, [*good, good[7]], by="asha")
    assert rows(broker, "select count(*) from {schema}.recurring") == [(1,)]

    became = add_many(store, broker, good, by="asha", replace=True)
    assert (became.count("added"), became.count("replaced")) == (49, 1)
    assert sent(broker, "01 07:00:01") == 50


def test_a_job_is_added_paused_and_stays_so(broker: JobBroker, bills: list[Any]) -> None:
    added(broker, paused_reason="it was disabled")
    assert sent(broker, "01 07:00:01") == 0
    job = found(broker, "bill-towers")
    assert (job.paused_by, job.pause_reason) == ("asha", "it was disabled")

    resume(store_at(broker, at("01 07:10")), "bill-towers")
    assert added(broker, paused_reason="it was disabled") == "unchanged"
    assert sent(broker, "01 08:00:01") == 1, "adding it again does not pause it again"
