"""`dhanman-jobs recurring`: the calendar as operators see it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from tests.cli.conftest import ROOT, Desk
from tests.support.job_store import JobStore

pytestmark = pytest.mark.usefixtures("calendar")


def test_the_calendar_is_known_after_migrate(desk: Desk) -> None:
    desk.run("migrate")
    found = {job["name"]: job for job in desk.run("recurring", "list", "--json").json["recurring"]}

    assert found["generate-monthly-invoices"]["words"] == "at 06:00 on day 1 of every month"
    assert found["generate-monthly-invoices"]["last_outcome"] is None
    assert "generate-monthly-invoices" in desk.run("recurring", "list").out


def test_the_next_runs_come_in_order(desk: Desk) -> None:
    runs = desk.run("recurring", "next", "--count", "30", "--json").json["next"]

    assert len(runs) == 30
    assert len({run["name"] for run in runs}) > 1
    one = desk.run("recurring", "next", "check-overdue-invoices", "--count", "2", "--json").json["next"]
    assert [run["name"] for run in one] == ["check-overdue-invoices"] * 2


def test_a_job_that_does_not_run_has_no_next_run_and_says_why(desk: Desk, job_store: JobStore) -> None:
    job_store.ask("update sales_jobs.recurring set next_at = next_at - interval '1 year'")
    desk.run("recurring", "pause", "calculate-late-fees", "--reason", "year end")
    job_store.ask(
        "update sales_jobs.recurring set orphaned_at = now() where name = 'generate-monthly-invoices'"
    )

    found = {job["name"]: job for job in desk.run("recurring", "list", "--json").json["recurring"]}
    lines = {line.split()[0]: line for line in desk.run("recurring", "list").out.splitlines() if line.split()}

    paused, orphan = found["calculate-late-fees"], found["generate-monthly-invoices"]
    assert [(job["next_at"], job["overdue"]) for job in (paused, orphan)] == [(None, False)] * 2
    assert found["check-overdue-invoices"]["overdue"]
    assert "orphaned: no code declares it" in lines["generate-monthly-invoices"]
    assert "year end" in lines["calculate-late-fees"]
    assert "overdue since" in lines["check-overdue-invoices"]
    for name, why in (
        ("calculate-late-fees", "year end"),
        ("generate-monthly-invoices", "no code declares it"),
    ):
        refused = desk.run("recurring", "next", name)
        assert (refused.code, refused.out) == (1, "")
        assert why in refused.err
        assert "next runs" not in desk.run("recurring", "show", name).out


def test_everything_about_one_job_is_shown(desk: Desk) -> None:
    desk.run("recurring", "reschedule", "generate-monthly-invoices", "30 7 2 * *", "--zone", "Asia/Dubai")
    desk.run("recurring", "pause", "generate-monthly-invoices", "--reason", "year end")
    triggered = [
        desk.run("recurring", "trigger", "generate-monthly-invoices", "--json").json["id"] for _ in "123456"
    ]

    shown = desk.run("recurring", "show", "generate-monthly-invoices")

    for fact in (
        "actor      sales.generate_monthly_invoices",
        "schedule   at 07:30 on day 2 of every month",
        "as written 30 7 2 * *",
        "zone       Asia/Dubai",
        "the code   at 06:00 on day 1 of every month (0 6 1 * *, Asia/Kolkata)",
        "missed     once: ",
        "overlap    skip: ",
        ": year end, since ",
    ):
        assert fact in shown.out
    assert shown.out.count("  Enqueued, job ") == 5
    machine = desk.run("recurring", "show", "generate-monthly-invoices", "--json").json
    assert [tick["message_id"] for tick in machine["ticks"]] == triggered[:0:-1]
    assert machine["next"] == []
    assert machine["recurring"]["code_words"] == "at 06:00 on day 1 of every month"
    assert len(desk.run("recurring", "show", "calculate-late-fees", "--json").json["next"]) == 5


def test_secret_arguments_are_not_shown(desk: Desk, job_store: JobStore) -> None:
    job_store.ask(
        "insert into common_jobs.recurring (name, actor_name, args, spec, zone, next_at, added_by) values "
        "('greet', 'common.greet', '[\"Asha\", \"sesame\"]', '@daily', 'Asia/Kolkata', now() + interval '1 h', 'ravi')"
    )

    assert "password = '***'" in desk.run("recurring", "show", "greet").out
    machine = desk.run("recurring", "list", "--json")
    assert "sesame" not in machine.out
    [job] = [job for job in machine.json["recurring"] if job["name"] == "greet"]
    assert job["arguments"] == {"name": "Asha", "password": "***"}


def test_a_job_whose_zone_this_machine_lacks_is_shown_all_the_same(desk: Desk, job_store: JobStore) -> None:
    job_store.ask("update sales_jobs.recurring set zone = 'Asia/Atlantis' where name = 'calculate-late-fees'")

    assert "unreadable: unknown zone 'Asia/Atlantis'" in desk.run("recurring", "list").out
    assert desk.run("recurring", "show", "calculate-late-fees").code == 0
    assert desk.run("recurring", "next").code == 0


def test_the_history_says_what_became_of_each_run(desk: Desk, job_store: JobStore) -> None:
    triggered = desk.run("recurring", "trigger", "check-overdue-invoices", "--json").json["id"]

    assert job_store.state(triggered, service="sales") == "queued"
    [tick] = desk.run("recurring", "history", "check-overdue-invoices", "--json").json["ticks"]
    assert (tick["outcome"], tick["message_id"], tick["state"]) == ("triggered", triggered, "queued")
    assert "Enqueued" in desk.run("recurring", "history", "check-overdue-invoices").out


@pytest.mark.parametrize("order", ["show", "history", "next", "pause", "resume", "trigger", "remove"])
def test_an_unknown_name_is_refused_with_the_nearest(desk: Desk, order: str) -> None:
    refused = desk.run("recurring", order, "check-overdue-invoice")
    assert refused.code == 1
    assert "did you mean 'check-overdue-invoices'" in refused.err


@pytest.mark.parametrize("columns", [80, 120])
def test_in_a_narrow_terminal_nothing_of_a_job_is_cut(desk: Desk, columns: int) -> None:
    reason = "the mail server moves to the new rack, see the note of the meeting on Friday"
    desk.run("recurring", "pause", "send-payment-reminders", "--reason", reason)

    said = on_a_terminal(desk, columns, "recurring", "list", "--service", "sales")

    assert max(len(line.rstrip()) for line in said) <= columns
    assert "…" not in "".join(said)
    assert reason in " ".join(" ".join(said).split())


def on_a_terminal(desk: Desk, columns: int, *words: str) -> list[str]:
    """What a command says in a terminal that is so wide."""
    ours, its = pty.openpty()
    environment = {
        "JOBS_DATABASE_URL": desk.url,
        "COLUMNS": str(columns),
        "TERM": "dumb",
        "PATH": os.environ["PATH"],
    }
    code = "from infra.cli.main import run; run()"
    with subprocess.Popen(
        [sys.executable, "-c", code, *words], env=environment, cwd=ROOT, stdout=its
    ) as process:
        os.close(its)
        said = b""
        try:
            while piece := os.read(ours, 65536):
                said += piece
        except OSError:  # Linux's way to say that the other side has closed
            pass
        finally:
            os.close(ours)
    assert process.returncode == 0
    return said.decode().splitlines()


def test_the_doctor_names_jobs_that_a_clock_ahead_left_far_behind_and_migrate_mends_it(
    desk: Desk, job_store: JobStore
) -> None:
    job_store.ask(
        "update sales_jobs.recurring set next_at = '2099-01-01 00:00Z' where name = 'check-overdue-invoices'"
    )

    def findings() -> list[dict[str, str]]:
        found = desk.run("doctor", "--json", "--service", "sales").json["findings"]
        return [finding for finding in found if finding["check"] == "recurring"]

    [finding] = findings()
    assert finding["level"] == "error"
    assert "check-overdue-invoices (2099-01-01 00:00 UTC)" in finding["what"]
    assert "dhanman-jobs migrate" in finding["advice"]

    desk.run("migrate")
    assert [finding["level"] for finding in findings()] == ["ok"]
