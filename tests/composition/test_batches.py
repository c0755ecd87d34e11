"""Batches: many jobs as one, with figures, callbacks that come once, additions, cancellation and retry."""

from __future__ import annotations

import threading
import time
from typing import Any

import dramatiq
import pytest

from infra.app import make_broker
from infra.composition import Batch, Progress, UnknownWorkflow
from infra.middleware.retries import RetryPolicy
from infra.queue import JobRefused, current_job, heartbeat, operate, transaction
from infra.queue.broker import JobBroker
from tests.support.composition import (
    assert_counted,
    assert_settled,
    members,
    releases,
    wait_complete,
    workflow_row,
)
from tests.support.queue import (
    becomes_due,
    broker_on,
    count,
    history,
    job_row,
    job_state,
    jobs_of,
    rows,
    settings_with,
    wait_until,
    working,
)
from tests.support.waiting import wait_for


class Flats:
    """Bills for flats; the flats in `bad` have no tariff; a `held` one waits until it may go on or is asked to stop."""

    def __init__(self, broker: JobBroker) -> None:
        self.billed: list[str] = []
        self.told: list[tuple[Any, ...]] = []
        self.bad: set[str] = set()
        self.go_on = threading.Event()
        flats = self

        @dramatiq.actor(broker=broker, actor_name="bill", retry_policy=RetryPolicy(delays=()))
        def bill(flat: str) -> str:
            if flat in flats.bad:
                raise RuntimeError(f"{flat} has no tariff")
            while flat.startswith("held") and not flats.go_on.is_set():
                if current_job().cancellation_requested():
                    return "stopped"
                time.sleep(0.01)
            flats.billed.append(flat)
            return f"bill of {flat}"

        @dramatiq.actor(broker=broker, actor_name="on_complete")
        def on_complete(batch_id: str, counts: dict[str, int]) -> None:
            flats.told.append(("complete", batch_id, counts))

        @dramatiq.actor(broker=broker, actor_name="on_success")
        def on_success(batch_id: str) -> None:
            flats.told.append(("success", batch_id))

        self.bill, self.on_complete, self.on_success = bill, on_complete, on_success

    def batch(self, *flats: str, name: str = "bills", **more: Any) -> Batch:
        batch = Batch(name, on_success=self.on_success, on_complete=self.on_complete, **more)
        return batch.add_many(self.bill.message(flat) for flat in flats)

    def heard(self, what: str) -> int:
        return sum(word == what for word, *_ in self.told)


@pytest.fixture
def flats(broker: JobBroker) -> Flats:
    return Flats(broker)


def counts(total: int, succeeded: int = 0, failed: int = 0, cancelled: int = 0) -> dict[str, int]:
    return {"total": total, "succeeded": succeeded, "failed": failed, "cancelled": cancelled}


def figures(progress: Progress) -> tuple[int, ...]:
    """(total, waiting, running, succeeded, failed, cancelled)."""
    p = progress
    return p.total, p.waiting, p.running, p.succeeded, p.failed, p.cancelled


def test_both_callbacks_come_when_all_have_succeeded(broker: JobBroker, flats: Flats) -> None:
    batch = flats.batch("A-101", "A-102")
    assert len(batch) == 2
    batch_id = batch.run()
    assert batch_id == batch.id
    assert set(members(broker, batch).values()) == {"Enqueued"}
    assert [state for _, state in jobs_of(broker, "on_complete")] == ["Awaiting"]
    with working(broker):
        wait_for(lambda: len(flats.told) == 2, "both callbacks ran")
    assert sorted(flats.told) == [("complete", batch_id, counts(2, succeeded=2)), ("success", batch_id)]
    assert sorted(flats.billed) == ["A-101", "A-102"]
    wait_complete(broker, batch, "done")
    assert_settled(broker)


def test_one_that_fails_keeps_the_success_waiting_until_it_is_mended(broker: JobBroker, flats: Flats) -> None:
    flats.bad = {"A-102"}
    batch = flats.batch("A-101", "A-102", "A-103")
    batch_id = batch.run()
    with working(broker):
        wait_for(lambda: flats.told, "the callback ran")
        wait_complete(broker, batch, "failed")
        assert flats.told == [("complete", batch_id, counts(3, succeeded=2, failed=1))]
        [(success, state)] = jobs_of(broker, "on_success")
        assert state == "Awaiting"
        [failure] = Batch.get(batch_id).failures()
        assert (failure.args, failure.error) == (("A-102",), "RuntimeError: A-102 has no tariff")

        assert batch.retry_failed(by="a test") == 1
        wait_complete(broker, batch, "failed")  # still not mended
        flats.bad = set()
        assert batch.retry_failed(by="a test", reason="has a tariff now") == 1
        wait_until(broker, success, "Succeeded")
        wait_complete(broker, batch, "done")
        assert batch.retry_failed(by="a test") == 0
    assert flats.told == [("complete", batch_id, counts(3, succeeded=2, failed=1)), ("success", batch_id)]
    assert releases(broker, success) == 1
    assert_settled(broker)


