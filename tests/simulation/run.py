"""A simulated time from beginning to end, and what is there then."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from datetime import time as daytime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.simulation.installation import installed
from tests.simulation.proof import LEFT_OUT, SCHEMAS, faults
from tests.simulation.what_remains import Remains, what_remains
from tests.simulation.year import WAKES, Society, live_through


@dataclass(frozen=True)
class Simulated:
    """What came of it: faults as lines for people, the tables, and how many workers were killed."""

    faults: list[str]
    remains: Remains
    kills: int


def with_deaths_and_without(
    server: str, home: Path, first: date, last: date, society: Society, *, kill_every: float, **options: Any
) -> tuple[Simulated, Simulated]:
    """The same time twice, each in a process of its own: with workers that are killed, and undisturbed."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        with_deaths, without = (
            processes.submit(
                simulate, server, home / name, first, last, society, kill_every=every, name=name, **options
            )
            for name, every in (("with-deaths", kill_every), ("undisturbed", 0.0))
        )
        return with_deaths.result(), without.result()


def simulate(
    server: str,
    home: Path,
    first: date,
    last: date,
    society: Society,
    *,
    seed: int,
    kill_every: float,
    paused: tuple[str, ...] = (),
    wakes: tuple[daytime, ...] = WAKES,
    name: str = "",
) -> Simulated:
    """Live through the days on a new database of this server.

    Parameters:
      kill_every: seconds between two deaths of a worker; 0 for none.
      paused: recurring jobs that do not run.
      wakes: when the scheduler looks, each day.
      name: what its progress is called, a line a month on stderr; none without it.
    """
    home.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()

    def told(line: str) -> None:
        if name:
            print(f"{name}: {line}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    def on_day(day: date) -> None:
        if day.day == 28:
            told(f"{day:%B %Y}")

    with installed(server, home) as installation:
        installation.start_workers(2)
        if kill_every:
            installation.reap_at_random(seed, kill_every)
        live_through(installation, first, last, society, seed=seed, paused=paused, wakes=wakes, on_day=on_day)
        found = list(faults(installation))
        remains = what_remains(installation.url, SCHEMAS, LEFT_OUT)
        told(f"{(last - first).days + 1} days and {installation.kills} deaths")
        return Simulated(found, remains, installation.kills)
