"""The health report: a verdict, what needs somebody, and the facts; mailed to the admins and kept as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from actors.common.admins import admins
from actors.common.letters.several import send_to_each
from actors.common.reports.facts import DatabaseFacts, Facts, ServiceFacts, gather
from actors.common.reports.findings import Need, needs
from actors.common.rules.calendar import INDIA, india_date
from infra.gateways.files import keep_file
from infra.gateways.templates import text_and_html
from infra.queue import current_job
from infra.queue.overview import QueueFacts
from infra.queue.states import NAMES
from infra.settings import settings
from infra.store import connections

MOST_FAILURES_SHOWN = 10
Row = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table of the report, as text.

    Parameters:
      right: columns of figures.
    """

    title: str
    headings: Row
    rows: tuple[Row, ...]
    right: tuple[int, ...]
    nothing: str

    def lines(self) -> list[str]:
        """For a letter of plain text: columns of the widths they need."""
        widths = [
            max(len(row[place]) for row in (self.headings, *self.rows)) for place in range(len(self.headings))
        ]
        return [
            "  ".join(
                cell.rjust(width) if place in self.right else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in (self.headings, *self.rows)
        ]


def report(scheduled_for: datetime) -> dict[str, Any]:
    """Gather, judge, keep under var/reports/health, and mail. Returns the verdict and what needs somebody."""
    day, config = india_date(scheduled_for), settings()
    facts = gather(config, day)
    found = needs(facts, config)
    values: dict[str, Any] = {
        "subject": f"Dhanman {day:%d %b %Y}: {verdict(found)}",
        "verdict": verdict(found),
        "worst": found[0].level if found else "ok",
        "needs": found,
        "tables": tables(facts),
        "at": moment(facts.now),
    }
    page = text_and_html("actors.common", "health", name=None, **values)[1]
    stamp = f"{scheduled_for.astimezone(INDIA):%Y-%m-%d-%H%M}"
    file = keep_file(config.home / "var" / "reports" / "health" / f"health-{stamp}.html", page.encode())
    with connections.transaction("common") as common:
        to = admins(common, day)
    if not to:
        current_job().log("nobody is told: set JOBS_ADMINS, or enter an officer with the role ADMIN")
    subject = values.pop("subject")
    told = send_to_each("common", to, f"common/health/{stamp}", subject=subject, template="health", **values)
    return {
        "verdict": values["verdict"],
        "needs": [f"{need.where}: {need.what}" if need.where else need.what for need in found],
        "file": file.name,
        "sent": told.sent,
        "refused": list(told.refused),
    }


def verdict(found: Sequence[Need]) -> str:
    """`all well`, `1 thing needs you`, `3 things need you`."""
    if not found:
        return "all well"
    return "1 thing needs you" if len(found) == 1 else f"{len(found)} things need you"


def tables(facts: Facts) -> list[Table]:
    return [
        Table(
            "Queues now",
            ("Service", "Queue", "Ready", "Running", "Delayed", "Oldest waits", "Waited p50", "p95"),
            tuple(_queue(queue) for service in facts.services for queue in service.queues if _is_busy(queue)),
            (2, 3, 4, 5, 6, 7),
            "Nothing waits, and nothing ran within a day.",
        ),
        Table(
            "Jobs that ended within 24 hours",
            ("Service", *(NAMES[state] for state in _ENDS)),
            tuple(_ended(service) for service in facts.services if any(count for _, count in service.ended)),
            (1, 2, 3, 4),
            "None.",
        ),
        _failures(facts.services),
        Table(
            "Workers",
            ("Worker", "Services", "Threads", "Running", "Memory", "Last beat"),
            tuple(
                (
                    worker.name,
                    ", ".join(worker.services),
                    str(worker.threads),
                    str(worker.running),
                    "" if worker.memory_bytes is None else size(worker.memory_bytes),
                    f"{duration(worker.heartbeat_age)} ago",
                )
                for worker in facts.workers
            ),
            (2, 3, 4, 5),
            "None lives.",
        ),
        Table(
            "Databases",
            ("Database", "Size", "Since last report", "In a week", "Last backup", "Last restored for a test"),
            tuple(_database(each) for each in facts.databases),
            (1, 2, 3),
            "None answers.",
        ),
        Table(
            "Largest tables",
            ("Table", "Database", "Size"),
            tuple(
                (name, each.database.name, size(bytes_))
                for each in facts.databases
                for name, bytes_ in each.largest
            ),
            (2,),
            "None.",
        ),
        Table(
            "Disk",
            ("Folder", "Free", "Of"),
            ((str(facts.folder), size(facts.disk_free), size(facts.disk_total)),),
            (1, 2),
            "",
        ),
    ]


_ENDS = ("done", "failed", "rejected", "cancelled")


def _is_busy(queue: QueueFacts) -> bool:
    return bool(queue.ready or queue.running or queue.delayed or queue.latency_p50 is not None)


def _queue(queue: QueueFacts) -> Row:
    return (
        queue.service,
        queue.name + (" (paused)" if queue.paused_by else ""),
        f"{queue.ready:,}",
        f"{queue.running:,}",
        f"{queue.delayed:,}",
        *(duration(seconds) for seconds in (queue.oldest, queue.latency_p50, queue.latency_p95)),
    )


def _ended(service: ServiceFacts) -> Row:
    counts = dict(service.ended)
    return (service.service, *(f"{counts.get(state, 0):,}" for state in _ENDS))


def _failures(services: Sequence[ServiceFacts]) -> Table:
    all_of_them = sorted(
        ((count, actor, error) for service in services for (actor, error), count in service.failures),
        key=lambda failure: (-failure[0], failure[1:]),
    )
    shown = all_of_them[:MOST_FAILURES_SHOWN]
    left = len(all_of_them) - len(shown)
    return Table(
        "Failures within 24 hours, by job and error" + (f" (and {left} kinds more)" if left else ""),
        ("Job", "Error", "Times"),
        tuple((actor, error, f"{count:,}") for count, actor, error in shown),
        (2,),
        "None.",
    )


def _database(each: DatabaseFacts) -> Row:
    return (
        each.database.name,
        size(each.database.size),
        *("" if grown is None else _signed(grown) for grown in (each.grown, each.grown_in_a_week)),
        moment(each.taken_at) if each.taken_at else "none",
        moment(each.verified_at) if each.verified_at else "never",
    )


def _signed(bytes_: int) -> str:
    return f"{'-' if bytes_ < 0 else '+'}{size(abs(bytes_))}"


def size(bytes_: float) -> str:
    """`812 B`, `1.4 MB`, `23 GB`: by 1,024, with two figures at least."""
    for unit in ("B", "kB", "MB", "GB"):
        if bytes_ < 1024:
            return f"{bytes_:.0f} {unit}" if unit == "B" or bytes_ >= 10 else f"{bytes_:.1f} {unit}"
        bytes_ /= 1024
    return f"{bytes_:.1f} TB"


def duration(seconds: float | None) -> str:
    """`0.04 s`, `12 s`, `7 min`, `3.5 h`, `2.0 days`; nothing for None."""
    if seconds is None:
        return ""
    for limit, divisor, unit, places in (
        (1, 1, "s", 2),
        (120, 1, "s", 0),
        (7_200, 60, "min", 0),
        (172_800, 3_600, "h", 1),
    ):
        if seconds < limit:
            return f"{max(seconds, 0) / divisor:.{places}f} {unit}"
    return f"{seconds / 86_400:.1f} days"


def moment(at: datetime) -> str:
    return f"{at.astimezone(INDIA):%d %b %Y, %H:%M} IST"
