"""Groups: opened whole or not at all; their callbacks come exactly once, however the members end."""

from __future__ import annotations

import threading
from typing import Any

import dramatiq
import pytest
from dramatiq.results import ResultMissing, ResultTimeout

from infra.middleware.retries import RetryPolicy
from infra.queue import JobRefused, operate, transaction
from infra.queue.broker import JobBroker
from tests.support.composition import assert_settled, releases, wait_complete
from tests.support.queue import (
    becomes_due,
    broker_on,
    count,
    job_row,
    job_state,
    jobs_of,
    rows,
    wait_until,
    working,
)
from tests.support.waiting import wait_for


class Flats:
    """Bills for flats, and what comes when all are made."""

    def __init__(self, broker: JobBroker) -> None:
        self.billed: list[str] = []
        self.summed: list[Any] = []
        self.bad: set[str] = set()
        flats = self

        @dramatiq.actor(broker=broker, actor_name="bill", retry_policy=RetryPolicy(delays=()))
        def bill(flat: str) -> str:
            if flat in flats.bad:
                raise RuntimeError(f"{flat} has no tariff")
            flats.billed.append(flat)
            return f"bill of {flat}"

        @dramatiq.actor(broker=broker, actor_name="post")
        def post(what: str) -> str:
            return f"{what}, posted"

        @dramatiq.actor(broker=broker, actor_name="sum_up")
        def sum_up(*what: str) -> None:
            flats.summed.append(what)

        self.bill, self.post, self.sum_up = bill, post, sum_up

    def group(self, *flats: str) -> dramatiq.group:
        return dramatiq.group([self.bill.message(flat) for flat in flats])


@pytest.fixture
def flats(broker: JobBroker) -> Flats:
    return Flats(broker)


def test_a_group_runs_all_its_members_and_gives_their_results_in_order(
    broker: JobBroker, flats: Flats
) -> None:
    group = flats.group("A-101", "A-102", "A-103")
    assert group.run() is group
    assert (len(group), group.completed, group.completed_count) == (3, False, 0)
    with pytest.raises(ResultMissing):
        list(group.get_results())
    with pytest.raises(ResultTimeout):
        group.wait(timeout=50)
    with working(broker):
        group.wait(timeout=20_000)
        assert list(group.get_results()) == ["bill of A-101", "bill of A-102", "bill of A-103"]
        assert (group.completed, group.completed_count) == (True, 3)
        wait_for(
            lambda: rows(broker, "select 1 from {schema}.workflow where outcome = 'done'"), "it is complete"
        )
    assert_settled(broker)


def test_pipelines_and_groups_may_stand_in_a_group(broker: JobBroker, flats: Flats) -> None:
    group = dramatiq.group(
        [
            flats.bill.message("A-101") | flats.post.message(),
            flats.group("A-102", "A-103"),
            flats.bill.message("A-104"),
        ]
    )
    group.add_completion_callback(flats.sum_up.message("all"))
    group.run()
    with working(broker):
        assert list(group.get_results(block=True)) == [
            "bill of A-101, posted",
            ["bill of A-102", "bill of A-103"],
            "bill of A-104",
        ]
        wait_for(lambda: flats.summed, "the callback ran")
    assert flats.summed == [("all",)]
    assert rows(broker, "select count(*) from {schema}.workflow") == [(1,)], (
        "the inner group is part of the outer"
    )
    assert_settled(broker)


def test_an_inner_group_with_callbacks_is_complete_by_itself(broker: JobBroker, flats: Flats) -> None:
    inner = flats.group("A-101", "A-102")
    inner.add_completion_callback(flats.sum_up.message("inner"))
    outer = dramatiq.group([inner, flats.bill.message("A-103")])
    outer.add_completion_callback(flats.sum_up.message("outer"))
    outer.run()
    with working(broker):
        wait_for(lambda: len(flats.summed) == 2, "both callbacks ran")
    assert flats.summed == [("inner",), ("outer",)], "the inner one's callback is a member of the outer"
    assert_settled(broker)


