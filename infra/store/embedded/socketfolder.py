"""The folder of the server's socket, its only door: there is no TCP port, so two projects cannot clash over one.

The folder belongs to the server's user and is closed to all others, so nobody can put a socket of their own
in its place. It stands beside the data unless that path is too long for a socket; then it is one of a random
name in a folder for temporary files. Which one it is, the server's own pid file tells.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

from infra.store.embedded import account as accounts
from infra.store.embedded.account import Account
from infra.store.embedded.place import Place

PORT = 5432
SOCKET = f".s.PGSQL.{PORT}"
LONGEST = 103  # bytes of a socket's path on macOS; Linux takes 107
PREFIX = "dhanman-jobs-"


def prepare(place: Place, former: Path | None = None) -> Path:
    """The folder for the next start: the former one if it can be had, so that URLs already given out stay right.

    To be called while no server runs. What a killed one left there would stop the next while its process id seems
    alive: in use again, or waiting (a zombie) for a PID 1 that never collects the dead, as in many a container.
    """
    folder = _chosen(place, former)
    for leftover in (SOCKET, f"{SOCKET}.lock"):
        (folder / leftover).unlink(missing_ok=True)
    return folder


def _chosen(place: Place, former: Path | None) -> Path:
    inside = place.folder / "run"
    if _fits(inside):
        inside.mkdir(mode=0o700, exist_ok=True)
        _hand_over(inside, place.account)
        return inside
    if former is not None and _is_temporary(former) and _fits(former) and _taken_again(former, place.account):
        return former
    for base in _bases(place.account):
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        if _fits(folder):
            _hand_over(folder, place.account)
            return folder
        folder.rmdir()
    raise OSError(f"no folder with a path short enough for a socket ({LONGEST} bytes)")


def discard(folder: Path) -> None:
    """Remove a temporary socket folder after the server's end."""
    if _is_temporary(folder):
        shutil.rmtree(folder, ignore_errors=True)


def trusted(folder: Path, account: Account) -> bool:
    """Whether the folder belongs to the server's user and only they can write there."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == account.uid and not found.st_mode & 0o022


def url(folder: Path, account: Account, database: str) -> str:
    """The libpq URL of a database behind this socket."""
    from urllib.parse import quote

    address = f"postgresql://postgres@/{quote(database)}?host={quote(str(folder))}&port={PORT}"
    # Once a shared folder for temporary files is cleaned, the name could fall to another user: libpq checks
    # who answers.
    return f"{address}&requirepeer={quote(account.name)}" if _is_temporary(folder) else address


def _bases(account: Account) -> list[str]:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    own = [runtime] if runtime and not accounts.is_root() and trusted(Path(runtime), account) else []
    return [*own, tempfile.gettempdir(), "/tmp"]  # noqa: S108 - mkdtemp makes an unguessable folder for one user there


def _is_temporary(folder: Path) -> bool:
    return folder.name.startswith(PREFIX)


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / SOCKET)) <= LONGEST


def _taken_again(folder: Path, account: Account) -> bool:
    if trusted(folder, account):
        return True
    try:
        folder.mkdir(mode=0o700)
    except OSError:
        return False
    _hand_over(folder, account)
    return True


def _hand_over(folder: Path, account: Account) -> None:
    folder.chmod(0o700)
    if accounts.is_root():
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
