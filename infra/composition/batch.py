"""Batch: many jobs as one, with progress, callbacks, cancellation and retry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from dramatiq import Message

from infra.composition.composition import Composition
from infra.composition.errors import CompositionRefused


class Batch(Composition):
    """Jobs that run side by side.

        batch = Batch("bills of 2026-04", on_complete=send_summary)
        batch.add_many(bill.message(unit) for unit in units)
        batch_id = batch.run()

    Members may be messages, pipelines, groups and other batches. More can be added while it runs; a job that adds some
    adds them with its own success: an attempt that fails adds nothing, and a second attempt nothing twice. To a batch
    that was cancelled meanwhile nothing is added then.
    """

    kind = "batch"

    def add(self, item: Any) -> Self:
        """One member. Raises JobRefused; also once the batch is complete or cancelled."""
        return self.add_many([item])

    def add_many(self, items: Iterable[Any]) -> Self:
        """Members, in order."""
        if isinstance(items, Message):
            raise CompositionRefused(f"add_many takes many members; add({items}) one")
        if self._opened is not None:
            self._add_to_opened(items)
            return self
        for item in items:
            if isinstance(item, Message):
                self._messages.append(item)
            else:
                self._add(item)
        return self

    def __len__(self) -> int:
        """How many members were added to it here."""
        return len(self._messages) + len(self._nodes)
