"""Files past their time, below a folder of ours."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path


def delete_old_files(
    folder: Path, before: datetime, refused: dict[str, str], *, keep_newest: bool = False
) -> int:
    """Delete files last written before a moment. Returns how many; what cannot be deleted is named in `refused`.

    A file that a process has open stays, as far as that can be seen here. Links are neither followed nor deleted.

    Parameters:
      keep_newest: the newest file of each series stays, as a quiet process may have it open: `worker.log` beside
        `worker.log.1` and `worker-2026-11-01.log.gz`.
    """
    files = sorted(_files(folder))
    newest = {_series(path): path for _, path in files} if keep_newest else {}
    old = [
        path for written, path in files if written < before.timestamp() and newest.get(_series(path)) != path
    ]
    in_use = _open_files() if old else set()
    deleted = 0
    for path in old:
        if str(path.resolve()) in in_use:
            continue
        try:
            path.unlink()
            deleted += 1
        except OSError as error:
            refused[str(path)] = error.strerror or str(error)
    return deleted


def _files(folder: Path) -> Iterator[tuple[float, Path]]:
    for parent, _, names in os.walk(folder):
        for path in (Path(parent) / name for name in names):
            with suppress(FileNotFoundError):  # who rotates it may be at work, too
                if path.is_file() and not path.is_symlink():
                    yield path.stat().st_mtime, path


def _series(path: Path) -> tuple[Path, str]:
    """The files that one process writes, one after the other: those that begin with the same words."""
    return path.parent, re.split(r"[.\d]|-\d", path.name, maxsplit=1)[0]


def _open_files() -> set[str]:
    """What processes have open, where the system tells (Linux), of those that this user may look at."""
    found = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            found.add(str(link.readlink()))
    return found
