"""How a worker behaves towards the database: quiet when idle, and nothing that a pooler would lose."""

from __future__ import annotations

import re
import time
from pathlib import Path

import infra
from infra.store.sql import load
from tests.support.job_store import JobStore
from tests.support.waiting import wait_for
from tests.support.worker import RunWorker


def test_an_idle_worker_says_little(job_store: JobStore, run_worker: RunWorker) -> None:
    # A fifth of the default intervals, so five times as much is allowed.
    brisk = {
        "JOBS_HEARTBEAT_INTERVAL": "3s",
        "JOBS_SERVER_TIMEOUT": "12s",
        "JOBS_POLL_INTERVAL": "3s",
    }
    run_worker(env=brisk).wait_ready()
    job_store.wait_until(job_store.send("common.ran"), "done")
    # Sessions tell the statistics what they did when they are idle; a moment later their start-up is counted.
    wait_for(lambda: transactions(job_store) > 0, "statistics come")
    counts = []
    start = time.monotonic()
    while time.monotonic() - start < 8:
        counts.append(transactions(job_store))
        time.sleep(1)

    own = len(counts)  # each look is a transaction too
    per_second = (transactions(job_store) - counts[1] - own) / (time.monotonic() - start - 1)
    assert per_second <= 5 * 2.0


def transactions(job_store: JobStore) -> int:
    [(count,)] = job_store.ask(
        "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()"
    )
    return int(count)


def test_the_queues_statements_keep_no_state_in_a_session() -> None:
    statements = load("infra.queue").bind("common_jobs")
    for name in statements:
        text = getattr(statements, name).lower()
        assert "pg_advisory_lock" not in text, name
        assert "pg_try_advisory_lock" not in text, name
        assert not re.search(r"\bprepare\b|\bdeclare\b.*\bcursor\b|\btemp(orary)?\s+table\b", text), name
        assert not re.search(
            r"\bset\s+(?!local\b)(session\b|time\s+zone\b|[a-z_.]+\s*(=|to)\b)", _without_updates(text)
        ), name


def test_the_queues_code_keeps_no_state_in_a_session() -> None:
    folder = Path(infra.__file__).parent / "queue"
    for file in folder.glob("*.py"):
        text = file.read_text()
        assert "advisory" not in text, file
        assert not re.search(r"execute\(\s*[\"'](set (?!local)|prepare)", text, re.IGNORECASE), file
        if file.name != "listen.py":
            assert not re.search(r"[\"'; ]listen \"", text), f"{file}: LISTEN has a connection of its own"


def _without_updates(text: str) -> str:
    """`update … set column = value` and `do update set …` are no settings."""
    return re.sub(r"\bupdate\b[^;]*?\bset\b", "update", text, flags=re.DOTALL)
