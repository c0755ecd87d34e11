"""The command line as tests speak of it: an operator's desk on a job store of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dramatiq
import pytest

from infra.app import broker as global_broker
from infra.cli.actors import loaded_broker
from infra.cli.main import main
from infra.middleware.retries import RetryPolicy
from infra.queue import current_job, registry
from infra.scheduling.declare import declare
from infra.settings import settings
from infra.store.connections import store_of
from tests.support.job_store import JobStore, fresh_job_store
from tests.support.queue import empty, working

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Answer:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Desk:
    """Where an operator sits: the command line, in this process or as a process of its own."""

    def __init__(self, url: str, capture: pytest.CaptureFixture[str]) -> None:
        self.url = url
        self._capture = capture

    def run(self, *words: str) -> Answer:
        self._capture.readouterr()
        code = main(words)
        said = self._capture.readouterr()
        return Answer(code, said.out, said.err)

    def process(self, *words: str, **environment: str) -> Answer:
        kept = {
            n: v for n, v in os.environ.items() if not n.startswith(("JOBS_", "DHANMAN_", "PG", "COLUMNS"))
        }
        done = subprocess.run(
            [sys.executable, "-c", "from infra.cli.main import run; run()", *words],
            env=kept | {"JOBS_DATABASE_URL": self.url, "PYTHONPATH": str(ROOT)} | environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return Answer(done.returncode, done.stdout, done.stderr)


def greet(name: str, password: str = "") -> str:
    """Says hello."""
    current_job().log(f"hello {name}")
    current_job().progress(1, 1)
    return f"hello {name}"


def breaks(number: int) -> None:
    """Fails for good at its first attempt."""
    raise RuntimeError(f"number {number} is broken")


def stumbles() -> None:
    """Fails, and will be tried again in an hour."""
    raise RuntimeError("not today")


def declare_on(broker: dramatiq.Broker) -> None:
    for fn, options in (
        (greet, {}),
        (breaks, {"retry_policy": RetryPolicy(delays=(), at_end="fail")}),
        (stumbles, {"retry_policy": RetryPolicy(delays=(3600,))}),
    ):
        dramatiq.actor(fn, broker=broker, actor_name=f"common.{fn.__name__}", service="common", **options)


@pytest.fixture(scope="session")
def shared_job_store(postgres_server: str, job_store_template: str) -> Iterator[JobStore]:
    """One database for all tests that leave its tables as they are: emptied sooner than made anew."""
    with fresh_job_store(postgres_server, job_store_template) as store:
        yield store


@pytest.fixture
def alters_the_schema() -> None:
    """For tests that do not leave the tables as they are: they get a database of their own."""


@pytest.fixture
def job_store(request: pytest.FixtureRequest) -> Iterator[JobStore]:
    """A migrated job store without a row."""
    if "alters_the_schema" in request.fixturenames:
        server, template = (request.getfixturevalue(n) for n in ("postgres_server", "job_store_template"))
        with fresh_job_store(server, template) as store:
            yield store
        return
    url = request.getfixturevalue("shared_job_store").url
    empty(url)
    store = JobStore(url)
    yield store
    store.close()


@pytest.fixture
def desk(
    job_store: JobStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    """An operator's desk on the test's job store, whose actors are registered."""
    monkeypatch.delenv("COLUMNS", raising=False)  # which xdist sets
    with settings_for(job_store.url, monkeypatch, JOBS_SERVICES="common,sales"):
        declare_on(job_store.broker)
        registry.declare(job_store.broker)
        yield Desk(job_store.url, capsys)


@pytest.fixture
def calendar(desk: Desk, job_store: JobStore) -> None:
    """The code's actors and recurring jobs are known, as after a deploy."""
    if job_store.ask("select to_regclass('payroll_jobs.recurring')") == [(None,)]:
        desk.run("migrate")
    broker = loaded_broker()
    stores = [store_of(service) for service in ("common", "sales")]
    registry.declare(broker, stores)
    for store in stores:
        declare(broker, store, complete=True)


@pytest.fixture
def bare_desk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    """A desk without a database: nothing answers at its URL."""
    url = "postgresql://jobs:sesame@127.0.0.1:1/jobs"
    with settings_for(url, monkeypatch):
        yield Desk(url, capsys)


@pytest.fixture
def empty_desk(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    """A desk on a database where nothing is yet."""
    with settings_for(database, monkeypatch):
        yield Desk(database, capsys)


@pytest.fixture
def worked(job_store: JobStore) -> Callable[[dict[str, str]], None]:
    """Lets a worker work until each of these jobs is in the state named."""

    def work(expected: dict[str, str]) -> None:
        with working(job_store.broker):
            for message_id, state in expected.items():
                job_store.wait_until(message_id, state)

    return work


class settings_for:  # noqa: N801  (used like a function)
    """The process's settings, and what was made by them, for one test."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch, **environment: str) -> None:
        for name, value in {"JOBS_DATABASE_URL": url, **environment}.items():
            monkeypatch.setenv(name, value)

    def __enter__(self) -> None:
        self._forget()

    def __exit__(self, *_: object) -> None:
        self._forget()

    def _forget(self) -> None:
        settings.cache_clear()
        global_broker._stores.clear()
