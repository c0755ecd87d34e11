"""Real worker processes: `dramatiq` as an operator starts it, and what can happen to it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import psutil
import pytest

from tests.support.job_store import JobStore
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]

QUIET = {"JOBS_LOG_LEVEL": "warning"}
HASTE = {
    "JOBS_HEARTBEAT_INTERVAL": "300ms",
    "JOBS_SERVER_TIMEOUT": "2s",
    "JOBS_RESCUE_GRACE": "1s",
    "JOBS_POLL_INTERVAL": "5s",  # longer than a test waits for a notification
    "JOBS_LOG_FORMAT": "json",
    "JOBS_SERVICES": "common,sales",
}
"""The worker's settings, shortened."""
SERVER_TIMEOUT = 2.0


class WorkerProcess:
    """One `dramatiq` master with its processes, in a process group of its own."""

    def __init__(
        self,
        database_url: str,
        *,
        processes: int,
        threads: int,
        queues: Sequence[str] | None,
        shutdown_timeout: float | None,
        env: Mapping[str, str],
        module: str = "tests.support.worker_app",
    ) -> None:
        command = [str(Path(sys.executable).with_name("dramatiq")), module]
        command += ["--processes", str(processes), "--threads", str(threads)]
        if shutdown_timeout is not None:
            command += ["--worker-shutdown-timeout", str(int(shutdown_timeout * 1000))]
        if queues:
            command += ["--queues", *queues]
        self.processes = processes
        with tempfile.NamedTemporaryFile(prefix="worker-", suffix=".log", delete=False) as log_file:
            self.log_path = Path(log_file.name)
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={
                    **_clean_environment(),
                    **HASTE,
                    "JOBS_DATABASE_URL": database_url,
                    "EFFECTS_URL": database_url,
                    **env,
                },
                start_new_session=True,
            )

    def wait_ready(self) -> WorkerProcess:
        """Returns when every process has started its threads."""
        wait_for(self._is_ready, "the worker is ready", within=30)
        return self

    def _is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the worker ended with {self.process.returncode}:\n{self.log()}")
        return self.log().count("the worker is up") >= self.processes

    @property
    def pids(self) -> list[int]:
        """The worker processes below the master, those that are no more left out."""
        try:
            children = psutil.Process(self.process.pid).children()
        except psutil.NoSuchProcess:
            return []
        return [child.pid for child in children if child.status() != psutil.STATUS_ZOMBIE]

    def kill9(self) -> None:
        """Master and workers at once, as a machine that loses its power."""
        self._signal_all(signal.SIGKILL)
        self.process.wait(20)

    def sigstop(self) -> None:
        self._signal_all(signal.SIGSTOP)

    def sigcont(self) -> None:
        self._signal_all(signal.SIGCONT)

    def sigterm(self) -> None:
        """As a process manager does: to the master, which passes it on."""
        self.process.send_signal(signal.SIGTERM)

    def wait(self, within: float = 20.0) -> int:
        """Returns its exit code once it ended by itself."""
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the worker did not end within {within:.0f} s") from None

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def events(self) -> list[dict[str, Any]]:
        """The lines of its log that are events, oldest first."""
        found = []
        for line in self.log().splitlines():
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict):
                    found.append(event)
        return found

    def end(self) -> None:
        """Whatever happened, nothing of it is left afterwards."""
        self._signal_all(signal.SIGKILL)
        self.process.wait(20)
        print(f"--- log of worker {self.process.pid}\n{self.log()[-20_000:]}")
        self.log_path.unlink(missing_ok=True)

    def _signal_all(self, sign: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, sign)


class RunWorker(Protocol):
    """What the fixture `run_worker` is."""

    def __call__(
        self,
        *,
        processes: int = 1,
        threads: int = 4,
        queues: Sequence[str] | None = None,
        shutdown_timeout: float | None = None,
        database_url: str | None = None,
        env: Mapping[str, str] | None = None,
        module: str = "tests.support.worker_app",
    ) -> WorkerProcess: ...


@contextlib.contextmanager
def workers_of(default_url: Callable[[], str]) -> Iterator[RunWorker]:
    """Starts workers, and ends all that were started. Their logs are shown when the test fails."""
    started: list[WorkerProcess] = []

    def run(
        *,
        processes: int = 1,
        threads: int = 4,
        queues: Sequence[str] | None = None,
        shutdown_timeout: float | None = None,
        database_url: str | None = None,
        env: Mapping[str, str] | None = None,
        module: str = "tests.support.worker_app",
    ) -> WorkerProcess:
        worker = WorkerProcess(
            database_url or default_url(),
            processes=processes,
            threads=threads,
            queues=queues,
            shutdown_timeout=shutdown_timeout,
            env=env or {},
            module=module,
        )
        started.append(worker)
        return worker

    try:
        yield run
    finally:
        for worker in started:
            worker.end()


@pytest.fixture
def run_worker(job_store: JobStore) -> Iterator[RunWorker]:
    """Starts worker processes on the test's job store; they are gone after the test."""
    with workers_of(lambda: job_store.url) as run:
        yield run


def _clean_environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JOBS_", "DHANMAN_", "PG", "dramatiq_"))}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
