"""What was composed belongs to one composition: twice is refused, and a cancelled whole does not succeed."""

from __future__ import annotations

import threading
from typing import Any

import dramatiq
import pytest

from infra.composition import Batch, CompositionRefused, Workflow
from infra.queue import JobRefused
from infra.queue.broker import JobBroker
from tests.support.queue import job_state, jobs_of, wait_until, working


@pytest.fixture
def work(broker: JobBroker) -> dramatiq.Actor[[Any], Any]:
    @dramatiq.actor
    def work(value: object = None) -> object:
        return value

    return work


def test_a_batch_is_a_member_of_one_whole(work: Any) -> None:
    inner = Batch("inner").add(work.message())
    Workflow("first").add(inner)

    with pytest.raises(CompositionRefused, match="'inner' is a member of 'first' already"):
        Batch("second").add(inner)


def test_a_message_stands_in_its_pipeline_once(broker: JobBroker, work: Any) -> None:
    message = work.message(1)
    with pytest.raises(JobRefused, match="stands in its pipeline twice"):
        (message | work.message() | message).run()
    assert jobs_of(broker, "work") == []


def test_an_empty_group_with_a_callback_is_complete_at_once(broker: JobBroker, work: Any) -> None:
    empty, told = dramatiq.group([]), work.message("told")
    empty.add_completion_callback(told)
    with working(broker):
        empty.run()
        wait_until(broker, told, "Succeeded")


def test_a_cancelled_batch_has_not_succeeded_though_its_last_members_did(
    broker: JobBroker, work: Any
) -> None:
    started, over = threading.Event(), threading.Event()

    @dramatiq.actor(abortable=False)
    def deaf() -> None:
        started.set()
        over.wait(20)

    succeeded, complete = work.message(), work.message()
    batch = Batch("cancelled", on_success=succeeded, on_complete=complete).add(deaf.message())
    with working(broker):
        batch.run()
        assert started.wait(20)
        assert batch.cancel() == 1
        over.set()
        wait_until(broker, complete, "Succeeded")
        wait_until(broker, succeeded, "Cancelled")
    assert batch.progress().outcome == "cancelled"
    assert batch.progress().succeeded == 1
    assert job_state(broker, complete) == "Succeeded"


@pytest.mark.parametrize("name", [5, "", "a\0b", "n" * 201])
def test_a_name_is_a_text_of_a_line(broker: JobBroker, name: Any) -> None:
    with pytest.raises(CompositionRefused, match="needs a name of 1 to 200 characters"):
        Batch(name)
