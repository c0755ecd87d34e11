"""Where backups are kept: a folder, or a bucket of an S3-compatible store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from actors.common.backup.errors import BackupError, of_disk
from infra.gateways.bucket import Bucket, BucketError
from infra.gateways.folder import Folder
from infra.settings import Settings, settings


class Writable(Protocol):
    """What content is streamed into."""

    def write(self, content: bytes, /) -> int: ...


class Readable(Protocol):
    """What content is streamed from."""

    def read(self, size: int = -1, /) -> bytes: ...


class Place(Protocol):
    """What a folder and a bucket have in common: a name is there only when its content is whole."""

    @property
    def url(self) -> str: ...

    def writing(self, name: str) -> AbstractContextManager[Writable]: ...
    def reading(self, name: str) -> AbstractContextManager[Readable]: ...
    def names(self) -> set[str]: ...
    def size(self, name: str) -> int: ...
    def delete(self, name: str) -> None: ...
    def sweep(self, older: timedelta) -> None: ...


def place_now(config: Settings | None = None) -> Place:
    """Where the settings say that backups are kept. Raises BackupError."""
    config = config or settings()
    if config.s3_bucket:
        return _bucket(config, config.s3_bucket, config.s3_prefix)
    return Folder(config.backup_folder or config.home / "var" / "backups")


def place_at(url: str) -> Place:
    """The place that a record names, which settings may have left since. Raises BackupError."""
    parts = urlsplit(url)
    if parts.scheme == "s3":
        return _bucket(settings(), parts.netloc, parts.path)
    return Folder(Path(unquote(parts.path)))


@contextmanager
def explained(place: Place) -> Iterator[None]:
    """What a place refuses in this block becomes a BackupError."""
    try:
        yield
    except BucketError as error:
        raise BackupError("object store", str(error)) from error
    except OSError as error:
        raise of_disk(error, place.url) from error


def _bucket(config: Settings, name: str, prefix: str) -> Place:
    try:
        return Bucket.by_settings(config, name, prefix)
    except BucketError as error:
        raise BackupError("object store", str(error)) from error
