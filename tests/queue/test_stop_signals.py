"""Stop signals as process managers really send them."""

from __future__ import annotations

import os
import signal

from tests.support.job_store import JobStore
from tests.support.worker import RunWorker


def test_a_signal_to_the_whole_group_stops_the_worker_once(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    """honcho and systemd signal every process of the group; dramatiq's master passes its own signal on as well."""
    worker = run_worker(processes=2).wait_ready()

    os.killpg(worker.process.pid, signal.SIGTERM)

    assert worker.wait(within=15) == 0
