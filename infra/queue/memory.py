"""The memory of a worker process."""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path

M_ARENA_MAX = -8
"""glibc's name for how many heaps malloc may open for threads; see mallopt(3)."""


def share_one_heap() -> None:
    """Lets all threads of this process allocate from one heap.

    glibc gives each thread a heap of its own; query results, allocated by one thread and freed by another, then leave
    holes in all of them, and a worker grows by a tenth over a million jobs. Elsewhere than on glibc nothing happens.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def give_back_unused() -> None:
    """Hands what malloc holds but does not use back to the system: batches of many sizes leave holes, which add up
    over a million jobs. Takes a millisecond or two, without the interpreter's lock.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def resident_bytes() -> int | None:
    """This process's resident memory; None where /proc does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
