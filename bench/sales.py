"""The business of sales at size: a society billed by real workers, its payments, a year of late fees, printed bills."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg2

PERIOD = "2026-04"
ROOT = Path(__file__).resolve().parents[1]

Answer = dict[str, Any]


def prepare(database_url: str) -> None:
    """The tables of sales and every job store."""
    from infra.settings import SERVICES
    from infra.store import migrate

    migrate.apply(database_url, "sales", ROOT / "actors" / "sales" / "migrations")
    migrate.migrate(database_url, SERVICES)


def bills(database_url: str, units: int, workers: int = 2) -> Answer:
    """A month of a society by `dramatiq actors`, from the batch's opening to its completion: bills numbered and posted.

    Letters and PDFs wait behind the bills; what of them ran meanwhile is counted. The workers' start is left out.
    """
    with _home(database_url):
        from infra.composition import Batch
        from pipelines.invoices import generate_bulk_invoices

        society = _seeded(units)
        with _workers(workers):
            started = time.perf_counter()
            batch = Batch.get(generate_bulk_invoices(society, PERIOD))
            opened = time.perf_counter() - started
            while not batch.progress().complete:
                time.sleep(0.05)
            seconds = time.perf_counter() - started
        posted, letters = _ask(
            database_url,
            "select (select count(*) from sales.invoice where posted_at is not null),"
            " (select count(*) from sales.mail_log)",
        )
    assert posted == units, f"{posted} of {units} bills are posted"
    return {
        "seconds": seconds,
        "opened": opened,
        "ms_a_unit": seconds * 1000 / units,
        "letters_meanwhile": letters,
    }


def payments(database_url: str, units: int = 1_000) -> Answer:
    """process_payment, one after the other in one thread, each a bill overdue for 35 days; jobs enqueued included."""
    with _home(database_url):
        from actors.sales import process_payment

        society = _seeded(units)
        _bill(society, units)
        flats = [row[0] for row in _rows(database_url, "select id::text from sales.unit order by id")]
        started = time.perf_counter()
        for number, flat in enumerate(flats):
            process_payment.fn("bench", f"pay_{number}", flat, "10000.00", "2026-05-20T10:00:00+05:30")
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "rate": len(flats) / seconds}


def late_fees(database_url: str, units: int, days: int = 365, late: float = 1.0) -> Answer:
    """calculate-late-fees run after run for a year; `late` is the share of flats that never pay their one bill."""
    with _home(database_url):
        from actors.sales import late_fees as calendar

        society = _seeded(units)
        _bill(society, units)
        with closing(psycopg2.connect(database_url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(
                "update sales.invoice set voided_at = now() where id in"
                " (select id from sales.invoice order by id limit %s)",
                (round(units * (1 - late)),),
            )
        _ask(database_url, "select count(*) from sales.invoice")
        first = date(2026, 4, 16)
        runs = []
        started = time.perf_counter()
        for number in range(days):
            begun = time.perf_counter()
            calendar.reckon(first + timedelta(days=number))
            runs.append(time.perf_counter() - begun)
        seconds = time.perf_counter() - started
        lines, charged = _ask(
            database_url,
            "select (select count(*) from sales.interest_line), (select sum(charged) from sales.late_interest)",
        )
    return {
        "seconds": seconds,
        "lines": lines,
        "charged": str(charged),
        "slowest_run": max(runs),
        "first_month": sum(runs[:30]),
        "last_month": sum(runs[-30:]),
    }


def pdfs(documents: int = 60) -> Answer:
    """Bills printed by one process, one in eight with a name in Devanagari."""
    from actors.sales.invoice_pdf import render

    printed = [
        _invoice("विनायक कुलकर्णी" if number % 8 == 0 else "Priya Kulkarni") for number in range(documents)
    ]
    render(printed[0])
    started = time.perf_counter()
    for invoice in printed:
        render(invoice)
    return {"rate": documents / (time.perf_counter() - started)}


@contextmanager
def _home(database_url: str) -> Iterator[None]:
    """The settings lead to this database and to a folder of its own."""
    from infra.settings import settings

    with tempfile.TemporaryDirectory(prefix="bench-sales-") as home:
        kept = {name: os.environ.get(name) for name in ("JOBS_DATABASE_URL", "JOBS_HOME")}
        os.environ |= {"JOBS_DATABASE_URL": database_url, "JOBS_HOME": home}
        settings.cache_clear()
        import actors  # noqa: F401 - declares the jobs

        try:
            yield
        finally:
            for name, value in kept.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
            settings.cache_clear()


@contextmanager
def _workers(processes: int) -> Iterator[None]:
    command = [
        str(Path(sys.executable).with_name("dramatiq")),
        "actors",
        f"--processes={processes}",
        "--threads=4",
    ]
    with tempfile.TemporaryFile() as log:
        worker = subprocess.Popen(
            command, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, "JOBS_LOG_LEVEL": "info"},
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 60
            while _said(log).count(b"ready for action") < processes:
                if worker.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the workers did not start: {_said(log)[-500:]!r}")
                time.sleep(0.1)
            yield
        finally:
            os.killpg(worker.pid, signal.SIGKILL)  # what is left are letters
            worker.wait()


def _said(log: Any) -> bytes:
    log.seek(0)
    return bytes(log.read())


def _seeded(units: int) -> UUID:
    from actors.sales.seed import resolve_late_interest, seed
    from infra.store.connections import transaction

    with transaction("sales") as connection:
        society = seed(connection, towers=max(4, units // 250), flats=units, period=PERIOD)
        resolve_late_interest(connection, society.community_id)
    with closing(psycopg2.connect(os.environ["JOBS_DATABASE_URL"])) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("vacuum analyze")
    return society.community_id


def _bill(society: UUID, units: int) -> None:
    """The month's bills without workers, a page at a time."""
    from actors.common.rules.calendar import Period
    from actors.sales import bills as steps
    from actors.sales import runs
    from infra.store.connections import transaction

    with transaction("sales") as connection:
        flats = runs.flats_to_bill(connection, society, Period.parse(PERIOD)).unit_ids
    for start in range(0, units, 200):
        with transaction("sales") as connection:
            steps.bill_page(connection, flats[start : start + 200], PERIOD)


