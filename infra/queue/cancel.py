"""Cancel: a waiting job never starts, a running one is asked to stop. The same for the dashboard, the command line and
code.
"""

from __future__ import annotations

from collections.abc import Sequence

from infra.queue.finish import bound
from infra.store.connections import Store


def cancel(store: Store, message_ids: Sequence[str], *, by: str, reason: str | None = None) -> dict[str, str]:
    """What was done for each id that the store knows as unfinished: `cancelled`, or `asked` for a running one."""
    why = f"cancelled by {by}" + (f": {reason}" if reason else "")
    rows = store.fetch(
        bound(store.schema).cancel, {"message_ids": list(message_ids), "reason": why, "channel": store.schema}
    )
    return {row[0]: row[1] for row in rows}