def test_a_callback_takes_as_much_as_its_parameters_say(broker: JobBroker, flats: Flats) -> None:
    told: dict[str, Any] = {}

    @dramatiq.actor
    def id_alone(batch_id: str) -> None:
        told["id alone"] = batch_id

    @dramatiq.actor
    def with_counts(batch_id: str, counts: dict[str, int]) -> None:
        told["with counts"] = (batch_id, counts)

    @dramatiq.actor
    def counts_by_name(batch_id: str, counts: dict[str, int] | None = None) -> None:
        told["counts by name"] = (batch_id, counts)

    @dramatiq.actor
    def own_default(batch_id: str, copies: int = 3) -> None:
        told["own default"] = (batch_id, copies)

    @dramatiq.actor
    def own_arguments(community: str, batch_id: str, counts: dict[str, int]) -> None:
        told["own arguments"] = (community, batch_id, counts)

    @dramatiq.actor
    def anything(*args: Any) -> None:
        told["anything"] = args

    callbacks = [
        id_alone,
        with_counts,
        counts_by_name,
        own_default,
        own_arguments.message("Green Park"),
        anything,
    ]
    batch_id = Batch("bills", on_complete=callbacks).add(flats.bill.message("A-101")).run()
    with working(broker):
        wait_for(lambda: len(told) == 6, "all callbacks ran")
    one = counts(1, succeeded=1)
    assert told == {
        "id alone": batch_id,
        "with counts": (batch_id, one),
        "counts by name": (batch_id, one),
        "own default": (batch_id, 3),
        "own arguments": ("Green Park", batch_id, one),
        "anything": (batch_id, one),
    }
    assert_settled(broker)


def test_a_callback_may_wait_for_a_time(broker: JobBroker, flats: Flats) -> None:
    later = flats.on_success.message_with_options(delay=3_600_000)
    Batch("bills", on_success=later).add(flats.bill.message("A-101")).run()
    with working(broker):
        wait_until(broker, later, "Scheduled")
        becomes_due(broker, later)
        wait_until(broker, later, "Succeeded")


def test_an_empty_batch_with_a_callback_is_complete_at_once(broker: JobBroker, flats: Flats) -> None:
    batch = flats.batch()
    batch_id = batch.run()
    assert workflow_row(broker, batch)["outcome"] == "done"
    with working(broker):
        wait_for(lambda: len(flats.told) == 2, "both callbacks ran")
    assert sorted(flats.told) == [("complete", batch_id, counts(0)), ("success", batch_id)]
    assert_settled(broker)


def test_an_empty_batch_in_another_one_is_complete_at_once(broker: JobBroker, flats: Flats) -> None:
    outer = flats.batch("A-101")
    outer.add(flats.batch(name="inner"))
    outer_id = outer.run()
    with working(broker):
        wait_for(lambda: len(flats.told) == 4, "the callbacks of both ran")
    assert ("complete", outer_id, counts(3, succeeded=3)) in flats.told, (
        "the inner callbacks are members of the outer"
    )
    assert_settled(broker)


# -- while it runs


def test_progress_says_how_far_it_is(broker: JobBroker, flats: Flats) -> None:
    flats.bad = {"bad"}
    batch = flats.batch("held-1", "bad", *(f"A-{n}" for n in range(8)))
    batch_id = batch.run()
    assert figures(batch.progress()) == (10, 10, 0, 0, 0, 0)
    assert (batch.progress().rate, batch.progress().estimated_end) == (None, None)
    with working(broker, threads=2):
        wait_for(lambda: batch.progress().finished == 9, "all others ended")
        progress = Batch.get(batch_id).progress()
        assert figures(progress) == (10, 0, 1, 8, 1, 0)
        assert not progress.complete
        assert progress.rate is not None
        assert progress.rate > 0
        assert progress.estimated_end is not None
        flats.go_on.set()
        wait_complete(broker, batch, "failed")
    progress = batch.progress()
    assert figures(progress) == (10, 0, 0, 9, 1, 0)
    assert (progress.complete, progress.outcome, progress.estimated_end) == (True, "failed", None)
    assert progress.rate is not None
    assert progress.rate > 0
    assert_settled(broker)


