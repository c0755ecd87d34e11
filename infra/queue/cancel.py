"""Cancel: a waiting job never starts, a running one is asked to stop, and what waits for its success is cancelled too.
The same for the dashboard, the command line and code.
"""

from __future__ import annotations

from collections.abc import Sequence

from infra.queue.operation import operation
from infra.store.connections import Store


def cancel(store: Store, message_ids: Sequence[str], *, by: str, reason: str | None = None) -> dict[str, str]:
    """What was done for each id that the store knows as unfinished: `cancelled`, or `asked` for a running one."""
    why = f"cancelled by {by}" + (f": {reason}" if reason else "")
    with operation(store) as moving:
        rows = moving.fetch(
            "cancel", {"message_ids": list(message_ids), "reason": why, "channel": store.schema}
        )
        gone = [(row[0], row[3], row[4]) for row in rows if row[1] == "cancelled"]
        moving.ended("cancelled", gone)
    return {row[0]: row[1] for row in rows}
