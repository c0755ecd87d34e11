"""A stop signal that comes twice stops the worker once.

honcho, and systemd by default, send SIGTERM to every process of the group, and dramatiq's main process passes its own
on: each worker gets two at once. dramatiq takes the second for impatience, and leaves its main thread while others
live, which hangs the process.
"""

from __future__ import annotations

import os
import signal
import time
from types import FrameType
from typing import Any

from dramatiq.middleware import Middleware

SAME_STOP = 2.0
"""Seconds within which a second signal is taken for the first one's echo."""


class StopSignals(Middleware):
    """The first signal goes to dramatiq; its echo is ignored; a later one ends the process at once, and its jobs run
    again elsewhere.
    """

    def after_process_boot(self, broker: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            handler = signal.getsignal(number)
            if callable(handler):
                signal.signal(number, _once(handler))


def _once(handler: Any) -> Any:
    first_at: list[float] = []

    def stop(number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not first_at:
            first_at.append(now)
            handler(number, frame)
        elif now - first_at[0] > SAME_STOP:
            os._exit(1)

    return stop
