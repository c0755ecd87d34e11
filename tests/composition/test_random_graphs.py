"""Random graphs of jobs, run by two workers of this process while faults strike at every point of a finish.

Whatever happens, the end is the one that the rules foretell: tests/support/fates.py.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import dramatiq
import psycopg2
import pytest
from dramatiq.middleware import AsyncIO
from hypothesis import HealthCheck, Phase, example, given, note, settings
from hypothesis import strategies as st

from infra.app import make_broker
from infra.queue import finish
from infra.queue.broker import JobBroker
from infra.queue.finish import Finisher
from infra.queue.operation import operation
from infra.queue.successors import idle
from infra.store.connections import Store, connect
from infra.store.migrate import migrate
from tests.support.fates import Fates, foretell
from tests.support.faults import POINTS, striking
from tests.support.graphs import SERVICES, Job, Member, Opened, Whole, jobs_of, open_graph, random_graph
from tests.support.queue import execute, scratch_database, settings_with, working
from tests.support.sample_actors import TABLES, declare_on
from tests.support.verdict import Records, deviations
from tests.support.waiting import wait_for

EXAMPLES = settings(
    deadline=None,
    print_blob=True,
    report_multiple_bugs=False,
    phases=[
        Phase.explicit,
        Phase.reuse,
        Phase.generate,
    ],  # each that comes to no end would take its seconds to shrink
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
GRAPHS = st.randoms(use_true_random=False).map(random_graph)
GRAPHS_APART = st.randoms(use_true_random=False).map(partial(random_graph, apart=True))


TRICKY = [
    Whole(  # a part of `around` is where `inner` is at home, but not what `inner` waits for
        "opens by and by",
        members=(
            Member(Job("first")),
            Member(
                Whole(
                    "around",
                    members=(
                        Member(Job("stops", "sales", "stops")),
                        Member(
                            Whole("inner", "batch", (Member(Job("here")), Member(Job("there", "sales")))),
                            ((0, "success"),),
                        ),
                    ),
                ),
                ((0, "success"),),
            ),
        ),
    ),
    Whole(  # what ends in one service opens something in the other, which has a part in the first
        "to and fro",
        members=(
            Member(Job("there", "sales")),
            Member(
                Whole(
                    "both",
                    "batch",
                    (Member(Job("here")), Member(Job("there again", "sales"))),
                    Job("told", "sales"),
                ),
                ((0, "success"),),
            ),
        ),
        on_complete=Job("told at last", "sales"),
    ),
    Whole(  # what ends here opens something whose home is there
        "there and here",
        members=(
            Member(Job("here")),
            Member(
                Whole("theirs", "batch", (Member(Job("there", "sales")), Member(Job("here too")))),
                ((0, "finished"),),
            ),
        ),
    ),
    Whole(  # a batch that is cancelled before it starts lets a step go on that nothing else keeps waiting
        "cancelled in between",
        members=(
            Member(Job("stops", "sales", "stops")),
            Member(Whole("never", "batch", (Member(Job("never runs")),)), ((0, "success"),)),
            Member(Job("fails", "sales", "fails"), ((1, "finished"),)),
        ),
        on_complete=Job("told"),
    ),
    Whole(
        "nothing in it",
        members=(
            Member(Whole("empty", "batch", on_success=Job("called", "sales"))),
            Member(Whole("empty too", "batch", on_complete=Job("called as well")), ((0, "finished"),)),
        ),
        on_success=Job("told"),
    ),
]


class World:
    """Two workers on the stores of two services.

    Parameters:
      urls: of the services' databases.
    """

    def __init__(self, urls: dict[str, str], brokers: list[JobBroker]) -> None:
        self.urls = urls
        self.brokers = brokers
        self._connections = {url: connect(url, name="test") for url in urls.values()}

    @property
    def broker(self) -> JobBroker:
        return self.brokers[0]

    def ask(self, service: str, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self._connections[self.urls[service]].cursor() as cursor:
            cursor.execute(statement.replace("{schema}", f"{service}_jobs"), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def begin(self) -> None:
        """Everything before is forgotten, and this is the world in which jobs find themselves."""
        os.environ["EFFECTS_URL"] = self.urls["common"]
        dramatiq.set_broker(self.broker)
        for service in SERVICES:
            for table in ("queue", "finished", "history", "workflow", "edge", "tally", "queue_pause"):
                self.ask(service, f"delete from {{schema}}.{table}")
        self.ask("common", "delete from effect; delete from gate")

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Nothing is claimed in this block."""
        for service in SERVICES:
            self.ask(
                service,
                "insert into {schema}.queue_pause (queue_name, paused_by) values ('default', 'a test')",
            )
        try:
            yield
        finally:
            for service in SERVICES:
                self.ask(service, "delete from {schema}.queue_pause; select pg_notify('{schema}', 'default')")

    def wait_until_still(self) -> None:
        """Until nothing goes on by itself any more."""
        try:
            wait_for(self._is_still, "everything comes to rest", within=12)
        except AssertionError as error:
            raise AssertionError(f"{error}; still at work: {self._at_work()}") from None

    def _is_still(self) -> bool:
        """Looked at twice: while one service is asked, something may move on in the other."""
        before = self._history()
        still = not self._writing() and not any(self._active(s) for s in SERVICES) and not self._writing()
        return still and self._history() == before

    def _at_work(self) -> list[Any]:
        statement = (
            "select message->'args'->>0, state::text, attempts, worker_id::text, lease is not null, cancel_reason,"
            " now() - mtime from {schema}.queue where state <> 'awaiting'"
        )
        finishers = [f for broker in self.brokers for f in broker.process.finishers.values()]
        held = [list(broker.process.buffer.held.values()) for broker in self.brokers]
        return [
            *(self.ask(service, statement) for service in SERVICES),
            [(f._busy, len(f._runs), f._later, f._touched, f._touched_later) for f in finishers],
            [[(run.message_id, run.attempt, run.outcome) for run in runs] for runs in held],
        ]

    def _active(self, service: str) -> bool:
        return bool(self.ask(service, "select 1 from {schema}.queue where state <> 'awaiting' limit 1"))

    def _history(self) -> list[int]:
        return [self.ask(service, "select count(*) from {schema}.history")[0][0] for service in SERVICES]

    def _writing(self) -> bool:
        finishers = [f for broker in self.brokers for f in broker.process.finishers.values()]
        return any(f._busy or f._runs or f._later or f._touched or f._touched_later for f in finishers)

    def another_worker_comes(self) -> None:
        for service in SERVICES:
            with operation(self.broker.store(service)) as moving:
                moving.touched |= idle(moving.reach, service)

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()


