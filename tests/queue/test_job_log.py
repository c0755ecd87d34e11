"""What a worker says of each run: a line at the start and one at the end, JSON or for the eye."""

from __future__ import annotations

import json
from typing import Any

import dramatiq
import pytest

from infra.middleware.retries import RetryPolicy
from infra.queue import cancel, current_job
from infra.queue.broker import JobBroker
from tests.support.queue import broker_on, rows, wait_until, working
from tests.support.waiting import wait_for


def lines_of(printed: str, job: Any) -> list[dict[str, Any]]:
    """The JSON lines about a job."""
    found = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return [line for line in found if line.get("job") == job.message_id]


def test_start_and_completion(broker: JobBroker, capsys: pytest.CaptureFixture[str]) -> None:
    @dramatiq.actor(queue_name="critical")
    def bill(flat: str, amount: int, *, note: str = "") -> None:
        pass

    with working(broker):
        job = bill.send("A-101", 5, note="₹")
        wait_until(broker, job, "Succeeded")
    started, finished = lines_of(capsys.readouterr().err, job)
    assert (started["event"], started["level"]) == ("job.started", "info")
    assert (started["actor"], started["attempt"], started["queue"]) == ("bill", 1, "critical")
    assert started["args"] == {"flat": "A-101", "amount": 5, "note": "₹"}
    assert 0 <= started["latency_ms"] < 5_000
    assert (finished["event"], finished["level"], finished["attempt"]) == ("job.finished", "info", 1)
    assert 0 <= finished["duration_ms"] < 5_000
    assert finished["at"].endswith("Z")


def test_failures(broker: JobBroker, capsys: pytest.CaptureFixture[str]) -> None:
    @dramatiq.actor(retry_policy=RetryPolicy(delays=(0.05,)))
    def fail() -> None:
        raise RuntimeError("no charge\nfor A-101")

    with working(broker):
        job = fail.send()
        wait_until(broker, job, "Deleted")
    first, retrying, second, deleted = lines_of(capsys.readouterr().err, job)
    assert [line["event"] for line in (first, retrying, second, deleted)] == [
        "job.started",
        "job.retrying",
        "job.started",
        "job.deleted",
    ]
    assert (retrying["level"], deleted["level"]) == ("warning", "error")
    assert (retrying["attempt"], deleted["attempt"]) == (1, 2)
    for line in (retrying, deleted):
        assert line["error"] == "RuntimeError: no charge\nfor A-101"
        assert "test_job_log.py" in line["traceback"]
    assert "next in 0.05 s" in retrying["reason"]
    assert deleted["reason"] == "attempts used up after 2"


def test_a_cancelled_job_is_said_to_be_cancelled(
    broker: JobBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    @dramatiq.actor
    def hold() -> None:
        wait_for(lambda: current_job().cancellation_requested(), "the request")

    with working(broker):
        job = hold.send()
        wait_until(broker, job, "Processing")
        cancel(broker.store("common"), [job.message_id], by="asha", reason="sent by mistake")
        wait_until(broker, job, "Cancelled")
    _started, cancelled = lines_of(capsys.readouterr().err, job)
    assert cancelled["event"] == "job.cancelled"


def test_secrets_among_the_arguments_are_hidden(
    broker: JobBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    @dramatiq.actor
    def sign_in(user: str, password: str, extra: dict[str, Any], *rest: Any) -> None:
        pass

    with working(broker):
        job = sign_in.send("asha", "hush-1", {"deep": [{"api_token": "hush-2"}]}, "more")
        wait_until(broker, job, "Succeeded")
    printed = capsys.readouterr().err
    assert "hush" not in printed
    started, _ = lines_of(printed, job)
    assert started["args"]["user"] == "asha"
    assert started["args"]["password"] == "***"
    assert started["args"]["extra"] == {"deep": [{"api_token": "***"}]}


def test_for_the_eye(store_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with broker_on(store_url, jobs_log_format="console") as broker:

        @dramatiq.actor
        def bill(flat: str) -> None:
            pass

        with working(broker):
            wait_until(broker, bill.send("A-101"), "Succeeded")
    printed = capsys.readouterr().err
    [started] = [line for line in printed.splitlines() if "job.started" in line]
    assert not started.startswith("{")
    assert "A-101" in started
    assert "actor" in started


def test_below_the_level_nothing_is_said(store_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with broker_on(store_url, jobs_log_level="error") as broker:

        @dramatiq.actor(max_retries=0)
        def run(fail: bool) -> None:
            if fail:
                raise RuntimeError

        with working(broker):
            good, bad = run.send(False), run.send(True)
            wait_until(broker, good, "Succeeded")
            wait_until(broker, bad, "Deleted")
    printed = capsys.readouterr().err
    assert lines_of(printed, good) == []
    assert [line["event"] for line in lines_of(printed, bad)] == ["job.deleted"]


def test_a_log_line_of_a_job_is_kept_with_it(broker: JobBroker) -> None:
    @dramatiq.actor
    def run() -> None:
        for n in range(3):
            current_job().log(f"line {n} \0 \ud800")
        current_job().progress(3, 7)

    with working(broker):
        job = run.send()
        wait_until(broker, job, "Succeeded")
    kept = rows(
        broker, "select line, attempt from {schema}.job_log where message_id = %s order by at", job.message_id
    )
    assert kept == [(f"line {n} \\0 \\ud800", 1) for n in range(3)]
    [progress] = rows(broker, "select progress_done, progress_total from {schema}.finished")
    assert progress == (3, 7)
