"""Fresh statistics must not mislead the planner either: they say that no job is running, and a thousand are."""

from __future__ import annotations

import uuid

import pytest

from infra.queue.statements import PLANNER, bound
from infra.store.connections import connect

JOBS = 20_000


@pytest.mark.parametrize("statement", ["finish_done", "release"])
def test_a_claim_is_ended_through_the_primary_key(own_store_url: str, statement: str) -> None:
    connection = connect(own_store_url)
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into common_jobs.queue (message_id, actor_name, message)"
            " select gen_random_uuid(), 'noop', '{}' from generate_series(1, %s)",
            (JOBS,),
        )
        cursor.execute("vacuum analyze common_jobs.queue")
        ids = [str(uuid.uuid4()) for _ in range(500)]
        parameters = {
            "message_ids": ids,
            "leases": ids,
            "durations": [1.0] * len(ids),
            "channel": "common_jobs",
        }
        text = getattr(bound("common_jobs"), statement)
        cursor.execute(PLANNER + "explain " + text, parameters)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    connection.close()

    assert "queue_pkey" in plan
    assert "queue_claimed" not in plan
