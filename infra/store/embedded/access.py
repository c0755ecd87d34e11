"""The way in: join the users, see that a keeper lives, wait until the server answers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg2

from infra.store.embedded import account as accounts
from infra.store.embedded import binaries, cluster, locks, socketfolder
from infra.store.embedded.errors import EmbeddedPostgresError, explained, from_os_error
from infra.store.embedded.place import Place, project_folder, settle
from infra.store.embedded.postmaster import read_pid_file

DATABASE = "dhanman"
GRACE = 2.0  # seconds for which the server outlives its last user: one command may follow another

_memberships: dict[Path, tuple[Place, int]] = {}  # by project folder: our open, locked users.lock
_keepers: list[subprocess.Popen[bytes]] = []  # those we started, so that nothing warns of children left alone
_guard = threading.RLock()


def ensure_server(folder: Path | None, timeout: float) -> str:
    """See the package's function of this name."""
    project = project_folder(folder)
    deadline = time.monotonic() + timeout
    with _guard:
        try:
            place = _join(project, timeout)
            with locks.exclusive(place.start_lock, timeout, lambda: _too_slow(place, timeout)):
                address = _running_server(place, deadline, timeout)
                _ensure_database(address, DATABASE)
        except OSError as error:
            raise from_os_error("starting", error) from error
        except psycopg2.Error as error:
            raise explained("making its database", str(error), place.log) from error
    return socketfolder.url(_socket_folder(place), place.account, DATABASE)


def leave_server(folder: Path | None, wait: float) -> None:
    """See the package's function of this name."""
    with _guard:
        membership = _memberships.pop(project_folder(folder), None)
    if membership is None:
        return
    place, users = membership
    os.close(users)
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline and (
        locks.is_held(place.keeper_lock) or locks.is_held(place.server_lock)
    ):
        time.sleep(locks.PAUSE)
    _keepers[:] = [keeper for keeper in _keepers if keeper.poll() is None]


def _join(project: Path, timeout: float) -> Place:
    known = _memberships.get(project)
    if known is not None:
        place, users = known
        if locks.still_there(users, place.users_lock):
            return place
        os.close(_memberships.pop(project)[1])  # someone removed the folder: begin anew
    place = settle(project)
    joined = locks.acquire(place.users_lock, timeout, shared=True)  # waits while a keeper stops the server
    if joined is None:
        raise _too_slow(place, timeout)
    _memberships[project] = (place, joined)
    return place


def _running_server(place: Place, deadline: float, timeout: float) -> str:
    """The address of the maintenance database of a server that has answered."""
    keeper: subprocess.Popen[bytes] | None = None
    begins: dict[Path, int] = {}
    while time.monotonic() < deadline:
        if locks.is_held(place.keeper_lock):
            if address := _answering(place):
                return address
        elif (
            keeper is None or keeper.poll() == 0
        ):  # 0: it stopped a server without users, or another was first
            programs = binaries.locate(place.account)
            cluster.prepare(place, programs)
            begins = {log: log.stat().st_size for log in (place.log, place.keeper_log) if log.exists()}
            keeper = _start_keeper(place, programs)
        elif keeper.poll() is not None:
            raise _failed(place, begins)
        time.sleep(locks.PAUSE)
    raise _too_slow(place, timeout)


def _answering(place: Place) -> str | None:
    told = read_pid_file(place)
    if told is None or not told.ready or told.socket_folder is None:
        return None
    if not socketfolder.trusted(told.socket_folder, place.account):
        return None  # gone, or not the server's: the keeper will make another
    address = socketfolder.url(told.socket_folder, place.account, "postgres")
    try:
        psycopg2.connect(address, connect_timeout=5).close()
    except psycopg2.OperationalError as error:
        text = str(error)
        if "authentication failed" in text or "no pg_hba.conf entry" in text:
            raise explained("letting this user in", text, place.log) from error
        return None
    return address


def _ensure_database(address: str, name: str) -> None:
    connection = psycopg2.connect(address, connect_timeout=10)
    try:
        connection.autocommit = True  # a database cannot be made inside a transaction
        with connection.cursor() as cursor:
            cursor.execute("select from pg_database where datname = %s", (name,))
            if cursor.fetchone() is None:
                cursor.execute(f'create database "{name}"')
    finally:
        connection.close()


def _socket_folder(place: Place) -> Path:
    told = read_pid_file(place)
    if told is None or told.socket_folder is None:
        raise EmbeddedPostgresError(
            f"The built-in Postgres ended as soon as it had started. Its log: {place.log}"
        )
    return told.socket_folder


def _start_keeper(place: Place, programs: Path) -> subprocess.Popen[bytes]:
    import infra

    root = Path(infra.__path__[0]).resolve().parent
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    told = {"folder": place.folder, "binaries": programs, "uid": place.account.uid, "grace": GRACE}
    command = [sys.executable, "-P", "-m", "infra.store.embedded.keeper"]
    command += [f"--{name}={value}" for name, value in told.items()]
    log = os.open(
        place.keeper_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
    )
    try:
        keeper = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,  # the terminal's Ctrl-C is not for it
        )
    finally:
        os.close(log)
    if accounts.is_root():
        os.chown(place.keeper_log, place.account.uid, place.account.gid, follow_symlinks=False)
    _keepers.append(keeper)
    return keeper


def _failed(place: Place, begins: dict[Path, int]) -> EmbeddedPostgresError:
    """What this start left in the logs: the server's words, or the keeper's where the server had none."""
    said = ""
    for path in (place.log, place.keeper_log):
        if path.exists() and not said.strip():
            with path.open(errors="replace") as log:
                log.seek(begins.get(path, 0))
                said = log.read()
    return explained("starting", said, place.log)


def _too_slow(place: Place, timeout: float) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(
        f"The built-in Postgres did not answer within {timeout:.0f} s. See {place.log} and {place.keeper_log}, "
        "or set JOBS_DATABASE_URL to a Postgres server of your own."
    )
