"""Workflows: any graph without cycles; a step goes on when all that it waits for is as it wants it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import dramatiq
import pytest

from infra.app import make_broker
from infra.composition import Batch, Node, Workflow
from infra.middleware.retries import RetryPolicy
from infra.queue import current_job, operate
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
    job_row,
    job_state,
    jobs_of,
    rows,
    wait_until,
    working,
)
from tests.support.waiting import wait_for


class Steps:
    """Steps by name: each notes that it ran, with what; those in `bad` fail."""

    def __init__(self, broker: JobBroker) -> None:
        self.ran: list[tuple[Any, ...]] = []
        self.bad: set[str] = set()
        self.told: list[tuple[Any, ...]] = []
        steps = self

        @dramatiq.actor(broker=broker, actor_name="step", retry_policy=RetryPolicy(delays=()))
        def step(name: str, *given: Any) -> str:
            steps.ran.append((name, *given))
            if name in steps.bad:
                raise RuntimeError(f"{name} is bad")
            return f"<{name}>"

        @dramatiq.actor(broker=broker, actor_name="tell")
        def tell(name: str, workflow_id: str, counts: dict[str, int]) -> None:
            steps.told.append((name, workflow_id, counts))

        self.step, self.tell = step, tell

    def __call__(self, name: str, **options: Any) -> Any:
        return self.step.message_with_options(args=(name,), **options)

    def names(self) -> list[str]:
        return [name for name, *_ in self.ran]


@pytest.fixture
def steps(broker: JobBroker) -> Steps:
    return Steps(broker)


def message_of(node: Node) -> str:
    return node.id


def test_a_step_waits_for_all_that_it_comes_after_and_gets_their_results_in_order(
    broker: JobBroker, steps: Steps
) -> None:
    flow = Workflow("close the month")
    dues, costs, fines = flow.add(steps("dues")), flow.add(steps("costs")), flow.add(steps("fines"))
    report = flow.add(steps("report"), after=[fines, dues, costs], results=True)
    flow_id = flow.run()
    assert job_state(broker, message_of(report)) == "Awaiting"
    row = workflow_row(broker, flow_id)
    assert (row["kind"], row["name"]) == ("workflow", "close the month")
    with working(broker):
        wait_complete(broker, flow, "done")
    assert steps.ran[-1] == ("report", "<fines>", "<dues>", "<costs>")
    assert sorted(steps.names()) == ["costs", "dues", "fines", "report"]
    assert releases(broker, message_of(report)) == 1
    assert_settled(broker)


def test_only_the_results_that_are_wanted_are_handed_on(broker: JobBroker, steps: Steps) -> None:
    flow = Workflow("close the month")
    dues, costs = flow.add(steps("dues")), flow.add(steps("costs"))
    report = flow.add(steps("report"))
    flow.connect(dues, report)
    flow.connect(costs, report, results=True)
    flow.run()
    with working(broker):
        wait_complete(broker, flow, "done")
    assert steps.ran[-1] == ("report", "<costs>")


def test_a_diamond_runs_each_of_its_steps_once(broker: JobBroker, steps: Steps) -> None:
    flow = Workflow(
        "diamonds", on_complete=steps.tell.message("complete"), on_success=steps.tell.message("success")
    )
    top = flow.add(steps("0"))
    for n in range(1, 6):
        left, right = flow.add(steps(f"{n}l"), after=top), flow.add(steps(f"{n}r"), after=top)
        top = flow.add(steps(f"{n}"), after=[left, right], results=True)
    flow_id = flow.run()
    with working(broker):
        wait_for(lambda: len(steps.told) == 2, "both callbacks ran")
    names = steps.names()
    assert sorted(names) == sorted(["0", *(f"{n}{side}" for n in range(1, 6) for side in ("", "l", "r"))])
    for n in range(1, 6):
        assert names.index(f"{n - 1}") < min(names.index(f"{n}l"), names.index(f"{n}r"))
        assert names.index(f"{n}") > max(names.index(f"{n}l"), names.index(f"{n}r"))
    whole = {"total": 16, "succeeded": 16, "failed": 0, "cancelled": 0}
    assert sorted(steps.told) == [("complete", flow_id, whole), ("success", flow_id, whole)]
    assert_settled(broker)


def test_a_step_may_come_after_another_in_whatever_state(broker: JobBroker, steps: Steps) -> None:
    steps.bad = {"bad"}
    flow = Workflow("clean up all the same")
    good, bad = flow.add(steps("good")), flow.add(steps("bad"))
    clean_up = flow.add(steps("clean up"), after=[good, bad], on="finished", results=True)
    never = flow.add(steps("never"), after=[good, bad])
    flow.run()
    with working(broker):
        wait_until(broker, message_of(clean_up), "Succeeded")
        wait_complete(broker, flow, "failed")
        assert steps.ran[-1] == ("clean up", "<good>", None), "nothing is handed on by one that failed"
        assert job_state(broker, message_of(never)) == "Awaiting"

        steps.bad = set()
        assert flow.retry_failed(by="a test") == 1
        wait_complete(broker, flow, "done")
    assert steps.names().count("clean up") == 1
    assert steps.names()[-1] == "never"
    assert releases(broker, message_of(clean_up)) == releases(broker, message_of(never)) == 1
    assert_settled(broker)


@pytest.mark.parametrize("change", [operate.cancel, operate.delete])
def test_after_a_step_that_was_taken_out_goes_on_what_takes_any_end(
    broker: JobBroker, steps: Steps, change: Any
) -> None:
    flow = Workflow("clean up all the same")
    first = flow.add(steps("first"))
    second = flow.add(steps("second"), after=first)
    third = flow.add(steps("third"), after=second)
    clean_up = flow.add(steps("clean up"), after=third, on="finished")
    flow.run()
    change(broker.store("common"), [message_of(first)], by="a test")
    cancelled = change is operate.cancel
    assert job_state(broker, message_of(second)) == ("Cancelled" if cancelled else "Awaiting")
    assert job_state(broker, message_of(third)) == ("Cancelled" if cancelled else "Awaiting")
    with working(broker):
        if cancelled:
            wait_until(broker, message_of(clean_up), "Succeeded")
        wait_complete(broker, flow, "failed")
    assert steps.names() == (["clean up"] if cancelled else [])
    assert_settled(broker)


def test_a_step_may_wait_for_a_time_after_what_it_comes_after(broker: JobBroker, steps: Steps) -> None:
    flow = Workflow("remind later")
    bill = flow.add(steps("bill"))
    later = steps("remind", delay=3_600_000)
    flow.add(later, after=bill)
    flow.run()
    hour_ago = datetime.now(UTC) - timedelta(hours=2)
    rows(
        broker,
        "update {schema}.queue set enqueued_at = %s, eta = eta - interval '2 hours' returning 1",
        hour_ago,
    )
    with working(broker):
        wait_until(broker, later, "Scheduled")
        assert job_row(broker, later)["eta"] > datetime.now(UTC) + timedelta(minutes=59)
        becomes_due(broker, later)
        wait_complete(broker, flow, "done")


def test_a_pipeline_may_be_a_step(broker: JobBroker, steps: Steps) -> None:
    flow = Workflow("pipelines")
    before = flow.add(steps("before"))
    pipe = flow.add(steps("a") | steps("b"), after=before, results=True)
    flow.add(steps("after"), after=pipe, results=True)
    flow.run()
    with working(broker):
        wait_complete(broker, flow, "done")
    assert steps.ran == [("before",), ("a", "<before>"), ("b", "<a>"), ("after", "<b>")]
    assert_settled(broker)


def test_a_batch_in_the_middle_opens_when_its_turn_has_come(broker: JobBroker, steps: Steps) -> None:
    flow = Workflow("bill, then report")
    prepare = flow.add(steps("prepare"))
    bills = Batch("bills", on_complete=steps.tell.message("bills"))
    bills.add_many(steps(f"bill {n}") for n in range(5))
    inner = Batch("inner").add(steps("inner"))
    bills.add(inner)
    node = flow.add(bills, after=prepare)
    flow.add(steps("report"), after=node)
    flow_id = flow.run()
    assert workflow_row(broker, bills)["opened_at"] is None
    assert set(members(broker, bills).values()) == set(members(broker, inner).values()) == {"Awaiting"}
    assert Batch.get(bills.id).progress().waiting == 6
    with working(broker):
        wait_complete(broker, flow, "done")
        wait_for(lambda: steps.told, "the callback ran")
    names = steps.names()
    assert (names[0], names[-1]) == ("prepare", "report")
    assert sorted(names[1:-1]) == [*(f"bill {n}" for n in range(5)), "inner"]
    assert steps.told == [("bills", bills.id, {"total": 6, "succeeded": 6, "failed": 0, "cancelled": 0})]
    assert Workflow.get(flow_id).progress().total == 9
    assert_settled(broker)


def test_to_a_batch_whose_turn_has_not_come_members_can_be_added(broker: JobBroker, steps: Steps) -> None:
    entered, go_on = threading.Event(), threading.Event()

    @dramatiq.actor
    def prepare() -> None:
        entered.set()
        assert go_on.wait(20)

    flow = Workflow("bill, then report")
    bills = Batch("bills").add(steps("bill 1"))
    flow.add(bills, after=flow.add(prepare.message()))
    flow.run()
    with working(broker):
        assert entered.wait(20)
        handle = Batch.get(bills.id)
        handle.add(steps("bill 2"))
        handle.add(Batch("inner").add(steps("bill 3")))
        handle.add(Batch("empty", on_complete=steps.tell.message("empty")))
        wait_until(broker, steps.step.send("meanwhile"), "Succeeded")
        assert steps.names() == ["meanwhile"]
        assert steps.told == []
        go_on.set()
        wait_complete(broker, flow, "done")
    assert sorted(steps.names()[1:]) == ["bill 1", "bill 2", "bill 3"]
    assert [name for name, *_ in steps.told] == ["empty"]
    assert_settled(broker)


def test_an_empty_batch_in_the_middle_is_complete_when_its_turn_comes(
    broker: JobBroker, steps: Steps
) -> None:
    flow = Workflow("nothing to bill")
    node = flow.add(Batch("bills", on_complete=steps.tell.message("bills")), after=flow.add(steps("prepare")))
    flow.add(steps("report"), after=node)
    flow.run()
    with working(broker):
        wait_complete(broker, flow, "done")
    assert steps.names() == ["prepare", "report"]
    assert [name for name, *_ in steps.told] == ["bills"]
    assert_settled(broker)


@pytest.mark.parametrize("on", ["success", "finished"])
def test_after_a_batch_with_a_failed_member_comes_what_takes_any_end(
    broker: JobBroker, steps: Steps, on: Any
) -> None:
    steps.bad = {"bill 1"}
    flow = Workflow("bill, then report")
    bills = Batch("bills").add(steps("bill 1")).add(steps("bill 2"))
    report = flow.add(steps("report"), after=flow.add(bills), on=on)
    flow.run()
    with working(broker):
        wait_complete(broker, flow, "failed")
        assert job_state(broker, message_of(report)) == ("Succeeded" if on == "finished" else "Awaiting")
        steps.bad = set()
        Batch.get(bills.id).retry_failed(by="a test")
        wait_complete(broker, flow, "done")
    assert steps.names().count("report") == 1
    assert_settled(broker)


def test_a_batch_that_waits_for_a_failed_step_stays_shut_until_that_is_mended(
    broker: JobBroker, steps: Steps
) -> None:
    steps.bad = {"prepare"}
    flow = Workflow("bill, then report", on_complete=steps.tell.message("complete"))
    bills = Batch("bills", on_complete=steps.tell.message("bills")).add(steps("bill 1"))
    flow.add(steps("report"), after=flow.add(bills, after=flow.add(steps("prepare"))))
    flow.run()
    with working(broker):
        wait_complete(broker, flow, "failed")
        wait_for(lambda: steps.told, "the callback ran")
        assert workflow_row(broker, bills)["opened_at"] is None
        steps.bad = set()
        flow.retry_failed(by="a test")
        wait_complete(broker, flow, "done")
    assert steps.names() == ["prepare", "prepare", "bill 1", "report"]
    assert [name for name, *_ in steps.told] == ["complete", "bills"]
    assert_settled(broker)


def test_what_a_cancelled_step_leads_to_is_cancelled_with_batches_and_what_is_in_them(
    broker: JobBroker, steps: Steps
) -> None:
    flow = Workflow("bill, then report", on_complete=steps.tell.message("complete"))
    innermost = Batch("innermost").add(steps("bill 3"))
    inner = Batch("inner", on_complete=steps.tell.message("inner")).add(steps("bill 2")).add(innermost)
    bills = Batch("bills", on_complete=steps.tell.message("bills"), on_success=steps.tell.message("billed"))
    bills.add(steps("bill 1")).add(inner)
    prepare = flow.add(steps("prepare"))
    report = flow.add(steps("report"), after=flow.add(bills, after=prepare))
    all_the_same = flow.add(steps("all the same"), after=report, on="finished")
    flow_id = flow.run()
    operate.cancel(broker.store("common"), [message_of(prepare)], by="a test")
    for batch in (innermost, inner, bills):
        wait_complete(broker, batch, "cancelled")
        assert workflow_row(broker, batch)["cancel_reason"] == "what it waited for was cancelled"
        assert set(members(broker, batch).values()) == {"Cancelled"}
    assert job_state(broker, message_of(report)) == "Cancelled"
    with working(broker):
        wait_until(broker, message_of(all_the_same), "Succeeded")
        wait_for(lambda: len(steps.told) == 2, "the callbacks ran")
    assert steps.names() == ["all the same"]
    # prepare, report, all the same, bill 1 to 3, and three callbacks
    whole = {"total": 9, "succeeded": 2, "failed": 0, "cancelled": 7}
    assert [name for name, *_ in steps.told] == ["bills", "complete"]
    assert steps.told[1] == ("complete", flow_id, whole)
    assert_settled(broker)


def test_a_batch_without_members_that_is_cancelled_has_not_succeeded(broker: JobBroker, steps: Steps) -> None:
    flow = Workflow("nothing to bill")
    empty = Batch(
        "empty", on_success=steps.tell.message("success"), on_complete=steps.tell.message("complete")
    )
    prepare = flow.add(steps("prepare"))
    flow.add(empty, after=prepare)
    flow.run()
    operate.cancel(broker.store("common"), [message_of(prepare)], by="a test")
    wait_complete(broker, empty, "cancelled")
    with working(broker):
        wait_complete(broker, flow, "failed")
    assert [name for name, *_ in steps.told] == ["complete"]
    assert_settled(broker)


def test_a_cancelled_step_can_be_retried_and_then_what_follows_it(broker: JobBroker, steps: Steps) -> None:
    flow = Workflow("retried")
    one, two = flow.add(steps("one")), flow.add(steps("two"))
    both = flow.add(steps("both"), after=[one, two], results=True)
    last = flow.add(steps("last"), after=both, results=True)
    flow.run()
    store = broker.store("common")
    operate.cancel(store, [message_of(one)], by="a test")
    assert [job_state(broker, message_of(n)) for n in (both, last)] == ["Cancelled", "Cancelled"]
    with working(broker):
        wait_complete(broker, flow, "failed")
        [change] = operate.retry(store, [message_of(both)], by="a test")
        assert change.what == "waits again"
        operate.retry(store, [message_of(one)], by="a test")
        wait_until(broker, message_of(both), "Succeeded")
        wait_complete(broker, flow, "failed")
        [change] = operate.retry(store, [message_of(last)], by="a test")
        assert change.what == "queued again"
        wait_complete(broker, flow, "done")
    assert steps.ran[-2:] == [("both", "<one>", "<two>"), ("last", "<both>")]
    assert_settled(broker)


def test_a_step_that_is_retried_while_what_it_waits_for_ends_does_not_wait_for_ever(
    broker: JobBroker, steps: Steps
) -> None:
    store = broker.store("common")
    with working(broker, threads=2):
        for n in range(25):
            flow = Workflow("race")
            first = flow.add(steps(f"first {n}"))
            second = flow.add(steps(f"second {n}"), after=first, results=True)
            rows(
                broker,
                "insert into {schema}.queue_pause (queue_name, paused_by) values ('default', 'x') returning 1",
            )
            flow.run()
            operate.cancel(store, [message_of(second)], by="a test")
            rows(
                broker,
                "delete from {schema}.queue_pause returning pg_notify('{schema}', 'default')",
            )
            operate.retry(store, [message_of(second)], by="a test")
            wait_until(broker, message_of(second), "Succeeded")
            assert (f"second {n}", f"<first {n}>") in steps.ran
            wait_complete(broker, flow, "done")
    assert_settled(broker)


def test_an_operator_cancels_the_whole(broker: JobBroker, steps: Steps) -> None:
    entered = threading.Event()

    @dramatiq.actor
    def long() -> None:
        entered.set()
        wait_for(lambda: current_job().cancellation_requested(), "it is asked to stop")

    flow = Workflow(
        "long", on_complete=steps.tell.message("complete"), on_success=steps.tell.message("success")
    )
    first = flow.add(long.message())
    second = flow.add(steps("second"), after=first)
    all_the_same = flow.add(steps("all the same"), after=second, on="finished")
    bills = Batch("bills").add(steps("bill 1"))
    flow.add(bills, after=first)
    flow_id = flow.run()
    with working(broker):
        assert entered.wait(20)
        assert Workflow.get(flow_id).cancel(by="a test") == 4
        wait_for(lambda: steps.told, "the callback ran")
    assert steps.ran == []
    for node in (first, second, all_the_same):
        assert job_state(broker, message_of(node)) == "Cancelled"
    wait_complete(broker, flow, "cancelled")
    wait_complete(broker, bills, "cancelled")
    assert steps.told == [("complete", flow_id, {"total": 4, "succeeded": 0, "failed": 0, "cancelled": 4})]
    assert_settled(broker)


def test_a_cancelled_workflow_can_be_taken_up_again(broker: JobBroker, steps: Steps) -> None:
    flow = Workflow("again", on_success=steps.tell.message("success"))
    bills = Batch("bills", on_success=steps.tell.message("bills")).add(steps("bill 1"))
    report = flow.add(steps("report"), after=[flow.add(bills, after=flow.add(steps("first")))])
    flow.run()
    flow.cancel(by="a test")
    wait_complete(broker, flow, "cancelled")
    flow.retry_failed(by="a test", cancelled=True)
    with working(broker):
        wait_complete(broker, flow, "done")
        wait_until(broker, message_of(report), "Succeeded")
        wait_for(lambda: len(steps.told) == 2, "both callbacks ran")
    assert [name for name, *_ in steps.told] == ["bills", "success"]
    assert_settled(broker)


def test_steps_of_which_many_wait_for_one_all_go_on(broker: JobBroker, steps: Steps) -> None:
    flow = Workflow("fan")
    first = flow.add(steps("first"))
    middle = [flow.add(steps(f"{n}"), after=first) for n in range(200)]
    last = flow.add(steps("last"), after=middle, results=True)
    flow.run()
    with working(broker, threads=8):
        wait_until(broker, message_of(last), "Succeeded", within=30)
        wait_complete(broker, flow, "done")
    assert steps.ran[-1] == ("last", *(f"<{n}>" for n in range(200)))
    assert_settled(broker)


def test_many_that_end_at_once_release_their_common_successor_once(broker: JobBroker, steps: Steps) -> None:
    """Of two that end at the same moment neither may believe that the other one is still to come."""
    nodes = []
    for _ in range(40):
        flow = Workflow("fan-in")
        nodes.append(flow.add(steps("last"), after=[flow.add(steps(f"{n}")) for n in range(8)]))
        flow.run()
    with working(broker, threads=8), working(broker_beside(broker), threads=8):
        for node in nodes:
            wait_until(broker, message_of(node), "Succeeded", within=30)
        assert [releases(broker, message_of(node)) for node in nodes] == [1] * 40
        wait_for(
            lambda: rows(broker, "select count(*) from {schema}.workflow where outcome = 'done'") == [(40,)],
            "done",
        )
    assert_settled(broker)


def broker_beside(broker: JobBroker) -> JobBroker:
    """That of a second worker, with the same actors. Bare, because dramatiq's event loop is one a process."""
    other = make_broker(broker.store("common").url, "bare", config=broker.config)
    other.actors.update(broker.actors)
    return other


def test_a_handle_on_an_opened_workflow_takes_no_steps(broker: JobBroker, steps: Steps) -> None:
    flow = Workflow("fixed")
    flow.add(steps("one"))
    flow_id = flow.run()
    for handle in (flow, Workflow.get(flow_id)):
        with pytest.raises(ValueError, match="is open already: its steps are fixed"):
            handle.add(steps("two"))
    assert len(jobs_of(broker, "step")) == 1
    assert_counted(broker)