def test_the_batch_of_nobody_is_not_found(broker: JobBroker) -> None:
    with pytest.raises(UnknownWorkflow, match="it may have expired"):
        Batch.get("6f1d2f8e-53f6-4c3a-9e62-0d7f8d0a4a55")
    with pytest.raises(JobRefused, match="is not the id of a workflow"):
        Batch.get("bills of April")


def test_members_can_be_added_from_outside_while_it_runs(broker: JobBroker, flats: Flats) -> None:
    batch = flats.batch("held-1")
    batch_id = batch.run()
    with working(broker):
        wait_for(lambda: batch.progress().running == 1, "it runs")
        Batch.get(batch_id).add(flats.bill.message("A-101"))
        batch.add_many([flats.bill.message("A-102"), flats.bill.message("A-103")])
        again = flats.bill.message("A-104")
        batch.add(again)
        batch.add(again)
        wait_for(lambda: len(flats.billed) == 4, "the added ones ran")
        assert flats.told == []
        flats.go_on.set()
        wait_for(lambda: len(flats.told) == 2, "both callbacks ran")
    assert ("complete", batch_id, counts(5, succeeded=5)) in flats.told
    assert len(members(broker, batch)) == 5
    assert_settled(broker)


def test_pipelines_groups_and_batches_can_be_added_while_it_runs(broker: JobBroker, flats: Flats) -> None:
    posted = []

    @dramatiq.actor
    def post(bill: str) -> None:
        posted.append(bill)

    batch = flats.batch("held-1")
    batch_id = batch.run()
    inner_group = dramatiq.group([flats.bill.message("G-1"), flats.bill.message("G-2")])
    inner_group.add_completion_callback(post.message("all of G"))
    inner = Batch("inner", on_complete=post).add(flats.bill.message("B-1"))
    batch.add(flats.bill.message("P-1") | post.message())
    batch.add_many([inner_group, inner])
    batch.add(Batch("empty", on_complete=post))
    assert batch.progress().total == 9
    with working(broker):
        wait_for(lambda: len(posted) == 4, "what was added ran")
        flats.go_on.set()
        wait_for(lambda: flats.heard("complete"), "it is complete")
    assert ("complete", batch_id, counts(9, succeeded=9)) in flats.told
    assert {"bill of P-1", "all of G", inner.id} < set(posted)
    assert_settled(broker)


def test_a_member_adds_members_with_its_own_success(broker: JobBroker, flats: Flats) -> None:
    @dramatiq.actor
    def fan_out(*names: str) -> None:
        batch = Batch.current()
        assert batch is not None
        assert batch.id == current_job().workflow_id
        batch.add_many(flats.bill.message(name) for name in names)
        assert count(broker) == 3, "nothing is there before it has succeeded"

    batch = flats.batch().add(fan_out.message("A-101", "A-102"))
    batch_id = batch.run()
    with working(broker):
        wait_for(lambda: flats.heard("complete"), "it is complete")
    assert sorted(flats.billed) == ["A-101", "A-102"]
    assert ("complete", batch_id, counts(3, succeeded=3)) in flats.told
    assert_settled(broker)


def test_an_attempt_that_fails_adds_nothing(broker: JobBroker, flats: Flats) -> None:
    @dramatiq.actor(retry_policy=RetryPolicy(delays=(0.01,)))
    def fan_out() -> None:
        batch = Batch.current()
        assert batch is not None
        batch.add(flats.bill.message(f"A-{current_job().attempt}"))
        if current_job().attempt == 1:
            raise RuntimeError

    batch_id = flats.batch().add(fan_out.message()).run()
    with working(broker):
        wait_for(lambda: flats.heard("complete"), "it is complete")
    assert flats.billed == ["A-2"]
    assert ("complete", batch_id, counts(2, succeeded=2)) in flats.told
    assert_settled(broker)


