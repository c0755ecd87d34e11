"""Compositions with members of several services: in one database, and on two of which one may be away for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dramatiq
import psycopg2
import pytest

from infra.app import make_broker
from infra.composition import Batch, Workflow
from infra.middleware.retries import RetryPolicy
from infra.queue import operate
from infra.queue.broker import JobBroker
from infra.queue.errors import StoreUnavailable
from infra.settings import settings
from infra.store.connections import Store
from infra.store.migrate import migrate
from tests.support.composition import (
    assert_settled,
    members,
    releases,
    wait_complete,
    workflow_row,
)
from tests.support.queue import (
    SERVICES,
    becomes_due,
    broker_on,
    empty,
    execute,
    job_row,
    job_state,
    rows,
    scratch_database,
    settings_with,
    wait_until,
    working,
)
from tests.support.waiting import wait_for


class Actors:
    """`a` is common's and `b` is sales'; each notes what it was given and hands its name on."""

    def __init__(self, broker: JobBroker) -> None:
        self.ran: list[tuple[Any, ...]] = []
        self.told: list[tuple[str, dict[str, int]]] = []
        self.bad: set[str] = set()
        actors = self

        def ran(name: str, given: tuple[Any, ...]) -> str:
            actors.ran.append((name, *given))
            if name in actors.bad:
                raise RuntimeError(f"{name} is bad")
            return f"<{name}>"

        @dramatiq.actor(broker=broker, actor_name="a", retry_policy=RetryPolicy(delays=()))
        def of_common(name: str, *given: Any) -> str:
            return ran(name, given)

        @dramatiq.actor(broker=broker, actor_name="b", service="sales", retry_policy=RetryPolicy(delays=()))
        def of_sales(name: str, *given: Any) -> str:
            return ran(name, given)

        @dramatiq.actor(broker=broker, actor_name="tell", service="sales")
        def tell(name: str, batch_id: str, counts: dict[str, int]) -> None:
            assert Batch.get(batch_id).progress().total == counts["total"]
            actors.told.append((name, counts))

        self.of_common, self.of_sales, self.tell = of_common, of_sales, tell

    def a(self, name: str) -> Any:
        return self.of_common.message(name)

    def b(self, name: str) -> Any:
        return self.of_sales.message(name)

    def names(self) -> list[str]:
        return [name for name, *_ in self.ran]

    def tells(self, name: str) -> Any:
        return self.tell.message(name)


class Apart:
    """Sales on a database of its own, which can be closed."""

    def __init__(self, server: str, url: str) -> None:
        self.server, self.url = server, url
        self.name = url.partition("?")[0].rpartition("/")[2]

    def close(self) -> None:
        execute(self.server, f'alter database "{self.name}" allow_connections false')
        execute(
            self.server,
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s",
            (self.name,),
        )

    def reopen(self) -> None:
        execute(self.server, f'alter database "{self.name}" allow_connections true')


@contextmanager
def on_two_databases(first: str, second: str, **settings: Any) -> Iterator[JobBroker]:
    with broker_on(first, **settings) as made:
        made._find_store = lambda service: Store(service, second if service == "sales" else first)
        yield made


@pytest.fixture(scope="module")
def second_url(postgres_server: str) -> Iterator[str]:
    with scratch_database(postgres_server) as url:
        migrate(url, SERVICES)
        yield url


@pytest.fixture(params=["one database", "two databases"])
def broker(request: pytest.FixtureRequest, store_url: str, second_url: str) -> Iterator[JobBroker]:
    if request.param == "one database":
        with broker_on(store_url) as made:
            yield made
        return
    empty(second_url)
    with on_two_databases(store_url, second_url) as made:
        yield made


@pytest.fixture
def actors(broker: JobBroker) -> Actors:
    return Actors(broker)


@pytest.fixture
def apart(postgres_server: str) -> Iterator[Apart]:
    with scratch_database(postgres_server) as url:
        migrate(url, ["sales"])
        apart = Apart(postgres_server, url)
        try:
            yield apart
        finally:
            apart.reopen()


# -- pipelines


def test_a_pipeline_goes_from_one_service_to_the_other_and_back(broker: JobBroker, actors: Actors) -> None:
    pipe = dramatiq.pipeline([actors.a("1"), actors.b("2"), actors.b("3"), actors.a("4")]).run()
    for step, service in zip(pipe.messages[1:], ("sales", "sales", "common"), strict=True):
        assert job_state(broker, step, service) == "Awaiting"
    with working(broker):
        wait_complete(broker, pipe, "done")
    assert actors.ran == [("1",), ("2", "<1>"), ("3", "<2>"), ("4", "<3>")]
    assert (
        workflow_row(broker, pipe)["spans"]
        == workflow_row(broker, pipe, "sales")["spans"]
        == ["common", "sales"]
    )
    assert [releases(broker, step, "sales") for step in pipe.messages[1:3]] == [1, 1]
    assert_settled(broker)


def test_a_step_that_failed_in_the_other_service_is_retried_there_and_goes_on(
    broker: JobBroker, actors: Actors
) -> None:
    actors.bad = {"2"}
    pipe = dramatiq.pipeline([actors.a("1"), actors.b("2"), actors.a("3")]).run()
    with working(broker):
        wait_complete(broker, pipe, "failed")
        assert job_state(broker, pipe.messages[2]) == "Awaiting"
        actors.bad = set()
        operate.retry(broker.store("sales"), [pipe.messages[1].message_id], by="a test")
        wait_complete(broker, pipe, "done")
    assert actors.ran[-2:] == [("2", "<1>"), ("3", "<2>")]
    assert_settled(broker)


@pytest.mark.parametrize("ended", ["waiting", "failed"])
def test_a_cancellation_crosses_too(broker: JobBroker, actors: Actors, ended: str) -> None:
    actors.bad = {"1"}
    pipe = dramatiq.pipeline([actors.a("1"), actors.b("2"), actors.a("3")]).run()
    if ended == "failed":
        with working(broker):
            wait_complete(broker, pipe, "failed")
    operate.cancel(broker.store("common"), [pipe.messages[0].message_id], by="a test")
    assert job_state(broker, pipe.messages[1], "sales") == "Cancelled"
    assert job_state(broker, pipe.messages[2]) == "Cancelled"
    wait_complete(broker, pipe, "failed")
    assert_settled(broker)


def test_a_pipeline_without_a_job_of_its_home_left_is_complete(broker: JobBroker, actors: Actors) -> None:
    pipe = dramatiq.pipeline([actors.b("1"), actors.a("2")]).run()
    operate.delete(broker.store("common"), [pipe.messages[1].message_id], by="a test")
    with working(broker):
        wait_complete(broker, pipe, "failed", service="sales")
    assert_settled(broker)


# -- batches


def test_a_batch_has_members_of_both(broker: JobBroker, actors: Actors) -> None:
    actors.bad = {"b1", "a1"}
    batch = Batch("both", on_complete=actors.tells("complete"), on_success=actors.tells("success"))
    for n in range(5):
        batch.add(actors.a(f"a{n}")).add(actors.b(f"b{n}"))
    batch_id = batch.run()
    assert batch.progress().total == 10
    with working(broker):
        wait_complete(broker, batch, "failed")
        wait_for(lambda: actors.told, "the callback ran")
        assert actors.told == [("complete", {"total": 10, "succeeded": 8, "failed": 2, "cancelled": 0})]
        assert {failure.args[0] for failure in batch.failures()} == {"a1", "b1"}
        actors.bad = set()
        assert Batch.get(batch_id).retry_failed(by="a test") == 2
        wait_for(lambda: len(actors.told) == 2, "the success is told")
    assert actors.told[1] == ("success", {"total": 10, "succeeded": 10, "failed": 0, "cancelled": 0})
    progress = batch.progress()
    assert (progress.total, progress.succeeded, progress.outcome) == (10, 10, "done")
    assert_settled(broker)


def test_one_that_failed_elsewhere_opens_its_batch_again(broker: JobBroker, actors: Actors) -> None:
    """Its home has no part in it but for the row: that must not stay complete."""
    actors.bad = {"b"}
    batch = Batch("both", on_success=actors.tells("success")).add(actors.a("a")).add(actors.b("b"))
    batch.run()
    with working(broker):
        wait_complete(broker, batch, "failed")
        actors.bad = set()
        [job] = members(broker, batch, "sales")
        operate.retry(broker.store("sales"), [job], by="a test")
        wait_for(lambda: actors.told, "the success is told")
    assert_settled(broker)


def test_a_callback_may_be_of_another_service_than_all_members(broker: JobBroker, actors: Actors) -> None:
    batch = Batch("common", on_complete=actors.tells("complete"), on_success=actors.tells("success"))
    batch.add(actors.a("1")).run()
    assert workflow_row(broker, batch)["spans"] is None
    assert batch.run() == batch.id, "and a second run changes nothing"
    empty = Batch("empty", on_complete=[actors.tells("empty"), actors.of_common.message("of common")])
    empty.run()
    with working(broker):
        wait_for(lambda: len(actors.told) == 3, "the callbacks ran")
        wait_for(lambda: len(actors.ran) == 2, "that of common too")
    assert sorted(name for name, *_ in actors.told) == ["complete", "empty", "success"]
    assert ("of common", empty.id, {"total": 0, "succeeded": 0, "failed": 0, "cancelled": 0}) in actors.ran
    assert_settled(broker)


def test_a_batch_of_one_service_in_one_of_the_other(broker: JobBroker, actors: Actors) -> None:
    inner = Batch("inner", on_complete=actors.tells("inner")).add(actors.b("1"))
    innermost = Batch("innermost", on_complete=actors.of_common.message("innermost")).add(actors.b("2"))
    inner.add(innermost)
    outer = Batch("outer", on_complete=actors.tells("outer")).add(actors.a("3")).add(inner)
    outer.run()
    assert outer.progress().total == 5
    with working(broker):
        wait_for(lambda: len(actors.told) == 2, "both callbacks ran")
        wait_complete(broker, outer, "done")
    assert actors.told == [
        ("inner", {"total": 3, "succeeded": 3, "failed": 0, "cancelled": 0}),
        ("outer", {"total": 5, "succeeded": 5, "failed": 0, "cancelled": 0}),
    ]
    assert_settled(broker)


def test_members_of_another_service_can_be_added_while_it_runs(broker: JobBroker, actors: Actors) -> None:
    @dramatiq.actor(actor_name="fan_out")
    def fan_out() -> None:
        batch = Batch.current()
        assert batch is not None
        batch.add_many([actors.a("a"), actors.b("b"), actors.b("p1") | actors.a("p2")])

    batch = Batch("grows", on_complete=actors.tells("complete")).add(fan_out.message())
    batch.run()
    assert workflow_row(broker, batch)["spans"] is None
    with working(broker):
        wait_for(lambda: actors.told, "it is complete")
    assert sorted(actors.names()) == ["a", "b", "p1", "p2"]
    assert ("p2", "<p1>") in actors.ran
    assert actors.told == [("complete", {"total": 5, "succeeded": 5, "failed": 0, "cancelled": 0})]
    assert_settled(broker)


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_what_is_added_to_an_inner_batch_counts_in_the_outer_one(
    broker: JobBroker, actors: Actors, ends: str
) -> None:
    inner = Batch("inner").add(actors.a("a"))
    outer = Batch("outer", on_complete=actors.tells("complete")).add(inner).add(actors.a("other"))
    outer_id = outer.run()
    if ends == "badly":
        actors.bad = {"b"}
    Batch.get(inner.id).add(actors.b("b"))
    assert Batch.get(outer_id).progress().total == 3
    with working(broker):
        wait_for(lambda: actors.told, "it is complete")
    whole = {"total": 3, "succeeded": 3 - len(actors.bad), "failed": len(actors.bad), "cancelled": 0}
    assert actors.told == [("complete", whole)]
    wait_complete(broker, outer, "failed" if actors.bad else "done")
    assert_settled(broker)


def test_cancelling_it_reaches_both_and_so_does_taking_it_up_again(broker: JobBroker, actors: Actors) -> None:
    batch = Batch("both", on_success=actors.tells("success"), on_complete=actors.tells("complete"))
    batch.add_many(
        [actors.a("a"), actors.b("b"), actors.b("p1") | actors.a("p2"), actors.a("q1") | actors.b("q2")]
    )
    batch.add(Batch("inner", on_complete=actors.tells("inner")).add(actors.b("i")))
    batch.run()
    assert batch.cancel(by="a test") == 8
    wait_complete(broker, batch, "cancelled")
    for service in SERVICES:
        assert set(members(broker, batch, service).values()) == {"Cancelled"}
    assert_settled(broker)
    assert batch.retry_failed(by="a test", cancelled=True) == 8
    with working(broker):
        wait_complete(broker, batch, "done")
        wait_for(lambda: len(actors.told) == 3, "the callbacks ran")
    assert {("p2", "<p1>"), ("q2", "<q1>")} < set(actors.ran)
    assert sorted(name for name, *_ in actors.told) == ["complete", "inner", "success"]
    assert_settled(broker)


# -- workflows


def test_a_graph_across_services(broker: JobBroker, actors: Actors) -> None:
    actors.bad = {"bad"}
    flow = Workflow("close", on_complete=actors.tells("complete"))
    one, two = flow.add(actors.a("one")), flow.add(actors.b("two"))
    bad = flow.add(actors.b("bad"))
    both = flow.add(actors.b("both"), after=[one, two], results=True)
    bills = Batch("bills", on_complete=actors.tells("bills")).add_many(
        [actors.b("bill 1"), actors.a("bill 2")]
    )
    bills.add(Batch("inner").add(actors.a("bill 3")))
    middle = flow.add(bills, after=both)
    flow.add(actors.a("report"), after=middle)
    flow.add(actors.a("clean up"), after=[middle, bad], on="finished")
    never = flow.add(actors.a("never"), after=bad)
    flow.run()
    for service in SERVICES:
        assert workflow_row(broker, bills, service)["opened_at"] is None
    with working(broker):
        wait_complete(broker, flow, "failed")
        assert job_state(broker, never.id) == "Awaiting"
        actors.bad = set()
        flow.retry_failed(by="a test")
        wait_complete(broker, flow, "done")
    names = actors.names()
    assert sorted(names) == sorted(
        ["one", "two", "bad", "bad", "both", "bill 1", "bill 2", "bill 3", "report", "clean up", "never"]
    )
    assert ("both", "<one>", "<two>") in actors.ran
    assert names.index("both") < min(names.index(f"bill {n}") for n in (1, 2, 3))
    assert max(names.index(f"bill {n}") for n in (1, 2, 3)) < names.index("report")
    assert {name for name, *_ in actors.told} == {"bills", "complete"}
    assert len(actors.told) == 2
    assert_settled(broker)


def test_what_a_cancelled_step_leads_to_is_cancelled_in_both(broker: JobBroker, actors: Actors) -> None:
    flow = Workflow("close")
    first = flow.add(actors.a("first"))
    inner = Batch("inner").add(actors.a("bill 3")).add(actors.b("bill 4"))
    bills = Batch("bills").add_many([actors.b("bill 1"), actors.a("bill 2")]).add(inner)
    last = flow.add(actors.a("last"), after=flow.add(bills, after=first))
    flow.run()
    operate.cancel(broker.store("common"), [first.id], by="a test")
    for batch in (inner, bills):
        for service in SERVICES:
            assert set(members(broker, batch, service).values()) == {"Cancelled"}
    wait_complete(broker, bills, "cancelled", service="sales")
    assert job_state(broker, last.id) == "Cancelled"
    wait_complete(broker, flow, "failed")
    assert_settled(broker)


# -- when a database is away, or commits when the other does not


def test_while_the_other_database_is_away_what_does_not_need_it_goes_on(
    own_store_url: str, apart: Apart
) -> None:
    with on_two_databases(own_store_url, apart.url, jobs_services=("common",)) as broker:
        actors = Actors(broker)
        crossing = (actors.a("1") | actors.b("2")).run()
        batch = Batch("local", on_complete=actors.of_common.message("complete"))
        both = (
            Batch("both", on_complete=actors.of_common.message("both")).add(actors.b("b")).add(actors.a("a"))
        )
        told = Batch("told", on_complete=actors.tells("told")).add(actors.a("told"))
        both.run()
        apart.close()
        with working(broker):
            wait_for(lambda: {"1", "a"} <= set(actors.names()), "the first steps ran")
            refused_while_away(broker, told)
            local = (actors.a("l1") | actors.a("l2")).run()
            batch.add_many(actors.a(f"n{n}") for n in range(20))
            batch.run()
            wait_complete(broker, batch, "done")
            wait_complete(broker, local, "done")
            wait_until(broker, callback_of(broker, batch), "Succeeded")
            assert job_state(broker, crossing.messages[0]) == "Processing", (
                "it is kept until it can be handed on"
            )
            assert workflow_row(broker, both)["outcome"] is None

            apart.reopen()
            wait_until(broker, crossing.messages[0], "Succeeded")
            wait_until(broker, crossing.messages[1], "Enqueued", service="sales")
        with working(broker_of_sales(broker, apart)):
            wait_until(broker, crossing.messages[1], "Succeeded", service="sales")
        with working(broker):
            wait_complete(broker, crossing, "done")
            wait_complete(broker, both, "done", service="sales")
        assert ("2", "<1>") in actors.ran
        assert actors.names().count("1") == actors.names().count("2") == 1
        assert_settled(broker)


def refused_while_away(broker: JobBroker, batch: Batch) -> None:
    """Nothing of a batch is opened whose callback's database is away."""
    with pytest.raises(StoreUnavailable, match="nothing was enqueued"), patience(0.2):
        batch.run()
    assert rows(broker, "select count(*) from {schema}.workflow where workflow_id = %s", batch.id) == [(0,)]


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    before = settings().jobs_send_timeout
    settings().jobs_send_timeout = type(before)(seconds=seconds)
    try:
        yield
    finally:
        settings().jobs_send_timeout = before


