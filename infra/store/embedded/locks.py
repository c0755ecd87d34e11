"""File locks of the kernel (flock): held by processes, and let go however a process ends, kill -9 included.

A lock belongs to the *open file*: forked children share it, executed programs do not (unless the file is
passed on purpose, as the server's is), and it is free once the last of them has closed it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

PAUSE = 0.02


def open_file(path: Path) -> int:
    """Open a lock's file, made when absent.

    Raises:
      OSError: when it cannot be opened, or a symbolic link stands in its place.
    """
    # A process that is root makes no file where a link of somebody else's points.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.fchown(descriptor, folder.st_uid, folder.st_gid)
    return descriptor


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock if nobody stands against it."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """Let the lock go and keep the file open."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def still_there(descriptor: int, path: Path) -> bool:
    """Whether the open file is the one that stands under this path (it was neither removed nor replaced)."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino)


def acquire(path: Path, timeout: float, *, shared: bool = False) -> int | None:
    """Open and lock, waiting at most ``timeout`` seconds; None when that did not do."""
    deadline = time.monotonic() + timeout
    while True:
        descriptor = open_file(path)
        # The folder may be removed while one waits; a lock on a removed file would keep nobody out.
        while still_there(descriptor, path):
            if try_lock(descriptor, shared=shared):
                if still_there(descriptor, path):
                    return descriptor
                break
            if time.monotonic() > deadline:
                os.close(descriptor)
                return None
            time.sleep(PAUSE)
        os.close(descriptor)


@contextlib.contextmanager
def exclusive(path: Path, timeout: float, refused: Callable[[], Exception]) -> Iterator[None]:
    """Hold the lock for a block.

    Raises:
      Exception: the one made by ``refused``, when it was not to be had in time.
    """
    descriptor = acquire(path, timeout)
    if descriptor is None:
        raise refused()
    try:
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether some process holds this lock exclusively."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(descriptor, shared=True)
    finally:
        os.close(descriptor)
