"""The server's process: start it, take over one that runs, watch it, stop it.

All processes of the server hold ``server.lock`` (an open file that they inherit). While it is held the server
lives, in whatever container; once it is free nothing of the server is left, whatever its pid file says.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from infra.store.embedded import account as accounts
from infra.store.embedded import cluster, locks, socketfolder
from infra.store.embedded.errors import EmbeddedPostgresError
from infra.store.embedded.place import Place

ORPHANS_END_WITHIN = (
    20.0  # processes of a server whose head was killed notice it within a moment, unless deep in a statement
)
STOPS = (
    (signal.SIGINT, 60.0),
    (signal.SIGQUIT, 20.0),
    (signal.SIGKILL, 5.0),
)  # fast, immediate, and no more asking


@dataclass(frozen=True)
class PidFile:
    """What the server's own ``postmaster.pid`` says. It may be stale."""

    pid: int
    socket_folder: Path | None
    ready: bool


def read_pid_file(place: Place) -> PidFile | None:
    """The pid file's facts; None when there is none, or it is not whole yet."""
    try:
        lines = (place.data / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    folder = Path(lines[4]) if len(lines) > 4 and lines[4] else None
    return PidFile(abs(pid), folder, len(lines) > 7 and lines[7].strip() == "ready")


class Postmaster:
    """A running server, started here or found."""

    def __init__(self, place: Place, process: subprocess.Popen[bytes] | None) -> None:
        self.place = place
        self._process = process

    @property
    def running(self) -> bool:
        """Whether the server's head lives (when we started it), or any process of it (when we found it)."""
        if self._process is not None:
            return self._process.poll() is None
        return locks.is_held(self.place.server_lock)

    @property
    def reachable(self) -> bool:
        """Whether its socket is still in the file system; something that cleans /tmp may have taken it."""
        told = read_pid_file(self.place)
        if told is None or not told.ready or told.socket_folder is None:
            return True  # not up yet
        return (told.socket_folder / socketfolder.SOCKET).exists()

    def stop(self) -> None:
        """End the server: open transactions are rolled back, what was committed is on disk."""
        for sign, patience in STOPS:
            if not self._send(sign):
                break
            if self._ended_within(patience):
                break
        self._ended_within(1.0)

    def _send(self, sign: signal.Signals) -> bool:
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(sign)
            return True
        told = read_pid_file(self.place)
        if told is None or not works_in(told.pid, self.place.data):
            return False  # not ours to signal: a process id alone proves nothing
        with contextlib.suppress(ProcessLookupError):
            os.kill(told.pid, sign)
        return True

    def _ended_within(self, patience: float) -> bool:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not self.running and not locks.is_held(self.place.server_lock):
                return True
            time.sleep(locks.PAUSE)
        return False


def start_or_adopt(place: Place, binaries: Path, sockets: Path | None = None) -> Postmaster:
    """The server of this place, which a former keeper may have left running.

    Parameters:
      sockets: The socket folder of the last run, to be used again where it can be.

    Raises:
      EmbeddedPostgresError: when processes of a dead server do not end.
      OSError: when it cannot be started.
    """
    deadline = time.monotonic() + ORPHANS_END_WITHIN
    while (lock := locks.acquire(place.server_lock, 0.0)) is None:
        told = read_pid_file(place)
        if told is not None and works_in(told.pid, place.data):
            return Postmaster(place, None)
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(
                f"Processes of a former Postgres server still work on {place.data} (they hold {place.server_lock}). "
                "End them and start again."
            )
        time.sleep(locks.PAUSE)
    try:
        return _start(place, binaries, lock, sockets)
    finally:
        os.close(lock)  # the server has inherited it


def works_in(pid: int, data: Path) -> bool:
    """Whether the process is a Postgres server on this data folder (the server makes it its working folder)."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cwd").readlink() == data
        except OSError:
            return False
    command = subprocess.run(
        ["/bin/ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False
    )
    return str(data) in command.stdout


def _start(place: Place, binaries: Path, lock: int, sockets: Path | None) -> Postmaster:
    former = read_pid_file(place)
    if former is not None and not works_in(former.pid, place.data):
        # The lock is ours, so no server lives. Left there, the file would stop the next one once its
        # process id is in use again.
        (place.data / "postmaster.pid").unlink(missing_ok=True)
    cluster.configure(place)
    folder = socketfolder.prepare(place, sockets or (former.socket_folder if former else None))
    quoted = '"' + str(folder).replace('"', '""') + '"'  # it is a list to Postgres
    log = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if accounts.is_root():
        os.fchown(log, place.account.uid, place.account.gid)
    try:
        process = subprocess.Popen(  # type: ignore[call-overload]  # the identity's options are Popen's own
            [binaries / "postgres", "-D", place.data, "-c", f"unix_socket_directories={quoted}"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=accounts.environment(),
            pass_fds=(lock,),
            **accounts.identity(place.account),
        )
    finally:
        os.close(log)
    return Postmaster(place, process)
