"""An outage of one database, as the threads of a process see it: said once when it begins and once when it is over."""

from __future__ import annotations

import threading
import time

from dramatiq.logging import get_logger
from psycopg2.extensions import connection

from infra.store.connections import DISCONNECTED, connect, shown

log = get_logger(__name__)


class Outage:
    """Connects for all threads that work on one database, and knows whether it is away.

    A connection that broke is no outage yet; one that cannot be made again is.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._since: float | None = None
        self._lock = threading.Lock()

    def connect(self, name: str, *, autocommit: bool = True) -> connection:
        """A new connection. Raises psycopg2.OperationalError."""
        try:
            made = connect(self.url, name=name, autocommit=autocommit)
        except DISCONNECTED as error:
            self._begins(error)
            raise
        self._ends()
        return made

    def _begins(self, error: Exception) -> None:
        with self._lock:
            if self._since is not None:
                return
            self._since = time.monotonic()
        log.error(
            "The database %s is away: %s. Nothing is claimed, and what finishes is kept until it is back.",
            shown(self.url),
            str(error).strip(),
        )

    def _ends(self) -> None:
        with self._lock:
            if self._since is None:
                return
            lasted, self._since = time.monotonic() - self._since, None
        log.warning("The database %s is back after %.1f s.", shown(self.url), lasted)
