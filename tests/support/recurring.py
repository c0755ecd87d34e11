"""Recurring jobs as tests speak of them: from the code and from operators, and what is sent at a moment."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from infra.queue.broker import JobBroker
from infra.scheduling import cron, recurring
from infra.scheduling.declare import declare
from infra.scheduling.find import RecurringJob, list_recurring
from infra.scheduling.ledger import fire
from infra.scheduling.operate import add
from infra.store.connections import Store
from tests.support.queue import rows, wait_until, working

INDIA = ZoneInfo("Asia/Kolkata")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-04-{text}").replace(tzinfo=INDIA)


def store_at(broker: JobBroker, moment: datetime, service: str = "common") -> Store:
    """The store, its clock standing still at this moment. Who waits for a lock here fails instead of hanging."""
    url = broker.store(service).url
    stamp = moment.isoformat().replace("+", "%2B")
    options = f"-c%20dhanman.clock%3D{stamp}%20-c%20lock_timeout%3D15s"
    return Store(service, f"{url}{'&' if '?' in url else '?'}options={options}")


def added(broker: JobBroker, now: str = "01 06:30", **other: Any) -> str:
    """Adds the job bill-towers, due each hour."""
    job: dict[str, Any] = {
        "name": "bill-towers",
        "actor_name": "common.bill",
        "spec": "0 * * * *",
        "zone": "Asia/Kolkata",
        "args": ["towers"],
        "by": "asha",
    }
    return add(store_at(broker, at(now)), broker, **job | other)


def declared(broker: JobBroker, spec: str = "0 * * * *", now: str = "01 06:30", **options: Any) -> None:
    """The code declares the job every-hour."""
    broker.actors.pop("common.every_hour", None)

    @recurring("every-hour", cron(spec), service="common", **options)
    def every_hour() -> None: ...

    declare(broker, store_at(broker, at(now)), complete=True)


def found(broker: JobBroker, name: str, now: str = "01 06:30") -> RecurringJob:
    [job] = list_recurring(store_at(broker, at(now)), name)
    return job


def sent(broker: JobBroker, now: str) -> int:
    return fire(store_at(broker, at(now)), broker)


def run_all(broker: JobBroker) -> None:
    with working(broker):
        for (message_id,) in rows(
            broker, "select message_id::text from {schema}.tick where message_id is not null"
        ):
            wait_until(broker, message_id, "Succeeded")