def broker_of_sales(broker: JobBroker, apart: Apart) -> JobBroker:
    """That of a worker that serves sales alone."""
    other = make_broker(apart.url, "bare", config=settings_with(jobs_services=("sales",)))
    other._find_store = broker.store
    other.actors.update(broker.actors)
    return other


def callback_of(broker: JobBroker, batch: Batch, service: str = "common") -> str:
    statement = "select successor::text from {schema}.edge where predecessor = %s"
    [(found,)] = rows(broker, statement, batch.id, service=service)
    return str(found)


def test_the_completion_of_what_spans_both_waits_for_the_other_database(
    own_store_url: str, apart: Apart
) -> None:
    with on_two_databases(own_store_url, apart.url, jobs_services=("common",)) as broker:
        actors = Actors(broker)
        batch = Batch("both", on_complete=actors.tells("complete")).add(actors.a("a")).add(actors.b("b"))
        batch.run()
        [sales_job] = members(broker, batch, "sales")
        operate.delete(broker.store("sales"), [sales_job], by="a test")
        apart.close()
        with working(broker):
            wait_for(lambda: actors.names() == ["a"], "its member of common ran")
            [common_job] = members(broker, batch)
            wait_until(broker, common_job, "Succeeded")
            assert workflow_row(broker, batch)["outcome"] is None
            apart.reopen()
            wait_complete(broker, batch, "failed")
        assert [releases(broker, callback_of(broker, batch, "sales"), "sales")] == [1]