def test_a_member_that_is_delivered_twice_adds_once(store_url: str) -> None:
    quick = {"jobs_heartbeat_interval": "100ms", "jobs_server_timeout": "2s", "jobs_rescue_grace": "100ms"}
    with broker_on(store_url, **quick) as broker:
        flats = Flats(broker)
        entered = threading.Event()

        @dramatiq.actor
        def fan_out() -> None:
            batch = Batch.current()
            assert batch is not None
            batch.add(flats.bill.message("A-101"))
            entered.set()
            assert flats.go_on.wait(20)

        member = fan_out.message()
        batch_id = flats.batch().add(member).run()
        with working(broker):
            assert entered.wait(20)
            rows(
                broker,
                "update {schema}.queue set worker_id = gen_random_uuid(), lease = gen_random_uuid() "
                "where message_id = %s returning 1",
                member.message_id,
            )
            flats.go_on.set()
            wait_for(lambda: flats.heard("complete"), "it is complete")
            assert job_row(broker, member)["attempts"] == 2
        assert flats.billed == ["A-101"]
        assert ("complete", batch_id, counts(2, succeeded=2)) in flats.told
        assert_settled(broker)


def test_a_member_that_adds_what_cannot_be_enqueued_is_refused_where_it_adds(
    broker: JobBroker, flats: Flats
) -> None:
    said = []

    @dramatiq.actor
    def fan_out() -> None:
        batch = Batch.current()
        assert batch is not None
        with pytest.raises(JobRefused) as caught:
            batch.add_many([flats.bill.message("A-101"), flats.bill.message(102)])
        said.append(str(caught.value))

    batch = flats.batch().add(fan_out.message())
    batch_id = batch.run()
    with working(broker):
        wait_for(lambda: flats.heard("complete"), "it is complete")
    assert "argument 'flat' must be str" in said[0]
    assert ("complete", batch_id, counts(1, succeeded=1)) in flats.told
    assert flats.billed == []


def test_a_member_whose_addition_is_refused_in_the_end_fails_and_says_why(
    broker: JobBroker, flats: Flats
) -> None:
    """The job that has the unique key waits at the moment the member ends."""

    @dramatiq.actor
    def fan_out() -> None:
        batch = Batch.current()
        assert batch is not None
        batch.add(flats.bill.message_with_options(args=("A-102",), unique_key="one"))

    flats.bill.send_with_options(args=("A-101",), unique_key="one", delay=3_600_000)
    member = fan_out.message()
    batch = flats.batch().add(member)
    batch.run()
    with working(broker):
        wait_until(broker, member, "Failed")
        wait_complete(broker, batch, "failed")
    row = job_row(broker, member)
    assert row["reason"] == "what should follow the job was refused"
    assert "has its unique key" in row["error"]
    assert_settled(broker)


def test_a_job_may_add_to_a_batch_that_is_not_its_own(broker: JobBroker, flats: Flats) -> None:
    @dramatiq.actor
    def latecomer(batch_id: str) -> None:
        assert Batch.current() is None
        Batch.get(batch_id).add(flats.bill.message("A-101"))

    batch_id = flats.batch("held-1").run()
    with working(broker):
        wait_until(broker, latecomer.send(batch_id), "Succeeded")
        wait_for(lambda: flats.billed == ["A-101"], "the added one ran")
        flats.go_on.set()
        wait_for(lambda: flats.heard("complete"), "it is complete")
        late = latecomer.send(batch_id)
        wait_until(broker, late, "Failed")
        assert "is complete: nothing can be added" in job_row(broker, late)["error"]
    assert_settled(broker)


def test_a_chain_of_additions_is_complete_when_the_last_one_is(broker: JobBroker, flats: Flats) -> None:
    """Each member adds the next one: at every moment the batch has only one that is not finished."""
    ran = []

    @dramatiq.actor
    def add_next(n: int) -> None:
        ran.append(n)
        batch = Batch.current()
        assert batch is not None
        if n < 30:
            batch.add(add_next.message(n + 1))

    batch_id = flats.batch().add(add_next.message(1)).run()
    with working(broker):
        wait_for(lambda: flats.heard("complete"), "it is complete")
    assert ran == list(range(1, 31))
    assert ("complete", batch_id, counts(30, succeeded=30)) in flats.told
    assert_settled(broker)


def test_to_a_complete_batch_nothing_can_be_added(broker: JobBroker, flats: Flats) -> None:
    batch = flats.batch("A-101")
    batch.run()
    with working(broker):
        wait_complete(broker, batch, "done")
    there = count(broker)
    with pytest.raises(JobRefused, match=r"batch 'bills' \(.*\) is complete: nothing can be added"):
        batch.add(flats.bill.message("A-102"))
    assert count(broker) == there


