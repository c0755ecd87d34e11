"""Workflows as tests speak of them: a row in words, and the facts that must hold of every one in the end."""

from __future__ import annotations

from typing import Any

from infra.queue.broker import JobBroker
from infra.queue.states import NAMES
from tests.support.queue import history, rows
from tests.support.waiting import wait_for

RELEASED = ("queued", "scheduled")


def workflow_row(broker: JobBroker, workflow: Any, service: str = "common") -> dict[str, Any]:
    """The workflow's row in a service's store."""
    names = "kind name home spans parent_id followed_in opened_at completed_at cancelled_at cancel_reason"
    found = rows(
        broker,
        f"select {', '.join(names.split())}, outcome::text from {{schema}}.workflow where workflow_id = %s",
        id_of(workflow),
        service=service,
    )
    assert found, f"no workflow {id_of(workflow)} in {service}"
    return dict(zip([*names.split(), "outcome"], found[0], strict=True))


def wait_complete(
    broker: JobBroker, workflow: Any, outcome: str, *, service: str = "common", within: float = 20.0
) -> None:
    """Returns when the workflow is complete, and it ended so."""

    def ended() -> str | None:
        found: str | None = workflow_row(broker, workflow, service)["outcome"]
        return found

    assert wait_for(ended, f"workflow {id_of(workflow)} complete", within=within) == outcome


def members(broker: JobBroker, workflow: Any, service: str = "common") -> dict[str, str]:
    """The members in a store, by id, and the state of each in the dashboard's words."""
    found = rows(
        broker,
        "select message_id::text, state::text from {schema}.job where workflow_id = %s",
        id_of(workflow),
        service=service,
    )
    return {message_id: NAMES[state] for message_id, state in found}


def releases(broker: JobBroker, job: Any, service: str = "common") -> int:
    """How often a job that waited was let go on."""
    said = [entry["reason"] for entry in history(broker, job, service)]
    return said.count("what it waited for is done")


def assert_settled(broker: JobBroker, *services: str) -> None:
    """Nothing is open any more, the figures are those of the members' rows, and nothing was released twice."""
    for service in services or ("common", "sales"):
        assert_counted(broker, service)
        open_ = rows(
            broker,
            "select workflow_id::text, name from {schema}.workflow "
            "where completed_at is null and opened_at is not null and home || '_jobs' = '{schema}'",
            service=service,
        )
        assert open_ == [], "workflows that nothing will complete"
        twice = rows(
            broker,
            "select message_id::text, count(*) from {schema}.history where reason = 'what it waited for is done' "
            "group by message_id having count(*) > 1",
            service=service,
        )
        assert twice == [], "jobs that were released more than once"


def assert_counted(broker: JobBroker, service: str = "common") -> None:
    """The tally of each workflow equals its members' rows."""
    wrong = rows(
        broker,
        """
        with counted as (
            select workflow_id, sum(added) as added, sum(succeeded) as succeeded, sum(failed) as failed,
                   sum(cancelled) as cancelled
              from {schema}.tally group by workflow_id
        ), there as (
            select workflow_id, count(*) as added, count(*) filter (where state = 'done') as succeeded,
                   count(*) filter (where state in ('failed', 'rejected')) as failed,
                   count(*) filter (where state = 'cancelled') as cancelled
              from {schema}.job where workflow_id is not null group by workflow_id
        )
        select workflow_id::text, to_jsonb(counted) - 'workflow_id', to_jsonb(there) - 'workflow_id'
          from counted full join there using (workflow_id)
         where (to_jsonb(counted) - 'workflow_id') is distinct from (to_jsonb(there) - 'workflow_id')
           and (coalesce(counted.added, 0) > 0 or there.added > 0)
        """,
        service=service,
    )
    assert wrong == [], "the tally is not what the members' rows say"


def id_of(workflow: Any) -> str:
    if isinstance(workflow, str):
        return workflow
    if hasattr(workflow, "messages"):
        return str(workflow.messages[0].message_id)
    return str(workflow.id)
