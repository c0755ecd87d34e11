"""`make demo`: a housing society's month, billed by real workers on a real Postgres, from nothing.

    migrate → seed 240 flats → start workers → a job a flat → letters with PDFs → the treasurer's summary

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
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dramatiq import Message
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from actors import sales
from actors.sales.report import MonthSummary, month_summary
from actors.sales.rules.money import rupees
from actors.sales.seed import SeededSociety, seed
from infra.queue import enqueue_many
from infra.settings import SERVICES, settings
from infra.store import migrate
from infra.store.connections import Store, business_url, store_of, transaction
from infra.store.sql import load

TIME_OUT = 80.0
"""Seconds after which the demo gives up on its workers."""


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
        society = seed(connection, period=period)
        before = month_summary(connection, society.community_id, period)
    console.print(
        f"[bold]{society.name}[/bold]: {len(society.unit_ids)} flats, month {period}, "
        + ("seeded" if society.rows_inserted else "as it was left")
    )
    store = store_of("sales")
    with workers(settings().home / "var" / "log" / "demo-worker.log") as worker:
        messages = jobs_of(society, period)
        begun = time.monotonic()
        enqueue_many(messages)
        enqueued = time.monotonic() - begun
        trouble = follow(console, store, society, period, messages, worker)
        billed = time.monotonic() - begun
        with transaction("sales") as connection:
            after = month_summary(connection, society.community_id, period)
        console.print(summary(after))
        console.print(samples(after))
        if trouble:
            console.print(f"[red]{trouble}[/red]")
        tell_work(console, before, after, len(messages), enqueued, billed)
        failed = tell_failures(console, store, messages, time.monotonic() - begun)
        tell_where(console, time.monotonic() - started)
        if os.environ.get("DEMO_EXIT") != "1" and not trouble:
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
    for folder in sorted(Path(__file__).parents[1].glob("*/migrations")):
        migrate.apply(business_url(folder.parent.name), folder.parent.name, folder)


def jobs_of(society: SeededSociety, period: str) -> list[Message[str]]:
    """A job a flat; the last flat goes the long way, bill → ledger → letter, a job each."""
    *most, last = (str(unit_id) for unit_id in society.unit_ids)
    return [
        *(sales.generate_invoice_for_resident.message(unit_id, period) for unit_id in most),
        sales.create_invoice.message(last, period),
    ]


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


def follow(
    console: Console,
    store: Store,
    society: SeededSociety,
    period: str,
    messages: list[Message[str]],
    worker: subprocess.Popen[bytes],
) -> str | None:
    """Draws progress until every job is finished, and every letter is or waits for a retry. Returns what went wrong."""
    columns = (TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    deadline = time.monotonic() + TIME_OUT
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bills = progress.add_task("Bills", total=len(messages))
        letters = progress.add_task("Letters", total=len(messages))
        while True:
            unfinished = ask(store, "unfinished_of", messages)[0][0]
            under_way, waiting, why = ask(store, "letters_under_way", messages)[0]
            with transaction("sales") as connection:
                now = month_summary(connection, society.community_id, period)
            progress.update(bills, completed=len(messages) - unfinished)
            progress.update(letters, completed=now.letters)
            if not unfinished and not under_way:
                if waiting:
                    console.print(f"[yellow]{waiting} letters wait for a retry[/yellow]: {why}")
                return None
            left = f"{unfinished} bills and {under_way + waiting} letters are not done; run the demo again to go on."
            if worker.poll() is not None:
                return f"The workers ended with {worker.returncode}: {left}"
            if time.monotonic() > deadline:
                return f"It took more than {TIME_OUT:g} s: {left}"
            time.sleep(0.1)


def ask(store: Store, name: str, messages: list[Message[str]], seconds: float = 0) -> list[tuple[Any, ...]]:
    statement = getattr(load("actors.sales").bind(store.schema), name)
    return store.fetch(statement, {"message_ids": [m.message_id for m in messages], "seconds": seconds})


def summary(month: MonthSummary) -> Table:
    """What a treasurer wants to see."""
    table = Table(title=f"Maintenance bills of {month.period}", show_header=False, title_justify="left")
    table.add_column()
    table.add_column(justify="right")
    table.add_row("Bills", f"{month.bills} ({month.tax_invoices} with GST)")
    table.add_row("Total billed", rupees(month.total))
    table.add_row("of it CGST + SGST", f"{rupees(month.cgst)} + {rupees(month.sgst)}")
    table.add_row("Arrears shown apart", rupees(month.arrears))
    table.add_row("Ledger debit = credit", f"{rupees(month.debit)} = {rupees(month.credit)}")
    table.add_row(
        "Members owe what was billed", "yes" if month.receivable_equals_invoices else "[red]no[/red]"
    )
    table.add_row("Letters sent", str(month.letters))
    table.add_row("Reminders waiting for their day", str(month.reminders_ahead))
    return table


def samples(month: MonthSummary) -> Table:
    table = Table(title="Three of them", title_justify="left")
    for name in ("Number", "Flat", "Bill to", "Kind"):
        table.add_column(name, no_wrap=True)
    table.add_column("Total", justify="right")
    table.add_column("Arrears", justify="right")
    for bill in month.samples:
        kind = bill.kind.value.replace("_", " ").lower()
        table.add_row(
            bill.number, bill.unit_label, bill.bill_to, kind, rupees(bill.total), rupees(bill.arrears)
        )
    return table


def tell_work(
    console: Console, before: MonthSummary, after: MonthSummary, jobs: int, enqueued: float, billed: float
) -> None:
    """What this run did to the books and the post."""
    bills, letters = after.bills - before.bills, after.letters - before.letters
    same_books = replace(before, letters=0, reminders_ahead=0) == replace(after, letters=0, reminders_ahead=0)
    if bills:
        console.print(
            f"{bills} bills by {jobs} jobs, enqueued in {enqueued * 1000:.0f} ms; with {letters} letters and PDFs "
            f"{billed:.1f} s, {(bills + letters) / billed:.0f} jobs/s."
        )
    elif not same_books:
        console.print("[red]No bill is new, yet the books changed![/red]")
    elif letters:
        console.print(
            f"All {jobs} jobs found their bills; {letters} letters were sent now. The books did not change."
        )
    else:
        console.print(f"All {jobs} jobs ran again and found their bills: nothing changed.")


def tell_failures(console: Console, store: Store, messages: list[Message[str]], seconds: float) -> int:
    """Names the first failed jobs and what to do; returns how many there are."""
    failures = ask(store, "failures_of", messages, seconds)
    for message_id, actor_name, error in failures[:3]:
        console.print(f"[red]{actor_name}[/red] failed: {error}")
        console.print(f"  mend it, then: .venv/bin/dhanman-jobs jobs retry {message_id}")
    if len(failures) > 3:
        console.print(f"  and {len(failures) - 3} more: .venv/bin/dhanman-jobs jobs list --state failed")
    return len(failures)


def tell_where(console: Console, elapsed: float) -> None:
    var = settings().home / "var"
    smtp = settings().smtp_url
    mails = f"go to {smtp.split('@')[-1]}" if smtp else f"are in {var / 'mail'}"
    console.print(
        f"Mails {mails}, PDFs are in {var / 'invoices'}, the workers' log is {var / 'log/demo-worker.log'}."
    )
    console.print(f"All of it took {elapsed:.1f} s.")


def wait_for_interrupt(worker: subprocess.Popen[bytes]) -> None:
    try:
        worker.wait()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    raise SystemExit(main())
