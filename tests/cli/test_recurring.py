"""`dhanman-jobs recurring`: the calendar as operators see and change it."""

from __future__ import annotations

from tests.cli.conftest import Desk
from tests.support.job_store import JobStore


def test_the_calendar_is_known_after_migrate(desk: Desk) -> None:
    desk.run("migrate")
    found = {job["name"]: job for job in desk.run("recurring", "list", "--json").json["recurring"]}

    assert found["generate-monthly-invoices"]["words"] == "at 06:00 on day 1 of every month"
    assert found["generate-monthly-invoices"]["last_outcome"] is None
    assert "generate-monthly-invoices" in desk.run("recurring", "list").out


def test_the_next_runs_come_in_order(desk: Desk) -> None:
    desk.run("migrate")
    runs = desk.run("recurring", "next", "--count", "30", "--json").json["next"]

    assert len(runs) == 30
    assert len({run["name"] for run in runs}) > 1
    one = desk.run("recurring", "next", "check-overdue-invoices", "--count", "2", "--json").json["next"]
    assert [run["name"] for run in one] == ["check-overdue-invoices"] * 2


def test_a_paused_job_says_by_whom_and_why_and_goes_on_when_resumed(desk: Desk) -> None:
    desk.run("migrate")
    assert desk.run("recurring", "pause", "check-overdue-invoices", "--reason", "year end", "--json").json[
        "paused"
    ]
    assert "year end" in desk.run("recurring", "list").out
    assert (
        desk.run("recurring", "pause", "check-overdue-invoices").out
        == "check-overdue-invoices was paused already\n"
    )

    assert desk.run("recurring", "resume", "check-overdue-invoices", "--json").json["resumed"]
    [job] = [
        j
        for j in desk.run("recurring", "list", "--json").json["recurring"]
        if j["name"] == "check-overdue-invoices"
    ]
    assert job["paused_at"] is None


def test_a_triggered_run_is_a_job_and_stands_in_the_history(desk: Desk, job_store: JobStore) -> None:
    desk.run("migrate")
    triggered = desk.run("recurring", "trigger", "check-overdue-invoices", "--json").json["id"]

    assert job_store.state(triggered, service="sales") == "queued"
    [tick] = desk.run("recurring", "history", "check-overdue-invoices", "--json").json["ticks"]
    assert (tick["outcome"], tick["message_id"]) == ("triggered", triggered)


def test_an_unknown_name_is_refused_with_the_nearest(desk: Desk) -> None:
    desk.run("migrate")
    refused = desk.run("recurring", "pause", "check-overdue-invoice")
    assert refused.code == 1
    assert "did you mean 'check-overdue-invoices'" in refused.err
