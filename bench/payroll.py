"""The month's pay for 250, 500 and 1,000 employees, after months that are posted: worked out, written and posted; then
its payslips, locked and mailed, and its returns.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path
from uuid import UUID

SIZES = (250, 500, 1_000)
HISTORY = ("2026-04", "2026-05")
"""Months that are posted before, so that the measured ones look for arrears and reckon with the year."""
MEASURED = ("2026-06", "2026-07", "2026-08")
PAYSLIPS = 200
"""Payslips printed and locked, one after the other."""


def prepare(database_url: str) -> None:
    """Nothing: what is measured makes its own tables."""


def measure(database_url: str, sizes: tuple[int, ...] = SIZES) -> dict[str, float]:
    """Seconds a month takes, and milliseconds an employee, by size; medians of three months. Payslips a second in one
    process: printed and locked alone, and the whole job, with their letters kept as files.

    Every size is a society of its own, so the tables grow from size to size as they do in production.
    """
    os.environ["JOBS_DATABASE_URL"] = database_url
    os.environ.setdefault("JOBS_HOME", tempfile.mkdtemp(prefix="bench-payroll-"))
    import actors
    from actors.payroll import give_payslips, pay_society, prepare_returns
    from actors.payroll.seed import seed
    from infra.settings import settings
    from infra.store import connections, migrate

    settings.cache_clear()
    migrate.apply(database_url, "payroll", Path(actors.__file__).parent / "payroll" / "migrations")
    migrate.migrate(database_url, ("common", "payroll"))
    figures: dict[str, float] = {}
    for size in sizes:
        with connections.transaction("payroll") as payroll:
            made = seed(payroll, seed_number=size, employees=size - 1, months=5)
        with connections.pool(database_url).borrowed() as connection, connection.cursor() as cursor:
            cursor.execute("analyze")
        for period in HISTORY:
            _posted(pay_society.fn(str(made.community_id), period), size)
        took = []
        for period in MEASURED:
            started = time.perf_counter()
            result = pay_society.fn(str(made.community_id), period)
            took.append(time.perf_counter() - started)
            _posted(result, size)
        figures[f"{size} salaries, seconds"] = round(statistics.median(took), 3)
        figures[f"{size} salaries, ms each"] = round(statistics.median(took) * 1_000 / size, 3)
        started = time.perf_counter()
        prepare_returns.fn(str(made.community_id), MEASURED[-1])
        figures[f"{size} in the returns, seconds"] = round(time.perf_counter() - started, 3)
    figures["payslips printed a second"] = round(_printed(made.community_id, min(PAYSLIPS, sizes[-1])), 1)
    started = time.perf_counter()
    given = give_payslips.fn(str(made.community_id), MEASURED[-1])
    figures["payslips given a second"] = round(sizes[-1] / (time.perf_counter() - started), 1)
    assert given["mailed"] == sizes[-1], given
    return figures


def _printed(community_id: UUID, count: int) -> float:
    """Payslips a second, of the last month."""
    from actors.common.reference import society
    from actors.common.rules.calendar import Period
    from actors.payroll import store
    from actors.payroll.payslips import payslip, pdf
    from infra.store.rows import all_rows

    month = Period.parse(MEASURED[-1])
    with store.transaction() as payroll:
        page = all_rows(
            payroll,
            store.statements.payslip_page,
            community_id=str(community_id),
            period=month.first_day,
            after=None,
            size=count,
        )
        of = society(payroll, "payroll", community_id)
        slips = payslip.read(payroll, of, month, [row.id for row in page], month.next.first_day)
    pdf.render(slips[0], slips[0].payee.password)  # fonts are read once
    started = time.perf_counter()
    for slip in slips:
        pdf.render(slip, slip.payee.password)
    return len(slips) / (time.perf_counter() - started)


def _posted(result: dict[str, object], size: int) -> None:
    assert result["posted"] and result["employees"] == size, result
