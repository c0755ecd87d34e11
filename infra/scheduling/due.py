"""Which stores have something due: what a scheduler asks each minute, and all that it does when there is nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from infra.queue.enqueue import MISSING
from infra.scheduling.absent import errors_logged
from infra.scheduling.ledger import statements
from infra.store.connections import Store


@dataclass(frozen=True)
class Due:
    """Of one store, in how many seconds its next tick is due (below 0: it is late), and whether a run waits for the one
    before it.
    """

    store: Store
    due_in: float | None
    waiting: bool


def ask_when_due(stores: Sequence[Store]) -> list[Due]:
    """By one statement a database. Stores that are away are left out; that is logged."""
    found: list[Due] = []
    for url in dict.fromkeys(store.url for store in stores):
        here = [store for store in stores if store.url == url]
        with errors_logged("No ticks from", here[0]):
            try:
                found += _ask(here)
            except MISSING:  # one of them is not migrated: the others are asked by themselves
                found += _one_by_one(here)
    return found


def _ask(stores: Sequence[Store]) -> list[Due]:
    by_schema = {store.schema: store for store in stores}
    rows = stores[0].fetch(" union all ".join(statements(store).next_due for store in stores))
    return [Due(by_schema[schema.strip('"')], due_in, waiting) for schema, due_in, waiting in rows]


def _one_by_one(stores: Sequence[Store]) -> Iterator[Due]:
    for store in stores:
        with errors_logged("No ticks from", store):
            yield from _ask([store])
