"""periodiq's own scheduler, with our specs."""

from __future__ import annotations

import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pendulum
import periodiq
import pytest

from infra.scheduling.cron import Cron, cron


class Job:
    """As much of an actor as the scheduler looks at."""

    queue_name = "default"

    def __init__(self, one: Cron) -> None:
        self.actor_name = f"{one!r}"
        self.fn = SimpleNamespace(__module__="periodic.sales")
        self.options = {"periodic": one}
        self.fired: list[datetime] = []

    def send_with_options(self, *, scheduled_at: str) -> None:
        self.fired.append(datetime.fromisoformat(scheduled_at))


def run(
    monkeypatch: pytest.MonkeyPatch, machine: str, jobs: list[Job], start: datetime, end: datetime
) -> None:
    """The scheduler's loop from start to end, on a clock that jumps to whatever it sets its alarm to."""
    now = [pendulum.instance(start, tz=UTC)]

    def sleep(seconds: float) -> None:
        now[0] = now[0].add(microseconds=round(seconds * 1_000_000))

    monkeypatch.setattr(periodiq.pendulum, "now", lambda: now[0].in_timezone(machine))
    monkeypatch.setattr(periodiq, "sleep", sleep)
    monkeypatch.setattr(periodiq, "alarm", sleep)
    monkeypatch.setattr(periodiq, "signal", lambda *_: None)
    scheduler: Any = periodiq.Scheduler(actors=jobs)
    while now[0] <= end:
        scheduler.schedule()


@pytest.mark.parametrize("machine", ["UTC", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("day", ["2027-03-13", "2027-11-06", "2027-04-03", "2026-10-03"])
def test_periodiq_fires_each_time_once_whatever_the_machines_zone(
    monkeypatch: pytest.MonkeyPatch, machine: str, day: str
) -> None:
    specs = [
        "@weekly",
        "0 9 * * sun",
        "30 2 * * *",
        "30 1 * * *",
        "*/30 6 * * *",
        "*/45 * * * *",
        "0 0 29 2 *",
    ]
    zones = ["Asia/Kolkata", "America/New_York", "Australia/Lord_Howe"]
    jobs = [Job(cron(spec, zone)) for spec in specs for zone in zones]
    start = datetime.fromisoformat(day).replace(tzinfo=UTC, minute=1, second=7)
    end = start + timedelta(days=3)

    run(monkeypatch, machine, jobs, start, end)

    for job in jobs:
        expected = list(job.options["periodic"].ticks_between(start, end))
        assert [fired for fired in job.fired if fired <= end] == expected
    assert sum(len(job.fired) for job in jobs) > 300


def test_periodiq_prints_our_specs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "periodiq"):
        periodiq.print_periodic_actors([Job(cron("0 23 L * *")), Job(cron("@weekly", "Europe/Paris"))])
    assert "0 23 L * * " in caplog.text
    assert "@weekly " in caplog.text


def test_periodiq_gets_its_own_kind_of_date() -> None:
    due = cron("0 6 1 * *").next_valid_date(pendulum.datetime(2026, 11, 24, tz="Europe/Paris"))
    assert isinstance(due, pendulum.DateTime)
    assert due == datetime(2026, 12, 1, 0, 30, tzinfo=UTC)
    with pytest.raises(LookupError, match="does not come any more"):
        cron("@yearly").next_valid_date(datetime(9999, 6, 1, tzinfo=UTC))


def test_a_worker_does_not_load_periodiq_for_a_spec() -> None:
    code = "import sys, infra.scheduling.cron; print(*sorted({'periodiq', 'pendulum', 'dateutil'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
        == "\n"
    )