def test_groups_of_groups_alone_do_not_take_one_another_for_the_same(broker: JobBroker, flats: Flats) -> None:
    for name in ("one", "two"):
        inner = flats.group(f"{name}-101")
        inner.add_completion_callback(flats.sum_up.message(name))
        dramatiq.group([inner]).run()
    with working(broker):
        wait_for(lambda: len(flats.summed) == 2, "both callbacks ran")
    assert sorted(flats.billed) == ["one-101", "two-101"]
    assert_settled(broker)


@pytest.mark.parametrize("ends", ["well", "badly", "deleted", "cancelled"])
def test_the_callbacks_come_once_however_the_members_end(broker: JobBroker, flats: Flats, ends: str) -> None:
    group = flats.group("A-101", "A-102", "A-103")
    for name in ("first", "second"):
        group.add_completion_callback(flats.sum_up.message(name))
    if ends == "badly":
        flats.bad = {"A-102"}
    group.run()
    callbacks = [id_ for id_, _ in jobs_of(broker, "sum_up")]
    assert [job_state(broker, id_) for id_ in callbacks] == ["Awaiting", "Awaiting"]
    change = {"deleted": operate.delete, "cancelled": operate.cancel}.get(ends)
    if change is not None:
        change(broker.store("common"), [group.children[1].message_id], by="a test")
    with working(broker):
        wait_for(lambda: len(flats.summed) == 2, "the callbacks ran")
        wait_until(broker, flats.bill.send("last"), "Succeeded")
    assert sorted(flats.summed) == [("first",), ("second",)]
    assert [releases(broker, id_) for id_ in callbacks] == [1, 1]
    assert sorted(flats.billed) == (
        ["A-101", "A-102", "A-103", "last"] if ends == "well" else ["A-101", "A-103", "last"]
    )
    assert_settled(broker)


def test_a_member_that_is_retried_later_brings_no_second_callback(broker: JobBroker, flats: Flats) -> None:
    flats.bad = {"A-102"}
    group = flats.group("A-101", "A-102")
    group.add_completion_callback(flats.sum_up.message("once"))
    group.run()
    with working(broker):
        wait_for(lambda: flats.summed, "the callback ran")
        flats.bad = set()
        operate.retry(broker.store("common"), [group.children[1].message_id], by="a test")
        wait_until(broker, group.children[1], "Succeeded")
        wait_for(
            lambda: rows(broker, "select 1 from {schema}.workflow where outcome = 'done'"), "all succeeded"
        )
    assert flats.summed == [("once",)]
    assert_settled(broker)


def test_a_member_whose_worker_dies_counts_once(store_url: str) -> None:
    """Its claim is taken over by a worker that is not there; it is rescued and runs a second time."""
    quick = {"jobs_heartbeat_interval": "100ms", "jobs_server_timeout": "2s", "jobs_rescue_grace": "100ms"}
    with broker_on(store_url, **quick) as broker:
        flats = Flats(broker)
        entered, go_on = threading.Event(), threading.Event()

        @dramatiq.actor
        def hold() -> None:
            entered.set()
            assert go_on.wait(20)

        group = dramatiq.group([hold.message(), flats.bill.message("A-101")])
        group.add_completion_callback(flats.sum_up.message())
        group.run()
        with working(broker):
            assert entered.wait(20)
            rows(
                broker,
                "update {schema}.queue set worker_id = gen_random_uuid(), lease = gen_random_uuid() "
                "where message_id = %s returning 1",
                group.children[0].message_id,
            )
            go_on.set()
            wait_for(lambda: flats.summed, "the callback ran")
            assert job_row(broker, group.children[0])["attempts"] == 2
        assert flats.summed == [()]
        assert_settled(broker)


@pytest.mark.parametrize("bad", ["argument", "actor", "twice", "unique key"])
def test_a_bad_child_and_nothing_is_enqueued(broker: JobBroker, flats: Flats, bad: str) -> None:
    good = flats.bill.message("A-101")
    if bad == "unique key":
        flats.bill.send_with_options(args=("A-000",), unique_key="the same")
    there = count(broker)
    child = {
        "argument": flats.bill.message(101),
        "actor": good.copy(actor_name="bil", message_id=str(flats.bill.message("").message_id)),
        "twice": good,
        "unique key": flats.bill.message_with_options(args=("A-102",), unique_key="the same"),
    }[bad]
    said = {
        "argument": "argument 'flat' must be str",
        "actor": "unknown actor 'bil', did you mean 'bill'",
        "twice": "stands in 'bill' twice",
        "unique key": "has its unique key",
    }[bad]
    group = dramatiq.group([good, child])
    group.add_completion_callback(flats.sum_up.message())
    with pytest.raises(JobRefused, match=said):
        group.run()
    assert count(broker) == there
    assert rows(broker, "select count(*) from {schema}.workflow") == [(0,)]


