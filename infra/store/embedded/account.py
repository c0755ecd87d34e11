"""Which OS user the server runs as.

Postgres refuses to be root. Started by root it runs as an ordinary user that the machine already has: the
owner of the data, else the owner of the project folder, else ``postgres`` or ``nobody``. No user is made for
it.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.store.embedded.errors import ELSEWHERE, EmbeddedPostgresError

STAND_INS = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """An OS user, by number and name."""

    uid: int
    gid: int
    name: str

    @classmethod
    def of(cls, uid: int) -> Account | None:
        """The account with this number; None when the machine knows no such user."""
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            return None
        return cls(entry.pw_uid, entry.pw_gid, entry.pw_name)

    @classmethod
    def named(cls, name: str) -> Account | None:
        """The account with this name, if there is one."""
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            return None
        return cls(entry.pw_uid, entry.pw_gid, entry.pw_name)


def is_root() -> bool:
    """Whether this process is the superuser."""
    return os.geteuid() == 0


def choose(project: Path, data: Path) -> Account:
    """The user that shall own the data and run the server.

    Raises:
      EmbeddedPostgresError: when the data belong to somebody else, or no user will do.
    """
    owner = data.stat().st_uid if data.exists() else None
    if not is_root():
        return _myself(owner, data)
    if owner:
        if account := Account.of(owner):
            return account
        raise EmbeddedPostgresError(
            f"{data} belongs to user number {owner}, whom this machine does not know. Set its owner right, {ELSEWHERE}"
        )
    if (account := Account.of(project.stat().st_uid)) and account.uid != 0:
        return account
    for name in STAND_INS:
        if (account := Account.named(name)) and account.uid != 0:
            return account
    raise EmbeddedPostgresError(
        f"Postgres refuses to run as root, and this machine has neither of the users {' and '.join(STAND_INS)}. "
        f"Run as an ordinary user, {ELSEWHERE}"
    )


def run(
    account: Account, command: Sequence[str | Path], **options: object
) -> subprocess.CompletedProcess[str]:
    """Run a program as this user and collect what it says.

    Raises:
      OSError: when the program cannot be started at all.
    """
    return subprocess.run(  # type: ignore[call-overload,no-any-return]  # the options are Popen's own
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        cwd="/",  # the caller's folder may be closed to that user
        env=environment(),
        check=False,
        **identity(account),
        **options,
    )


def identity(account: Account) -> dict[str, object]:
    """The options of Popen that make a child run as this user: none when it is the caller."""
    if not is_root():
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def environment() -> dict[str, str]:
    """What Postgres programs see of the environment: no secrets of the caller, no PG* variable to mislead them."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"LC_ALL": "C"}


def _myself(owner: int | None, data: Path) -> Account:
    me = Account.of(os.geteuid())
    if me is None:
        raise EmbeddedPostgresError(
            f"This process runs as user number {os.geteuid()}, who has no entry in /etc/passwd; "
            f"Postgres needs one. Run as a user that has, {ELSEWHERE}"
        )
    if owner is not None and owner != me.uid:
        theirs = Account.of(owner)
        name = theirs.name if theirs else f"user number {owner}"
        raise EmbeddedPostgresError(
            f"{data} belongs to {name}, and this process runs as {me.name}. "
            f"Run as {name} or as root, let JOBS_HOME name another folder, {ELSEWHERE}"
        )
    return me
