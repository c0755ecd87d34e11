"""Listen: notifications of new jobs and of cancellations, on a connection of its own.

Without it (JOBS_LISTEN=false, or a pooler in between) everything still works by polling, only later.
"""

from __future__ import annotations

import contextlib
import select
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg2

from infra.store.connections import connect

CALM = 0.002
"""Seconds to gather notifications after the first: a flood of sends must not become a flood of wake-ups."""


class Listener(threading.Thread):
    """Passes (channel, payload) to `heard`; calls `connected` each time it starts to listen, since what was said
    before is lost.
    """

    def __init__(
        self, url: str, channels: list[str], heard: Callable[[str, str], None], connected: Callable[[], None]
    ) -> None:
        super().__init__(name="listener", daemon=True)
        self.url = url
        self.channels = channels
        self._heard = heard
        self._connected = connected
        self._running = True
        self._conn: Any = None

    def stop(self) -> None:
        self._running = False

    def run(self) -> None:
        while self._running:
            try:
                self._listen()
            except (psycopg2.Error, OSError, ValueError):  # ValueError: select on a socket that was closed
                with contextlib.suppress(Exception):
                    if self._conn is not None:
                        self._conn.close()
                if self._running:
                    time.sleep(1.0)

    def _listen(self) -> None:
        self._conn = conn = connect(self.url, name="dhanman-jobs listen")
        with conn.cursor() as cursor:
            cursor.execute("; ".join(f'listen "{channel}"' for channel in self.channels))
        self._connected()
        while self._running:
            ready, _, _ = select.select([conn], [], [], 1.0)
            if not ready:
                continue
            conn.poll()
            notes, conn.notifies[:] = list(conn.notifies), []
            for channel, payload in {(note.channel, note.payload) for note in notes}:
                self._heard(channel, payload)
            time.sleep(CALM)
        conn.close()
