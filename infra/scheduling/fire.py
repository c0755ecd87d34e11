"""Firing: what is due in all stores of this process is sent. Periodiq calls it each minute, workers catch up by it."""

from __future__ import annotations

import time
from typing import Any

from infra.scheduling.absent import errors_logged
from infra.scheduling.due import ask_when_due
from infra.scheduling.ledger import fire, fire_waiting
from infra.store.connections import Store

AHEAD = 2.0
"""Seconds that this machine's clock may be ahead of a database's: a tick so near is waited for, else it would be a
minute late."""


class _Last:
    wake: str | None = None


def fire_at_wake(broker: Any, wake: str) -> int:
    """Fires once for all that periodiq sends when it wakes: its first send fires everything. Returns how many runs.

    Parameters:
      wake: the moment that periodiq gives to all sends of one waking, `scheduled_at`.
    """
    if wake == _Last.wake:
        return 0
    _Last.wake = wake
    return fire_everywhere(broker)


def fire_everywhere(broker: Any) -> int:
    """Sends what is due in each store; one that is away is left to workers that catch up. Returns how many runs.

    Where nothing is due it is one statement a database.
    """
    found = ask_when_due([broker.store(service) for service in broker.config.jobs_services])
    soon = [one for one in found if one.waiting or (one.due_in is not None and one.due_in <= AHEAD)]
    time.sleep(max([0.0, *(one.due_in for one in soon if one.due_in is not None and one.due_in <= AHEAD)]))
    return sum(fire_in(one.store, broker) for one in soon)


def fire_in(store: Store, broker: Any) -> int:
    """Sends what is due in one store; its errors are logged. Returns how many runs."""
    with errors_logged("No ticks from", store):
        return fire(store, broker) + fire_waiting(store, broker)
    return 0
