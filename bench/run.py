"""Runs the measurements, each in a process of its own, and remembers their samples."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from bench.report import Sample
from bench.server import Server

LONGEST = 1800  # seconds a single measurement may take

CONTENDERS = frozenset({"ours", "stub_broker", "raw_psycopg2", "pgqueuer", "procrastinate"})

Answer = dict[str, Any]


class ContenderFailedError(Exception):
    """The contender's process ended with an error, which this repeats."""


@dataclass
class Run:
    """One invocation of the benchmark: the server, who takes part, what was measured."""

    server: Server
    console: Console
    contenders: frozenset[str] = CONTENDERS
    samples: list[Sample] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    databases: int = 0

    def wants(self, contender: str) -> bool:
        """Whether the contender takes part and has not failed."""
        return contender in self.contenders and contender not in self.failures

    @contextmanager
    def database(self, contender: str, **preparation: str) -> Iterator[str]:
        """A fresh database in which the contender has set up its schema."""
        self.databases += 1
        with self.server.fresh_database(f"{contender}_{self.databases}") as url:
            call(contender, "prepare", database_url=url, **preparation)
            yield url

    @contextmanager
    def forgiving(self, contender: str) -> Iterator[None]:
        """A contender that fails is left out of the rest of the run, and named in the report."""
        try:
            yield
        except ContenderFailedError as failure:
            self.failures[contender] = str(failure)
            self.console.print(f"  [red]{contender} failed[/]: {failure}")

    def record(
        self, figure: str, contender: str, value: float, unit: str, detail: Answer | None = None
    ) -> None:
        self.samples.append(Sample(figure, contender, value, unit, detail or {}))
        self.console.print(f"  [dim]{figure:<26}{contender:<16}[/]{value:>12,.2f} {unit}", highlight=False)


def call(contender: str, function: str, **parameters: object) -> Answer:
    """Run one function of a contender in a process of its own; its answer. Raises ContenderFailedError."""
    with serving(contender, function, wait_until_ready=False, **parameters) as process:
        pass
    return process.answer


@dataclass
class Process:
    """A contender's function at work."""

    answer: Answer = field(default_factory=dict)


@contextmanager
def serving(
    contender: str, function: str, wait_until_ready: bool = True, **parameters: object
) -> Iterator[Process]:
    """Run a function that says "ready" and works until its input closes, which the end of the block does."""
    name = f"{contender}.{function}"
    child = subprocess.Popen(
        [sys.executable, "-m", "bench.child", contender, function],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment(),
    )  # fmt: skip
    try:
        assert child.stdin and child.stdout
        child.stdin.write(json.dumps(parameters) + "\n")
        child.stdin.flush()
        process = Process()
        if wait_until_ready and child.stdout.readline().strip() != "ready":
            raise _failure(name, child)
        yield process
        output, errors = child.communicate(timeout=LONGEST)
        if child.returncode:
            raise ContenderFailedError(f"{name}: {_last_line(errors, child)}")
        process.answer = json.loads(output.splitlines()[-1]) or {}  # a function may return nothing
    finally:
        child.kill()


def _failure(name: str, child: "subprocess.Popen[str]") -> ContenderFailedError:
    _, errors = child.communicate(timeout=60)
    return ContenderFailedError(f"{name}: {_last_line(errors, child)}")


def _last_line(errors: str, child: "subprocess.Popen[str]") -> str:
    return (errors.strip().splitlines() or [f"exit {child.returncode}"])[-1]


def _environment() -> dict[str, str]:
    """The caller's environment without what could tune one contender by accident."""
    prefixes = ("DRAMATIQ_", "DHANMAN_", "JOBS_", "PGQUEUER_", "PROCRASTINATE_", "PG", "SENTRY_")
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(prefixes)}