def test_to_a_cancelled_batch_nothing_can_be_added(broker: JobBroker, flats: Flats) -> None:
    batch = flats.batch("held-1")
    batch.run()
    with working(broker):
        wait_for(lambda: batch.progress().running == 1, "it runs")
        flats_asked = count(broker)
        rows(broker, "update {schema}.workflow set cancelled_at = now() returning 1")
        with pytest.raises(JobRefused, match="was cancelled: nothing can be added"):
            batch.add(flats.bill.message("A-102"))
        assert count(broker) == flats_asked
        flats.go_on.set()


# -- cancel


def test_cancelling_it_stops_what_waits_and_asks_what_runs(broker: JobBroker, flats: Flats) -> None:
    batch = flats.batch("held-1", *(f"A-{n}" for n in range(5)))
    waiting_too = flats.bill.message("P-1") | flats.bill.message_with_options(args=("P-2",), pipe_ignore=True)
    later = flats.bill.message_with_options(args=("later",), delay=3_600_000)
    batch.add(waiting_too).add(later)
    batch_id = batch.run()
    with working(broker, threads=1):
        wait_for(lambda: batch.progress().running == 1, "one runs")
        assert batch.cancel(by="a test", reason="wrong month") == 9
        wait_for(lambda: flats.heard("complete"), "it is complete")
    wait_complete(broker, batch, "cancelled")
    assert flats.billed == []
    assert flats.told == [("complete", batch_id, counts(9, cancelled=9))]
    assert [state for _, state in jobs_of(broker, "on_success")] == ["Cancelled"]
    assert workflow_row(broker, batch)["cancel_reason"] == "batch cancelled by a test: wrong month"
    for member in members(broker, batch):
        assert job_row(broker, member)["reason"] == "batch cancelled by a test: wrong month"
    assert batch.cancel(by="a test") == 0
    assert_settled(broker)


def test_a_running_member_that_does_not_heed_the_cancellation_is_counted_as_it_ends(
    broker: JobBroker, flats: Flats
) -> None:
    entered = threading.Event()

    @dramatiq.actor(abortable=False)
    def stubborn() -> None:
        entered.set()
        assert flats.go_on.wait(20)

    batch = flats.batch().add(stubborn.message()).add(flats.bill.message("A-101"))
    batch_id = batch.run()
    with working(broker, threads=1):
        assert entered.wait(20)
        assert batch.cancel(by="a test") == 2
        assert flats.told == []
        flats.go_on.set()
        wait_for(lambda: flats.heard("complete"), "it is complete")
    assert flats.told == [("complete", batch_id, counts(2, succeeded=1, cancelled=1))]
    wait_complete(broker, batch, "cancelled")
    assert_settled(broker)


def test_a_cancelled_batch_can_be_taken_up_again(broker: JobBroker, flats: Flats) -> None:
    batch = flats.batch("A-101", "A-102")
    batch.add(flats.bill.message("P-1") | flats.on_success.message())
    batch_id = batch.run()
    batch.cancel(by="a test")
    wait_complete(broker, batch, "cancelled")
    assert batch.retry_failed(by="a test") == 0, "the cancelled are left alone"
    assert batch.retry_failed(by="a test", cancelled=True) == 4
    with working(broker):
        wait_complete(broker, batch, "done")
        wait_for(lambda: ("success", batch_id) in flats.told, "the success is told after all")
        wait_until(broker, flats.bill.send("last"), "Succeeded")
    assert sorted(flats.billed) == ["A-101", "A-102", "P-1", "last"]
    assert sorted(told[1] for told in flats.told if told[0] == "success") == sorted(["bill of P-1", batch_id])
    assert flats.heard("complete") == 1
    assert_settled(broker)


def test_a_batch_that_is_cancelled_while_it_is_opened_and_drained_comes_to_an_end(
    broker: JobBroker, flats: Flats
) -> None:
    with working(broker, threads=4):
        batches = []
        for n in range(10):
            batch = flats.batch(*(f"{n}-{m}" for m in range(20)))
            batch.run()
            batches.append(batch)
        for batch in batches:
            batch.cancel(by="a test")
        wait_for(lambda: flats.heard("complete") == 10, "all are complete")
        wait_for(lambda: all(batch.progress().complete for batch in batches), "and say so")
    for batch in batches:
        progress = batch.progress()
        assert progress.succeeded + progress.cancelled == progress.total == 20
    assert_settled(broker)


# -- batches in batches


