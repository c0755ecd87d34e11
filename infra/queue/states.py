"""What operators call the states of a job, and what the store calls them."""

from __future__ import annotations

from infra.queue.admission import did_you_mean

NAMES = {
    "scheduled": "Scheduled",
    "queued": "Enqueued",
    "consumed": "Processing",
    "done": "Succeeded",
    "retrying": "Retrying",
    "failed": "Failed",
    "rejected": "Deleted",
    "cancelled": "Cancelled",
    "awaiting": "Awaiting",
}
"""The store's state → the operators' name."""

WORKFLOW_NAMES = {
    "waits": "Awaiting",
    "open": "Open",
    "closing": "Cancelling",
    "complete done": "Complete",
    "complete failed": "Failed",
    "complete cancelled": "Cancelled",
}
"""The same for workflows. Failed: nothing can go on by itself, and some members did not succeed."""

UNFINISHED = ("scheduled", "queued", "consumed", "retrying", "awaiting")
REVIVABLE = ("rejected", "failed", "cancelled")


def state_named(name: str) -> str:
    """The store's state for an operator's name, whatever its case. Raises ValueError listing the names."""
    for state, shown in NAMES.items():
        if name.strip().lower() == shown.lower():
            return state
    raise ValueError(
        f"unknown state {name!r}{did_you_mean(name.strip().capitalize(), NAMES.values())}; "
        f"one of {', '.join(NAMES.values())}"
    )
