"""The demo, as a newcomer runs it: real workers on a server that it starts itself."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
from email.policy import default
from pathlib import Path

import psycopg2
import pytest

from infra.store.embedded import ensure_server, leave_server

ROOT = Path(__file__).resolve().parents[2]
LAST_LINE = "demo: invoices=240 failed=0 balanced=yes"


def demo(home: Path) -> list[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("JOBS_", "DHANMAN_", "SMTP_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.demo"],
        cwd=ROOT,
        env={**environment, "JOBS_HOME": str(home), "DEMO_EXIT": "1"},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.timeout(240)
def test_the_month_is_billed_once_however_often_the_demo_runs(tmp_path: Path) -> None:
    first = demo(tmp_path)
    assert first[-1] == LAST_LINE
    assert any(line.startswith("240 bills by a batch of 240 jobs") for line in first)
    story = "\n".join(first)
    assert "239 of 240 flats are billed; 1 could not be billed." in story
    assert re.search(r"C-302 \(.+\): has no tariff for \d{4}-\d\d", story)
    assert "1 job retried" in story
    assert re.search(r"\n└── sales.create_invoice \w+  Succeeded\n    └── sales.update_ledger ", story)
    subjects = [subject_of(path) for path in (tmp_path / "var" / "mail").glob("*.eml")]
    assert sum(subject.startswith("Maintenance bill ") for subject in subjects) == 240
    treasurers = sorted(subject.partition(": ")[2] for subject in subjects if subject.startswith("Bills of "))
    assert treasurers[0] == "239 of 240 flats billed, 1 failed"
    assert treasurers[1].startswith("all 240 flats billed, ₹ ")
    assert len(subjects) == 242
    assert len(list((tmp_path / "var" / "invoices").rglob("*.pdf"))) == 240

    books = books_of(tmp_path)
    second = demo(tmp_path)

    assert second[-1] == LAST_LINE
    assert any("nothing changed" in line for line in second)
    assert books_of(tmp_path) == books


def subject_of(letter: Path) -> str:
    return str(email.message_from_bytes(letter.read_bytes(), policy=default)["Subject"])


def books_of(home: Path) -> list[tuple[object, ...]]:
    """Every bill and every line of the ledger."""
    url = ensure_server(home)
    try:
        connection = psycopg2.connect(url)
        with connection, connection.cursor() as cursor:
            cursor.execute("select number, total, posted_at from sales.invoice order by number")
            bills = cursor.fetchall()
            cursor.execute("select count(*), sum(debit), sum(credit) from sales.ledger_line")
            bills += cursor.fetchall()
        connection.close()
        return bills
    finally:
        leave_server(home, wait=20)
