"""One service's store that answers with errors does not stop the work of the others."""

from __future__ import annotations

import dramatiq

from infra.store.migrate import migrate
from tests.support.queue import broker_on, wait_until, working


def test_a_store_that_is_not_migrated_keeps_no_other_waiting(database: str) -> None:
    migrate(database, ["common"])
    with broker_on(database, jobs_services=("inventory", "common", "sales")) as broker:

        @dramatiq.actor(broker=broker, service="common")
        def note() -> None:
            """Does nothing."""

        with working(broker):
            for _ in range(3):
                wait_until(broker, note.send(), "Succeeded", within=5)