AT_COMMIT = """
    create function public.at_commit() returns trigger language plpgsql as $$ begin {does}; return null; end $$;
    create constraint trigger at_commit after insert on common_jobs.{table} deferrable initially deferred
        for each row execute function public.at_commit();
"""


def test_what_was_committed_in_one_database_alone_is_made_whole_by_a_second_run(
    own_store_url: str, apart: Apart
) -> None:
    with on_two_databases(own_store_url, apart.url) as broker:
        actors = Actors(broker)
        flow = Workflow("both", on_complete=actors.tells("complete"))
        one = flow.add(actors.a("one"))
        two = flow.add(actors.b("two"), after=one, results=True)
        flow.add(actors.a("three"), after=two, results=True)
        execute(own_store_url, AT_COMMIT.format(does="raise exception 'not now'", table="workflow"))
        with pytest.raises(psycopg2.Error, match="not now"):
            flow.run()
        assert job_state(broker, two.id, "sales") == "Awaiting"
        assert job_state(broker, one.id) is None
        execute(own_store_url, "drop trigger at_commit on common_jobs.workflow")
        flow.run()
        flow.run()
        with working(broker):
            wait_complete(broker, flow, "done")
            wait_for(lambda: actors.told, "the callback ran")
        assert actors.ran == [("one",), ("two", "<one>"), ("three", "<two>")]
        assert actors.told == [("complete", {"total": 3, "succeeded": 3, "failed": 0, "cancelled": 0})]
        assert_settled(broker)


