"""Workflows expire with the last of their members, and nothing waits for one that is gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dramatiq

from infra.composition import Batch
from infra.maintenance.pruner import prune
from infra.middleware.retries import RetryPolicy
from infra.queue.broker import JobBroker
from infra.store.connections import Store
from tests.support.queue import broker_on, job_row, job_state, rows, settings_with, wait_until, working


def later(store: Store, days: int) -> Store:
    """The same store, seen so many days from now."""
    moment = (datetime.now(UTC) + timedelta(days=days)).isoformat().replace("+", "%2B")
    mark = "&" if "?" in store.url else "?"
    return Store(store.service, f"{store.url}{mark}options=-c%20dhanman.clock%3D{moment}")


def test_what_waits_for_an_expired_workflow_is_cancelled(own_store_url: str) -> None:
    with broker_on(own_store_url) as broker:
        batch, step, callback = failed_batch(broker)
        store = broker.store("common")

        assert prune(later(store, 80), settings_with()).workflows == 0
        assert job_state(broker, step) == "Awaiting"

        assert prune(later(store, 95), settings_with()).workflows == 1
        assert (
            job_row(broker, step)["reason"]
            == job_row(broker, callback)["reason"]
            == "what it waited for has expired"
        )
        assert [job_state(broker, job) for job in (step, callback)] == ["Cancelled", "Cancelled"]
        for table in ("workflow", "edge", "tally"):
            assert rows(broker, f"select from {{schema}}.{table} where workflow_id = %s", batch.id) == []


def test_an_open_workflow_does_not_expire(own_store_url: str) -> None:
    with broker_on(own_store_url) as broker:

        @dramatiq.actor
        def work() -> None: ...

        batch = Batch("waits for a worker").add(work.message() | work.message_with_options(pipe_ignore=True))
        batch.run()

        assert prune(later(broker.store("common"), 1000), settings_with()).workflows == 0
        states = rows(broker, "select state::text from {schema}.queue order by state::text")
        assert states == [("awaiting",), ("queued",)]
        assert batch.progress().total == 2


def failed_batch(broker: JobBroker) -> tuple[Batch, dramatiq.Message[None], dramatiq.Message[None]]:
    """A batch whose one pipeline stopped at its first step; its callback for success waits in vain."""

    @dramatiq.actor(retry_policy=RetryPolicy(delays=(), at_end="fail"))
    def fail() -> None:
        raise RuntimeError

    @dramatiq.actor
    def go_on(of: object) -> None: ...

    step, callback = go_on.message(), go_on.message()
    batch = Batch("fails", on_success=callback).add(fail.message() | step)
    batch.run()
    with working(broker):
        wait_until(broker, rows(broker, "select predecessor::text from {schema}.edge where successor = %s",
                                step.message_id)[0][0], "Failed")  # fmt: skip
    assert batch.progress().outcome == "failed"
    return batch, step, callback
