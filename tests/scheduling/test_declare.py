"""What a deploy does to the calendar: nothing that was due is dropped, and no job comes under two names' owners."""

from __future__ import annotations

from typing import Any

import dramatiq
import pytest

from infra.queue.broker import JobBroker
from infra.scheduling import cron, recurring
from infra.scheduling.cron import Cron
from infra.scheduling.declare import declare
from infra.scheduling.find import history
from infra.scheduling.operate import RecurringRefused, add, pause, remove, reschedule, resume
from tests.support.queue import rows
from tests.support.recurring import added, at, declared, found, sent, store_at

# -- a tick that is due when the code changes


@pytest.mark.parametrize("spec", ["@hourly", "15 * * * *", "0 9 * * *"])
def test_a_tick_that_is_due_is_made_up_for_after_a_deploy_of_another_spec(
    broker: JobBroker, spec: str
) -> None:
    declared(broker)
    declared(broker, spec, "01 07:10")

    assert found(broker, "every-hour").spec == spec
    assert sent(broker, "01 07:11") == 1
    [tick] = history(broker.store("common"), "every-hour", 5)
    assert tick.due_at == at("01 07:00")
    assert found(broker, "every-hour").next_at == cron(spec).next_after(at("01 07:11"))


def test_a_tick_that_is_to_come_moves_to_the_new_schedule(broker: JobBroker) -> None:
    declared(broker)
    declared(broker, "45 * * * *", "01 06:40")
    assert found(broker, "every-hour").next_at == at("01 06:45")


def test_a_job_that_the_code_takes_over_makes_up_for_what_was_due(
    broker: JobBroker, bills: list[Any]
) -> None:
    added(broker, name="every-hour")
    declared(broker, "30 * * * *", "01 07:10")
    assert sent(broker, "01 07:11") == 1


def test_a_job_replaced_under_the_same_schedule_spelled_otherwise_makes_up_for_what_was_due(
    broker: JobBroker, bills: list[Any]
) -> None:
    added(broker)
    added(broker, "01 07:30", args=["villas"], spec="@hourly", replace=True)
    assert sent(broker, "01 07:31") == 1


# -- an operator's schedule that the code comes to say


@pytest.mark.parametrize(
    ("typed", "code"), [("0 0 * * 5L", "0 0 * * friL"), ("0 0 * * *", "@daily"), ("0 0 * * 0", "0 0 * * 7")]
)
def test_code_that_says_what_was_typed_counts_as_the_code_s_own_however_it_is_spelled(
    broker: JobBroker, typed: str, code: str
) -> None:
    declared(broker)
    reschedule(store_at(broker, at("01 06:40")), "every-hour", spec=typed, by="asha")

    declared(broker, code, "01 06:50")
    job = found(broker, "every-hour")
    assert (job.spec, job.changed_at, job.changed_by) == (code, None, None)

    declared(broker, "45 * * * *", "01 06:52")
    assert found(broker, "every-hour").spec == "45 * * * *", "it follows the code again"


# -- a clock that was ahead


def test_a_job_that_was_fired_by_a_clock_far_ahead_goes_on_after_the_next_start_of_a_worker(
    broker: JobBroker, bills: list[Any]
) -> None:
    declared(broker)
    added(broker)
    later = store_at(broker, at("01 06:30").replace(year=2029))
    assert sent(broker, "01 07:00:01") == 2
    rows(broker, "update {schema}.recurring set next_at = %s returning 1", at("01 07:00").replace(year=2029))
    assert found(broker, "every-hour", "01 07:10").skips_until == at("01 07:00").replace(year=2029)

    assert declare(broker, store_at(broker, at("01 06:50")), complete=False) == 2
    for name in ("every-hour", "bill-towers"):
        assert found(broker, name).next_at == at("01 07:00")
        assert found(broker, name).skips_until is None
    assert sent(broker, "01 07:00:02") == 0, "the ledger has these ticks"
    assert sent(broker, "01 08:00:01") == 2
    assert declare(broker, store_at(broker, at("01 08:10")), complete=False) == 0
    assert declare(broker, later, complete=False) == 0, "what is due is left to those who fire"


