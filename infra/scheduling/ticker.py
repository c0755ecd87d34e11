"""The ticker: what makes periodiq wake each minute.

Periodiq wakes for the minutes that the code declares. Jobs that operators added or rescheduled have others, so one
more actor is due in every minute. Its sends fire what is due, as those of recurring actors do; the ticker itself never
enters a queue, and neither the registry nor the table `recurring` knows it.
"""

from __future__ import annotations

from typing import Any, NoReturn

import dramatiq

from infra.queue.errors import JobRefused
from infra.scheduling.cron import cron
from infra.scheduling.fire import fire_at_wake

NAME = "recurring.ticker"
EVERY_MINUTE = cron("* * * * *", "UTC")


class Ticker(dramatiq.Actor[..., Any]):
    """Takes periodiq's sends and refuses all others."""

    def send_with_options(self, *, scheduled_at: str | None = None, **options: Any) -> Any:
        if scheduled_at is None:
            refuse()
        fire_at_wake(self.broker, str(scheduled_at))

    def message_with_options(self, **options: Any) -> NoReturn:
        refuse()


def refuse() -> NoReturn:
    """Is no job: it makes the scheduler look each minute for what is due."""
    raise JobRefused(f"{NAME} is no job: it makes the scheduler look each minute for what is due")


def declare_ticker(broker: dramatiq.Broker) -> None:
    """For `periodiq actors`: from now on this process fires whatever is due in its stores, whoever scheduled it."""
    declare = dramatiq.actor(
        actor_class=Ticker,
        actor_name=NAME,
        broker=broker,
        service="common",
        periodic=EVERY_MINUTE,
        never_queued=True,
    )
    declare(refuse)
