"""Daily counters of events, a batch a statement."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from infra.store import connections
from infra.store.rows import one_row
from infra.store.sql import load

FORGOTTEN_AT_ONCE = 5_000
"""Of ids older than 90 days, beside each batch."""
_NAME = re.compile(r"[a-z][a-z0-9_.-]*")

Event = Sequence[str]
"""(event id, what happened, community id, day YYYY-MM-DD)."""


def count_events(events: Sequence[Event]) -> dict[str, Any]:
    """Add events to their day's counters, each once by its id. Returns counts, and those that cannot be read."""
    good: list[tuple[str, str, str, date]] = []
    refused: dict[str, str] = {}
    for event in events:
        try:
            event_id, name, community_id, day = event
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name of an event, such as app.opened")  # noqa: TRY301
            good.append((str(UUID(event_id)), name, str(UUID(community_id)), date.fromisoformat(day)))
        except (ValueError, TypeError, AttributeError) as error:
            refused[str(event[0] if event else event)] = str(error)
    statements = load("actors.common.analytics")
    with connections.transaction("common") as common:
        counted = one_row(
            common,
            statements.count_events,
            event_ids=[event_id for event_id, *_ in good],
            events=[name for _, name, _, _ in good],
            community_ids=[community_id for _, _, community_id, _ in good],
            days=[day for *_, day in good],
        ).counted
        with common.cursor() as cursor:
            cursor.execute(statements.forget_events, {"most": FORGOTTEN_AT_ONCE})
    return {"counted": counted, "counted_before": len(good) - counted, "refused": refused}
