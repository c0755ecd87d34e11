"""`limits`: what runs, waits and started under each."""

from __future__ import annotations

from typing import Any

import dramatiq
import pytest

from infra.queue import registry
from tests.cli.conftest import Desk
from tests.support.job_store import JobStore
from tests.support.queue import working


@pytest.fixture
def limited(job_store: JobStore, desk: Desk) -> JobStore:
    """Two limited actors beside the desk's."""

    def bill(community: str) -> None:
        pass

    def report(number: int) -> None:
        pass

    for fn, options in (
        (bill, {"max_running": 2, "max_running_per": "community"}),
        (report, {"rate": "3/day"}),
    ):
        dramatiq.actor(
            fn, broker=job_store.broker, actor_name=f"common.{fn.__name__}", service="common", **options
        )
    registry.declare(job_store.broker)
    return job_store


def test_limits_are_shown_with_what_happens_under_them(desk: Desk, limited: JobStore) -> None:
    first = limited.send_many("common.report", 5, 1)
    with working(limited.broker):
        for _ in range(3):
            limited.wait_until(first.pop(0), "done")
    limited.send_many("common.bill", 4, "c7")

    found: list[dict[str, Any]] = desk.run("limits", "--json").json["limits"]
    wanted = ("common.bill", "common.report")
    assert [
        (f["name"], f["actor"], f["running"], f["max_running"], f["waiting"], f["started"], f["rate"])
        for f in found
        if f["actor"] in wanted
    ] == [
        ("common.bill:c7", "common.bill", 0, 2, 4, 0, None),
        ("common.report", "common.report", 0, None, 2, 3, "3/day"),
    ]
    shown = desk.run("limits", "list", "--service", "common").out
    assert "0 of 2" in shown
    assert "3 of 3/day" in shown
    assert "common.bill:c7" in shown


def test_a_store_without_limits_says_so(desk: Desk, job_store: JobStore) -> None:
    job_store.ask("delete from common_jobs.actor")
    assert "no actor limits its jobs" in desk.run("limits").out
    assert desk.run("limits", "--json").json == {"limits": []}


def test_what_waits_under_a_limit_counts_as_ready_but_is_not_late(desk: Desk, limited: JobStore) -> None:
    limited.send_many("common.bill", 4, "c7")
    limited.ask("update common_jobs.queue set enqueued_at = enqueued_at - interval '1 h'")
    queues = desk.run("queues", "--json", "--service", "common").json["queues"]
    default = next(q for q in queues if q["name"] == "default")
    assert (default["ready"], default["limited"], default["oldest"]) == (4, 4, None)
    found = desk.run("jobs", "list", "--state", "Enqueued", "--json").json["jobs"]
    assert len(found) == 4
    with working(limited.broker, queues={"critical"}):
        assert not [
            f
            for f in desk.run("doctor", "--json").json["findings"]
            if f["check"] == "waiting" and f["level"] != "ok"
        ]


def test_the_doctor_notices_limits_that_the_store_does_not_know(
    desk: Desk, limited: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.cli.actors.loaded_broker", lambda: limited.broker)

    def findings() -> list[dict[str, Any]]:
        found = desk.run("doctor", "--service", "common", "--json").json["findings"]
        return [f for f in found if f["check"] == "actors" and f["level"] != "ok"]

    assert findings() == []
    limited.ask("update common_jobs.actor set max_running = 5 where actor_name = 'common.bill'")
    [finding] = findings()
    assert "common.bill" in finding["what"]
