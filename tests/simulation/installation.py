"""A whole installation for a simulated time: one database, all services, real workers, and a reaper that kills them."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2

from infra.cli.actors import migration_folders
from infra.settings import SERVICES
from infra.store import migrate
from tests.simulation.moving_clock import MovingClock
from tests.support.postgres import database_url
from tests.support.service import execute
from tests.support.waiting import wait_for
from tests.support.worker import WorkerProcess

ENVIRONMENT = {
    "JOBS_SERVICES": ",".join(SERVICES),
    # A clock that jumps tells nobody that something became due, and lets workers look dead until their next beat.
    "JOBS_POLL_INTERVAL": "200ms",
    "JOBS_HEARTBEAT_INTERVAL": "100ms",
    "JOBS_SERVER_TIMEOUT": "1s",
    # The ledger is compared with the runs in the end.
    **{f"JOBS_RETENTION_{state}": "500d" for state in ("DONE", "DELETED", "FAILED", "CANCELLED", "HISTORY")},
    "JOBS_LOG_LEVEL": "error",
}
THREADS = 4
"""Of each worker."""
BUSY = " union all ".join(
    f"""select 1 from {service}_jobs.queue where state in ('queued', 'consumed')
            or (state in ('scheduled', 'retrying') and eta <= {service}_jobs.clock())
        union all select 1 from {service}_jobs.workflow where completed_at is null"""
    for service in SERVICES
)


class Installation:
    """One database with everything applied, and workers on it that run in real processes."""

    def __init__(self, url: str, home: Path) -> None:
        self.url = url
        self.home = home
        self.clock = MovingClock(url)
        self.kills = 0
        self._connection = psycopg2.connect(url)
        self._connection.autocommit = True
        self._workers: list[WorkerProcess] = []
        self._lock = threading.Lock()
        self._over = threading.Event()

    def start_workers(self, how_many: int) -> None:
        for _ in range(how_many):
            self._workers.append(self._start())
        wait_for(
            lambda: self.ask("select count(*) from common_jobs.worker")[0][0] >= how_many,
            "the workers are up",
            within=60,
        )

    def reap_at_random(self, seed: int, every: float) -> threading.Thread:
        """Kills one of the workers every few seconds, with -9, and starts another in its place."""
        dice = random.Random(seed)

        def reap() -> None:
            while not self._over.wait(dice.uniform(0.3, 1.7) * every):
                place = dice.randrange(len(self._workers))
                with self._lock:
                    self._workers[place].kill9()
                    self._workers[place] = self._start()
                self.kills += 1

        thread = threading.Thread(target=reap, name="reaper", daemon=True)
        thread.start()
        return thread

    def wait_until_idle(self, within: float = 120.0) -> None:
        """Returns when no job runs, waits for a thread, or is due."""
        with self._connection.cursor() as cursor:

            def idle() -> bool:
                cursor.execute(BUSY)
                return cursor.fetchone() is None

            wait_for(idle, "the installation is idle", within=within)

    def ask(self, query: str, *parameters: object) -> list[tuple]:
        with self._connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def stop(self) -> None:
        self._over.set()
        with self._lock:
            for worker in self._workers:
                worker.end()
        self.clock.close()
        self._connection.close()

    def _start(self) -> WorkerProcess:
        env = {
            **ENVIRONMENT,
            "JOBS_HOME": str(self.home),
            "MAIL_FROM": "Green Valley <jobs@greenvalley.example.in>",
        }
        return WorkerProcess(
            self.url,
            processes=1,
            threads=THREADS,
            queues=None,
            shutdown_timeout=None,
            env=env,
            module="actors",
        )


@contextmanager
def installed(server: str, home: Path) -> Iterator[Installation]:
    """An installation on a new database of this server, gone afterwards."""
    name = f"year_{uuid.uuid4().hex[:12]}"
    execute(server, f"create database {name}")
    url = database_url(server, name)
    migrate.migrate(url, SERVICES)
    for service, folder in migration_folders().items():
        migrate.apply(url, service, folder)
    installation = Installation(url, home)
    try:
        yield installation
    finally:
        installation.stop()
        execute(server, f"drop database {name} with (force)")
