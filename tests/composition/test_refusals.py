"""What makes no sense is refused when it is composed or opened, naming the fault; then nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dramatiq
import pytest

from infra.composition import Batch, CompositionRefused, Workflow
from infra.queue import JobRefused, enqueue_many
from infra.queue.broker import JobBroker
from infra.queue.errors import MessageTooLarge, UnknownActor, WrongArguments
from tests.support.queue import count, refusal, rows


class Actors:
    """Actors to be composed wrongly."""

    def __init__(self, broker: JobBroker) -> None:
        @dramatiq.actor(broker=broker, actor_name="bill")
        def bill(flat: str) -> str:
            return flat

        @dramatiq.actor(broker=broker, actor_name="post")
        def post(flat: str, bill: str) -> None:
            pass

        @dramatiq.actor(broker=broker, actor_name="tell")
        def tell(batch_id: str) -> None:
            pass

        @dramatiq.actor(broker=broker, actor_name="nothing")
        def nothing() -> None:
            pass

        self.bill, self.post, self.tell, self.nothing = bill, post, tell, nothing


@pytest.fixture
def actors(broker: JobBroker) -> Actors:
    return Actors(broker)


def unknown(message: Any) -> Any:
    return message.copy(actor_name="bil")


def nothing_written(broker: JobBroker) -> bool:
    tables = ("queue", "finished", "history", "workflow", "edge", "tally")
    return all(rows(broker, f"select count(*) from {{schema}}.{table}") == [(0,)] for table in tables)


def refused(broker: JobBroker, call: Callable[[], Any]) -> str:
    """What it says; nothing of it is there."""
    said = refusal(call)
    assert nothing_written(broker)
    return said


def test_an_empty_one_without_a_callback(broker: JobBroker) -> None:
    for kind in (Batch, Workflow):
        said = refused(broker, kind("bills").run)
        assert said == f"{kind.kind} 'bills' is empty and has no callback: there is nothing to do"


def test_an_empty_one_without_a_callback_in_another(broker: JobBroker, actors: Actors) -> None:
    outer = Batch("outer").add(actors.bill.message("A-101"))
    assert "'inner' is empty and has no callback" in refused(broker, lambda: outer.add(Batch("inner")))


@pytest.mark.parametrize("name", ["", "x" * 201])
def test_a_name_that_is_none(broker: JobBroker, name: str) -> None:
    assert "a batch needs a name of 1 to 200 characters" in refused(broker, lambda: Batch(name))


@pytest.mark.parametrize("key", ["", "x" * 501])
def test_a_key_that_is_none(broker: JobBroker, key: str) -> None:
    assert "key must be a text of 1 to 500 characters" in refused(broker, lambda: Batch("bills", key=key))


def test_a_cycle_is_named(broker: JobBroker, actors: Actors) -> None:
    flow = Workflow("round and round")
    one = flow.add(actors.bill.message("A-101"))
    two = flow.add(actors.nothing.message(), after=one)
    three = flow.add(actors.tell.message("x"), after=two)
    flow.connect(three, one)
    said = refused(broker, flow.run)
    assert said.startswith("'round and round' has a cycle: ")
    circle = said.partition(": ")[2].split(" → ")
    assert circle[0] == circle[-1]
    doubled = "bill → nothing → tell → bill → nothing → tell"
    assert " → ".join(circle[:-1]) in doubled, "in the order in which they would run"


def test_a_step_after_itself(broker: JobBroker, actors: Actors) -> None:
    flow = Workflow("round")
    one = flow.add(actors.nothing.message())
    flow.connect(one, one)
    assert refused(broker, flow.run) == "'round' has a cycle: nothing → nothing"


def test_a_composition_in_itself(broker: JobBroker, actors: Actors) -> None:
    batch = Batch("bills").add(actors.bill.message("A-101"))
    said = "batch 'bills' has a cycle: it would contain itself"
    assert refused(broker, lambda: batch.add(batch)) == said
    flow = Workflow("close")
    flow.add(batch)
    outer = Workflow("outer")
    outer.add(flow)
    assert refused(broker, lambda: batch.add(outer)) == said
    empty = Batch("empty")
    assert "it would contain itself" in refused(broker, lambda: empty.add(empty))


def test_a_node_of_another_workflow(broker: JobBroker, actors: Actors) -> None:
    one, other = Workflow("one"), Workflow("other")
    node = one.add(actors.nothing.message())
    own = other.add(actors.nothing.message())
    for call in (
        lambda: other.add(actors.bill.message("A-101"), after=node),
        lambda: other.connect(node, own),
        lambda: other.connect(own, node),
    ):
        said = refused(broker, call)
        assert f"<nothing {node.id}> is no step of 'other': use what add() returned" in said
    message = actors.nothing.message()
    said = refused(broker, lambda: other.add(actors.bill.message("A-101"), after=[message]))  # type: ignore[list-item]
    assert "is no step of 'other'" in said


def test_a_step_that_is_refused_is_not_in_the_workflow(broker: JobBroker, actors: Actors) -> None:
    one, other = Workflow("one"), Workflow("other")
    node = one.add(actors.nothing.message())
    message = actors.bill.message("A-101")
    refused(broker, lambda: other.add(message, after=node))
    other.add(message)
    other.run()
    assert count(broker) == 1


def test_a_condition_that_is_none(broker: JobBroker, actors: Actors) -> None:
    flow = Workflow("close")
    one = flow.add(actors.nothing.message())
    said = refused(broker, lambda: flow.add(actors.nothing.message(), after=one, on="failure"))  # type: ignore[arg-type]
    assert said == "on must be 'success' or 'finished', not 'failure'"


def test_waiting_for_the_same_twice(broker: JobBroker, actors: Actors) -> None:
    flow = Workflow("close")
    one = flow.add(actors.nothing.message())
    two = flow.add(actors.tell.message("x"), after=one)
    assert refused(broker, lambda: flow.connect(one, two)) == "tell waits for nothing already"


def test_what_is_no_member(broker: JobBroker, actors: Actors) -> None:
    for item, name in ((actors.bill, "Actor"), ("bill", "str"), (None, "NoneType")):
        said = refused(broker, lambda item=item: Batch("bills").add(item))  # type: ignore[misc]
        assert said.startswith(f"a member must be a message, pipeline, group, Batch or Workflow, not {name}")
        assert "use actor.message(...)" in said


def test_the_same_message_twice(broker: JobBroker, actors: Actors) -> None:
    message = actors.bill.message("A-101")
    said = refused(broker, Batch("bills").add(message).add(message).run)
    assert said == f"{message} ({message.message_id}) stands in 'bills' twice"
    flow = Workflow("close")
    flow.add(message)
    assert "stands in 'close' twice" in refused(broker, lambda: flow.add(message))
    inner = Batch("inner").add(message)
    assert "stands in 'outer' twice" in refused(broker, Batch("outer").add(message).add(inner).run)
    callback = actors.tell.message()
    twice = Batch("bills", on_success=callback, on_complete=callback).add(message)
    assert "stands in 'bills' twice" in refused(broker, twice.run)
    pipe = message | actors.nothing.message_with_options(pipe_ignore=True)
    assert "stands in 'bills' twice" in refused(broker, Batch("bills").add(pipe).add(message).run)


def test_an_open_batch_in_another(broker: JobBroker, actors: Actors) -> None:
    inner = Batch("inner").add(actors.bill.message("A-101"))
    inner.run()
    said = refusal(lambda: Batch("outer").add(inner))
    assert said == f"batch 'inner' ({inner.id}) is open already: it cannot be a member"
    assert count(broker) == 1


def test_what_cannot_be_a_callback(broker: JobBroker, actors: Actors) -> None:
    def run(callback: Any) -> Callable[[], Any]:
        return Batch("bills", on_complete=callback).add(actors.bill.message("A-101")).run

    assert "a callback must be an actor or a message, not 'tell'" in refused(broker, run("tell"))
    said = refused(broker, run(actors.nothing))
    assert said == "nothing() -> 'None' has no parameter left for the id of the batch"
    assert "has no parameter left" in refused(broker, run(actors.tell.message("taken")))
    pipe = actors.bill.message("A-102") | actors.tell.message()
    assert "a callback must be an actor or a message" in refused(broker, run(pipe))
    assert "a callback is one job" in refused(broker, run(pipe.messages[0]))
    said = refused(broker, run(unknown(actors.tell.message())))
    assert said == "unknown actor 'bil', did you mean 'bill'?"


PLACES: dict[str, Callable[[Actors, Any], Callable[[], Any]]] = {
    "batch": lambda a, bad: Batch("bills").add(a.bill.message("A-101")).add(bad).run,
    "batch in batch": lambda a, bad: Batch("outer").add(a.nothing.message()).add(Batch("bills").add(bad)).run,
    "callback": lambda a, bad: Batch("bills", on_complete=bad.copy(args=bad.args[:0])).add(bad).run,
    "workflow": lambda a, bad: lambda: Workflow("bills").add(bad),
    "group": lambda a, bad: dramatiq.group([a.bill.message("A-101"), bad]).run,
    "first of a pipeline": lambda a, bad: (bad | a.tell.message()).run,
    "next of a pipeline": lambda a, bad: (a.nothing.message() | bad).run,
    "pipeline in a batch": lambda a, bad: Batch("bills").add(a.nothing.message() | bad).run,
    "pipelines in bulk": lambda a, bad: lambda: enqueue_many([(a.bill.message("x") | bad).messages[0]]),
}


@pytest.mark.parametrize("place", PLACES)
def test_an_unknown_actor_anywhere(broker: JobBroker, actors: Actors, place: str) -> None:
    bad = unknown(actors.bill.message("A-101"))
    with pytest.raises(UnknownActor, match="unknown actor 'bil', did you mean 'bill'"):
        PLACES[place](actors, bad)()
    assert nothing_written(broker)


@pytest.mark.parametrize("place", [place for place in PLACES if place not in ("workflow", "callback")])
def test_wrong_arguments_anywhere(broker: JobBroker, actors: Actors, place: str) -> None:
    bad = actors.post.message(7, "x", "surplus")
    with pytest.raises(WrongArguments, match="too many positional arguments"):
        PLACES[place](actors, bad)()
    assert nothing_written(broker)


def test_a_step_must_have_room_for_what_it_is_handed(broker: JobBroker, actors: Actors) -> None:
    assert "too many positional arguments" in refused(
        broker, (actors.bill.message("A-101") | actors.nothing.message()).run
    )
    assert "missing a required argument: 'bill'" in refused(
        broker, (actors.nothing.message() | actors.post.message()).run
    )
    flow = Workflow("close")
    both = [flow.add(actors.bill.message("A-101")), flow.add(actors.bill.message("A-102"))]
    flow.add(actors.tell.message("x"), after=both, results=True)
    assert "too many positional arguments" in refused(broker, flow.run)


def test_results_are_handed_on_by_jobs_alone(broker: JobBroker, actors: Actors) -> None:
    flow = Workflow("close")
    bills = flow.add(Batch("bills").add(actors.bill.message("A-101")))
    flow.add(actors.nothing.message(), after=bills, results=True)
    flow.run()
    assert count(broker) == 2


def test_a_message_that_is_too_large(broker: JobBroker, actors: Actors) -> None:
    batch = Batch("bills").add(actors.bill.message("A-101")).add(actors.bill.message("x" * 70_000))
    with pytest.raises(MessageTooLarge):
        batch.run()
    assert nothing_written(broker)


def test_delay_and_eta_at_once(broker: JobBroker, actors: Actors) -> None:
    from datetime import UTC, datetime

    both = actors.bill.message_with_options(args=("A-101",), delay=1, eta=datetime.now(UTC))
    assert "give delay or eta, not both" in refused(broker, Batch("bills").add(both).run)


def test_a_unique_key_that_a_waiting_job_has(broker: JobBroker, actors: Actors) -> None:
    waiting = actors.bill.send_with_options(args=("A-101",), unique_key="one")
    clash = actors.bill.message_with_options(args=("A-102",), unique_key="one")
    for call in (
        Batch("bills").add(actors.nothing.message()).add(clash).run,
        (actors.nothing.message() | clash.copy(options={"pipe_ignore": True})).run,
        dramatiq.group([actors.nothing.message(), clash]).run,
    ):
        assert f"job {waiting.message_id} has its unique key and waits already" in refusal(call)
        assert count(broker) == 1
        assert rows(broker, "select count(*) from {schema}.workflow") == [(0,)]


def test_a_thousand_and_one_members_of_which_the_last_is_bad(broker: JobBroker, actors: Actors) -> None:
    batch = Batch("bills").add_many(actors.bill.message(f"A-{n}") for n in range(5_000))
    batch.add(actors.bill.message(7))
    assert "argument 'flat' must be str, not int (7)" in refused(broker, batch.run)


def test_figures_of_what_is_not_open(broker: JobBroker, actors: Actors) -> None:
    batch = Batch("bills").add(actors.bill.message("A-101"))
    for call in (batch.progress, batch.cancel, batch.retry_failed, batch.failures):
        assert refused(broker, call) == "batch 'bills' is not open yet: call run() first"


def test_a_refused_one_can_be_mended_and_run(broker: JobBroker, actors: Actors) -> None:
    with pytest.raises(CompositionRefused):
        Batch("bills").run()
    waiting = actors.bill.send_with_options(args=("A-101",), unique_key="one")
    batch = Batch("bills").add(actors.bill.message_with_options(args=("A-102",), unique_key="one"))
    with pytest.raises(JobRefused):
        batch.run()
    rows(broker, "delete from {schema}.queue where message_id = %s returning 1", waiting.message_id)
    batch.run()
    assert count(broker) == 1
