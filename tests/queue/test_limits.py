"""Limits of actors on their own jobs: how many run at once, how many start in a time. What waits holds up nobody."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import dramatiq
import pytest

from infra.middleware.retries import RetryPolicy
from infra.queue import actor, cancel, enqueue_many, operate, overview
from infra.queue.broker import JobBroker
from infra.queue.limits import Limits, Rate, limits_of
from infra.store import connections
from tests.support.queue import (
    becomes_due,
    execute,
    job_row,
    job_state,
    rows,
    wait_until,
    working,
)
from tests.support.waiting import wait_for


class Stage:
    """Counts who is on it, by name, and holds them there until the curtain."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.on: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.played: list[Any] = []
        self.curtain = threading.Event()

    def enter(self, name: str, scene: Any = None) -> None:
        with self.lock:
            self.on[name] += 1
            self.most[name] = max(self.most[name], self.on[name])

    def leave(self, name: str, scene: Any = None) -> None:
        with self.lock:
            self.on[name] -= 1
            self.played.append(scene)

    def play(self, name: str, seconds: float, scene: Any = None) -> None:
        self.enter(name)
        time.sleep(seconds)
        self.leave(name, scene)

    def hold(self, name: str, scene: Any = None) -> None:
        self.enter(name)
        assert self.curtain.wait(30)
        self.leave(name, scene)

    def wait_for(self, count: int, within: float = 20.0) -> None:
        wait_for(lambda: len(self.played) >= count, f"{count} have played", within=within)

    def wait_on(self, **on: int) -> None:
        wait_for(lambda: all(self.on[name] == count for name, count in on.items()), f"{on} are on the stage")


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.curtain.set()


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the statements that this process sends, as they are sent."""
    names: list[str] = []
    real = connections._Cursor.execute

    def execute_and_note(self: Any, query: Any, parameters: Any = None) -> None:
        text = query if isinstance(query, str) else str(query)
        if "/* " in text:
            names.append(text.partition("/* ")[2].partition(" */")[0])
        real(self, query, parameters)

    monkeypatch.setattr(connections._Cursor, "execute", execute_and_note)
    return names


def limit_keys(broker: JobBroker) -> list[str | None]:
    return [row[0] for row in rows(broker, "select limit_key from {schema}.queue order by id")]


# -- what the options mean


def test_no_more_run_at_once_than_the_actor_allows(broker: JobBroker, stage: Stage) -> None:
    @actor(service="common", max_running=2)
    def bill(number: int) -> None:
        stage.play("bill", 0.005)

    with working(broker, threads=6):
        enqueue_many(bill.message(number) for number in range(60))
        stage.wait_for(60)
    assert stage.most["bill"] == 2


def test_each_value_of_the_argument_is_limited_for_itself(broker: JobBroker, stage: Stage) -> None:
    @actor(service="common", max_running=1, max_running_per="community_id")
    def bill(number: int, community_id: str) -> None:
        stage.hold(community_id)

    with working(broker, threads=8):
        enqueue_many(bill.message(number, community_id=f"c{number % 3}") for number in range(9))
        stage.wait_on(c0=1, c1=1, c2=1)
        other = bill.send(9, "another")
        stage.wait_on(another=1)
        stage.curtain.set()
        wait_until(broker, other, "Succeeded")
        stage.wait_for(10)
    assert set(stage.most.values()) == {1}


@pytest.mark.parametrize(("rate", "seconds"), [("5/second", 1.0), ("6/2s", 2.0)])
def test_no_more_start_in_any_window_than_the_rate_allows(
    broker: JobBroker, rate: str, seconds: float
) -> None:
    allowed = int(rate[0])
    started: list[float] = []

    @actor(service="common", rate=rate)
    def ask_the_portal(number: int) -> None:
        started.append(time.monotonic())

    with working(broker, threads=4):
        enqueue_many(ask_the_portal.message(number) for number in range(3 * allowed))
        wait_for(lambda: len(started) == 3 * allowed, "all have run")
    started.sort()
    assert min(later - first for first, later in zip(started, started[allowed:], strict=False)) > seconds
    assert started[-1] - started[0] < 2 * seconds + 1.5  # and the rate is made use of


def test_a_rate_and_a_maximum_hold_together(broker: JobBroker, stage: Stage) -> None:
    @actor(service="common", max_running=1, rate="4/second")
    def ask(number: int) -> None:
        stage.play("ask", 0.01)

    with working(broker):
        begin = time.monotonic()
        enqueue_many(ask.message(number) for number in range(8))
        stage.wait_for(8)
    assert stage.most["ask"] == 1
    assert time.monotonic() - begin > 1


def test_within_a_limit_priority_goes_before_age(broker: JobBroker, stage: Stage) -> None:
    @actor(service="common", max_running=1)
    def bill(number: int) -> None:
        stage.played.append(number)

    for number, priority in enumerate((5, 0, 5, 0)):
        bill.send_with_options(args=(number,), priority=priority)
    with working(broker, threads=2):
        stage.wait_for(4)
    assert stage.played == [1, 3, 0, 2]


def test_a_limit_that_was_lifted_by_a_deploy_holds_nobody_back(broker: JobBroker, stage: Stage) -> None:
    @actor(service="common", max_running=1)
    def bill(number: int) -> None:
        stage.hold("bill")

    enqueue_many(bill.message(number) for number in range(3))
    assert limit_keys(broker) == ["common.bill"] * 3
    del bill.options["max_running"]
    with working(broker):
        stage.wait_on(bill=3)
        stage.curtain.set()
        stage.wait_for(3)


def test_a_job_of_an_actor_nobody_knows_fails_as_any_other(broker: JobBroker) -> None:
    @actor(service="common", max_running=1)
    def bill() -> None:
        pass

    job = bill.send()
    del broker.actors["common.bill"]
    with working(broker):
        wait_until(broker, job, "Failed")


# -- what waits holds up nobody


def test_others_go_on_while_a_crowd_waits_under_a_limit(broker: JobBroker, stage: Stage) -> None:
    """No thread is held, and the queue is the same one."""

    @actor(service="common", max_running=1)
    def bill(number: int) -> None:
        stage.hold("bill")

    @dramatiq.actor
    def remind(number: int) -> None:
        stage.play("remind", 0.05)

    enqueue_many(bill.message(number) for number in range(1000))
    with working(broker, threads=4):
        stage.wait_on(bill=1)
        begin = time.monotonic()
        enqueue_many(remind.message(number) for number in range(60))
        stage.wait_for(60)
        took = time.monotonic() - begin
        assert stage.most["remind"] == 3  # all threads but the one that bills
        assert took < 60 * 0.05 / 3 * 1.5
        assert stage.most["bill"] == 1
        stage.curtain.set()


def test_limited_jobs_run_while_a_crowd_of_others_waits(broker: JobBroker, stage: Stage) -> None:
    @actor(service="common", max_running=2)
    def bill(number: int) -> None:
        stage.play("bill", 0.005, "bill")

    @dramatiq.actor
    def remind(number: int) -> None:
        stage.play("remind", 0.005, "remind")

    enqueue_many(remind.message(number) for number in range(3000))
    with working(broker, threads=4):
        stage.wait_for(50)
        enqueue_many(bill.message(number) for number in range(50))
        wait_for(lambda: stage.played.count("bill") == 50, "the bills are through")
        assert stage.played.count("remind") < 2500


def test_a_crowd_under_one_limit_does_not_keep_another_limit_waiting(broker: JobBroker, stage: Stage) -> None:
    @actor(service="common", max_running=100, max_running_per="community")
    def bill(community: str) -> None:
        stage.play(community, 0.02, community)

    enqueue_many(bill.message("large") for _ in range(2000))
    with working(broker, threads=4):
        stage.wait_for(8)
        before = len(stage.played)
        enqueue_many(bill.message("small") for _ in range(10))
        wait_for(lambda: stage.played.count("small") == 10, "the small ones are through")
        assert len(stage.played) - before < 200


def test_limited_jobs_of_worse_priority_wait_for_the_others(broker: JobBroker, stage: Stage) -> None:
    @actor(service="common", max_running=4, priority=5)
    def report(number: int) -> None:
        stage.play("report", 0, "report")

    @dramatiq.actor
    def remind(number: int) -> None:
        stage.play("remind", 0.002, "remind")

    enqueue_many(report.message(number) for number in range(50))
    enqueue_many(remind.message(number) for number in range(2000))
    with working(broker, threads=4):
        stage.wait_for(2050)
    last = len(stage.played) - 1 - stage.played[::-1].index("remind")
    assert (
        stage.played[: last + 1].count("report") <= 8
    )  # those that idle threads took before anything else was there


def test_of_many_limits_each_gets_its_turn(broker: JobBroker, stage: Stage) -> None:
    """More limits than one look takes in, and less room than any of them would fill."""

    @actor(service="common", max_running=2, max_running_per="flat")
    def bill(flat: int) -> None:
        stage.play(str(flat), 0, flat)

    enqueue_many(bill.message(number % 2500) for number in range(5000))
    with working(broker, threads=4):
        stage.wait_for(5000, within=60)
    assert Counter(stage.played) == dict.fromkeys(range(2500), 2)


def test_waiting_costs_no_statements(broker: JobBroker, stage: Stage, spoken: list[str]) -> None:
    """A limit that is full is not asked about; one that is held back by its rate is asked when it is due."""

    @actor(service="common", max_running=1)
    def bill(number: int) -> None:
        stage.hold("bill")

    @actor(service="common", rate="1/day")
    def report(number: int) -> None:
        stage.enter("report")

    enqueue_many(bill.message(number) for number in range(100))
    enqueue_many(report.message(number) for number in range(100))
    with working(broker):
        stage.wait_on(bill=1, report=1)
        wait_for(lambda: _still(spoken), "all is said")
        spoken.clear()
        time.sleep(3)
        assert len(spoken) <= 3, spoken
        stage.curtain.set()


def _still(spoken: list[str]) -> bool:
    before = len(spoken)
    time.sleep(0.3)
    return len(spoken) == before


def test_a_store_without_limited_jobs_is_asked_nothing_more(broker: JobBroker, spoken: list[str]) -> None:
    @dramatiq.actor(retry_policy=RetryPolicy(delays=(0.05,)))
    def remind(number: int) -> None:
        if number == 7:
            raise RuntimeError

    with working(broker):
        jobs = enqueue_many(remind.message(number) for number in range(50))
        later = remind.send_with_options(args=(1,), delay=50)
        for job in (*jobs[:7], *jobs[8:], later):
            wait_until(broker, job, "Succeeded")
    assert not {"claim_limited", "tell_of_limits"} & set(spoken)


def test_many_sends_to_a_full_limit_are_few_looks(broker: JobBroker, stage: Stage, spoken: list[str]) -> None:
    @actor(service="common", max_running=1)
    def bill(number: int) -> None:
        stage.hold("bill")

    with working(broker):
        bill.send(0)
        stage.wait_on(bill=1)
        spoken.clear()
        begin = time.monotonic()
        for number in range(200):
            bill.send(number)
        took = time.monotonic() - begin
        assert spoken.count("claim_limited") <= 3 + took / 0.05
        stage.curtain.set()


# -- every way in which a place comes up


def test_a_job_that_is_retried_gives_up_its_place(broker: JobBroker, stage: Stage) -> None:
    @actor(service="common", max_running=1, retry_policy=RetryPolicy(delays=(3600, 3600)))
    def bill(what: str) -> None:
        if what == "fail":
            raise RuntimeError
        stage.hold("bill")

    with working(broker):
        failing = bill.send("fail")
        wait_until(broker, failing, "Retrying")
        other = bill.send("work")
        stage.wait_on(bill=1)
        becomes_due(broker, failing)
        wait_until(broker, failing, "Enqueued")
        stage.curtain.set()
        wait_until(broker, other, "Succeeded")
        wait_until(broker, failing, "Retrying")
    assert job_row(broker, failing)["attempts"] == 2


def test_a_running_job_that_is_cancelled_gives_up_its_place(broker: JobBroker, stage: Stage) -> None:
    @actor(service="common", max_running=1)
    def bill(number: int) -> None:
        if number == 0:
            stage.enter("bill")
            while True:
                time.sleep(0.01)

    with working(broker):
        first, second = bill.send(0), bill.send(1)
        stage.wait_on(bill=1)
        cancel(broker.store("common"), [first.message_id], by="a test")
        wait_until(broker, second, "Succeeded")
    assert job_state(broker, first) == "Cancelled"


def test_a_waiting_job_may_be_cancelled_and_deleted(broker: JobBroker, stage: Stage) -> None:
    @actor(service="common", max_running=1)
    def bill(number: int) -> None:
        stage.hold("bill", number)

    store = broker.store("common")
    with working(broker):
        jobs = [bill.send(number) for number in range(4)]
        stage.wait_on(bill=1)
        cancel(store, [jobs[1].message_id], by="a test")
        operate.delete(store, [jobs[2].message_id], by="a test")
        stage.curtain.set()
        wait_until(broker, jobs[3], "Succeeded")
        operate.retry(store, [jobs[1].message_id], by="a test")
        wait_until(broker, jobs[1], "Succeeded")
    assert job_state(broker, jobs[2]) == "Deleted"
    assert sorted(stage.played) == [0, 1, 3]


def test_a_delayed_job_takes_its_place_when_its_time_has_come(broker: JobBroker, stage: Stage) -> None:
    @actor(service="common", max_running=1)
    def bill(number: int) -> None:
        stage.hold("bill")

    with working(broker):
        later = bill.send_with_options(args=(1,), delay=200)
        assert job_state(broker, later) == "Scheduled"
        stage.wait_on(bill=1)
        another = bill.send_with_options(args=(2,), delay=50)
        wait_until(broker, another, "Enqueued")
        stage.curtain.set()
        wait_until(broker, another, "Succeeded")


def test_a_paused_queue_keeps_its_limited_jobs(broker: JobBroker, stage: Stage) -> None:
    @actor(service="common", max_running=2)
    def bill(number: int) -> None:
        stage.play("bill", 0, number)

    store = broker.store("common")
    overview.pause_queue(store, "default", by="a test")
    with working(broker):
        held = bill.send(1)
        elsewhere = bill.send_with_options(args=(2,), queue_name="critical")
        wait_until(broker, elsewhere, "Succeeded")
        assert job_state(broker, held) == "Enqueued"
        overview.resume_queue(store, "default")
        wait_until(broker, held, "Succeeded", within=5)  # the poll interval is 15 s


def test_a_worker_takes_only_from_the_queues_it_consumes(broker: JobBroker, stage: Stage) -> None:
    @actor(service="common", max_running=2)
    def bill(number: int) -> None:
        stage.play("bill", 0, number)

    with working(broker, queues={"critical"}):
        held = bill.send(1)
        elsewhere = bill.send_with_options(args=(2,), queue_name="critical")
        wait_until(broker, elsewhere, "Succeeded")
        assert job_state(broker, held) == "Enqueued"
    with working(broker):
        wait_until(broker, held, "Succeeded")


def test_what_a_stop_gives_back_is_taken_up_again(broker: JobBroker, stage: Stage) -> None:
    over = threading.Event()

    @actor(service="common", max_running=1)
    def bill(number: int) -> None:
        stage.enter("bill")
        over.wait(10)

    with working(broker, patience=0.1):
        job = bill.send(1)
        stage.wait_on(bill=1)
    assert job_state(broker, job) == "Enqueued"
    over.set()
    with working(broker):
        wait_until(broker, job, "Succeeded")


def test_a_job_that_comes_late_to_its_start_is_given_back_and_not_counted(
    broker: JobBroker, stage: Stage
) -> None:
    """A rate counts from the claim on; a job that starts long after it might start in another window."""

    @actor(service="common", rate="1/day")
    def report(number: int) -> None:
        stage.played.append(number)

    late = []

    def hold_up(runs: Any) -> None:
        for run in runs:
            if run.limit_key is not None and len(late) < 3:
                late.append(run)
                run.start_by -= 1

    with working(broker):
        claimer = next(iter(broker.process.claimers.values()))
        admit = claimer._admit
        claimer._admit = lambda runs: (hold_up(runs), admit(runs))[1]
        job = report.send(1)
        wait_until(broker, job, "Succeeded")
    assert len(late) == 3
    assert stage.played == [1]
    assert job_row(broker, job)["attempts"] == 1
    assert rows(broker, "select sum(starts) from {schema}.limit_start") == [(1,)]


# -- how it is declared, and what it says


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"max_running": 0}, "max_running must be a whole number from 1 on, not 0"),
        ({"max_running": True}, "max_running must be"),
        ({"max_running": "5"}, "max_running must be"),
        ({"max_running_per": "community"}, "max_running_per goes with max_running or rate"),
        ({"max_running": 1, "max_running_per": "comunity"}, "not 'comunity'; it has number, community, note"),
        ({"max_running": 1, "max_running_per": "note"}, "has a default"),
        ({"max_running": 1, "max_running_per": "rest"}, "must name a parameter"),
        ({"rate": "often"}, "rate must be like '100/minute'"),
        ({"rate": 100}, "rate must be like"),
        ({"rate": "100/fortnight"}, "rate must be like"),
        ({"rate": "0/minute"}, "at least 1 start"),
        ({"rate": "1/0s"}, "at least 1 start"),
        ({"rate": "1/365d"}, "at most 31 days"),
        ({"max_running": 1, "actor_name": "a:b"}, "no colon"),
    ],
)
def test_options_that_make_no_sense_are_refused_where_they_are_declared(
    broker: JobBroker, options: dict[str, Any], complaint: str
) -> None:
    def bill(number: int, community: str, note: str = "", **rest: Any) -> None:
        pass

    with pytest.raises(ValueError, match=complaint.replace("(", r"\(")) as caught:
        actor(service="common", **options)(bill)
    assert str(caught.value).startswith(options.get("actor_name", "common.bill"))


@pytest.mark.parametrize(
    ("text", "starts", "milliseconds", "said"),
    [
        ("100/minute", 100, 60_000, "100/minute"),
        ("1/second", 1, 1_000, "1/second"),
        (" 5 / 10s ", 5, 10_000, "5/10s"),
        ("7/hours", 7, 3_600_000, "7/hour"),
        ("2/2days", 2, 172_800_000, "2/2d"),
        ("3/24h", 3, 86_400_000, "3/day"),
        ("3/90m", 3, 5_400_000, "3/90m"),
    ],
)
def test_a_rate_is_read_and_said(
    broker: JobBroker, text: str, starts: int, milliseconds: int, said: str
) -> None:
    @actor(service="common", rate=text)
    def bill() -> None:
        pass

    assert limits_of(bill) == Limits(None, None, Rate(starts, milliseconds))
    assert str(limits_of(bill).rate) == said


def test_a_job_must_say_by_what_it_is_limited(broker: JobBroker) -> None:
    @actor(service="common", max_running=1, max_running_per="by")
    def bill(by: Any) -> None:
        pass

    for value in (1.5, ["a"], {"a": 1}):
        with pytest.raises(TypeError, match="limited by 'by', which must be a text or a whole number"):
            bill.send(value)
    for value in ("a", 5, True, None, "₹" * 1000):
        bill.send(value)
    assert limit_keys(broker)[:4] == [
        "common.bill:a",
        "common.bill:5",
        "common.bill:true",
        "common.bill:null",
    ]
    assert len(str(limit_keys(broker)[4])) == len("common.bill:") + 64


def test_an_operator_sees_what_waits_under_each_limit(broker: JobBroker, stage: Stage) -> None:
    @actor(service="common", max_running=2, max_running_per="community")
    def bill(community: str) -> None:
        stage.hold("bill")

    @actor(service="common", rate="1/hour")
    def report(number: int) -> None:
        stage.enter("report")

    with working(broker):
        enqueue_many(bill.message("a") for _ in range(5))
        enqueue_many(report.message(number) for number in range(3))
        stage.wait_on(bill=2, report=1)
        store = broker.store("common")
        seen = [
            (limit.name, limit.running, limit.max_running, limit.waiting, limit.started, limit.rate)
            for limit in wait_for(lambda: _settled(store), "the report is done")
        ]
        assert seen == [("common.bill:a", 2, 2, 3, 0, None), ("common.report", 0, None, 2, 1, "1/hour")]
        default = next(q for q in overview.queue_depths(store, {"default": 1}) if q.name == "default")
        assert (default.ready, default.limited, default.running, default.oldest) == (5, 5, 2, None)
        stage.curtain.set()


def _settled(store: Any) -> list[Any]:
    found = overview.limits(store)
    return found if sum(limit.running for limit in found) == 2 else []


def test_starts_are_forgotten_once_they_are_over(broker: JobBroker, stage: Stage) -> None:
    @actor(service="common", rate="5/second")
    def ask(number: int) -> None:
        stage.play("ask", 0)

    with working(broker):
        for _ in range(2):
            enqueue_many(ask.message(number) for number in range(10))
        stage.wait_for(20)
    [(left,)] = rows(broker, "select sum(starts) from {schema}.limit_start")
    assert left <= 10


def test_the_pruner_takes_the_starts_of_limits_that_nobody_uses(broker: JobBroker, store_url: str) -> None:
    from infra.maintenance.pruner import prune

    execute(
        store_url,
        "insert into common_jobs.limit_start select 'a:' || n, now() + (n - 2500) * interval '1 hour', 1 "
        "from generate_series(1, 3000) n",
    )
    assert prune(broker.store("common"), broker.config).limits == 2500
    assert rows(broker, "select count(*) from {schema}.limit_start") == [(500,)]