def test_a_nested_batch_is_a_member_with_callbacks_of_its_own(broker: JobBroker, flats: Flats) -> None:
    flats.bad = {"B-1"}
    inner = flats.batch("B-1", "B-2", name="inner")
    outer = flats.batch("A-1", name="outer").add(inner)
    outer_id = outer.run()
    assert workflow_row(broker, inner)["parent_id"] == outer_id
    assert outer.progress().total == 5, "three flats and the inner callbacks"
    with working(broker):
        wait_for(lambda: flats.heard("complete") == 2, "both are complete")
        assert flats.told == [
            ("complete", inner.id, counts(2, succeeded=1, failed=1)),
            ("complete", outer_id, counts(5, succeeded=3, failed=1)),
        ]
        wait_complete(broker, outer, "failed")
        flats.bad = set()
        assert outer.retry_failed(by="a test") == 1
        wait_for(lambda: flats.heard("success") == 2, "both have succeeded")
    assert flats.told[2:] == [("success", inner.id), ("success", outer_id)]
    assert figures(outer.progress()) == (5, 0, 0, 5, 0, 0)
    assert_settled(broker)


def test_a_nested_batch_can_be_mended_by_itself(broker: JobBroker, flats: Flats) -> None:
    flats.bad = {"B-1"}
    inner = flats.batch("B-1", name="inner")
    outer = flats.batch("A-1", name="outer").add(inner)
    outer.run()
    with working(broker):
        wait_complete(broker, outer, "failed")
        flats.bad = set()
        assert Batch.get(inner.id).retry_failed(by="a test") == 1
        wait_complete(broker, outer, "done")
        wait_for(lambda: flats.heard("success") == 2, "both have succeeded")
    assert flats.heard("complete") == 2
    assert_settled(broker)


def test_cancelling_the_outer_batch_cancels_the_inner_one(broker: JobBroker, flats: Flats) -> None:
    innermost = flats.batch("C-1", name="innermost")
    inner = flats.batch("B-1", name="inner").add(innermost)
    outer = flats.batch("A-1", name="outer").add(inner)
    outer_id = outer.run()
    assert outer.cancel(by="a test") == 7
    for batch in (innermost, inner, outer):
        wait_complete(broker, batch, "cancelled")
    assert set(members(broker, innermost).values()) == {"Cancelled"}
    with working(broker):
        wait_for(lambda: flats.told, "the outer callback ran")
    assert flats.told == [("complete", outer_id, counts(7, cancelled=7))], "inner callbacks are members too"
    assert_settled(broker)


def test_cancelling_the_inner_batch_leaves_the_outer_one(broker: JobBroker, flats: Flats) -> None:
    inner = flats.batch("B-1", name="inner")
    outer = flats.batch("A-1", name="outer").add(inner)
    outer_id = outer.run()
    Batch.get(inner.id).cancel(by="a test")
    with working(broker):
        wait_for(lambda: flats.heard("complete") == 2, "both are complete")
    assert flats.billed == ["A-1"]
    wait_complete(broker, inner, "cancelled")
    wait_complete(broker, outer, "failed")
    assert ("complete", outer_id, counts(4, succeeded=2, cancelled=2)) in flats.told
    assert_settled(broker)


# -- one by key, transactions, size


def test_of_a_key_one_is_open(broker: JobBroker, flats: Flats) -> None:
    first = flats.batch("A-101", key="2026-04")
    second = flats.batch("A-102", key="2026-04")
    first_id = first.run()
    there = count(broker)
    assert second.run() == first_id
    assert second.id == first_id
    assert count(broker) == there, "the second one's members are not enqueued"
    assert flats.batch("A-103", key="2026-05").run() != first_id
    with working(broker):
        wait_complete(broker, first, "done")
        third = flats.batch("A-104", key="2026-04")
        assert third.run() != first_id, "once it is complete the next one may come"
        wait_complete(broker, third, "done")
    assert sorted(flats.billed) == ["A-101", "A-103", "A-104"]


def test_a_batch_whose_key_another_one_has_is_not_taken_up_again(broker: JobBroker, flats: Flats) -> None:
    flats.bad = {"A-101"}
    first = flats.batch("A-101", key="2026-04")
    first.run()
    with working(broker):
        wait_complete(broker, first, "failed")
    second = flats.batch("A-102", key="2026-04")
    second.run()
    with pytest.raises(JobRefused, match="another workflow with the same key is open"):
        first.retry_failed(by="a test")
    assert members(broker, first).popitem()[1] == "Deleted"
    with working(broker):
        wait_complete(broker, second, "done")
        flats.bad = set()
        assert first.retry_failed(by="a test") == 1
        wait_complete(broker, first, "done")
    assert_settled(broker)


