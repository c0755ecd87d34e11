"""`<schema>.enqueue(...)`: how .NET and all others send a job, in their own transaction."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import dramatiq
import psycopg2
import pytest
from psycopg2.extensions import connection

from infra.queue import actor, registry
from infra.queue.broker import JobBroker
from infra.queue.statements import bound
from tests.support.queue import count, execute, job_row, job_state, rows, wait_until, working
from tests.support.waiting import wait_for


@pytest.fixture
def seen() -> list[Any]:
    return []


@pytest.fixture(autouse=True)
def bill(broker: JobBroker, seen: list[Any]) -> Any:
    """Two actors, known to the store as `migrate` makes them known."""

    @actor(service="common", queue_name="critical", priority=3)
    def create_bill(flat: str, amount: int = 0, *, note: str | None = None) -> None:
        seen.append((flat, amount, note))

    @actor(service="common", unique="running")
    def close_month(month: str) -> None:
        seen.append(month)

    broker.store("common").fetch(
        bound("common_jobs").declare_actors,
        {
            "names": ["common.create_bill", "common.close_month", "common.send_reminder"],
            "queues": ["critical", "default", "default"],
            "priorities": [3, 0, 0],
            "unique_runnings": [False, True, False],
            "parameters": ["[]", "[]", "[]"],
            "docs": [None, "Closes a month.", None],
            "max_runnings": [None] * 3,
            "max_running_pers": [None] * 3,
            "rate_counts": [None] * 3,
            "rate_mss": [None] * 3,
        },
    )
    return create_bill


@pytest.fixture
def dotnet(store_url: str) -> Iterator[connection]:
    """A connection of a program that knows nothing of Python."""
    with closing(psycopg2.connect(store_url)) as made:
        yield made


def call(client: connection, statement: str, *parameters: Any) -> Any:
    with client.cursor() as cursor:
        cursor.execute(f"select common_jobs.enqueue({statement})::text", parameters)
        return cursor.fetchone()[0]  # type: ignore[index]


def test_only_the_actor_need_be_named(broker: JobBroker, dotnet: connection) -> None:
    job = call(dotnet, "'common.close_month'")
    dotnet.commit()
    row = job_row(broker, job)
    assert (row["state"], row["queue_name"], row["priority"], row["attempts"]) == ("queued", "default", 0, 0)
    assert (row["message"]["args"], row["message"]["kwargs"], row["message"]["options"]) == ([], {}, {})
    assert row["unique_key"] is None


def test_arguments_reach_the_function(broker: JobBroker, dotnet: connection, seen: list[Any]) -> None:
    first = call(dotnet, "'common.create_bill', '[\"A-101\", 5]'")
    second = call(dotnet, '\'common.create_bill\', kwargs => \'{"flat": "हिन्दी", "note": "₹ 😀"}\'')
    dotnet.commit()
    with working(broker):
        wait_until(broker, first, "Succeeded")
        wait_until(broker, second, "Succeeded")
    assert sorted(seen, key=str) == [("A-101", 5, None), ("हिन्दी", 0, "₹ 😀")]


def test_a_delay_schedules_the_job(broker: JobBroker, dotnet: connection) -> None:
    job = call(dotnet, "'common.create_bill', '[\"A-101\"]', delay => interval '2 hours'")
    now = call(dotnet, "'common.create_bill', '[\"A-101\"]', delay => interval '-2 hours'")
    dotnet.commit()
    row = job_row(broker, job)
    assert row["state"] == "scheduled"
    assert row["waits"] == pytest.approx(7200, abs=1)
    assert job_state(broker, now) == "Enqueued"


def test_a_queue_may_be_named(broker: JobBroker, dotnet: connection) -> None:
    job = call(dotnet, "'common.create_bill', '[\"A-101\"]', queue => 'low-priority'")
    dotnet.commit()
    row = job_row(broker, job)
    assert row["queue_name"] == row["message"]["queue_name"] == "low-priority"


def test_a_unique_key_gives_the_waiting_jobs_id(broker: JobBroker, dotnet: connection) -> None:
    first = call(dotnet, "'common.create_bill', '[\"A-101\"]', unique_key => 'A-101/2026-04'")
    second = call(dotnet, "'common.create_bill', '[\"A-101\"]', unique_key => 'A-101/2026-04'")
    other = call(dotnet, "'common.create_bill', '[\"A-101\"]', unique_key => 'A-101/2026-05'")
    elsewhere = call(dotnet, "'common.send_reminder', unique_key => 'A-101/2026-04'")
    dotnet.commit()
    assert first == second
    assert len({first, other, elsewhere}) == 3
    assert count(broker) == 3


@pytest.mark.parametrize("key", ["A-101", "अ" * 1000], ids=["short", "long"])
def test_python_and_sql_mean_the_same_by_a_unique_key(
    broker: JobBroker, dotnet: connection, bill: Any, key: str
) -> None:
    from_sql = call(dotnet, "'common.create_bill', '[\"A-101\"]', unique_key => %s", key)
    dotnet.commit()
    from_python = bill.send_with_options(args=("A-101",), unique_key=key)
    assert from_python.message_id == from_sql
    assert count(broker) == 1


def test_a_job_sent_by_sql_has_the_shape_of_one_sent_from_python(
    broker: JobBroker, dotnet: connection, bill: Any
) -> None:
    from_sql = call(dotnet, "'common.create_bill', '[\"A-101\", 5]', '{\"note\": \"x\"}', unique_key => 'k1'")
    dotnet.commit()
    from_python = bill.send_with_options(args=("A-101", 5), kwargs={"note": "x"}, unique_key="k2").message_id

    def whole(job: str) -> dict[str, Any]:
        query = "select to_jsonb(q) from common_jobs.queue q where message_id = %s"
        found: dict[str, Any] = execute(dotnet.dsn, query, (job,))[0][0]
        assert found["message"]["message_id"] == found["message_id"]
        assert isinstance(found["message"]["message_timestamp"], int)
        for differs in ("id", "message_id", "mtime", "enqueued_at", "unique_key"):
            del found[differs]
        for differs in ("message_id", "message_timestamp"):
            del found["message"][differs]
        return found

    assert whole(from_sql) == whole(from_python)


def test_an_unknown_actor_is_refused_with_the_nearest_name(broker: JobBroker, dotnet: connection) -> None:
    for given, meant in [
        ("common.craete_bill", "common.create_bill"),
        ("create_bill", "common.create_bill"),
        ("Common.CreateBill", "common.create_bill"),
        ("common.send_reminders", "common.send_reminder"),
        ("common.close", "common.close_month"),
    ]:
        with pytest.raises(psycopg2.errors.InvalidParameterValue, match="unknown actor") as caught:
            call(dotnet, "%s", given)
        dotnet.rollback()
        assert repr(given) in str(caught.value)
        assert f"did you mean '{meant}'?" in (caught.value.diag.message_hint or "")
        assert "dhanman-jobs migrate" in (caught.value.diag.message_hint or "")
    assert count(broker) == 0


@pytest.mark.parametrize("given", ["x", "", "zzzz.qqqq", None, "y" * 100_000], ids=str.__class__)
def test_a_name_like_no_other_is_refused_without_a_guess(dotnet: connection, given: str | None) -> None:
    with pytest.raises(psycopg2.errors.InvalidParameterValue, match="unknown actor") as caught:
        call(dotnet, "%s", given)
    assert "did you mean" not in (caught.value.diag.message_hint or "")


def test_a_message_over_64_kib_is_refused(broker: JobBroker, dotnet: connection) -> None:
    with pytest.raises(psycopg2.errors.ProgramLimitExceeded, match="at most 65536 are allowed") as caught:
        call(dotnet, "'common.create_bill', %s", json.dumps(["x" * 65_536]))
    assert "send its id" in (caught.value.diag.message_hint or "")
    dotnet.rollback()
    call(dotnet, "'common.create_bill', %s", json.dumps(["x" * 65_000]))
    dotnet.commit()
    assert count(broker) == 1


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("'common.create_bill', '{\"flat\": 1}'", "args must be a JSON array, not object"),
        ("'common.create_bill', '\"A-101\"'", "args must be a JSON array, not string"),
        ("'common.create_bill', null", "args must be a JSON array, not null"),
        ("'common.create_bill', '[]', '[]'", "kwargs must be a JSON object, not array"),
        ("'common.create_bill', '[]', null", "kwargs must be a JSON object, not null"),
        ("'common.create_bill', unique_key => ''", "unique_key must be a text of 1 to 1000 characters"),
        ("'common.create_bill', unique_key => repeat('x', 1001)", "unique_key must be a text of 1 to 1000"),
    ],
)
def test_what_is_no_call_is_refused(broker: JobBroker, dotnet: connection, statement: str, said: str) -> None:
    with pytest.raises(psycopg2.errors.InvalidParameterValue, match=said):
        call(dotnet, statement)
    dotnet.rollback()
    assert count(broker) == 0


def test_the_job_vanishes_with_the_callers_transaction(broker: JobBroker, dotnet: connection) -> None:
    job = call(dotnet, "'common.create_bill', '[\"A-101\"]'")
    assert job_state(broker, job) is None
    dotnet.rollback()
    assert count(broker) == 0


def test_a_committed_job_starts_without_waiting_for_the_next_poll(
    broker: JobBroker, dotnet: connection, seen: list[Any]
) -> None:
    with working(broker):
        wait_until(broker, call_and_commit(dotnet, "'common.close_month', '[\"2026-03\"]'"), "Succeeded")
        job = call_and_commit(dotnet, "'common.close_month', '[\"2026-04\"]'")
        wait_until(broker, job, "Succeeded", within=5)  # the poll interval is 15 s
    assert seen == ["2026-03", "2026-04"]


def test_a_caller_who_keeps_another_search_path_reaches_the_right_tables(
    broker: JobBroker, dotnet: connection
) -> None:
    with dotnet.cursor() as cursor:
        cursor.execute(
            "create temp table queue (x int); create temp table actor (x int); set search_path = pg_temp"
        )
    job = call_and_commit(dotnet, "'common.close_month'")
    assert job_state(broker, job) == "Enqueued"


def call_and_commit(client: connection, statement: str) -> Any:
    job = call(client, statement)
    client.commit()
    return job


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("common_jobs.enqueue('bill', queue => '')", "queue must be a name"),
        ("common_jobs.enqueue('bill', delay => '9999 years')", "more than 100 years"),
        ("common_jobs.enqueue('bill', delay => 'infinity')", "more than 100 years"),
        (
            "common_jobs.enqueue('bill', (repeat('[', 5000) || repeat(']', 5000))::jsonb)",
            "nested more than 200",
        ),
    ],
)
def test_what_would_trouble_an_operator_is_refused(broker: JobBroker, call: str, said: str) -> None:
    @dramatiq.actor(broker=broker)
    def bill() -> None:
        pass

    registry.declare(broker)
    with pytest.raises(psycopg2.Error, match=said):
        rows(broker, f"select {call}")


@pytest.fixture
def limited(broker: JobBroker) -> Any:
    """An actor whose jobs are limited by an argument, as `migrate` makes it known."""

    @actor(service="common", max_running=1, max_running_per="community")
    def letter(flat: str, community: Any, *, copy: int = 0) -> None:
        pass

    registry.declare(broker, [broker.store("common")])
    return letter


def limit_key(broker: JobBroker, job: str) -> str | None:
    return rows(broker, "select limit_key from {schema}.queue where message_id = %s", job)[0][0]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "value", ["c7", "", 12, -3, True, False, None, "हिन्दी " * 300, "a:b"], ids=lambda value: repr(value)[:12]
)
def test_python_and_sql_mean_the_same_by_a_limit(
    broker: JobBroker, dotnet: connection, limited: Any, value: Any
) -> None:
    by_place = call(dotnet, "'common.letter', %s", json.dumps(["A-101", value]))
    by_name = call(dotnet, "'common.letter', kwargs => %s", json.dumps({"flat": "A-101", "community": value}))
    dotnet.commit()
    from_python = limited.send("A-101", value)
    keys = {limit_key(broker, job) for job in (by_place, by_name, from_python.message_id)}
    assert len(keys) == 1
    assert str(keys.pop()).startswith("common.letter:")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ('["A-101"]', "argument 'community' is missing"),
        ('["A-101", 1.5]', "limited by 'community', which must be a text or a whole number, not 1.5"),
        ('["A-101", ["c"]]', "must be a text or a whole number"),
        ('["A-101", {"c": 1}]', "must be a text or a whole number"),
    ],
)
def test_a_job_that_does_not_say_by_what_it_is_limited_is_refused(
    broker: JobBroker, dotnet: connection, limited: Any, arguments: str, complaint: str
) -> None:
    with pytest.raises(psycopg2.errors.InvalidParameterValue, match=complaint):
        call(dotnet, "'common.letter', %s", arguments)
    dotnet.rollback()
    assert count(broker) == 0


def test_limited_jobs_from_sql_keep_to_the_limit(broker: JobBroker, dotnet: connection) -> None:
    running, most, done = [0], [0], []

    @actor(service="common", max_running=1)
    def print_letter(number: int) -> None:
        running[0] += 1
        most[0] = max(most[0], running[0])
        time.sleep(0.01)
        running[0] -= 1
        done.append(number)

    registry.declare(broker, [broker.store("common")])
    for number in range(20):
        call(dotnet, "'common.print_letter', %s", json.dumps([number]))
    dotnet.commit()
    with working(broker):
        wait_for(lambda: len(done) == 20, "all have run")
    assert most == [1]
