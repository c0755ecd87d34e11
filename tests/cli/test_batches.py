"""`batches`: list, show, watch, cancel and retry them."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Any

import dramatiq
import pytest

from infra.composition import Batch
from infra.middleware.retries import RetryPolicy
from infra.queue import registry
from tests.cli.conftest import ROOT, Desk
from tests.support.job_store import JobStore
from tests.support.queue import working
from tests.support.waiting import wait_for


def tells(batch_id: str, counts: dict[str, int]) -> None:
    """What became of a batch."""


@pytest.fixture
def callback(desk: Desk, job_store: JobStore) -> Any:
    """A job that follows a batch."""
    actor = dramatiq.actor(
        tells,
        broker=job_store.broker,
        actor_name="sales.tells",
        service="sales",
        retry_policy=RetryPolicy(delays=()),
    )
    registry.declare(job_store.broker)
    return actor


def batch(job_store: JobStore, name: str, *members: tuple[str, Any], **options: Any) -> Batch:
    """An open one, of (actor, argument)."""
    made = Batch(name, broker=job_store.broker, **options)
    made.add_many(job_store.broker.get_actor(actor).message(given) for actor, given in members)
    made.run()
    return made


def completed(job_store: JobStore, made: Batch) -> None:
    with working(job_store.broker):
        wait_for(lambda: made.progress().complete, "it is complete")


def test_batches_are_listed_with_figures_and_found_by_name_service_and_being_open(
    desk: Desk, job_store: JobStore
) -> None:
    first = batch(job_store, "bills of April", ("common.greet", "Asha"), ("common.breaks", 7))
    completed(job_store, first)
    second = batch(job_store, "bills of May", ("common.greet", "Asha"))
    third = batch(job_store, "letters", ("sales.gives", 1))
    dramatiq.pipeline(
        [
            job_store.broker.get_actor("common.gives").message(1),
            job_store.broker.get_actor("common.gives").message(),
        ],
        broker=job_store.broker,
    ).run()

    def listed(*filters: str) -> list[str]:
        answer = desk.run("batches", "list", "--json", *filters)
        assert answer.code == 0, answer.err
        return [found["id"] for found in answer.json["workflows"]]

    assert listed() == [third.id, second.id, first.id]
    assert listed("--open") == [third.id, second.id]
    assert listed("--name", "BILLS") == [second.id, first.id]
    assert listed("--service", "sales") == [third.id]
    assert listed("--limit", "1") == [third.id]
    assert listed("--newer", "1h") == [third.id, second.id, first.id]
    lines = {line[:13]: line.split() for line in desk.run("batches", "list").out.splitlines()}
    assert lines["id           "] == [
        "id",
        "name",
        "kind",
        "service",
        "state",
        "done",
        "failed",
        "age",
        "rate",
        "end",
    ]
    assert lines[first.id[:13]][1:10] == ["bills", "of", "April", "batch", "common", "Failed", "2", "of", "2"]
    assert lines[third.id[:13]][1:8] == ["letters", "batch", "sales", "Open", "0", "of", "1"]
    assert "and more: --limit shows more than 1" in desk.run("batches", "list", "--limit", "1").out
    assert desk.run("batches", "list", "--name", "nothing").out == "no batch or group\n"


def test_show_has_figures_callbacks_and_the_failed_members_with_arguments_and_error(
    desk: Desk, job_store: JobStore, callback: Any
) -> None:
    made = batch(
        job_store,
        "bills",
        *[("common.greet", "Asha")] * 2,
        *[("common.breaks", n) for n in range(3)],
        on_success=callback,
        on_complete=callback,
    )
    completed(job_store, made)

    shown = desk.run("batches", "show", made.id[:8], "--json").json
    assert shown["workflow"]["state"] == "Failed"
    figures = {
        name: shown["workflow"]["progress"][name] for name in ("total", "succeeded", "failed", "waiting")
    }
    assert figures == {"total": 5, "succeeded": 2, "failed": 3, "waiting": 0}
    assert {(c["condition"], c["job"]["actor"], c["job"]["state"]) for c in shown["callbacks"]} >= {
        ("success", "sales.tells", "Awaiting")
    }
    assert sorted(job["arguments"]["number"] for job in shown["failed"]) == [0, 1, 2]
    assert {job["error"][:23] for job in shown["failed"]} == {"RuntimeError: number 0 "} | {
        "RuntimeError: number 1 ",
        "RuntimeError: number 2 ",
    }

    text = desk.run("batches", "show", made.id, "--limit", "2").out
    assert "members    2 succeeded, 3 failed" in text
    assert "  on success  sales.tells " in text
    assert "number=" in text
    assert "… and 1 more: --limit 3 shows more" in text


def test_an_id_must_be_known_and_clear(desk: Desk, job_store: JobStore) -> None:
    for command in ("show", "watch", "cancel", "retry"):
        unknown = desk.run("batches", command, "11111111")
        assert (unknown.code, unknown.out, len(unknown.err.splitlines())) == (1, "", 1)
        assert "no batch or workflow 11111111" in unknown.err
        assert desk.run("batches", command, "what?").code == 2


def test_cancel_asks_before_it_ends_many_and_says_who_did_it(desk: Desk, job_store: JobStore) -> None:
    made = batch(job_store, "bills", *[("common.greet", "Asha")] * 30)

    asked = desk.run("batches", "cancel", made.id)
    assert (asked.code, "30 members of batch 'bills'" in asked.err) == (2, True)
    assert job_store.states() == {"queued": 30}

    done = desk.run("batches", "cancel", made.id, "--yes", "--reason", "wrong month")
    assert (done.code, "30 members cancelled" in done.out) == (0, True)
    assert job_store.states() == {"cancelled": 30}
    shown = desk.run("batches", "show", made.id, "--json").json["workflow"]
    assert shown["state"] == "Cancelled"
    assert "@" in shown["reason"]
    assert shown["reason"].endswith(": wrong month")

    again = desk.run("batches", "cancel", made.id, "--yes")
    assert (again.code, "Cancelled already" in again.err) == (1, True)


def test_retry_queues_the_failed_again_and_with_cancelled_those_too(desk: Desk, job_store: JobStore) -> None:
    made = batch(job_store, "bills", ("common.breaks", 1), ("common.breaks", 2), ("common.greet", "Asha"))
    with working(job_store.broker):
        wait_for(lambda: made.progress().complete, "it is complete")

    done = desk.run("batches", "retry", made.id, "--reason", "mended")
    assert (done.code, done.out) == (0, "batch 'bills': 2 members queued again\n")
    assert job_store.states() == {"queued": 2, "done": 1}
    reasons = job_store.ask("select distinct reason from common_jobs.history where state = 'queued'")
    assert [reason.endswith(": mended") for (reason,) in reasons] == [True]
    assert desk.run("batches", "show", made.id, "--json").json["workflow"]["state"] == "Open"

    assert desk.run("batches", "cancel", made.id).code == 0
    nothing = desk.run("batches", "retry", made.id)
    assert (nothing.code, "--cancelled?" in nothing.out) == (0, True)
    assert desk.run("batches", "retry", made.id, "--cancelled", "--json").json["changed"] == 2


def test_watch_ends_with_the_batch_and_its_exit_code_says_whether_all_succeeded(
    desk: Desk, job_store: JobStore
) -> None:
    good = batch(job_store, "good", *[("common.naps", 0.1)] * 40)
    bad = batch(job_store, "bad", ("common.greet", "Asha"), ("common.breaks", 7))
    with working(job_store.broker):
        watched = desk.process("batches", "watch", good.id, JOBS_SERVICES="common,sales")
        wait_for(lambda: bad.progress().complete, "it is complete")

    assert (watched.code, watched.err) == (0, "")
    assert watched.out.splitlines()[-1] == "Complete: 40 members: 40 succeeded"
    assert "\x1b" not in watched.out
    failed = desk.run("batches", "watch", bad.id)
    assert (failed.code, failed.out) == (1, "Failed: 2 members: 1 succeeded, 1 failed\n")
    machine = desk.run("batches", "watch", bad.id, "--json")
    assert (machine.code, machine.json["state"], machine.json["progress"]["failed"]) == (1, "Failed", 1)


def test_watch_draws_a_bar_on_a_terminal_and_ctrl_c_leaves_it_without_a_trace(
    desk: Desk, job_store: JobStore
) -> None:
    made = batch(job_store, "[red]bills[/red]", ("common.greet", "Asha"))
    ours, theirs = pty.openpty()
    watching = subprocess.Popen(
        [sys.executable, "-c", "from infra.cli.main import run; run()", "batches", "watch", made.id],
        env=os.environ
        | {
            "JOBS_DATABASE_URL": desk.url,
            "JOBS_SERVICES": "common,sales",
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm",
        },
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said, interrupted = b"", False
    with suppress(OSError):  # what a terminal says when the other side is gone
        while chunk := os.read(ours, 65_536):
            said += chunk
            if b"0 of 1" in said and not interrupted:
                interrupted = True
                watching.send_signal(signal.SIGINT)
    os.close(ours)

    assert watching.wait(20) == 130
    assert b"[red]bills[/red]" in said
    assert b"Traceback" not in said
    assert said.rstrip().endswith(b"\x1b[?25h")  # the cursor is back