def test_a_job_that_is_changed_while_others_are_brought_back_is_left_alone(
    broker: JobBroker, bills: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    added(broker)
    rows(broker, "update {schema}.recurring set next_at = %s returning 1", at("01 07:00").replace(year=2029))
    now = store_at(broker, at("01 06:50"))

    def meanwhile(spec: str, zone: str) -> Cron:
        reschedule(now, "bill-towers", spec="0 9 * * *", by="asha")
        return cron(spec, zone)

    monkeypatch.setattr("infra.scheduling.declare._readable", meanwhile)
    declare(broker, now, complete=False)
    assert found(broker, "bill-towers").next_at == at("01 09:00")


def test_a_pause_and_its_end_bring_a_job_back_from_a_clock_far_ahead(
    broker: JobBroker, bills: list[Any]
) -> None:
    added(broker)
    rows(broker, "update {schema}.recurring set next_at = %s returning 1", at("01 07:00").replace(year=2029))
    now = store_at(broker, at("01 06:50"))
    pause(now, "bill-towers", by="asha", reason=None)
    resume(now, "bill-towers")
    assert found(broker, "bill-towers").next_at == at("01 07:00")


def test_a_job_whose_zone_this_machine_lacks_does_not_hold_up_a_deploy(broker: JobBroker) -> None:
    declared(broker)
    rows(
        broker,
        "insert into {schema}.recurring (name, actor_name, spec, zone, next_at, orphaned_at) "
        "select 'elsewhere-' || n, 'common.every_hour', '0 * * * *', 'Asia/Atlantis', %s, "
        "case when n = 1 then now() end from generate_series(1, 2) n returning 1",
        at("01 07:00"),
    )
    declared(broker, "45 * * * *", "01 06:40")
    assert found(broker, "every-hour").next_at == at("01 06:45")
    assert rows(broker, "select distinct next_at from {schema}.recurring where zone = 'Asia/Atlantis'") == [
        (at("01 07:00"),)
    ]


# -- one name in two services


def moved_to_sales(broker: JobBroker) -> None:
    @recurring("moving", cron("0 * * * *"), service="sales")
    def moving() -> None: ...


def test_a_job_that_was_added_is_given_up_when_the_code_declares_its_name_for_another_service(
    broker: JobBroker, bills: list[Any]
) -> None:
    added(broker, name="moving")
    moved_to_sales(broker)
    for _ in range(2):
        for service in ("common", "sales"):
            declare(broker, store_at(broker, at("01 06:40"), service), complete=True)

    assert sent(broker, "01 07:00:01") == 0
    job = found(broker, "moving")
    assert (job.orphan_reason, job.added_by, job.next_at) == (
        "the code declares it for another service",
        "asha",
        None,
    )
    with pytest.raises(
        RecurringRefused, match="moving is orphaned: the code declares it for another service"
    ):
        reschedule(broker.store("common"), "moving", spec="@daily", by="asha")
    remove(broker.store("common"), "moving")


def test_a_declared_job_that_moves_to_another_service_does_not_run_in_both(broker: JobBroker) -> None:
    @recurring("moving", cron("0 * * * *"), service="common")
    def moving() -> None: ...

    declare(broker, store_at(broker, at("01 06:30")), complete=True)
    broker.actors.pop("common.moving")
    moved_to_sales(broker)
    declare(broker, store_at(broker, at("01 06:40")), complete=False)

    assert found(broker, "moving").orphan_reason == "no code declares it"


def test_a_job_whose_actor_is_back_and_is_added_again_runs_again(broker: JobBroker, bills: list[Any]) -> None:
    added(broker)
    rows(broker, "update {schema}.recurring set orphaned_at = now() returning 1")
    assert added(broker, "01 06:40") == "replaced"
    assert sent(broker, "01 07:00:01") == 1


def test_names_of_other_services_are_still_refused_to_operators(broker: JobBroker) -> None:
    moved_to_sales(broker)

    @dramatiq.actor(actor_name="common.bill", service="common")
    def bill() -> None: ...

    with pytest.raises(RecurringRefused, match="the code of sales declares it"):
        add(broker.store("common"), broker, name="moving", actor_name="common.bill", spec="@daily", by="asha")
