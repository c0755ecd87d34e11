"""Pipelines: every step is a job from the beginning; it goes on in the transaction that ends the step before it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import dramatiq
import pytest
from dramatiq.results import ResultFailure, ResultMissing

from infra.middleware.retries import RetryPolicy
from infra.queue import current_job, operate, transaction
from infra.queue.broker import JobBroker
from tests.support.composition import assert_settled, releases, wait_complete, workflow_row
from tests.support.queue import (
    becomes_due,
    count,
    execute,
    history,
    job_row,
    job_state,
    rows,
    wait_until,
    working,
)
from tests.support.waiting import wait_for


class Flow:
    """Process an invoice, post it, tell the resident."""

    def __init__(self, broker: JobBroker) -> None:
        self.did: list[Any] = []
        self.broken = False
        did, flow = self.did, self

        @dramatiq.actor(broker=broker, actor_name="process", retry_policy=RetryPolicy(delays=()))
        def process(invoice: str) -> str:
            did.append(("process", invoice))
            if flow.broken:
                raise RuntimeError("no tariff")
            return f"{invoice} processed"

        @dramatiq.actor(broker=broker, actor_name="post")
        def post(*what: Any) -> str:
            did.append(("post", *what))
            return "posted"

        @dramatiq.actor(broker=broker, actor_name="tell")
        def tell(*what: Any) -> str:
            did.append(("tell", *what))
            return "told"

        self.process, self.post, self.tell = process, post, tell

    def three(self) -> dramatiq.pipeline:
        return self.process.message("A-101") | self.post.message() | self.tell.message("resident")


@pytest.fixture
def flow(broker: JobBroker) -> Flow:
    return Flow(broker)


def test_each_step_gets_the_result_of_the_one_before_it(broker: JobBroker, flow: Flow) -> None:
    pipe = flow.three()
    assert pipe.run() is pipe
    with working(broker):
        assert pipe.get_result(block=True) == "told"
    assert flow.did == [
        ("process", "A-101"),
        ("post", "A-101 processed"),
        ("tell", "resident", "posted"),
    ]
    assert list(pipe.get_results()) == ["A-101 processed", "posted", "told"]
    assert (pipe.completed, pipe.completed_count) == (True, 3)
    wait_complete(broker, pipe, "done")
    assert [releases(broker, step) for step in pipe.messages] == [0, 1, 1]
    assert_settled(broker)


def test_all_steps_are_there_from_the_beginning(broker: JobBroker, flow: Flow) -> None:
    pipe = flow.three()
    pipe.run()
    assert [job_state(broker, step) for step in pipe.messages] == ["Enqueued", "Awaiting", "Awaiting"]
    row = workflow_row(broker, pipe)
    assert (row["kind"], row["name"], row["home"]) == ("pipeline", "process | post | tell", "common")
    assert "pipe_target" not in job_row(broker, pipe.messages[0])["message"]["options"]
    assert (pipe.completed, pipe.completed_count) == (False, 0)
    with pytest.raises(ResultMissing):
        pipe.get_result()


def test_a_message_with_its_successors_can_be_sent_by_itself(broker: JobBroker, flow: Flow) -> None:
    pipe = flow.process.message("A-101") | flow.post.message()
    broker.enqueue(pipe.messages[0])
    with working(broker):
        wait_until(broker, pipe.messages[1], "Succeeded")


def test_pipelines_can_be_joined(broker: JobBroker, flow: Flow) -> None:
    pipe = dramatiq.pipeline([flow.process.message("A-101"), flow.post.message() | flow.tell.message()])
    pipe.run()
    with working(broker):
        assert pipe.get_result(block=True) == "told"
    assert [what for what, *_ in flow.did] == ["process", "post", "tell"]


def test_a_pipeline_of_one_is_a_job(broker: JobBroker, flow: Flow) -> None:
    pipe = dramatiq.pipeline([flow.process.message("A-101")]).run()
    with working(broker):
        assert pipe.get_result(block=True) == "A-101 processed"


@pytest.mark.parametrize("where", ["actor", "message"])
def test_a_step_may_ignore_the_result_before_it(broker: JobBroker, flow: Flow, where: str) -> None:
    @dramatiq.actor(actor_name="deaf")
    def deaf(only: str) -> None:
        flow.did.append(("deaf", only))

    @dramatiq.actor(actor_name="mute", pipe_ignore=where == "actor")
    def mute() -> str:
        return "nobody hears it"

    step = (
        deaf.message("this")
        if where == "actor"
        else deaf.message_with_options(args=("this",), pipe_ignore=True)
    )
    pipe = (mute.message() | step).run()
    with working(broker):
        wait_until(broker, pipe.messages[1], "Succeeded")
    assert flow.did == [("deaf", "this")]


def test_a_step_may_wait_for_a_time_after_the_one_before_it(broker: JobBroker, flow: Flow) -> None:
    later = flow.tell.message_with_options(delay=3_600_000)
    pipe = flow.process.message("A-101") | later
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    pipe.run()
    rows(broker, "update {schema}.queue set enqueued_at = %s, mtime = %s returning 1", long_ago, long_ago)
    with working(broker):
        wait_until(broker, later, "Scheduled")
        [entry] = history(broker, later)
        assert (entry["state"], entry["reason"]) == ("scheduled", "what it waited for is done")
        assert job_row(broker, later)["eta"] > datetime.now(UTC) + timedelta(minutes=59)
        becomes_due(broker, later)
        wait_until(broker, later, "Succeeded")
    assert flow.did[-1] == ("tell", "A-101 processed")


def test_a_step_with_an_eta_goes_on_then(broker: JobBroker, flow: Flow) -> None:
    eta = datetime.now(UTC) + timedelta(hours=1)
    on_time = flow.tell.message_with_options(eta=eta)
    too_late = flow.post.message_with_options(eta=eta - timedelta(days=2))
    pipe = flow.process.message("A-101") | too_late | on_time
    pipe.run()
    with working(broker):
        wait_until(broker, on_time, "Scheduled")
        assert job_state(broker, too_late) == "Succeeded"
        assert job_row(broker, on_time)["eta"] == eta
        becomes_due(broker, on_time)
        wait_until(broker, on_time, "Succeeded")


@pytest.mark.parametrize(("of_run", "of_message", "hours"), [(3_600_000, None, 1), (3_600_000, 7_200_000, 2)])
def test_the_whole_may_be_delayed(
    broker: JobBroker, flow: Flow, of_run: int, of_message: int | None, hours: int
) -> None:
    first = flow.process.message_with_options(args=("A-101",), delay=of_message)
    pipe = (first | flow.post.message()).run(delay=of_run)
    assert job_state(broker, pipe.messages[0]) == "Scheduled"
    assert job_row(broker, pipe.messages[0])["waits"] == pytest.approx(hours * 3600)
    becomes_due(broker, pipe.messages[0])
    with working(broker):
        wait_until(broker, pipe.messages[1], "Succeeded")


def test_running_it_twice_changes_nothing(broker: JobBroker, flow: Flow) -> None:
    pipe = flow.three()
    pipe.run()
    pipe.run()
    assert count(broker) == 3
    with working(broker):
        wait_until(broker, pipe.messages[2], "Succeeded")
        pipe.run()
        wait_until(broker, flow.tell.send("last"), "Succeeded")
    assert len(flow.did) == 4
    assert_settled(broker)


def test_a_step_that_was_sent_by_itself_is_refused(broker: JobBroker, flow: Flow) -> None:
    sent = flow.post.send()
    pipe = flow.process.message("A-101") | sent
    with pytest.raises(ValueError, match="it was sent already, as job"):
        pipe.run()
    assert count(broker) == 1


def test_a_failed_step_leaves_its_successors_awaiting_and_a_retry_goes_on(
    broker: JobBroker, flow: Flow
) -> None:
    flow.broken = True
    pipe = flow.three().run()
    first, second, third = pipe.messages
    with working(broker):
        wait_until(broker, first, "Deleted")
        wait_complete(broker, pipe, "failed")
        assert [job_state(broker, step) for step in (second, third)] == ["Awaiting", "Awaiting"]
        with pytest.raises(ResultFailure, match="no tariff"):
            first.get_result()

        flow.broken = False
        [change] = operate.retry(broker.store("common"), [first.message_id], by="a test")
        assert change.what == "queued again"
        wait_until(broker, third, "Succeeded")
        wait_complete(broker, pipe, "done")
    assert flow.did[1:] == [("process", "A-101"), ("post", "A-101 processed"), ("tell", "resident", "posted")]
    assert_settled(broker)


@pytest.mark.parametrize("which", ["waiting", "running", "failed"])
def test_cancelling_a_step_cancels_its_successors(broker: JobBroker, flow: Flow, which: str) -> None:
    entered = threading.Event()

    @dramatiq.actor(retry_policy=RetryPolicy(delays=(), at_end="fail"))
    def start() -> None:
        if which == "failed":
            raise RuntimeError
        entered.set()
        wait_for(lambda: current_job().cancellation_requested(), "it is asked to stop")

    pipe = dramatiq.pipeline([start.message(), flow.post.message(), flow.tell.message()]).run()
    first, second, third = pipe.messages
    store = broker.store("common")
    if which == "waiting":
        operate.cancel(store, [first.message_id], by="a test")
    else:
        with working(broker):
            if which == "failed":
                wait_until(broker, first, "Failed")
            assert which == "failed" or entered.wait(20)
            [change] = operate.cancel(store, [first.message_id], by="a test")
            assert change.done
            wait_until(broker, first, "Cancelled")
    for step in (second, third):
        assert job_state(broker, step) == "Cancelled"
        assert job_row(broker, step)["reason"] == "what it waited for was cancelled"
        assert [entry["state"] for entry in history(broker, step)] == ["cancelled"]
    wait_complete(broker, pipe, "failed")
    assert flow.did == []
    assert_settled(broker)


def test_deleting_a_step_leaves_its_successors_awaiting(broker: JobBroker, flow: Flow) -> None:
    pipe = flow.three().run()
    first, _, third = pipe.messages
    store = broker.store("common")
    operate.delete(store, [first.message_id], by="a test")
    assert [job_state(broker, step) for step in pipe.messages] == ["Deleted", "Awaiting", "Awaiting"]
    wait_complete(broker, pipe, "failed")
    assert_settled(broker)
    operate.retry(store, [first.message_id], by="a test")
    with working(broker):
        wait_until(broker, third, "Succeeded")
    assert [what for what, *_ in flow.did] == ["process", "post", "tell"]
    assert_settled(broker)


def test_an_awaiting_step_is_not_retried_but_named(broker: JobBroker, flow: Flow) -> None:
    flow.broken = True
    pipe = flow.three().run()
    with working(broker):
        wait_until(broker, pipe.messages[0], "Deleted")
    [change] = operate.retry(broker.store("common"), [pipe.messages[2].message_id], by="a test")
    assert not change.done
    assert "process" in change.what
    assert "no tariff" in change.what


@pytest.mark.parametrize("how", [operate.cancel, operate.delete])
def test_a_step_that_ended_while_it_waited_gets_its_argument_all_the_same(
    broker: JobBroker, flow: Flow, how: Any
) -> None:
    """It was taken out, what it waits for succeeded meanwhile, and now it is retried."""
    pipe = flow.three().run()
    first, second, third = pipe.messages
    store = broker.store("common")
    how(store, [second.message_id], by="a test")
    with working(broker):
        wait_until(broker, first, "Succeeded")
        wait_complete(broker, pipe, "failed")
        operate.retry(store, [third.message_id], by="a test")
        [change] = operate.retry(store, [second.message_id], by="a test")
        assert change.what == "queued again"
        wait_until(broker, third, "Succeeded")
    assert flow.did[1:] == [("post", "A-101 processed"), ("tell", "resident", "posted")]
    assert_settled(broker)


def test_a_step_that_ended_once_it_was_let_go_on_keeps_its_argument(broker: JobBroker, flow: Flow) -> None:
    pipe = (flow.process.message("A-101") | flow.post.message_with_options(delay=3_600_000)).run()
    second = pipe.messages[1]
    store = broker.store("common")
    with working(broker):
        wait_until(broker, second, "Scheduled")
        operate.cancel(store, [second.message_id], by="a test")
        operate.retry(store, [second.message_id], by="a test")
        wait_until(broker, second, "Succeeded")
    assert flow.did[1:] == [("post", "A-101 processed")]
    assert_settled(broker)


def test_a_cancelled_pipeline_can_be_retried_from_its_first_step(broker: JobBroker, flow: Flow) -> None:
    pipe = flow.three().run()
    ids = [step.message_id for step in pipe.messages]
    store = broker.store("common")
    operate.cancel(store, ids[:1], by="a test")
    assert [job_state(broker, id_) for id_ in ids] == ["Cancelled"] * 3
    changes = operate.retry(store, ids, by="a test")
    assert [change.what for change in changes] == ["queued again", "waits again", "waits again"]
    with working(broker):
        wait_until(broker, ids[2], "Succeeded")
        wait_complete(broker, pipe, "done")
    assert [what for what, *_ in flow.did] == ["process", "post", "tell"]
    assert_settled(broker)


def test_cancelling_a_step_whose_successor_is_gone_already_changes_only_that_step(
    broker: JobBroker, flow: Flow
) -> None:
    pipe = flow.three().run()
    store = broker.store("common")
    operate.delete(store, [pipe.messages[1].message_id], by="a test")
    operate.cancel(store, [pipe.messages[0].message_id], by="a test")
    assert [job_state(broker, step) for step in pipe.messages] == ["Cancelled", "Deleted", "Awaiting"]
    assert_settled(broker)


@pytest.mark.parametrize("result", [{1, 2}, "x" * 70_000, float("nan")])
def test_a_result_that_cannot_be_handed_on_fails_the_step_and_says_why(
    broker: JobBroker, flow: Flow, result: Any
) -> None:
    @dramatiq.actor(store_results=False)
    def give() -> Any:
        return result

    pipe = dramatiq.pipeline([give.message(), flow.post.message()]).run()
    with working(broker):
        wait_until(broker, pipe.messages[0], "Failed")
    row = job_row(broker, pipe.messages[0])
    assert row["reason"] == "the result cannot be kept"
    assert "handed on" in row["error"]
    assert row["attempts"] == 1
    assert job_state(broker, pipe.messages[1]) == "Awaiting"


@pytest.mark.parametrize("result", [{1, 2}, "x" * 70_000])
def test_a_result_that_nobody_wants_may_be_anything(broker: JobBroker, flow: Flow, result: Any) -> None:
    @dramatiq.actor(store_results=False, pipe_ignore=True)
    def give() -> Any:
        return result

    pipe = dramatiq.pipeline([give.message(), flow.post.message("this")]).run()
    with working(broker):
        wait_until(broker, pipe.messages[1], "Succeeded")
    assert flow.did == [("post", "this")]


def test_a_step_that_fails_for_a_while_hands_on_once(broker: JobBroker, flow: Flow) -> None:
    @dramatiq.actor(retry_policy=RetryPolicy(delays=(0.01, 0.01)))
    def stumble() -> int:
        if current_job().attempt < 3:
            raise RuntimeError
        return current_job().attempt

    pipe = dramatiq.pipeline([stumble.message(), flow.post.message()]).run()
    with working(broker):
        wait_until(broker, pipe.messages[1], "Succeeded")
    assert flow.did == [("post", 3)]
    assert_settled(broker)


def test_a_pipeline_in_the_callers_transaction_commits_or_vanishes_with_it(
    broker: JobBroker, flow: Flow, store_url: str
) -> None:
    with broker.store("common").pool.borrowed() as conn:
        conn.autocommit = False
        with transaction(conn):
            flow.three().run()
        conn.rollback()
        assert count(broker) == 0
        with transaction(conn):
            pipe = flow.three().run()
        assert count(broker) == 0
        conn.commit()
    with working(broker):
        wait_until(broker, pipe.messages[2], "Succeeded")
    assert_settled(broker)


def test_a_pipeline_that_a_middleware_runs_after_a_job_follows_with_it(broker: JobBroker, flow: Flow) -> None:
    class Follows(dramatiq.Middleware):
        def after_process_message(self, broker: Any, message: Any, **_: Any) -> None:
            if message.actor_name == "tell":
                (flow.process.message("B-202") | flow.post.message()).run()
                assert count(broker) == 1

    broker.add_middleware(Follows())
    with working(broker):
        wait_until(broker, flow.tell.send("go"), "Succeeded")
        assert count(broker) == 3
        wait_for(lambda: ("post", "B-202 processed") in flow.did, "the pipeline ran")
    assert_settled(broker)


def test_a_thousand_pipelines_at_once_all_come_to_their_end(broker: JobBroker, store_url: str) -> None:
    ended = []

    @dramatiq.actor(store_results=False)
    def begin(n: int) -> int:
        return n

    @dramatiq.actor(store_results=False)
    def end(n: int) -> None:
        ended.append(n)

    dramatiq.group([begin.message(n) | end.message() for n in range(1_000)]).run()
    with working(broker, threads=8):
        wait_for(lambda: len(ended) == 1_000, "all have ended", within=30)
        wait_for(
            lambda: execute(store_url, "select outcome from common_jobs.workflow") == [("done",)],
            "it is complete",
        )
    assert sorted(ended) == list(range(1_000))
    assert_settled(broker)
