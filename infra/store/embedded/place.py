"""Where a project folder's server lives, and as whom.

    <project>/var/postgres/           or /var/lib/dhanman-jobs/<hash of the project's path>/
        data/                         the database
        run/                          the socket, when its path is short enough
        *.lock  postgres.log  keeper.log

The second place is for root alone, in a project folder that the server's user cannot reach (a clone below
/root, mode 700). The doors of other people's folders are never opened for it.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from infra.store.embedded import account as accounts
from infra.store.embedded.account import Account
from infra.store.embedded.errors import ELSEWHERE, EmbeddedPostgresError, from_os_error

SYSTEM_FOLDER = Path("/var/lib/dhanman-jobs")


@dataclass(frozen=True)
class Place:
    """A server's folder and the OS user who owns what is in it."""

    folder: Path
    account: Account

    @property
    def data(self) -> Path:
        """The database's files; here only when complete."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "postgres.log"

    @property
    def keeper_log(self) -> Path:
        """What its keeper says."""
        return self.folder / "keeper.log"

    @property
    def users_lock(self) -> Path:
        """Shared by the processes that use the server."""
        return self.folder / "users.lock"

    @property
    def start_lock(self) -> Path:
        """Held while one process looks whether to start."""
        return self.folder / "start.lock"

    @property
    def keeper_lock(self) -> Path:
        """Held by the keeper; the file tells its process id to the curious."""
        return self.folder / "keeper.lock"

    @property
    def server_lock(self) -> Path:
        """Held by every process of the server."""
        return self.folder / "server.lock"


def project_folder(folder: Path | None = None) -> Path:
    """The folder given, else JOBS_HOME, else the nearest one upwards with a pyproject.toml, else the current one."""
    if folder is not None:
        return folder.expanduser().resolve()
    if home := os.environ.get("JOBS_HOME"):
        return Path(home).expanduser().resolve()
    here = Path.cwd().resolve()
    return next(
        (candidate for candidate in (here, *here.parents) if (candidate / "pyproject.toml").is_file()), here
    )


def system_folder(project: Path) -> Path:
    """The place outside of the project, by the hash of its path."""
    return SYSTEM_FOLDER / hashlib.sha256(os.fsencode(project)).hexdigest()[:12]


def settle(project: Path) -> Place:
    """The place of this project's server, made when it is new.

    Data that exist decide: a server never starts afresh beside them because the ways to them have changed.

    Raises:
      EmbeddedPostgresError: when no place will do.
    """
    inside, outside = project / "var" / "postgres", system_folder(project)
    try:
        if (inside / "data").exists() or not accounts.is_root():
            return _inside(project, inside)
        if (outside / "data").exists():
            return _made(outside, accounts.choose(project, outside / "data"))
        account = accounts.choose(project, inside / "data")
        new = not inside.exists()
        place = _made(inside, account)
        if reaches(account, inside):
            return place
        if new:
            inside.rmdir()
        return _made(outside, account)
    except OSError as error:
        raise from_os_error("making its folder", error) from error


def reaches(account: Account, folder: Path) -> bool:
    """Whether that user can go into the folder. The kernel is asked: modes alone do not tell (access lists, mounts)."""
    return accounts.run(account, ["/bin/sh", "-c", 'cd "$1"', "sh", folder]).returncode == 0


def _inside(project: Path, folder: Path) -> Place:
    place = _made(folder, accounts.choose(project, folder / "data"))
    if accounts.is_root() and not reaches(place.account, folder):
        raise EmbeddedPostgresError(
            f"{place.data} holds this project's data, but their owner {place.account.name} "
            f"can no longer reach that folder. "
            f"Open the way to it, move the data to {system_folder(project) / 'data'}, {ELSEWHERE}"
        )
    return place


def _made(folder: Path, account: Account) -> Place:
    missing = [parent for parent in reversed(folder.parents) if not parent.exists()]
    for parent in missing:
        parent.mkdir(exist_ok=True)
        parent.chmod(0o755)  # whatever the umask: it holds no secret, and the server's user must pass
        if accounts.is_root():
            above = parent.parent.stat()
            os.chown(
                parent, above.st_uid, above.st_gid
            )  # root at work in somebody's project leaves them their own `var`
    folder.mkdir(exist_ok=True)
    if folder.stat().st_uid in (os.geteuid(), account.uid):
        folder.chmod(0o700)
    if accounts.is_root():
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    return Place(folder, account)
