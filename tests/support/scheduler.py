"""Recurring jobs as tests speak of them: declared in a line, for real schedulers."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from infra.middleware.retries import RetryPolicy
from infra.queue import current_job
from infra.scheduling import cron, recurring
from tests.support.sample_actors import _ask, _until_open, effect
from tests.support.worker import HASTE, QUIET, ROOT, _clean_environment

INDIA = ZoneInfo("Asia/Kolkata")

APP = "tests.support.scheduler_app"
"""What `dramatiq` and `periodiq` are told to run."""


# -- jobs


@dataclass(frozen=True)
class Job:
    """A recurring job of a test.

    Parameters:
      holds: a run waits for the gate of its due time, as `shown` has it. Then it fails if the gate `<due> fails` is
        open too, and in its first attempt if `<due> stumbles` is.
    """

    name: str
    spec: str = "0 * * * *"
    missed: Any = "once"
    overlap: Any = "allow"
    service: str = "common"
    holds: bool = False

    @property
    def actor_name(self) -> str:
        return f"{self.service}.{self.name.replace('-', '_')}"


def declare_actors(jobs: Sequence[Job]) -> None:
    """On the process's global broker."""
    for job in jobs:
        _declare_actor(job)


def _declare_actor(job: Job) -> None:
    def run(scheduled_for: datetime) -> None:
        due = shown(scheduled_for)
        effect(f"started {job.name} {due}")
        if job.holds:
            for _ in _until_open(due):
                pass
            first = current_job().attempt == 1
            if _ask("select 1 from gate where name = %s", f"{due} fails") or (
                first and _ask("select 1 from gate where name = %s", f"{due} stumbles")
            ):
                raise RuntimeError("as it must")
        effect(f"ended {job.name} {due}")

    run.__name__ = job.actor_name.partition(".")[2]
    declare_it = recurring(
        job.name,
        cron(job.spec),
        missed=job.missed,
        overlap=job.overlap,
        service=job.service,
        retry_policy=RetryPolicy(delays=(3600,), at_end="fail"),
    )
    declare_it(run)


def shown(moment: datetime) -> str:
    """A due time as ledgers, effects and gates of tests have it."""
    return f"{moment.astimezone(INDIA):%m-%d %H:%M}"


def environment_for(jobs: Sequence[Job], catch_up_every: float) -> dict[str, str]:
    """What tells APP its jobs, and its workers how often to look for ticks that nobody sent."""
    told = json.dumps([dataclasses.asdict(job) for job in jobs])
    return {"RECURRING": told, "CATCH_UP_EVERY": str(catch_up_every)}


# -- periodiq


class SchedulerProcess:
    """One `periodiq`, as an operator starts it."""

    def __init__(self, database_url: str, env: Mapping[str, str]) -> None:
        with tempfile.NamedTemporaryFile(prefix="periodiq-", suffix=".log", delete=False) as log_file:
            self.log_path = Path(log_file.name)
            self.process = subprocess.Popen(
                [str(Path(sys.executable).with_name("periodiq")), APP],
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={
                    **_clean_environment(),
                    **HASTE,
                    **QUIET,
                    "JOBS_DATABASE_URL": database_url,
                    "EFFECTS_URL": database_url,
                    **env,
                },
            )

    def kill9(self) -> None:
        self.process.kill()
        self.process.wait(20)

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def end(self) -> None:
        """Whatever happened, nothing of it is left afterwards."""
        self.kill9()
        print(
            f"--- log of scheduler {self.process.pid}\n{self.log_path.read_text(errors='replace')[-5_000:]}"
        )
        self.log_path.unlink(missing_ok=True)