def _invoice(name: str) -> Any:
    from actors.common.rules.calendar import Period
    from actors.common.rules.rates import Rate, RateBook
    from actors.sales.invoice import Invoice, Recipient, Supplier
    from actors.sales.rules import rates
    from actors.sales.rules.billing import Charge, GstTerms, Head, UnitCharges, maintenance_bill

    values = {rates.CGST: 9, rates.SGST: 9, rates.MEMBER_LIMIT: 7_500, rates.TURNOVER_LIMIT: 2_000_000}
    begun = date(2018, 1, 25)
    law = RateBook(
        [Rate(code, "IN", begun, None, Decimal(value), "bench") for code, value in values.items()], "MH"
    )
    prices = {Head.SQFT: "3526.25", Head.SERVICE: "1450", Head.PARKING: "650", Head.SINKING: "500",
              Head.REPAIR: "1500", Head.PROPERTY_TAX: "812"}  # fmt: skip
    charges = tuple(Charge(head, Decimal(1), Decimal(price)) for head, price in prices.items())
    period = Period.parse(PERIOD)
    bill = maintenance_bill(UnitCharges("A-102", charges), period, GstTerms(Decimal(26_400_000), law))
    supplier = Supplier("Green Valley Co-operative Housing Society Ltd.", "PNA/HSG/10482/2019",
                        "Baner, Pune 411045, Maharashtra", "Maharashtra", "27", "27AABAG4821K1ZP",
                        "office@example.in", "Deccan Sahakari Bank · A/c 004210009182")  # fmt: skip
    recipient = Recipient(name, "A-102", "Flat A-102, Tower A, Baner, Pune 411045", None, "en")
    return Invoice(UUID(int=1), UUID(int=2), UUID(int=3), "GV/2627/000123", "GV", period, date(2026, 4, 1),
                   date(2026, 4, 15), supplier, recipient, bill, bill.kind, Decimal(0),
                   void=False, disputed=False)  # fmt: skip


def _run(database_url: str, sql: str) -> None:
    with closing(psycopg2.connect(database_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)


def _rows(database_url: str, sql: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _ask(database_url: str, sql: str) -> tuple[Any, ...]:
    return _rows(database_url, sql)[0]