def test_running_a_group_twice_changes_nothing(broker: JobBroker, flats: Flats) -> None:
    group = flats.group("A-101", "A-102")
    group.add_completion_callback(flats.sum_up.message("once"))
    group.run()
    group.run()
    assert count(broker) == 3
    with working(broker):
        wait_for(lambda: flats.summed, "the callback ran")
        group.run()
        wait_until(broker, flats.bill.send("last"), "Succeeded")
    assert sorted(flats.billed) == ["A-101", "A-102", "last"]
    assert flats.summed == [("once",)]
    assert_settled(broker)


def test_a_group_may_be_delayed(broker: JobBroker, flats: Flats) -> None:
    own = flats.bill.message_with_options(args=("A-102",), delay=7_200_000)
    inner = flats.group("A-104")
    inner.add_completion_callback(flats.sum_up.message())
    pipe = flats.bill.message("A-103") | flats.post.message()
    group = dramatiq.group([flats.bill.message("A-101"), own, pipe, inner]).run(delay=3_600_000)
    first_steps = [group.children[0], own, pipe.messages[0], inner.children[0]]
    assert [job_state(broker, job) for job in first_steps] == ["Scheduled"] * 4
    waits = [job_row(broker, job)["waits"] for job in first_steps]
    assert waits == pytest.approx([3600, 7200, 3600, 3600])
    for job in first_steps:
        becomes_due(broker, job)
    with working(broker):
        group.wait(timeout=20_000)


def test_an_empty_group_is_nothing(broker: JobBroker) -> None:
    group = dramatiq.group([])
    group.run()
    assert count(broker) == 0
    assert list(group.get_results()) == []


def test_a_group_in_the_callers_transaction_commits_or_vanishes_with_it(
    broker: JobBroker, flats: Flats
) -> None:
    with broker.store("common").pool.borrowed() as conn:
        conn.autocommit = False
        with transaction(conn):
            flats.group("A-101", "A-102").run()
        conn.rollback()
        assert count(broker) == 0
        with transaction(conn), pytest.raises(JobRefused):
            dramatiq.group([flats.bill.message("A-101"), flats.bill.message(7)]).run()
        with transaction(conn):
            group = flats.group("A-103").run()
        conn.commit()
    assert count(broker) == 1, "of the refused one nothing is left, and the transaction went on"
    with working(broker):
        group.wait(timeout=20_000)


def test_a_group_on_another_broker_is_dramatiqs_own() -> None:
    from dramatiq.brokers.stub import StubBroker

    stub = StubBroker()

    @dramatiq.actor(broker=stub)
    def bill() -> None:
        pass

    dramatiq.group([bill.message(), bill.message()], broker=stub).run()
    assert stub.queues["default"].qsize() == 2


def test_a_group_whose_members_all_end_at_once_is_completed_once(broker: JobBroker, flats: Flats) -> None:
    groups = []
    for n in range(20):
        group = flats.group(*(f"{n}-{m}" for m in range(20)))
        group.add_completion_callback(flats.sum_up.message(str(n)))
        groups.append(group.run())
    with working(broker, threads=8):
        wait_for(lambda: len(flats.summed) >= 20, "all callbacks ran")
        wait_until(broker, flats.bill.send("last"), "Succeeded")
    assert sorted(flats.summed) == sorted((str(n),) for n in range(20))
    for group in groups:
        wait_complete(broker, group_id(broker, group), "done")
    assert_settled(broker)


def group_id(broker: JobBroker, group: dramatiq.group) -> str:
    [(found,)] = rows(
        broker,
        "select workflow_id::text from {schema}.job where message_id = %s",
        group.children[0].message_id,
    )
    return str(found)