@pytest.mark.parametrize("apart_or_not", ["one database", "two databases"])
def test_a_member_that_runs_again_because_it_could_not_be_finished_adds_once(
    own_store_url: str, apart: Apart, apart_or_not: str
) -> None:
    """What it adds may be committed in the other database already, and even have run."""
    second = apart.url if apart_or_not == "two databases" else own_store_url
    with on_two_databases(own_store_url, second) as broker:
        actors = Actors(broker)
        added: list[Any] = []

        @dramatiq.actor(actor_name="fan_out", service="sales")
        def fan_out() -> None:
            batch = Batch.current()
            assert batch is not None
            inner = Batch("inner", on_complete=actors.tells("inner")).add(actors.a("inner"))
            group = dramatiq.group([actors.a("g")])
            added[:] = [actors.a("a"), actors.b("b"), actors.b("p1") | actors.a("p2"), group, inner]
            batch.add(added[0]).add_many(added[1:])

        member = fan_out.message()
        batch = Batch("grows", on_complete=actors.tells("complete")).add(actors.a("first")).add(member)
        batch.run()
        refuse = AT_COMMIT.format(
            does="if old.actor_name = 'fan_out' then raise exception 'not now'; end if", table="queue"
        )
        refuse = refuse.replace("insert", "delete").replace("common_jobs", "sales_jobs")
        execute(second, refuse)
        with working(broker):
            wait_until(broker, member, "Retrying", service="sales")
            if second == apart.url:
                wait_for(lambda: "a" in actors.names(), "what was committed elsewhere runs already")
            execute(second, "drop trigger at_commit on sales_jobs.queue")
            becomes_due(broker, member, "sales")
            wait_for(lambda: len(actors.told) == 2, "the callbacks ran")
            wait_complete(broker, batch, "done")
        assert sorted(actors.names()) == ["a", "b", "first", "g", "inner", "p1", "p2"]
        assert ("p2", "<p1>") in actors.ran
        assert actors.told[1] == ("complete", {"total": 9, "succeeded": 9, "failed": 0, "cancelled": 0})
        assert job_state(broker, added[0]) == job_state(broker, added[2].messages[1]) == "Succeeded"
        assert job_state(broker, added[1], "sales") == "Succeeded"
        assert Batch.get(added[4].id).progress().outcome == "done"
        assert_settled(broker)


def test_a_step_that_ends_before_the_other_database_has_committed_its_successor_hands_on_all_the_same(
    own_store_url: str, apart: Apart
) -> None:
    with on_two_databases(own_store_url, apart.url) as broker:
        actors = Actors(broker)
        execute(own_store_url, AT_COMMIT.format(does="perform pg_sleep(0.3)", table="edge"))
        flow = Workflow("both")
        flow.add(actors.a("one"))
        two = flow.add(actors.b("two"))
        flow.add(actors.a("three"), after=two, results=True)
        with working(broker):
            flow.run()
            assert ("two",) in actors.ran, "it ran while the successor was not there yet"
            wait_complete(broker, flow, "done")
        assert ("three", "<two>") in actors.ran
        assert job_row(broker, two.id, "sales")["attempts"] == 1
        assert_settled(broker)
