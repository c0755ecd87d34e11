"""What can go wrong with a backup, by kinds that people tell apart."""

from __future__ import annotations

import errno
import re
from typing import Literal

Kind = Literal[
    "unreachable",
    "credentials",
    "permission",
    "programs",
    "dump",
    "disk full",
    "folder",
    "object store",
    "check",
    "rotation",
    "interrupted",
]

NEEDS_A_PERSON: tuple[Kind, ...] = ("credentials", "permission", "programs")
"""Kinds that no second try mends."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SAID = (
    (
        "credentials",
        r"authentication failed|no password supplied|role .* does not exist|no pg_hba.conf entry",
    ),
    ("permission", r"permission denied|must be (super|owner)|row-level security"),
    (
        "unreachable",
        r"connection (to server|refused)|could not (connect|translate)|server closed the connection",
    ),
)


class BackupError(Exception):
    """Parameters:
    kind: what sort of trouble it is; the text says where, and what to do.
    """

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class BackupFailed(Exception):
    """A run in which at least one database could not be backed up; the text names each."""


class BackupNeedsAPerson(BackupFailed):
    """… and trying again would not help."""


class UnknownBackup(LookupError):
    """There is no such backup."""


class Stopped(Exception):
    """Whoever asked for it asks it to stop."""


def kind_of(said: str, otherwise: Kind) -> Kind:
    """The kind of what Postgres or its programs say."""
    for kind, pattern in _SAID:
        if re.search(pattern, said):
            return kind  # type: ignore[return-value]  # the names stand above
    return otherwise


def said_by_postgres(words: str, otherwise: Kind, context: str = "") -> BackupError:
    """What Postgres or one of its programs gave as its reason."""
    kind = kind_of(words, otherwise)
    advice = ". Let its role read all: grant pg_read_all_data to it" if kind == "permission" else ""
    return BackupError(kind, f"{context}{words}{advice}")


def of_disk(error: OSError, where: str) -> BackupError:
    if error.errno in FULL:
        return BackupError("disk full", f"{where}: {error.strerror}. Free some space, or set BACKUP_FOLDER")
    return BackupError("folder", f"{where}: {error.strerror or error}")
