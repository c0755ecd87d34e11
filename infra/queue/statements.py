"""The queue's statements, and how they are planned."""

from __future__ import annotations

from infra.store.sql import Statements, load

PLANNER = (
    "set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off; "
)
"""The hot statements know their index; a table that was empty when last analysed must not mislead the planner."""

_bound: dict[str, Statements] = {}


def bound(schema: str) -> Statements:
    """The queue's statements for one schema, read once."""
    if schema not in _bound:
        _bound[schema] = load("infra.queue").bind(schema)
    return _bound[schema]
