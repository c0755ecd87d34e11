"""A job that dies at each of its commits, before it or after, and is run again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from infra.store import connections


class Death(BaseException):
    """The process is gone: nothing catches this but the test."""


@contextmanager
def dying(monkeypatch: Any, commit: int, *, before: bool) -> Iterator[list[int]]:
    """Business transactions die at the n-th commit (from 0) of the block. Yields the commits that were reached."""
    reached: list[int] = []
    original = connections.transaction

    @contextmanager
    def transaction(service: str) -> Iterator[Any]:
        with original(service) as connection:
            yield connection
            here = len(reached)
            reached.append(here)
            if before and here == commit:
                raise Death
        if not before and here == commit:
            raise Death

    with monkeypatch.context() as patched:
        patched.setattr(connections, "transaction", transaction)
        yield reached


def outlives_every_death(
    monkeypatch: Any,
    run: Callable[[], object],
    *,
    reset: Callable[[], None],
    seen: Callable[[], object],
) -> int:
    """Runs a job undisturbed, then with a death before and after each of its commits and once more after it.

    Parameters:
      run: does the job's work in this thread, as `actor.fn(...)`; services must open their transactions by
        `connections.transaction(...)`, asked of the module.
      reset: makes the state before the first run again.
      seen: what must be the same in the end: rows, letters, files; without ids and times that differ by nature.

    Returns how many commits there are; a test asserts that there is at least one.
    """
    reset()
    run()
    undisturbed = seen()
    for commit in count():
        for before in (True, False):
            reset()
            died = False
            with dying(monkeypatch, commit, before=before):
                try:
                    run()
                except Death:
                    died = True
            if not died:
                assert seen() == undisturbed
                return commit
            run()
            assert seen() == undisturbed, f"died {'before' if before else 'after'} commit {commit}"
    raise AssertionError("unreachable")