@contextmanager
def world_of(urls: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("EFFECTS_URL", urls["common"])
    monkeypatch.setattr(finish, "PAUSE", 0.002)  # faults strike here more often than the database goes away
    execute(urls["common"], TABLES)
    before = dramatiq.get_broker()
    brokers = []
    for _ in range(2):
        broker = make_broker(urls["common"], config=settings_with())
        broker._find_store = lambda service: Store(service, urls[service])
        declare_on(broker)
        # dramatiq keeps one event loop a process, for one worker
        broker.middleware = [link for link in broker.middleware if not isinstance(link, AsyncIO)]
        brokers.append(broker)
    world = World(urls, brokers)
    try:
        with ExitStack() as workers:
            for broker in brokers:
                workers.enter_context(working(broker, threads=3, patience=5.0))
            yield world
    finally:
        dramatiq.set_broker(before)
        world.close()
        for broker in brokers:
            broker.close()


@pytest.fixture(scope="module")
def world(postgres_server: str) -> Iterator[World]:
    """Both services on one database."""
    with pytest.MonkeyPatch.context() as patch, scratch_database(postgres_server) as url:
        migrate(url, SERVICES)
        with world_of(dict.fromkeys(SERVICES, url), patch) as made:
            yield made


@pytest.fixture(scope="module")
def two_databases(postgres_server: str) -> Iterator[World]:
    """Each service on a database of its own."""
    with (
        pytest.MonkeyPatch.context() as patch,
        scratch_database(postgres_server) as one,
        scratch_database(postgres_server) as other,
    ):
        migrate(one, ["common"])
        migrate(other, ["sales"])
        with world_of({"common": one, "sales": other}, patch) as made:
            yield made


# -- what strikes


@dataclass
class Misfortune:
    """Strikes at random, one time in `rarity` at each point, but not thrice in a row: a finisher pauses ever longer.

    Where it lets a worker die between a commit and the question that follows, only another worker can ask it.
    """

    world: World
    chance: random.Random
    rarity: int
    died: bool = False
    struck: Counter[str] = field(default_factory=Counter)
    _in_a_row: Counter[Finisher] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, point: str, finisher: Finisher, runs: list[Any]) -> None:
        with self._lock:
            strikes = self.chance.randrange(self.rarity) == 0 and self._in_a_row[finisher] < 2
            if strikes or point.startswith("after"):
                self._in_a_row[finisher] = self._in_a_row[finisher] + 1 if strikes else 0
            pause = self.chance.choice((0.0, 0.0, 0.001, 0.004))
            choice = self.chance.randrange(2)
            if strikes:
                self.struck[point] += 1
        time.sleep(pause)
        if not strikes:
            return
        if point == "before the finish":
            self._deliver_again(runs)
        elif point == "before the question":
            if choice:
                time.sleep(0.01)
            else:
                finisher._touched = set()
                self.died = True
        else:
            break_connection(finisher)

    def _deliver_again(self, runs: list[Any]) -> None:
        """The jobs are taken away from a worker that has just run them, as if it had been called dead."""
        for run in runs:
            service = run.store.service
            url = self.world.urls[service]
            execute(
                url,
                f"update {service}_jobs.queue set state = 'queued', worker_id = null, lease = null"
                " where message_id = %s and lease = %s",
                (run.message_id, run.lease),
            )
            execute(url, f"select pg_notify('{service}_jobs', 'default')")


