"""The command as a process: how fast it comes, what goes to which stream, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from infra.cli.actors import loaded_broker
from infra.queue import registry
from infra.store.connections import Store
from tests.cli.conftest import ROOT, Desk
from tests.support.job_store import JobStore


def test_help_comes_at_once_and_imports_nothing_heavy(bare_desk: Desk) -> None:
    started = time.monotonic()
    assert bare_desk.process("--help").code == 0
    assert time.monotonic() - started < 2  # 0.2 s on a quiet machine

    code = (
        "import sys, infra.cli.main; "
        "print([m for m in ('psycopg2', 'dramatiq', 'pydantic', 'rich', 'yoyo') if m in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "command",
    ["migrate", "grant", "doctor", "send", "workers", "prune", "queues", "queues list", "queues pause", "queues resume",
     "jobs list", "jobs show", "jobs retry", "jobs cancel", "jobs delete", "batches list", "batches show",
     "batches watch", "batches cancel", "batches retry", "workflows list", "workflows show"],
)  # fmt: skip
def test_every_command_has_help_with_examples_and_answers_in_json(bare_desk: Desk, command: str) -> None:
    answer = bare_desk.run(*command.split(), "--help")

    assert answer.code == 0
    assert f"  dhanman-jobs {command.partition(' ')[0]}" in answer.out
    assert "--json" in answer.out


def test_send_prints_the_id_and_the_job_waits(desk: Desk, job_store: JobStore) -> None:
    sent = desk.process("send", "common.send_welcome_email", "asha@example.com", "Asha", "--delay", "10m")

    assert (sent.code, sent.err) == (0, "")
    waits = job_store.ask("select state::text, extract(epoch from eta - enqueued_at)::int from common_jobs.queue "
                          "where message_id = %s", sent.out.strip())  # fmt: skip
    assert waits == [("scheduled", 600)]


def test_send_refuses_with_exit_code_2(desk: Desk, job_store: JobStore) -> None:
    for words, said in (
        (["common.send_welcome_email", "asha@example.com"], "missing a required argument: 'name'"),
        (["common.send_welcome_email", "7", "Asha"], "argument 'email' must be str"),
        (["common.send_welcom_email"], "did you mean 'common.send_welcome_email'"),
        (["common.send_welcome_email", "a", "b", "--queue", "defualt"], "did you mean 'default'"),
        (["common.send_welcome_email", "a", "b", "--eta", "tomorrow"], "--eta tomorrow"),
        (["common.send_welcome_email", "a", "b", "--eta", "2030-01-01T06:00"], "time zone"),
        (["common.send_welcome_email", "a", "b", "--delay", "soon"], "--delay soon"),
        (["common.send_welcome_email", "a", "--kwarg", "name"], "NAME=VALUE"),
        (["common.send_welcome_email", "a", "--args", "[]"], "not both"),
    ):
        answer = desk.run("send", *words)

        assert (answer.code, answer.out) == (2, ""), words
        assert said in answer.err
        assert len(answer.err.splitlines()) == 1
    assert job_store.states() == {}


def test_send_takes_arguments_in_every_way(desk: Desk, job_store: JobStore) -> None:
    registry.declare(loaded_broker(), [Store("common", job_store.url)])
    for words in (
        ["asha@example.com", "Asha"],
        ["asha@example.com", "--kwarg", "name=Asha"],
        ["--args", '["asha@example.com", "Asha"]'],
        [
            "--args",
            '{"email": "asha@example.com", "name": "Asha"}',
            "--priority",
            "3",
            "--queue",
            "low-priority",
        ],
    ):
        sent = desk.run("send", "common.send_welcome_email", *words, "--json")
        assert sent.code == 0, sent.err
        job = desk.run("jobs", "show", sent.json["id"], "--json").json["job"]
        assert job["arguments"] == {"email": "asha@example.com", "name": "Asha"}
    assert (job["priority"], job["queue"]) == (3, "low-priority")


def test_send_says_when_a_job_with_its_unique_key_waits_already(desk: Desk) -> None:
    words = ["send", "common.send_welcome_email", "a", "b", "--unique-key", "one"]
    first, second = desk.run(*words), desk.run(*words)

    assert second.out == first.out
    assert "waits already" in second.err


def test_no_database_is_exit_code_3_in_one_line(bare_desk: Desk) -> None:
    answer = bare_desk.process("queues", "--json")

    assert (answer.code, len(answer.err.splitlines())) == (3, 1)
    assert json.loads(answer.out)["exit_code"] == 3
    assert "sesame" not in answer.out + answer.err


def test_a_store_that_is_not_migrated_says_so(empty_desk: Desk) -> None:
    for words in (
        ["jobs", "list"],
        ["batches", "list"],
        ["workflows", "show", "11111111"],
        ["queues"],
        ["workers"],
        ["prune"],
        ["send", "common.send_welcome_email", "a", "b"],
    ):
        answer = empty_desk.run(*words)
        assert (answer.code, "dhanman-jobs migrate" in answer.err, answer.out) == (1, True, ""), words


def test_bad_settings_are_exit_code_2_and_named(bare_desk: Desk) -> None:
    answer = bare_desk.process("workers", JOBS_THREADS="0")

    assert answer.code == 2
    assert "JOBS_THREADS='0'" in answer.err


def test_wrong_usage_is_exit_code_2(bare_desk: Desk) -> None:
    for words in (["what"], ["jobs", "list", "--limit", "0"], ["jobs", "list", "--older", "long"], ["jobs", "show"],
                  ["queues", "--service", "sale"]):  # fmt: skip
        assert bare_desk.run(*words).code == 2, words


def test_tables_are_plain_where_nobody_looks(desk: Desk) -> None:
    desk.run("queues", "pause", "default")
    assert "\x1b" not in desk.process("queues").out
