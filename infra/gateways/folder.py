"""A folder that keeps files whole: a name is there only once all of its content is on the disk."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

DRAFT = ".draft-"


class Folder:
    """Files for this user alone. Raises OSError as the system gives it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def url(self) -> str:
        """`file:///srv/dhanman/var/backups`."""
        return self.path.absolute().as_uri()

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """A new file, in its place when the block ends well, else gone."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, draft = tempfile.mkstemp(dir=self.path, prefix=DRAFT)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            Path(draft).replace(self.path / name)
            self._sync()
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise

    @contextmanager
    def reading(self, name: str) -> Iterator[BinaryIO]:
        with (self.path / name).open("rb") as file:
            yield file

    def names(self) -> set[str]:
        """What is here, whole."""
        if not self.path.is_dir():
            return set()
        return {entry.name for entry in self.path.iterdir() if not entry.name.startswith(DRAFT)}

    def size(self, name: str) -> int:
        return (self.path / name).stat().st_size

    def delete(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def sweep(self, older: timedelta) -> None:
        """Remove what writers left that died so long ago."""
        for draft in self.path.glob(f"{DRAFT}*"):
            if draft.stat().st_mtime < time.time() - older.total_seconds():
                draft.unlink(missing_ok=True)

    def _sync(self) -> None:
        """The new name itself, too, outlasts a power failure."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