@dataclass
class EachTime:
    """Every transaction breaks off at this point, once, and is made again a while later."""

    at: str
    died: bool = False
    _seen: set[object] = field(default_factory=set)

    def __call__(self, point: str, finisher: Finisher, runs: list[Any]) -> None:
        if point != self.at:
            return
        which = (finisher, *sorted(run.lease + run.message_id for run in runs))
        if which in self._seen:
            self._seen.discard(which)
        else:
            self._seen.add(which)
            finisher._conn.close()
            time.sleep(0.03)
            break_connection(finisher)


def break_connection(finisher: Finisher) -> None:
    finisher._conn.close()
    raise psycopg2.OperationalError("the connection breaks")


# -- what is checked


def live_through(world: World, graph: Whole, misfortune: Misfortune | EachTime | None) -> None:
    """A graph is opened, lives, comes to rest, is repaired, lives again; and each time it is as it should be."""
    world.begin()
    with world.at_rest():
        opened = open_graph(graph, world.broker)
    come_to_rest(world, misfortune)
    first = foretell(graph)
    exact = misfortune is None
    judge(world, opened, first, times_of(graph, first) if exact else None)

    world.ask("common", "insert into gate values ('repaired')")
    opened.composition.retry_failed()
    come_to_rest(world, misfortune)
    second = foretell(graph, first)
    judge(world, opened, second, times_of(graph, first, second) if exact else None)


def come_to_rest(world: World, misfortune: Misfortune | EachTime | None) -> None:
    world.wait_until_still()
    while misfortune is not None and misfortune.died:
        misfortune.died = False
        world.another_worker_comes()
        world.wait_until_still()


def times_of(graph: Whole, first: Fates, second: Fates | None = None) -> Counter[str]:
    """How often each job begins where nothing strikes: once more for each time that it stumbles, and all over again
    when it is retried.
    """
    times: Counter[str] = Counter()
    for job in jobs_of(graph):
        retried = second is not None and first.states.get(job.name) in ("failed", "rejected")
        ran = job.name in (second or first).given
        times[job.name] = (job.stumbles + 1) * (ran + retried)
    return times


def judge(world: World, opened: Opened, fates: Fates, times: Counter[str] | None) -> None:
    found = deviations(Records(world.ask, ""), opened, fates, times=times)
    assert found == [], "\n".join(["", *found])


@settings(EXAMPLES, max_examples=40)
@given(graph=GRAPHS)
@example(graph=TRICKY[0])
@example(graph=TRICKY[1])
@example(graph=TRICKY[2])
@example(graph=TRICKY[3])
@example(graph=TRICKY[4])
def test_every_graph_comes_to_the_end_that_the_rules_foretell(world: World, graph: Whole) -> None:
    live_through(world, graph, None)


@pytest.mark.parametrize("graph", TRICKY, ids=lambda graph: graph.name)
@pytest.mark.parametrize("point", [point for point in POINTS if "commit" in point])
@pytest.mark.parametrize("where", ["world", "two_databases"])
def test_every_commit_is_lost_once_before_it_is_made_or_after_it(
    where: str, point: str, graph: Whole, request: pytest.FixtureRequest
) -> None:
    fault = EachTime(point)
    with striking(fault):
        live_through(request.getfixturevalue(where), graph, fault)


@settings(EXAMPLES, max_examples=60)
@given(graph=GRAPHS, seed=st.integers(0, 10_000), rarity=st.sampled_from([3, 6, 12]))
def test_the_same_while_faults_strike(world: World, graph: Whole, seed: int, rarity: int) -> None:
    misfortune = Misfortune(world, random.Random(seed), rarity)
    with striking(misfortune):
        live_through(world, graph, misfortune)
    note(f"struck: {dict(misfortune.struck)}")


@settings(EXAMPLES, max_examples=25)
@given(graph=GRAPHS_APART, seed=st.integers(0, 10_000), rarity=st.sampled_from([3, 6, 12]))
def test_the_same_on_two_databases(two_databases: World, graph: Whole, seed: int, rarity: int) -> None:
    misfortune = Misfortune(two_databases, random.Random(seed), rarity)
    with striking(misfortune):
        live_through(two_databases, graph, misfortune)
    note(f"struck: {dict(misfortune.struck)}")
