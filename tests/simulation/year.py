"""A society's time from one day to another: the clock moves on, the scheduler fires, workers work and die."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

import psycopg2

import actors
import actors.community.seed
import actors.inventory.seed
import actors.payroll.seed
import actors.purchase.seed
import actors.sales.seed
from actors.common.rules.calendar import INDIA
from actors.payroll import pay_society
from infra.queue import enqueue_many
from infra.queue.broker import JobBroker
from infra.scheduling.declare import declare
from infra.scheduling.fire import fire_everywhere
from infra.settings import SERVICES
from tests.simulation.installation import Installation
from tests.simulation.people import at_work
from tests.support.queue import broker_on

WAKES = (time(0, 1), time(6, 1), time(10, 1), time(18, 1), time(23, 1))
"""When the scheduler looks, each day: after the moments at which most is due."""
FEW_WAKES = (time(0, 1), time(10, 1), time(23, 1))
PEOPLE_AT = time(11)
PAUSE = (
    "update {service}_jobs.recurring set paused_at = now(), paused_by = 'simulation' where name = any (%s)"
)


@dataclass(frozen=True)
class Society:
    """How large the simulated society is."""

    flats: int = 240
    towers: int = 4
    staff: int = 20
    bills: int = 400
    """Of vendors, over a year."""


def live_through(
    installation: Installation,
    first: date,
    last: date,
    society: Society,
    *,
    seed: int,
    paused: tuple[str, ...] = (),
    wakes: tuple[time, ...] = WAKES,
    on_day: Callable[[date], None] = lambda day: None,
) -> None:
    """From the morning of `first` to the night of `last`.

    Parameters:
      paused: recurring jobs that an operator paused for that time.
      wakes: when the scheduler looks, each day.
      on_day: called at the end of each day.
    """
    installation.clock.set(datetime.combine(first, time(0), INDIA) - timedelta(minutes=5))
    community = _seeded(installation.url, first, last, society, seed)
    with broker_on(installation.url, jobs_services=SERVICES) as broker:
        for actor in actors.broker.actors.values():
            broker.declare_actor(actor)
        for service in SERVICES:
            declare(broker, broker.store(service), complete=True)
        for service in SERVICES:
            installation.ask(PAUSE.format(service=service), list(paused))
        # The month before was worked in too: its payslips are due on the first morning.
        enqueue_many([pay_society.message(str(community), f"{first - timedelta(days=1):%Y-%m}")])
        installation.wait_until_idle()
        day = first
        while day <= last:
            _one_day(installation, broker, day, wakes, community, seed)
            on_day(day)
            day += timedelta(days=1)


def _one_day(
    installation: Installation,
    broker: JobBroker,
    day: date,
    wakes: tuple[time, ...],
    community: UUID,
    seed: int,
) -> None:
    for wake in sorted((*wakes, PEOPLE_AT)):
        installation.clock.set(datetime.combine(day, wake, INDIA))
        if wake == PEOPLE_AT:
            enqueue_many(at_work(installation, day, community, seed))
        else:
            fire_everywhere(broker)
        installation.wait_until_idle()


def _seeded(url: str, first: date, last: date, society: Society, seed: int) -> UUID:
    """What is there at the beginning, and what the year will bring: orders, deliveries, attendance, events."""
    month = f"{first:%Y-%m}"
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    connection = psycopg2.connect(url)
    with connection:
        made = actors.sales.seed.seed(
            connection, seed_number=seed, flats=society.flats, towers=society.towers, period=month
        )
        actors.purchase.seed.seed(
            connection,
            seed_number=seed,
            bills=max(1, society.bills * months // 12),
            first_month=month,
            months=months,
        )
        actors.payroll.seed.seed(
            connection,
            seed_number=seed,
            employees=society.staff,
            first_month=f"{first - timedelta(days=1):%Y-%m}",
            months=months + 1,
        )
        actors.inventory.seed.seed(connection, seed_number=seed, movements=0, first_day=first, last_day=last)
        actors.community.seed.seed(connection, seed_number=seed, flats=society.flats)
    connection.close()
    return made.community_id
