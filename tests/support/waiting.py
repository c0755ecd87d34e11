"""Waiting for a fact instead of sleeping for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Fact = TypeVar("Fact")


def wait_for(fact: Callable[[], Fact], what: str, *, within: float = 20.0) -> Fact:
    """Return the first truthy answer; fail, saying what was awaited, when none came within so many seconds."""
    deadline = time.monotonic() + within
    while True:
        if answer := fact():
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within:.0f} s in vain: {what}")
        time.sleep(0.02)
