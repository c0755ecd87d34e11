"""Random graphs and a large batch on real workers, which die with kill -9 at every point of a finish and at any other
time, while Postgres goes down as in a crash. In the end everything is as the rules foretell.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import dramatiq
import pytest

from tests.support.fates import Fates, foretell
from tests.support.faults import POINTS
from tests.support.graphs import SERVICES, Chain, Job, Member, Opened, Whole, open_graph, random_graph
from tests.support.job_store import JobStore, prepare
from tests.support.own_server import OwnServer, own_server
from tests.support.verdict import Records, deviations
from tests.support.worker import QUIET, RunWorker, WorkerProcess, workers_of

FRAGILE = {"JOBS_HEARTBEAT_INTERVAL": "200ms", "JOBS_SERVER_TIMEOUT": "1s", "JOBS_RESCUE_GRACE": "500ms"}
MEMBERS = 200
DEADLINE = 40.0


@pytest.fixture
def server() -> Iterator[OwnServer]:
    with own_server() as running:
        prepare(running.url)
        yield running


@pytest.fixture
def store(server: OwnServer) -> Iterator[JobStore]:
    store = JobStore(server.url)
    before = dramatiq.get_broker()
    dramatiq.set_broker(store.broker)
    yield store
    dramatiq.set_broker(before)
    store.close()


@pytest.fixture
def run_worker(store: JobStore) -> Iterator[RunWorker]:
    with workers_of(lambda: store.url) as run:
        yield run


class Crew:
    """Two workers. Each is to die somewhere, and is replaced by one that is to die where nobody has yet."""

    def __init__(self, run_worker: RunWorker, chance: random.Random) -> None:
        self.run_worker = run_worker
        self.chance = chance
        self.deaths = 0
        self.spared = set(POINTS)
        """Where nobody has died yet."""
        self.workers = [self._hired(armed=True) for _ in range(2)]

    def _hired(self, *, armed: bool) -> WorkerProcess:
        point = self.chance.choice(sorted(self.spared) or POINTS)
        fault = {"FAULT": f"{point}:{1 + self.chance.randrange(3)}"} if armed else {}
        return self.run_worker(threads=4, env=QUIET | FRAGILE | fault)

    def replace_the_dead(self) -> None:
        for place, worker in enumerate(self.workers):
            if worker.ended:
                self.deaths += 1
                self.spared -= {point for point in POINTS if f"dies {point}" in worker.log()}
                self.workers[place] = self._hired(armed=True)

    def kill_one(self, *, armed: bool) -> None:
        place = self.chance.randrange(2)
        self.workers[place].kill9()
        self.workers[place] = self._hired(armed=armed)

    def replace_all(self) -> None:
        """By workers that are to live."""
        for place, worker in enumerate(self.workers):
            worker.kill9()
            self.workers[place] = self._hired(armed=False)


def test_everything_comes_to_its_end_whoever_dies_and_wherever(
    server: OwnServer, store: JobStore, run_worker: RunWorker
) -> None:
    seed = random.randrange(10_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    graphs = [opened(store, large_batch())]
    graphs += [opened(store, random_graph(chance, f"{number}.")) for number in range(8)]
    crew = Crew(run_worker, chance)

    restarts = [2, 5]
    until = time.monotonic() + DEADLINE
    while (crew.spared or restarts) and time.monotonic() < until:
        graphs.append(opened(store, random_graph(chance, f"{len(graphs)}.")))
        crew.replace_the_dead()
        if restarts and crew.deaths >= restarts[0]:
            restarts.pop(0)
            server.stop("immediate")
            server.start()
            store.broker.store("common").pool.clear()
        if chance.randrange(30) == 0:
            crew.kill_one(armed=True)
        wait_some_time(0.1)
    assert (crew.spared, restarts) == (set(), []), "somebody died everywhere"
    crew.replace_all()

    first = {graph.graph.name: foretell(graph.graph) for graph in graphs}
    wait_for_the_end(store, graphs, first)

    store.open("repaired")
    for graph in graphs:
        graph.composition.retry_failed()
    crew.kill_one(armed=False)
    second = {graph.graph.name: foretell(graph.graph, first[graph.graph.name]) for graph in graphs}
    wait_for_the_end(store, graphs, second)
    print(f"{len(graphs)} graphs, {store.ask('select count(*) from effect')[0][0]} effects")


def opened(store: JobStore, graph: Whole) -> Opened:
    """Workers take nothing while it is opened, so that an operator can cancel what never begins."""
    for service in SERVICES:
        store.ask(
            f"insert into {service}_jobs.queue_pause (queue_name, paused_by) values ('default', 'a test')"
        )
    made = open_graph(graph, store.broker)
    for service in SERVICES:
        store.ask(f"delete from {service}_jobs.queue_pause; select pg_notify('{service}_jobs', 'default')")
    return made


def large_batch() -> Whole:
    """A pipeline a member; one in ten fails in its first or second step."""

    def pipeline(number: int) -> Member:
        ends = ["fails" if number % 10 == step else "succeeds" for step in range(2)]
        steps = [Job(f"bulk {number}.{step}", SERVICES[step], end) for step, end in enumerate(ends)]  # type: ignore[arg-type]
        return Member(Chain(tuple(steps)))

    members = tuple(pipeline(number) for number in range(MEMBERS))
    return Whole("bulk", "batch", members, Job("bulk succeeded"), Job("bulk is complete"))


def wait_for_the_end(store: JobStore, graphs: list[Opened], fates: dict[str, Fates]) -> None:
    def ask(service: str, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return store.ask(statement.replace("{schema}", f"{service}_jobs"), *parameters)

    until = time.monotonic() + DEADLINE
    while True:
        found = [
            f"{service}: jobs are at work"
            for service in SERVICES
            if ask(service, "select 1 from {schema}.queue where state <> 'awaiting' limit 1")
        ]
        if not found:
            records = Records(ask, "")
            found = [d for graph in graphs for d in deviations(records, graph, fates[graph.graph.name])]
        if not found:
            return
        assert time.monotonic() < until, "\n".join(["", *found])
        wait_some_time(0.2)


def wait_some_time(seconds: float) -> None:
    """A wait that is for nothing: chaos keeps no appointments."""
    time.sleep(seconds)
