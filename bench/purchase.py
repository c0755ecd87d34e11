"""The three-way match: a year's bills matched, written and posted in one run, for 1,000, 5,000 and 10,000 bills."""

import os
import statistics
import tempfile
import time
from pathlib import Path

SIZES = (1_000, 5_000, 10_000)
ROUNDS = 3
YEAR_END = "2027-03-31"


def prepare(database_url: str) -> None:
    """Nothing: what is measured makes its own tables."""


def measure(database_url: str, sizes: tuple[int, ...] = SIZES, rounds: int = ROUNDS) -> dict[str, float]:
    """Seconds a run takes, and milliseconds a bill, by size; medians of the rounds.

    Every run has a society of its own, so the tables grow from run to run as they do in production. Its second run of
    the day, which finds nothing new among the bills on hold, is measured too.
    """
    os.environ["JOBS_DATABASE_URL"] = database_url
    os.environ.setdefault("JOBS_HOME", tempfile.mkdtemp(prefix="bench-purchase-"))
    import actors
    from infra.settings import settings
    from infra.store import migrate

    settings.cache_clear()
    migrate.apply(database_url, "purchase", Path(actors.__file__).parent / "purchase" / "migrations")
    first: dict[int, list[float]] = {size: [] for size in sizes}
    again: dict[int, list[float]] = {size: [] for size in sizes}
    _match(_seeded(database_url, 100, rounds), 100)  # imports what letters need
    for turn in range(rounds):
        for size in sizes:
            society = _seeded(database_url, size, turn)
            first[size].append(_match(society, size) / size)
            again[size].append(_match(society, 0))
    figures: dict[str, float] = {}
    for size in sizes:
        each = statistics.median(first[size])
        figures[f"{size} vendor bills, seconds"] = round(each * size, 3)
        figures[f"{size} vendor bills, ms each"] = round(each * 1_000, 3)
        figures[f"{size} vendor bills again, seconds"] = round(statistics.median(again[size]), 3)
    return figures


def _seeded(database_url: str, size: int, turn: int) -> str:
    from actors.purchase.seed import seed
    from infra.store import connections

    with connections.transaction("purchase") as purchase:
        made = seed(purchase, seed_number=10 * size + turn, bills=size)
    with connections.pool(database_url).borrowed() as connection, connection.cursor() as cursor:
        cursor.execute("analyze")
    return str(made.community_id)


def _match(society: str, at_least: int) -> float:
    """Seconds of one run, letters included."""
    from actors.purchase import match_vendor_bills

    started = time.perf_counter()
    result = match_vendor_bills.fn(society, YEAR_END)
    took = time.perf_counter() - started
    assert result["posted"] >= at_least * 0.8, result
    return took
