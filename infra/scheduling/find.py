"""Find and show recurring jobs: what the command line and the dashboard read of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infra.queue import registry
from infra.queue.find import arguments_of
from infra.scheduling.ledger import PUNCTUAL, schedule, statements
from infra.store.connections import Store

ELSEWHERE = "the code declares it for another service"
"""Why a job that was added is given up: a name is one job's in all services, and the code's comes first."""


@dataclass(frozen=True)
class RecurringJob:
    """A recurring job as the store has it.

    Parameters:
      arguments: by name; those named in `redact` as ***.
      spec, zone: what counts; `code_spec` and `code_zone` are None for one that was added at run time.
      next_at: the next tick; one that is past is overdue. None where there is none, as of a paused or orphaned job.
      orphaned_at: since when no code declares it or, of one that was added at run time, has its actor.
      registered: whether the store knows its actor.
      last_outcome: of the last tick: sent, triggered, skipped, missed, waiting.
      last_state: of that run's job, as the store calls it.
      asked_at: the database's time.
    """

    name: str
    service: str
    actor_name: str
    arguments: dict[str, Any]
    spec: str
    zone: str
    code_spec: str | None
    code_zone: str | None
    missed: str
    overlap: str
    next_at: datetime | None
    added_at: datetime
    added_by: str | None
    changed_at: datetime | None
    changed_by: str | None
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str | None
    orphaned_at: datetime | None
    registered: bool
    last_at: datetime | None
    last_outcome: str | None
    last_id: str | None
    last_state: str | None
    asked_at: datetime

    @property
    def words(self) -> str:
        """The schedule as a sentence."""
        return in_words(self.spec, self.zone)

    @property
    def code_words(self) -> str | None:
        """The code's own schedule as a sentence."""
        return None if self.code_spec is None else in_words(self.code_spec, self.code_zone or self.zone)

    @property
    def overdue(self) -> bool:
        """Whether its tick should have come, and nobody sent it."""
        return self.next_at is not None and self.next_at < self.asked_at - PUNCTUAL

    @property
    def skips_until(self) -> datetime | None:
        """Its next tick, where its schedule has one before that: the database's clock was ahead when it was fired last,
        and the job stands still until then.
        """
        nearest = self._after(self.asked_at) if self.next_at is not None else None
        return self.next_at if self.next_at and nearest and nearest < self.next_at else None

    @property
    def orphan_reason(self) -> str | None:
        """Why it does not run, where the code is the reason."""
        if self.code_spec is not None:
            # Declared here, it would not say any more by whom it was added.
            why = ELSEWHERE if self.added_by else "no code declares it"
            return why if self.orphaned_at else None
        return f"no code runs {self.actor_name}" if self.orphaned_at or not self.registered else None

    def next_runs(self, most: int) -> Iterator[datetime]:
        """The ticks to come, by its schedule; none of a job that is paused, orphaned or cannot be read."""
        if self.paused_at is not None or self.orphan_reason is not None:
            return
        at = self._after(self.asked_at)
        while at is not None and most > 0:
            yield at
            at, most = self._after(at), most - 1

    def _after(self, moment: datetime) -> datetime | None:
        try:
            return schedule(self.spec, self.zone).next_after(moment)
        except ValueError:  # as with a zone that this machine does not have
            return None


@dataclass(frozen=True)
class PastTick:
    """One line of the ledger, and the state of the run's job."""

    due_at: datetime
    at: datetime
    outcome: str
    message_id: str | None
    reason: str | None
    state: str | None


def list_recurring(
    store: Store, name: str | None = None, *, redact: tuple[str, ...] = ()
) -> list[RecurringJob]:
    """The recurring jobs of one service, by name."""
    rows = store.fetch(statements(store).list, {"name": name})
    parameters = registry.known(store) if rows else {}
    return [_job(store, row, parameters, redact) for row in rows]


def history(store: Store, name: str, most: int) -> list[PastTick]:
    """The latest ticks, the last one first; also of a job that was removed."""
    return [PastTick(*row) for row in store.fetch(statements(store).history, {"name": name, "most": most})]


def in_words(spec: str, zone: str) -> str:
    """A stored schedule as a sentence; what is wrong with it where it cannot be read."""
    try:
        return schedule(spec, zone).words()
    except ValueError as error:  # as with a zone that this machine does not have
        return f"unreadable: {error}"


def _job(store: Store, row: Any, parameters: dict[str, Any], redact: tuple[str, ...]) -> RecurringJob:
    name, actor_name, args, kwargs, *rest = row
    message = {"args": args, "kwargs": kwargs}
    return RecurringJob(
        name, store.service, actor_name, arguments_of(message, parameters.get(actor_name, []), redact), *rest
    )
