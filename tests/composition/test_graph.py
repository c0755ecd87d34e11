"""What operators see of workflows: the list of them, the graph of each, and what awaiting jobs wait for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dramatiq
import pytest

from infra.composition import Batch, Workflow
from infra.composition.find import callbacks, failed_members, list_workflows, workflow_ids_like, workflows
from infra.composition.graph import FEW, Graph, graph
from infra.middleware.retries import RetryPolicy
from infra.queue import operate
from infra.queue.broker import JobBroker
from infra.queue.find import Filter, find, show
from infra.queue.waiting import blockers, reason_of
from tests.support.queue import rows, wait_until, working
from tests.support.waiting import wait_for

AT_ONCE = RetryPolicy(delays=(), at_end="fail")


class Actors:
    """Some of one service, one of another."""

    def __init__(self, broker: JobBroker) -> None:
        self.broken = True

        def step(*given: Any) -> str:
            return "given"

        def breaks(*given: Any) -> str:
            if self.broken:
                raise RuntimeError("not yet\nreally")
            return "mended"

        def tells(workflow_id: str, counts: dict[str, int]) -> None:
            pass

        def make(fn: Callable[..., Any], name: str, service: str = "common") -> Any:
            return dramatiq.actor(
                fn, broker=broker, actor_name=f"{service}.{name}", service=service, retry_policy=AT_ONCE
            )

        self.step, self.breaks, self.tells = make(step, "step"), make(breaks, "breaks"), make(tells, "tells")
        self.sells, self.bills = make(step, "sells", "sales"), make(tells, "bills", "sales")


@pytest.fixture
def actors(broker: JobBroker) -> Actors:
    return Actors(broker)


def graph_of(broker: JobBroker, workflow_id: str, home: str = "common", **options: Any) -> Graph:
    found = graph(broker.store(home), broker.store, workflow_id, **options)
    assert found is not None
    return found


def completed(broker: JobBroker, composed: Any) -> None:
    with working(broker):
        wait_for(lambda: composed.progress().complete, "it is complete")


def reason(broker: JobBroker, message: Any, service: str = "common") -> str | None:
    detail = show(broker.store(service), message.message_id)
    assert detail is not None
    return detail.job.reason


def test_a_graph_has_steps_with_their_states_and_what_waits_for_what(
    broker: JobBroker, actors: Actors
) -> None:
    flow = Workflow("a month", on_success=actors.tells)
    first, second = actors.step.message(1), actors.breaks.message(2)
    third, fourth = actors.step.message(3), actors.step.message(4)
    a, b = flow.add(first), flow.add(second)
    flow.add(third, after=[a, b])
    flow.add(fourth, after=b, on="finished")
    flow.run()
    completed(broker, flow)

    drawn = graph_of(broker, flow.id)

    assert (drawn.workflow.kind, drawn.workflow.name, drawn.workflow.state) == (
        "workflow",
        "a month",
        "Failed",
    )
    states = {job.id: job.state for job in drawn.jobs.values() if job.workflow == flow.id}
    assert states == {
        first.message_id: "Succeeded",
        second.message_id: "Failed",
        third.message_id: "Awaiting",
        fourth.message_id: "Succeeded",
    }
    assert {
        (link.before, link.after, link.condition, link.met) for link in drawn.links if not link.callback
    } == {
        (first.message_id, third.message_id, "success", True),
        (second.message_id, third.message_id, "success", False),
        (second.message_id, fourth.message_id, "finished", True),
    }
    [called] = [link for link in drawn.links if link.callback]
    assert (called.before, drawn.jobs[called.after].actor, called.met) == (flow.id, "common.tells", False)
    assert drawn.jobs[second.message_id].error == "RuntimeError: not yet\nreally"
    assert drawn.others == []


def test_a_pipeline_is_drawn_as_a_chain_though_it_has_the_id_of_its_first_step(
    broker: JobBroker, actors: Actors
) -> None:
    chain = dramatiq.pipeline(
        [actors.step.message(), actors.sells.message(), actors.step.message()], broker=broker
    )
    chain.run()
    ids = [message.message_id for message in chain.messages]

    drawn = graph_of(broker, ids[0])

    assert {(link.before, link.after, link.callback) for link in drawn.links} == {
        (ids[0], ids[1], False),
        (ids[1], ids[2], False),
    }
    assert {id_: (job.service, job.state) for id_, job in drawn.jobs.items()} == {
        ids[0]: ("common", "Enqueued"),
        ids[1]: ("sales", "Awaiting"),
        ids[2]: ("common", "Awaiting"),
    }


def test_many_members_without_edges_are_summed_up_and_the_failed_named(
    broker: JobBroker, actors: Actors
) -> None:
    batch = Batch("many", on_complete=actors.bills)
    batch.add_many(actors.step.message(n) for n in range(FEW + 5))
    batch.add_many(actors.breaks.message(n) for n in range(3))
    batch.run()
    completed(broker, batch)
    with working(broker):
        wait_for(lambda: graph_of(broker, batch.id).links[0].met, "the callback is released")

    drawn = graph_of(broker, batch.id)

    assert {(count.actor, count.state): count.jobs for count in drawn.others} == {
        ("common.step", "Succeeded"): FEW + 5,
        ("common.breaks", "Failed"): 3,
    }
    assert drawn.left_out == FEW + 8
    assert [job.error for job in drawn.failed] == ["RuntimeError: not yet\nreally"] * 3
    assert sorted(job.arguments["#0"] for job in drawn.failed) == [0, 1, 2]
    assert [job.actor for job in drawn.jobs.values()] == ["sales.bills"]


def test_a_few_members_without_edges_are_drawn(broker: JobBroker, actors: Actors) -> None:
    batch = Batch("few")
    batch.add_many(actors.step.message(n) for n in range(3))
    batch.run()

    drawn = graph_of(broker, batch.id)

    assert (len(drawn.jobs), drawn.links, drawn.others) == (3, [], [])


def test_what_is_beyond_the_limit_is_summed_up(broker: JobBroker, actors: Actors) -> None:
    batch = Batch("pipelines")
    batch.add_many(
        dramatiq.pipeline([actors.step.message(n), actors.sells.message()], broker=broker) for n in range(50)
    )
    batch.run()

    drawn = graph_of(broker, batch.id, limit=10)

    assert (len(drawn.jobs), len(drawn.links)) == (10, 5)
    assert {(count.actor, count.state): count.jobs for count in drawn.others} == {
        ("common.step", "Enqueued"): 45,
        ("sales.sells", "Awaiting"): 45,
    }
    assert drawn.left_out == 90


def test_a_large_workflow_is_summed_up_from_its_figures(
    broker: JobBroker, actors: Actors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.composition.graph.MOST_COUNTED", 10)
    batch = Batch("large")
    batch.add_many(actors.step.message(n) for n in range(FEW + 10))
    batch.add_many(actors.breaks.message(n) for n in range(2))
    batch.run()
    completed(broker, batch)

    drawn = graph_of(broker, batch.id)

    assert {(count.actor, count.state): count.jobs for count in drawn.others} == {
        (None, "Succeeded"): FEW + 10,
        (None, "Failed"): 2,
    }
    assert len(drawn.failed) == 2


def test_nested_batches_are_drawn_with_their_figures_and_callbacks(broker: JobBroker, actors: Actors) -> None:
    letters = Batch("letters", on_complete=actors.bills)
    letters.add_many(actors.sells.message(n) for n in range(4))
    flow = Workflow("a month")
    last = actors.step.message()
    before = flow.add(actors.step.message())
    inner = flow.add(letters, after=before)
    flow.add(last, after=inner)
    flow.run()

    drawn = graph_of(broker, flow.id)

    assert drawn.nested[letters.id].state == "Awaiting"
    assert drawn.nested[letters.id].progress.total == 4
    after = {(link.after, link.callback) for link in drawn.links if link.before == letters.id}
    assert (last.message_id, False) in after
    [called] = [id_ for id_, callback in after if callback]
    assert drawn.jobs[called].actor == "sales.bills"

    completed(broker, flow)
    drawn = graph_of(broker, flow.id)
    assert (drawn.nested[letters.id].state, drawn.nested[letters.id].progress.succeeded) == ("Complete", 4)
    assert all(link.met for link in drawn.links)
    assert drawn.workflow.progress.total == 7


def test_a_nested_batch_that_is_not_open_says_what_it_waits_for(broker: JobBroker, actors: Actors) -> None:
    letters = Batch("letters")
    letters.add(actors.sells.message())
    flow = Workflow("a month")
    first = actors.breaks.message()
    flow.add(letters, after=flow.add(first))
    flow.run()
    completed(broker, flow)

    drawn = graph_of(broker, letters.id, home="sales")

    assert drawn.workflow.state == "Awaiting"
    assert [node.id for node in drawn.held_up_by] == [first.message_id]


def test_steps_that_have_expired_are_drawn_as_such(broker: JobBroker, actors: Actors) -> None:
    first, second = actors.step.message(), actors.breaks.message()
    flow = Workflow("old")
    flow.add(second, after=flow.add(first))
    flow.run()
    completed(broker, flow)
    rows(broker, "delete from {schema}.finished where message_id = %s returning 1", first.message_id)

    drawn = graph_of(broker, flow.id)

    assert drawn.jobs[first.message_id].state == ""
    assert [(link.before, link.after) for link in drawn.links] == [(first.message_id, second.message_id)]


def test_workflows_are_listed_the_latest_first_from_a_place_on(broker: JobBroker, actors: Actors) -> None:
    ids = []
    for n in range(5):
        batch = Batch(f"Batch no. {n}")
        batch.add(actors.step.message())
        ids.append(batch.run())
    dramatiq.pipeline([actors.step.message(), actors.step.message()], broker=broker).run()
    outer = Batch("outer")
    outer.add(Batch("inner").add(actors.step.message()))
    outer.run()
    store = broker.store("common")

    def listed(**options: Any) -> list[Any]:
        return list_workflows(store, broker.store, **options)

    assert [w.name for w in listed(kinds=["batch"])][:2] == ["outer", "Batch no. 4"]
    assert {w.kind for w in listed()} == {"batch", "pipeline"}
    assert "inner" in [w.name for w in listed(nested=True)]
    assert [w.id for w in listed(name="batch NO.")] == ids[::-1]
    page = listed(name="no.", limit=2)
    assert [w.id for w in page] == [ids[4], ids[3]]
    assert [w.id for w in listed(name="no.", limit=2, before=(page[-1].created_at, page[-1].id))] == [
        ids[2],
        ids[1],
    ]
    with working(broker):
        wait_for(lambda: not listed(open_only=True), "all are complete")
    assert {w.state for w in listed()} == {"Complete"}
    assert workflow_ids_like(store, ids[0][:8]) == [ids[0]]


def test_figures_come_from_all_stores_and_a_workflow_is_listed_in_its_home_alone(
    broker: JobBroker, actors: Actors
) -> None:
    batch = Batch("two services")
    batch.add_many([actors.step.message(1), actors.sells.message(2), actors.sells.message(3)])
    batch.run()

    [found] = list_workflows(broker.store("common"), broker.store)
    assert list_workflows(broker.store("sales"), broker.store) == []
    assert (found.services, found.progress.total, found.progress.waiting) == (("common", "sales"), 3, 3)

    completed(broker, batch)
    [found] = list_workflows(broker.store("common"), broker.store)
    assert (found.state, found.progress.succeeded) == ("Complete", 3)


def test_failed_members_of_nested_workflows_count_too(broker: JobBroker, actors: Actors) -> None:
    outer = Batch("outer", on_success=actors.bills)
    outer.add(Batch("inner").add(actors.breaks.message(7)))
    outer.add(actors.breaks.message(8))
    outer.run()
    completed(broker, outer)
    [facts] = workflows(broker.store("common"), broker.store, [outer.id])

    assert len(failed_members(facts, broker.store)) == 2
    assert len(failed_members(facts, broker.store, nested=False)) == 1
    assert len(failed_members(facts, broker.store, limit=1)) == 1
    [called] = callbacks(facts, broker.store)
    assert (called.job.actor, called.job.state, called.condition, called.met) == (
        "sales.bills",
        "Awaiting",
        "success",
        False,
    )


def test_an_awaiting_job_names_what_holds_it_up_at_the_root(broker: JobBroker, actors: Actors) -> None:
    first, second, third = actors.breaks.message(), actors.sells.message(), actors.step.message()
    dramatiq.pipeline([first, second, third], broker=broker).run()
    short = first.message_id[:8]

    assert reason(broker, third) == f"waits for common.breaks {short} (Enqueued)"
    with working(broker):
        wait_until(broker, first, "Failed")
    expected = f"waits for common.breaks {short} (Failed: RuntimeError: not yet)"
    assert reason(broker, third) == expected
    assert reason(broker, second, "sales") == expected
    assert [job.reason for job in find(broker.store("common"), Filter(states=("awaiting",)))] == [expected]

    [change] = operate.retry(broker.store("common"), [third.message_id], by="a test")
    assert (change.done, change.what) == (False, f"it {expected}: retry that instead")


def test_of_several_reasons_the_gravest_comes_first(broker: JobBroker, actors: Actors) -> None:
    flow = Workflow("fan in")
    fine, broken = actors.sells.message(), actors.breaks.message()
    last = actors.step.message()
    flow.add(last, after=[flow.add(fine), flow.add(broken)])
    flow.run()
    with working(broker, queues={"default"}):
        wait_until(broker, broken, "Failed")
        wait_until(broker, fine, "Succeeded", service="sales")
    assert (
        reason(broker, last)
        == f"waits for common.breaks {broken.message_id[:8]} (Failed: RuntimeError: not yet)"
    )

    rows(broker, "update {schema}.edge set met_at = null returning 1")
    rows(broker, "delete from {schema}.finished returning 1", service="sales")
    [(_, held_up)] = blockers(broker.store("common"), [last.message_id]).items()
    assert [node.state for node in held_up] == ["Failed", ""]
    assert str(held_up[1]) == f"{fine.message_id[:8]}, which has expired"
    assert str(reason_of(held_up)).endswith("(Failed: RuntimeError: not yet) and 1 other")


def test_a_member_of_a_workflow_that_is_not_open_waits_for_what_that_waits_for(
    broker: JobBroker, actors: Actors
) -> None:
    first, member = actors.breaks.message(), actors.sells.message()
    inner = Batch("inner").add(member)
    flow = Workflow("outer")
    flow.add(Batch("middle").add(inner), after=flow.add(first))
    flow.run()
    with working(broker):
        wait_until(broker, first, "Failed")

    assert reason(broker, member, "sales") == (
        f"waits for common.breaks {first.message_id[:8]} (Failed: RuntimeError: not yet)"
    )


def test_a_callback_waits_for_its_workflow(broker: JobBroker, actors: Actors) -> None:
    batch = Batch("bills", on_success=actors.bills)
    batch.add(actors.breaks.message())
    batch.run()
    completed(broker, batch)

    [job] = find(broker.store("sales"), Filter(states=("awaiting",)))

    assert job.reason == f"waits for batch 'bills' {batch.id[:8]} (Failed)"
    assert [node.kind for node in job.held_up_by] == ["batch"]


def test_a_job_knows_its_workflow_and_its_neighbours(broker: JobBroker, actors: Actors) -> None:
    first, second, third = actors.step.message(), actors.sells.message(), actors.step.message()
    flow = Workflow("chain")
    a = flow.add(first)
    b = flow.add(second, after=a, on="finished")
    flow.add(third, after=[a, b])
    flow.run()

    detail = show(broker.store("sales"), second.message_id)

    assert detail is not None
    assert detail.workflow is not None
    assert (detail.workflow.kind, detail.workflow.name, detail.workflow.service) == (
        "workflow",
        "chain",
        "common",
    )
    assert [(n.node.id, n.node.state, n.condition, n.met) for n in detail.before] == [
        (first.message_id, "Enqueued", "finished", False)
    ]
    assert [(n.node.id, n.node.state, n.condition) for n in detail.after] == [
        (third.message_id, "Awaiting", "success")
    ]


def test_a_long_chain_is_followed_to_its_root(
    broker: JobBroker, actors: Actors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.queue.waiting._ROWS", 7)
    chain = [actors.step.message() for _ in range(40)]
    dramatiq.pipeline(chain, broker=broker).run()

    assert reason(broker, chain[-1]) == f"waits for common.step {chain[0].message_id[:8]} (Enqueued)"
