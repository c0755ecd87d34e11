"""Two things at the same moment, in either order: whoever comes second must see what the first one did."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from dramatiq import Message

from infra.composition import Batch, Workflow
from infra.queue import operate
from infra.queue.broker import JobBroker
from infra.queue.finish import Finisher
from infra.queue.operation import Operation, operation
from infra.queue.outage import Outage
from infra.queue.run import SUCCESS, Run
from infra.queue.statements import bound
from infra.queue.transaction import transaction
from infra.store.connections import connect
from tests.support.faults import striking
from tests.support.graphs import Job
from tests.support.queue import broker_on, execute, job_state, rows
from tests.support.sample_actors import declare_on
from tests.support.verdict import RELEASED
from tests.support.waiting import wait_for

CREW = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"


class Stage:
    """Two workers of which nothing but the finishers is there, so that each can be stopped in mid-sentence."""

    def __init__(self, broker: JobBroker, url: str) -> None:
        self.broker = broker
        self.url = url
        self.store = broker.store("common")
        self.finishers = [Finisher(Outage(url), broker, lambda runs, held: None, patience=30) for _ in CREW]
        self._held_at: dict[str, threading.Event] = {}
        self._reached: dict[str, threading.Event] = {}
        for worker_id in CREW:
            self._sql("register", worker_id=worker_id, name="", hostname="", pid=0, queues=[], threads=1)

    def message(self, name: str) -> Message[Any]:
        return self.broker.get_actor("common.node").message(name, Job(name).script)

    def claim(self, worker: int = 0, count: int = 100) -> list[Run]:
        claims = self._sql(
            "claim",
            queues=["default"],
            counts=[count],
            worker_id=CREW[worker],
            lease=CREW[worker],
            timeout="1 hour",
        )
        runs = [Run(self.store, CREW[worker], CREW[worker], row) for row in claims]
        for run in runs:
            run.read()
            run.outcome, run.duration_ms, run.handed_on = SUCCESS, 1.0, '"done"'
        return runs

    def finish(self, run: Run, worker: int) -> None:
        """As a finisher does, its thread aside."""
        self.write(run, worker)
        if self.finishers[worker]._touched:
            self.ask(worker)

    def write(self, run: Run, worker: int) -> None:
        self.finishers[worker]._write_until_done([run], [])

    def ask(self, worker: int) -> None:
        self.finishers[worker]._complete_workflows()

    def finish_all(self) -> list[str]:
        """Whatever is ready, and what it leads to. Returns the names of the jobs."""
        names = []
        while runs := self.claim():
            for run in runs:
                names.append(run.args[0])
                self.finish(run, 0)
        return names

    @contextmanager
    def held(self, point: str, call: Callable[[], Any]) -> Iterator[None]:
        """Calls it in a thread, in which finishers stop at that point for as long as the block is."""
        reached, go_on, thread_of = threading.Event(), threading.Event(), threading.Thread(target=call)

        def strike(at: str, finisher: Finisher, runs: list[Any]) -> None:
            if at == point and threading.current_thread() is thread_of:
                reached.set()
                assert go_on.wait(20)

        with striking(strike):
            thread_of.start()
            try:
                assert reached.wait(20)
                yield
            finally:
                go_on.set()
                thread_of.join(20)
        assert not thread_of.is_alive()

    def meanwhile(self, call: Callable[[], Any]) -> threading.Thread:
        """Calls it in a thread, and returns once it waits for a lock or is done."""
        thread = threading.Thread(target=call)
        thread.start()
        wait_for(lambda: not thread.is_alive() or self._somebody_waits(), "it waits, or is done")
        return thread

    def _somebody_waits(self) -> bool:
        statement = (
            "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        )
        return bool(execute(self.url, statement))

    def state(self, message: Message[Any]) -> str | None:
        return job_state(self.broker, message)

    def releases(self, message: Message[Any]) -> int:
        statement = "select count(*) from {schema}.history where message_id = %s and reason = %s"
        return int(rows(self.broker, statement, message.message_id, RELEASED)[0][0])

    def _sql(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return self.store.fetch(getattr(bound(self.store.schema), statement), parameters)


@pytest.fixture
def stage(store_url: str) -> Iterator[Stage]:
    with broker_on(store_url) as broker:
        declare_on(broker)
        yield Stage(broker, store_url)


@pytest.mark.parametrize("first", [0, 1])
def test_a_step_is_released_once_when_the_two_it_waits_for_end_at_once(stage: Stage, first: int) -> None:
    flow = Workflow("fan-in")
    before = [stage.message("one"), stage.message("other")]
    after = stage.message("after")
    flow.add(after, after=[flow.add(message) for message in before])
    flow.run()
    runs = stage.claim(0, 1) + stage.claim(1, 1)

    with stage.held("before the finish commits", lambda: stage.finish(runs[first], first)):
        second = stage.meanwhile(lambda: stage.finish(runs[1 - first], 1 - first))
        assert stage.state(after) == "Awaiting"
    second.join(20)

    assert stage.state(after) == "Enqueued"
    assert stage.releases(after) == 1


def test_the_last_two_members_end_at_once_and_the_batch_is_complete_once(stage: Stage) -> None:
    called_back, batch, runs = batch_of_two(stage)
    one, other = runs

    with stage.held("before the finish commits", lambda: stage.finish(one, 0)):
        stage.meanwhile(lambda: stage.finish(other, 1)).join(20)
        assert not batch.progress().complete, "the first one may still come to nothing"
        assert stage.state(called_back) == "Awaiting"

    assert batch.progress().outcome == "done"
    assert counts_told(stage, called_back) == {"total": 2, "succeeded": 2, "failed": 0, "cancelled": 0}
    assert stage.releases(called_back) == 1


def test_two_workers_ask_at_once_whether_a_batch_is_complete(stage: Stage) -> None:
    called_back, batch, runs = batch_of_two(stage)
    for place, run in enumerate(runs):
        stage.write(run, place)

    with stage.held("before the answer commits", lambda: stage.ask(0)):
        second = stage.meanwhile(lambda: stage.ask(1))
    second.join(20)

    assert batch.progress().outcome == "done"
    assert counts_told(stage, called_back) == {"total": 2, "succeeded": 2, "failed": 0, "cancelled": 0}
    assert stage.releases(called_back) == 1


def test_two_nested_batches_are_complete_at_once_and_so_is_what_is_around_them(stage: Stage) -> None:
    called_back = stage.message("called back")
    around = Batch("around", on_complete=called_back)
    around.add_many(Batch(name).add(stage.message(name)) for name in ("one", "other"))
    around.run()
    one, other = stage.claim(0, 1) + stage.claim(1, 1)
    stage.write(one, 0)

    with stage.held("before the answer commits", lambda: stage.ask(0)):
        second = stage.meanwhile(lambda: stage.finish(other, 1))
    second.join(20)

    assert around.progress().outcome == "done"
    assert stage.releases(called_back) == 1


def test_a_member_is_added_while_the_last_one_ends(stage: Stage) -> None:
    called_back = stage.message("called back")
    batch = Batch("grows", on_complete=called_back)
    batch.add(stage.message("first"))
    batch.run()
    [run] = stage.claim()
    conn = connect(stage.url, autocommit=False)

    with transaction(conn):
        Batch.get(batch.id).add(stage.message("second"))
    asks = stage.meanwhile(lambda: stage.finish(run, 0))
    conn.commit()
    conn.close()
    asks.join(20)

    assert not batch.progress().complete
    assert stage.state(called_back) == "Awaiting"
    assert stage.finish_all() == ["second", "called back"]
    assert batch.progress().succeeded == 2


def test_an_operator_retries_a_step_while_what_it_waits_for_ends(stage: Stage) -> None:
    before, after = stage.message("before"), stage.message("after")
    flow = Workflow("two steps")
    flow.add(after, after=flow.add(before))
    flow.run()
    [run] = stage.claim()
    operate.cancel(stage.store, [after.message_id], by="a test")

    with stage.held("before the finish commits", lambda: stage.finish(run, 0)):
        retries = stage.meanwhile(lambda: operate.retry(stage.store, [after.message_id], by="a test"))
    retries.join(20)

    assert stage.state(after) == "Enqueued"


@pytest.mark.parametrize("opens_first", [True, False])
def test_a_nested_batch_opens_when_both_its_reasons_to_wait_end_at_once(
    stage: Stage, opens_first: bool
) -> None:
    """One is the workflow around it, which is not open yet; the other a step in there, which an operator cancels."""
    before, step, inmost = stage.message("before"), stage.message("step"), stage.message("inmost")
    inner = Batch("inner").add(inmost)
    around = Workflow("around")
    around.add(inner, after=around.add(step), on="finished")
    flow = Workflow("flow")
    flow.add(around, after=flow.add(before))
    flow.run()
    [run] = stage.claim()

    if opens_first:
        with stage.held("before the finish commits", lambda: stage.finish(run, 0)):
            second = stage.meanwhile(lambda: operate.cancel(stage.store, [step.message_id], by="a test"))
    else:
        with operation(stage.store) as moving:
            cancel_in(moving, step)
            second = stage.meanwhile(lambda: stage.finish(run, 0))
    second.join(20)

    assert stage.state(inmost) == "Enqueued"
    assert stage.finish_all() == ["inmost"]


def test_a_member_that_was_taken_away_counts_for_the_one_who_has_it(stage: Stage) -> None:
    called_back, after = stage.message("called back"), stage.message("after")
    flow = Workflow("redelivered", on_success=called_back)
    flow.add(after, after=flow.add(stage.message("member")))
    flow.run()
    [lost] = stage.claim(0)
    rows(stage.broker, "update {schema}.queue set state = 'queued', lease = null where state = 'consumed'")
    [borne] = stage.claim(1)

    stage.finish(lost, 0)
    assert stage.state(after) == "Awaiting", "nothing follows from an end that is not written"
    assert flow.progress().succeeded == 0
    stage.finish(borne, 1)
    stage.finish(lost, 0)

    assert flow.progress().succeeded == 1
    assert stage.releases(after) == 1
    assert stage.finish_all() == ["after", "called back"]
    assert (flow.progress().total, flow.progress().succeeded) == (2, 2)


def batch_of_two(stage: Stage) -> tuple[Message[Any], Batch, list[Run]]:
    """Its callback, and its members as they run."""
    called_back = stage.message("called back")
    batch = Batch("two", on_complete=called_back)
    batch.add_many([stage.message("one"), stage.message("other")])
    batch.run()
    return called_back, batch, stage.claim(0, 1) + stage.claim(1, 1)


def counts_told(stage: Stage, message: Message[Any]) -> Any:
    statement = "select message->'args'->-1 from {schema}.job where message_id = %s"
    return rows(stage.broker, statement, message.message_id)[0][0]


def cancel_in(moving: Operation, message: Message[Any]) -> None:
    found = moving.fetch(
        "cancel", {"message_ids": [message.message_id], "reason": "a test", "channel": moving.store.schema}
    )
    moving.ended("cancelled", [(row[0], row[3], row[4]) for row in found])
