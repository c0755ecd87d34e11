"""`scheduled_for`: the moment for which a run was due, on the clocks of the schedule that counts."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import dramatiq
import pytest

from infra.queue.broker import JobBroker
from infra.scheduling import cron, recurring
from infra.scheduling.declare import declare
from infra.scheduling.find import history
from infra.scheduling.ledger import fire_waiting
from infra.scheduling.operate import RecurringRefused, reschedule, trigger
from tests.support.queue import rows
from tests.support.recurring import added, at, run_all, sent, store_at


@pytest.fixture
def told(broker: JobBroker) -> list[str]:
    """What an actor that is not of `@recurring` was told, as text."""
    texts: list[str] = []

    @dramatiq.actor(actor_name="common.report", service="common")
    def report(scheduled_for: str) -> None:
        texts.append(scheduled_for)

    return texts


def test_every_run_is_told_its_moment_on_the_clocks_of_the_schedule(
    broker: JobBroker, told: list[str]
) -> None:
    added(broker, name="report", actor_name="common.report", args=[], overlap="queue")
    sent(broker, "01 07:00:01")  # punctual
    sent(broker, "01 09:30")  # made up for, and waiting for the other
    trigger(store_at(broker, at("01 09:40")), broker, "report", by="asha")
    for _ in range(2):
        run_all(broker)
        fire_waiting(broker.store("common"), broker)

    assert sorted(told) == [
        "2026-04-01T07:00:00+05:30",
        "2026-04-01T09:00:00+05:30",
        "2026-04-01T09:40:00.000001+05:30",
    ]


def test_the_offset_is_that_of_the_moment(broker: JobBroker, told: list[str]) -> None:
    added(
        broker,
        name="report",
        actor_name="common.report",
        args=[],
        spec="30 1,12 * 3,4,10 *",
        zone="Europe/Paris",
        missed="all",
        now="01 06:30",
    )
    rows(broker, "update {schema}.recurring set next_at = '2026-03-28 12:30+01' returning 1")
    sent(broker, "01 06:30")
    run_all(broker)
    assert {"2026-03-28T12:30:00+01:00", "2026-03-29T01:30:00+01:00", "2026-03-29T12:30:00+02:00"} < set(told)


def test_a_run_of_a_declared_job_has_the_zone_that_an_operator_gave_it(broker: JobBroker) -> None:
    moments: list[datetime] = []

    @recurring("monthly", cron("0 0 1 * *"), service="common")
    def monthly(scheduled_for: datetime) -> None:
        moments.append(scheduled_for)

    declare(broker, store_at(broker, at("01 06:30")), complete=True)
    store = store_at(broker, at("01 06:30"))
    reschedule(store, "monthly", spec="0 0 1 * *", zone="America/New_York", by="asha")

    assert sent(broker, "01 09:30:01") == 1  # midnight in New York
    trigger(store_at(broker, at("01 09:29:59")), broker, "monthly", by="asha")  # still March there
    run_all(broker)

    first, second = sorted(moments, reverse=True)
    assert (first.month, first.day, first.hour) == (4, 1, 0)
    assert (second.month, second.day) == (3, 31)
    assert {moment.tzinfo for moment in moments} == {ZoneInfo("America/New_York")}


def test_a_moment_given_by_hand_is_in_the_code_s_zone(broker: JobBroker) -> None:
    moments: list[datetime] = []

    @recurring("monthly", cron("0 0 1 * *"), service="common")
    def monthly(scheduled_for: datetime) -> None:
        moments.append(scheduled_for)

    monthly.fn(scheduled_for="2026-03-31T18:30:00+00:00")
    assert moments == [at("01 00:00")]
    assert moments[0].tzinfo == ZoneInfo("Asia/Kolkata")


def test_the_ledger_s_reasons_have_their_times_in_the_schedule_s_zone(
    broker: JobBroker, told: list[str]
) -> None:
    added(broker, name="report", actor_name="common.report", args=[], overlap="queue")
    for clock in ("01 07:00:01", "01 09:30", "01 10:00:01"):
        sent(broker, clock)

    reasons = [tick.reason for tick in history(broker.store("common"), "report", 5)]
    assert reasons[0] == "for the run of 2026-04-01 09:00 IST, which waits itself"
    assert reasons[1] is not None
    assert reasons[1].endswith("also for what was missed since 2026-04-01 08:00 IST")


def test_runs_of_a_job_whose_zone_this_machine_lacks_wait_and_are_not_triggered(
    broker: JobBroker, told: list[str]
) -> None:
    added(broker, name="report", actor_name="common.report", args=[], overlap="queue")
    for clock in ("01 07:00:01", "01 08:00:01"):
        sent(broker, clock)
    run_all(broker)
    rows(broker, "update {schema}.recurring set zone = 'Asia/Atlantis' returning 1")

    assert fire_waiting(broker.store("common"), broker) == 0
    with pytest.raises(RecurringRefused, match="report was not triggered: unknown zone"):
        trigger(broker.store("common"), broker, "report", by="asha")
