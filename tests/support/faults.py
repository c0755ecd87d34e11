"""Faults at chosen points: between what a job did and what the store, its worker and the other workers know of it.

In a worker process, the environment variable FAULT says where it dies: `point:n` is kill -9 when it comes to that point
for the n-th time. In the process of a test, `striking` calls a function at every point.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

from infra.queue.finish import Finisher
from infra.store.connections import _Connection

POINTS = (
    "before the finish",  # the function has returned, nothing is written
    "before the finish commits",  # all is written, with what follows
    "after the finish committed",  # but its worker does not know yet
    "before the question",  # it knows, and has not asked whether workflows are complete
    "before the answer commits",
    "after the answer committed",
)

Strike = Callable[[str, Finisher, list[Any]], None]
"""Called with the point, the finisher, and the runs that it finishes."""

_now = threading.local()
"""`.writes`: what the finisher of this thread is writing: ("finish" or "answer", finisher, runs)."""


@contextlib.contextmanager
def striking(strike: Strike) -> Iterator[None]:
    undo = _install(strike)
    try:
        yield
    finally:
        undo()


def die_where_told() -> None:
    """Arms this process as FAULT says."""
    told = os.environ.get("FAULT")
    if not told:
        return
    point, _, count = told.partition(":")
    assert point in POINTS, f"FAULT={told}: unknown point"
    left = int(count or 1)

    def strike(at: str, finisher: Finisher, runs: list[Any]) -> None:
        nonlocal left
        if at == point:
            left -= 1
            if left == 0:
                print(f"dies {point}", flush=True)
                os.kill(os.getpid(), signal.SIGKILL)

    _install(strike)


def _install(strike: Strike) -> Callable[[], None]:
    write, ask, commit = Finisher._write, Finisher._complete_workflows, _Connection.commit

    def striking_write(self: Finisher, runs: list[Any], notes: list[Any]) -> set[str]:
        if not runs:
            return write(self, runs, notes)
        strike("before the finish", self, runs)
        return _while(("finish", self, runs), lambda: write(self, runs, notes))

    def striking_ask(self: Finisher) -> None:
        strike("before the question", self, [])
        return _while(("answer", self, []), lambda: ask(self))

    def striking_commit(self: _Connection) -> None:
        writes = getattr(_now, "writes", None)
        if writes is None or writes[1]._conn is not self:
            commit(self)
            return
        what, finisher, runs = writes
        strike(f"before the {what} commits", finisher, runs)
        commit(self)
        strike(f"after the {what} committed", finisher, runs)

    def undo() -> None:
        Finisher._write, Finisher._complete_workflows = write, ask  # type: ignore[method-assign]
        _Connection.commit = commit  # type: ignore[method-assign]

    Finisher._write, Finisher._complete_workflows = striking_write, striking_ask  # type: ignore[method-assign]
    _Connection.commit = striking_commit  # type: ignore[method-assign]
    return undo


def _while(writes: tuple[str, Finisher, list[Any]], call: Callable[[], Any]) -> Any:
    _now.writes = writes
    try:
        return call()
    finally:
        _now.writes = None
