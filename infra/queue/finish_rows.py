"""Ended attempts, their notes and texts as parameters of the finishing statements."""

from __future__ import annotations

import time
from typing import Any

from infra.queue.run import SUCCESS, Note, Run
from infra.queue.statements import PLANNER
from infra.store.sql import Statements


def claims(runs: list[Run]) -> dict[str, Any]:
    return {"message_ids": [r.message_id for r in runs], "leases": [r.lease for r in runs]}


def outcomes(runs: list[Run]) -> dict[str, Any]:
    outcomes = [r.outcome or SUCCESS for r in runs]
    return {
        **claims(runs),
        "states": [o.state for o in outcomes],
        "delays": [o.delay_ms for o in outcomes],
        "durations": [r.duration_ms for r in runs],
        "reasons": [storable(o.reason) for o in outcomes],
        "errors": [storable(o.error) for o in outcomes],
        "tracebacks": [storable(o.traceback) for o in outcomes],
        "results": [r.result[0] if r.result else None for r in runs],
        "result_ttls": [r.result[1] if r.result else None for r in runs],
    }


def storable(text: str | None) -> str | None:
    """Postgres keeps no NUL and no lone surrogates."""
    if text is None:
        return None
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def write_notes(cursor: Any, sql: Statements, notes: list[Note]) -> None:
    lines = [note for note in notes if note.line is not None]
    if lines:
        cursor.execute(
            PLANNER + sql.add_log_lines,
            {
                **claims([n.run for n in lines]),
                "times": [
                    time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(n.at)) + f"{n.at % 1:.6f}"[1:] + "Z"
                    for n in lines
                ],
                "attempts": [n.run.attempt for n in lines],
                "lines": [storable(n.line) for n in lines],
            },
        )
    moved = {n.run: n.run.progress for n in notes if n.line is None and n.run.progress is not None}
    if moved:
        cursor.execute(
            PLANNER + sql.set_progress,
            {
                **claims(list(moved)),
                "dones": [progress[0] for progress in moved.values() if progress],
                "totals": [progress[1] for progress in moved.values() if progress],
            },
        )