def test_an_inner_batch_whose_key_is_taken_refuses_the_outer_one(broker: JobBroker, flats: Flats) -> None:
    flats.batch("A-101", key="2026-04").run()
    there = count(broker)
    outer = flats.batch("A-1").add(flats.batch("B-1", name="inner", key="2026-04"))
    with pytest.raises(JobRefused, match=r"'inner': .* has its key '2026-04' and is open"):
        outer.run()
    assert count(broker) == there


def test_running_it_twice_changes_nothing(broker: JobBroker, flats: Flats) -> None:
    batch = flats.batch("A-101")
    assert batch.run() == batch.run()
    assert len(members(broker, batch)) == 1
    with working(broker):
        wait_for(lambda: flats.heard("complete"), "it is complete")
    batch.run()
    assert len(members(broker, batch)) == 1
    assert flats.billed == ["A-101"]


def test_in_the_callers_transaction_it_commits_or_vanishes_with_it(broker: JobBroker, flats: Flats) -> None:
    with broker.store("common").pool.borrowed() as conn:
        conn.autocommit = False
        with transaction(conn):
            flats.batch("A-101", "A-102").run()
        conn.rollback()
        assert count(broker) == 0
        assert rows(broker, "select count(*) from {schema}.workflow") == [(0,)]
        with transaction(conn):
            batch = flats.batch("A-103")
            batch.run()
            batch.add(flats.bill.message("A-104"))
            empty = flats.batch(name="empty")
            empty.run()
        assert count(broker) == 0
        conn.commit()
    assert workflow_row(broker, empty)["outcome"] == "done"
    with working(broker):
        wait_for(lambda: len(flats.told) == 4, "all callbacks ran")
    assert sorted(flats.billed) == ["A-103", "A-104"]
    assert_settled(broker)


def test_of_a_refused_one_nothing_is_left_in_the_callers_transaction(broker: JobBroker, flats: Flats) -> None:
    flats.bill.send_with_options(args=("A-000",), unique_key="one")
    clash = flats.bill.message_with_options(args=("A-102",), unique_key="one")
    with broker.store("common").pool.borrowed() as conn:
        conn.autocommit = False
        with transaction(conn):
            flats.bill.send("A-100")
            with pytest.raises(JobRefused, match="has its unique key"):
                flats.batch("A-101").add(clash).run()
            flats.bill.send("A-103")
        conn.commit()
    assert count(broker) == 3
    assert rows(broker, "select count(*) from {schema}.workflow") == [(0,)]


def test_a_job_adds_in_its_own_transaction_when_it_opens_one(broker: JobBroker, flats: Flats) -> None:
    @dramatiq.actor
    def fan_out() -> None:
        batch = Batch.current()
        assert batch is not None
        with broker.store("common").pool.borrowed() as conn:
            conn.autocommit = False
            with transaction(conn):
                batch.add(flats.bill.message("A-101"))
            conn.rollback()
            with transaction(conn):
                batch.add(flats.bill.message("A-102"))
            conn.commit()

    batch_id = flats.batch().add(fan_out.message()).run()
    with working(broker):
        wait_for(lambda: flats.heard("complete"), "it is complete")
    assert flats.billed == ["A-102"]
    assert ("complete", batch_id, counts(2, succeeded=2)) in flats.told
    assert_settled(broker)


def test_a_batch_opened_by_a_middleware_after_a_job_follows_with_it(broker: JobBroker, flats: Flats) -> None:
    class Follows(dramatiq.Middleware):
        def after_process_message(self, broker: Any, message: Any, **_: Any) -> None:
            if message.actor_name == "start":
                flats.batch("A-101", key="one").run()
                flats.batch("A-102", key="one").run()

    @dramatiq.actor
    def start() -> None:
        pass

    broker.add_middleware(Follows())
    with working(broker):
        wait_until(broker, start.send(), "Succeeded")
        wait_for(lambda: flats.heard("complete"), "it is complete")
    assert flats.billed == ["A-101"], "the second one's key was taken"
    assert_settled(broker)


def test_a_batch_of_five_thousand(broker: JobBroker, flats: Flats) -> None:
    done = []

    @dramatiq.actor(store_results=False)
    def tick(n: int) -> None:
        done.append(n)

    batch = flats.batch()
    batch.add_many(tick.message(n) for n in range(5_000))
    batch_id = batch.run()
    assert batch.progress().waiting == 5_000
    with working(broker, threads=8):
        wait_for(lambda: flats.heard("complete"), "it is complete", within=60)
    assert sorted(done) == list(range(5_000))
    assert ("complete", batch_id, counts(5_000, succeeded=5_000)) in flats.told
    assert_settled(broker)


