"""`make simulate`: a society's year, once with workers that are killed at random and once without."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from bench.server import running_server
from tests.simulation.run import with_deaths_and_without
from tests.simulation.what_remains import differences
from tests.simulation.year import Society


def main(
    months: Annotated[int, typer.Option(min=1, max=12, help="From April on.")] = 12,
    flats: Annotated[int, typer.Option(min=4)] = 240,
    staff: Annotated[int, typer.Option(min=1)] = 20,
    seed: Annotated[int, typer.Option(help="Another number is another society, and other deaths.")] = 2026,
    kill_every: Annotated[float, typer.Option(help="Seconds between two deaths of a worker.")] = 8.0,
) -> None:
    """Live through the months twice, and compare. Exit code 1 where a figure does not agree."""
    first = date(2026, 4, 1)
    last = (first + timedelta(days=31 * months)).replace(day=1) - timedelta(days=1)
    society = Society(flats=flats, staff=staff)
    with running_server() as server, tempfile.TemporaryDirectory(prefix="year-") as home:
        runs = with_deaths_and_without(
            server.url("postgres"), Path(home), first, last, society, seed=seed, kill_every=kill_every
        )
    found = [*runs[0].faults, *runs[1].faults, *differences(runs[0].remains, runs[1].remains)]
    for fault in found:
        print(fault)
    rows = sum(sum(rows.values()) for rows in runs[1].remains.values())
    verdict = "they do not agree" if found else "they agree"
    print(
        f"{months} months, {runs[0].kills} deaths, {rows:,} rows in {len(runs[1].remains)} tables: {verdict}"
    )
    raise typer.Exit(1 if found else 0)


if __name__ == "__main__":
    typer.run(main)
