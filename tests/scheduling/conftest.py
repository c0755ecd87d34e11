"""What tests of recurring jobs may ask for."""

from __future__ import annotations

from typing import Any

import dramatiq
import pytest

from infra.queue.broker import JobBroker


@pytest.fixture
def bills(broker: JobBroker) -> list[Any]:
    """What the actor `bill` was called with."""
    called: list[Any] = []

    @dramatiq.actor(actor_name="common.bill", service="common")
    def bill(society: str, copies: int = 1) -> None:
        called.append((society, copies))

    return called