def test_members_of_all_states_are_cancelled_and_taken_up_again(broker: JobBroker, flats: Flats) -> None:
    """A failed, a deleted, a cancelled, an awaiting and a finished member: the figures stay those of the rows."""
    flats.bad = {"bad"}
    store = broker.store("common")
    batch = flats.batch("A-101", "bad", "A-102", "A-103")
    pipe = flats.bill.message("bad") | flats.on_success.message()
    batch.add(pipe)
    batch.run()
    by_flat = {
        args[0]: id_
        for id_, args in rows(broker, "select message_id::text, message -> 'args' from {schema}.queue")
        if args
    }
    operate.delete(store, [by_flat["A-102"]], by="a test")
    operate.cancel(store, [by_flat["A-103"]], by="a test")
    with working(broker):
        wait_complete(broker, batch, "failed")
    assert figures(batch.progress()) == (6, 1, 0, 1, 3, 1)
    assert_counted(broker)
    operate.cancel(store, [pipe.messages[0].message_id], by="a test")
    assert figures(batch.progress()) == (6, 0, 0, 1, 2, 3)
    assert_counted(broker)
    assert batch.retry_failed(by="a test", cancelled=True) == 5
    assert_counted(broker)
    flats.bad = set()
    with working(broker):
        wait_complete(broker, batch, "done")
    assert figures(batch.progress()) == (6, 0, 0, 6, 0, 0)
    assert history(broker, pipe.messages[1])[-1]["state"] == "done"
    assert_settled(broker)


def test_a_message_may_not_be_in_two_batches(broker: JobBroker, flats: Flats) -> None:
    message = flats.bill.message("A-101")
    flats.batch().add(message).run()
    with pytest.raises(JobRefused, match="it was sent already"):
        flats.batch().add(message).run()
    assert job_state(broker, message) == "Enqueued"


def test_inner_batches_that_end_at_once_complete_their_outer_one(broker: JobBroker, flats: Flats) -> None:
    """Each is completed by another worker: neither may rely on the other's having seen it."""
    outers = []
    for n in range(15):
        outer = Batch("outer", on_complete=flats.on_complete)
        for m in range(4):
            outer.add(Batch("inner", on_success=flats.on_success).add(flats.bill.message(f"{n}-{m}")))
        outer.run()
        outers.append(outer)
    other = make_broker(broker.store("common").url, "bare", config=broker.config)
    other.actors.update(broker.actors)
    with working(broker, threads=4), working(other, threads=4):
        for outer in outers:
            wait_complete(broker, outer, "done")
        wait_for(lambda: flats.heard("complete") == 15, "all are told")
    assert flats.heard("success") == 60
    assert_settled(broker)


@pytest.mark.parametrize("who", ["a worker that starts", "a worker that runs"])
def test_a_batch_whose_last_member_ended_without_a_word_is_completed_by(
    broker: JobBroker, flats: Flats, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a process dies after the commit that ends it, before it asks whether the batch is complete."""
    if starts := who == "a worker that starts":
        monkeypatch.setattr(heartbeat, "SWEEP", 3600.0)
    else:
        monkeypatch.setattr(heartbeat, "SWEEP", 0.2)
    broker.config = settings_with(jobs_heartbeat_interval="100ms", jobs_server_timeout="2s")
    member = flats.bill.message_with_options(args=("A-101",), delay=3_600_000)
    flats.batch().add(member).run()
    if starts:
        end_without_a_word(broker, member)
    with working(broker):
        if not starts:
            wait_for(lambda: rows(broker, "select 1 from {schema}.worker"), "it runs")
            end_without_a_word(broker, member)
        wait_for(lambda: len(flats.told) == 2, "both callbacks ran")
    assert flats.billed == []
    assert_settled(broker)


def end_without_a_word(broker: JobBroker, member: Any) -> None:
    rows(
        broker,
        """
        with gone as (
            delete from {schema}.queue where message_id = %s returning *
        ), kept as (
            insert into {schema}.finished (message_id, queue_name, state, actor_name, message, priority, attempts,
                                           enqueued_at, workflow_id)
            select message_id, queue_name, 'done', actor_name, message, priority, 1, enqueued_at, workflow_id from gone
        )
        select {schema}.count_members(array[workflow_id], gen_random_uuid(), array[0], array[1], array[0], array[0])
          from gone
        """,
        member.message_id,
    )
