"""`make demo`: a housing society's month, billed by real workers on a real Postgres, from nothing.

    migrate → seed 240 flats → start workers → one bill step by step → a batch for the whole society → letters with
    PDFs → the treasurer's summary → the flat that failed is repaired and billed → the treasurer hears of it

Run again it sends all the jobs again, and shows that nothing changed. With DEMO_EXIT=1 it stops its workers and ends;
without, they go on until Ctrl-C.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import actors
from actors.common.rules.calendar import Period
from actors.sales import bills
from actors.sales.report import MonthSummary, month_summary
from actors.sales.seed import DUPLEX, SeededSociety, seed, set_tariff
from actors.sales.summary import summary_of
from infra.composition import Batch
from infra.queue import transaction as jobs_join
from infra.settings import SERVICES, settings
from infra.store import migrate
from infra.store.connections import business_url, store_of, transaction
from infra.store.sql import load
from pipelines import demo_screen as screen
from pipelines.invoices import bill_unit, generate_bulk_invoices, process_invoice

TIME_OUT = 80.0
"""Seconds after which the demo gives up on its workers."""
BAD_FLAT = "C-302"
"""A duplex; the general body has not resolved a tariff for duplexes yet."""


class Trouble(Exception):
    """The demo cannot go on; the text says why."""


@dataclass(frozen=True)
class Month:
    """What is billed, and from when on."""

    society: SeededSociety
    period: str
    deadline: float

    def summary(self) -> MonthSummary:
        with transaction("sales") as connection:
            return month_summary(connection, self.society.community_id, self.period)


def main() -> int:
    for sign in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal ends the workers too
        signal.signal(sign, signal.default_int_handler)
    try:
        return bill_the_month()
    except KeyboardInterrupt:
        print("demo: stopped; run it again to go on")
        return 130


def bill_the_month() -> int:
    started = time.monotonic()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    period = next_month(datetime.now(ZoneInfo("Asia/Kolkata")))
    migrate_all()
    with transaction("sales") as connection:
        society = seed(connection, period=period, without_tariff=BAD_FLAT)
    month = Month(society, period, started + TIME_OUT)
    before = month.summary()
    screen.tell_society(console, society, period)
    trouble = None
    with workers(settings().home / "var" / "log" / "demo-worker.log") as worker:
        begun = time.monotonic()
        workflows = bill_singly(month)
        opening = time.monotonic()
        batch = Batch.get(generate_bulk_invoices(society.community_id, period))
        opened = time.monotonic() - opening
        try:
            follow(console, month, batch, worker)
            tell_treasurer(console, batch)
            repair(console, month, batch, worker)
        except Trouble as error:
            trouble = str(error)
        took = time.monotonic() - begun
        after = month.summary()
        console.print(screen.summary(after))
        console.print(screen.samples(after))
        screen.tell_workflows(console, workflows)
        screen.tell_work(console, before, after, batch.progress().total, opened, took)
        failed = screen.tell_failures(console, ask("failures_lately", seconds=time.monotonic() - begun))
        screen.tell_where(console, time.monotonic() - started)
        if trouble:
            console.print(f"[red]{trouble}[/red]")
        elif os.environ.get("DEMO_EXIT") != "1":
            console.print("Workers go on; see `.venv/bin/dhanman-jobs jobs list`. Ctrl-C ends them.")
            wait_for_interrupt(worker)
    print(f"demo: invoices={after.bills} failed={failed} balanced={'yes' if after.balanced else 'no'}")
    return 0 if after.balanced and not failed and not trouble else 1


def next_month(today: datetime) -> str:
    """The month after today's, as 2026-12: its bills fall due in the days to come."""
    return f"{today.year + today.month // 12}-{today.month % 12 + 1:02}"


def migrate_all() -> None:
    """The job stores, and the tables of every service that has some."""
    for service in SERVICES:
        store = store_of(service)
        migrate.apply(store.url, store.schema)
    for folder in sorted(Path(actors.__file__).parent.glob("*/migrations")):
        migrate.apply(business_url(folder.parent.name), folder.parent.name, folder)


def bill_singly(month: Month) -> dict[str, str]:
    """Two flats one by one: the last in three jobs; the one before drafted here, and its workflow opened in the same
    transaction. Returns the workflows' ids, by what they do.
    """
    drafted, last = (str(unit_id) for unit_id in month.society.unit_ids[-2:])
    with transaction("sales") as connection, jobs_join(connection):
        invoice_id, _ = bills.draft_once(connection, drafted, month.period)
        processed = process_invoice(invoice_id)
    return {"bill_unit": bill_unit(last, month.period), "process_invoice": processed}


def repair(console: Console, month: Month, batch: Batch, worker: subprocess.Popen[bytes]) -> None:
    """Sets the tariff that is missing and has the failed flat billed."""
    if not batch.progress().failed:
        return
    with transaction("sales") as connection:
        first_day = Period.parse(month.period).first_day
        rates = set_tariff(connection, month.society.community_id, DUPLEX, first_day)
    if not rates:
        return  # something else is the matter; it is told with the failures
    again = batch.retry_failed(by="demo", reason="tariff set")
    console.print(
        f"[green]Repaired[/green]: {rates} rates of the new tariff {DUPLEX} set; {again} job retried."
    )
    follow(console, month, batch, worker)
    tell_treasurer(console, batch)


def tell_treasurer(console: Console, batch: Batch) -> None:
    """What the treasurer reads, from the same source."""
    with transaction("sales") as connection:
        told = summary_of(connection, batch.id)
    screen.tell_summary(console, told)


@contextmanager
def workers(log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`dramatiq actors`, as an operator would run it; stopped gracefully, by its own process id."""
    log.parent.mkdir(parents=True, exist_ok=True)
    processes = min(2, os.cpu_count() or 1)
    command = [
        str(Path(sys.executable).with_name("dramatiq")),
        "actors",
        f"--processes={processes}",
        f"--threads={max(1, settings().jobs_threads // processes)}",
    ]
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def follow(console: Console, month: Month, batch: Batch, worker: subprocess.Popen[bytes]) -> None:
    """Draws progress until the batch is complete, and every letter is sent or waits for a retry. Raises Trouble."""
    columns = (TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as drawn:
        flats = len(month.society.unit_ids)
        bars = drawn.add_task("Bills", total=flats), drawn.add_task("Letters", total=flats)
        while True:
            done = batch.progress()
            under_way, waiting, why = ask("at_work")[0]
            failed = f", {done.failed} failed" if done.failed else ""
            drawn.update(bars[0], completed=done.succeeded, description=f"Bills{failed}", total=done.total)
            drawn.update(bars[1], completed=month.summary().letters)
            if done.complete and not under_way:
                if waiting:
                    console.print(f"[yellow]{waiting} jobs wait for a retry[/yellow]: {why}")
                return
            left = f"{under_way + waiting} jobs are not done; run the demo again to go on."
            if worker.poll() is not None:
                raise Trouble(f"The workers ended with {worker.returncode}: {left}")
            if time.monotonic() > month.deadline:
                raise Trouble(f"It took more than {TIME_OUT:g} s: {left}")
            time.sleep(0.1)


def ask(name: str, **parameters: Any) -> list[tuple[Any, ...]]:
    store = store_of("sales")
    return store.fetch(getattr(load("pipelines").bind(store.schema), name), parameters)


def wait_for_interrupt(worker: subprocess.Popen[bytes]) -> None:
    try:
        worker.wait()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    raise SystemExit(main())
