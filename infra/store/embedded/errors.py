"""What goes wrong, in words for the person who reads it."""

from __future__ import annotations

import errno
from pathlib import Path

ELSEWHERE = "or set JOBS_DATABASE_URL to a Postgres server of your own."


class EmbeddedPostgresError(RuntimeError):
    """The built-in Postgres cannot serve here. The text says why and what to do about it."""


def explained(doing: str, output: str, log: Path | None = None) -> EmbeddedPostgresError:
    """An error that quotes what a Postgres program said, led by the cause where it is a known one."""
    lines = [line for line in output.strip().splitlines() if line.strip()][-12:]
    if "No space left on device" in output:
        lead = "The disk is full. Make room, " + ELSEWHERE
    elif "could not look up effective user ID" in output:
        lead = (
            "This OS user has no entry in /etc/passwd, which Postgres needs. Run as a user that has, "
            + ELSEWHERE
        )
    elif "error while loading shared libraries" in output:
        lead = "A system library is missing. Install it, " + ELSEWHERE
    elif "lock file" in output and "already exists" in output:
        lead = "Another Postgres server already works on this data folder. Stop it, " + ELSEWHERE
    elif (
        "could not create shared memory segment" in output
        or "could not map anonymous shared memory" in output
    ):
        lead = "The system gives the server too little shared memory. Raise that limit, " + ELSEWHERE
    else:
        lead = ""
    parts = [f"The built-in Postgres failed while {doing}.", lead, *(f"  {line}" for line in lines)]
    if log is not None:
        parts.append(f"Its log: {log}")
    return EmbeddedPostgresError("\n".join(part for part in parts if part))


def from_os_error(doing: str, error: OSError) -> EmbeddedPostgresError:
    """An error from the operating system, with what it most likely asks of the reader."""
    where = error.filename or "a file"
    if error.errno == errno.ENOSPC:
        advice = "The disk is full. Make room, " + ELSEWHERE
    elif error.errno in (errno.EACCES, errno.EPERM):
        advice = f"This user may not use {where}. Let JOBS_HOME name a folder of your own, {ELSEWHERE}"
    elif error.errno == errno.EROFS:
        advice = (
            f"{where} is on a read-only disk. Let JOBS_HOME name a folder that can be written, {ELSEWHERE}"
        )
    else:
        advice = "Look into that, " + ELSEWHERE
    return EmbeddedPostgresError(f"The built-in Postgres failed while {doing}: {error}.\n{advice}")
