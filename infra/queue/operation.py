"""An operation: jobs are moved by hand, and what follows from it for workflows follows too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dramatiq.broker

from infra.queue.statements import PLANNER, bound
from infra.queue.successors import NOBODY, Ended, Reach, Touched, complete_apart, follow, look_again, reopen
from infra.store.connections import Store, store_of


class Operation:
    """One transaction on one store.

    Parameters:
      cursor, sql: to move the jobs with.
      reach: to what follows in other stores.
    """

    def __init__(self, store: Store, cursor: Any) -> None:
        self.store = store
        self.cursor = cursor
        self.sql = bound(store.schema)
        self.reach = Reach(store.url, cursor, stores_around(store))
        self.touched: Touched = set()
        self.reopened: Touched = set()
        """Workflows of other databases, whose completion was taken back."""

    def fetch(self, name: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        self.cursor.execute(PLANNER + getattr(self.sql, name), parameters)
        rows: list[tuple[Any, ...]] = self.cursor.fetchall()
        return rows

    def ended(self, state: str, jobs: list[tuple[str, str | None, str | None]]) -> None:
        """These jobs (id, workflow, services in which others wait) reached this state."""
        ended = [
            Ended(message_id, self.store.service, state, workflow_id, followed_in)
            for message_id, workflow_id, followed_in in jobs
        ]
        self.touched |= follow(self.reach, ended, NOBODY, sure=True)

    def revived(self, message_ids: list[str]) -> None:
        """These jobs are awaiting again; where what they wait for is done by now they go on."""
        self.touched |= look_again(self.reach, self.store.service, message_ids)


@contextmanager
def operation(store: Store) -> Iterator[Operation]:
    """Commits at the end of the block, then asks whether the workflows it touched are complete. One that has members in
    a database that is away is asked about again by the heartbeats.
    """
    with store.transaction() as cursor:
        moving = Operation(store, cursor)
        yield moving
    if moving.reopened:
        # Before this commit they may have been completed anew, as the retried members were not seen.
        with store.transaction() as cursor:
            reach = Reach(store.url, cursor, stores_around(store))
            for service, workflow_id in sorted(moving.reopened):
                reopen(reach, service, [workflow_id])
    complete_apart(store.transaction, store.url, stores_around(store), moving.touched | moving.reopened)


def stores_around(store: Store) -> Callable[[str], Store]:
    """Where the other services' jobs are: as the process's broker knows it, else by the settings."""
    of_broker = getattr(dramatiq.broker.global_broker, "store", None)
    others: Callable[[str], Store] = of_broker if of_broker is not None else store_of
    return lambda service: store if service == store.service else others(service)
