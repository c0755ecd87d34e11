"""The keeper: a small process that starts the server, waits for its last user to end, and stops it.

It stands apart from every terminal and every user (a session of its own), so a Ctrl-C stops the users and not
the server below them. Killed, it leaves the server running; the next user starts a new keeper, which takes
the server over.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections import deque
from pathlib import Path

from infra.store.embedded import locks
from infra.store.embedded.account import Account
from infra.store.embedded.errors import EmbeddedPostgresError
from infra.store.embedded.place import Place
from infra.store.embedded.postmaster import Postmaster, read_pid_file, start_or_adopt
from infra.store.embedded.socketfolder import discard

LOOK_EVERY = 0.25
LOG_LIMIT = 20 * 1024 * 1024
RESTARTS, RESTARTS_WITHIN = 3, 60.0


class Keeper:
    """Keeps one server for its users."""

    def __init__(self, place: Place, binaries: Path, lock: int, grace: float) -> None:
        self.place = place
        self.binaries = binaries
        self.lock = lock
        self.grace = grace
        self.asked_to_stop = False
        self.users = locks.open_file(place.users_lock)
        self.unused_since: float | None = None
        self.restarts: deque[float] = deque(maxlen=RESTARTS)

    def keep(self) -> int:
        """Start or adopt the server and stay until it may stop; the exit code."""
        server = start_or_adopt(self.place, self.binaries)
        say(f"keeps the server of {self.place.folder}")
        served = False
        while True:
            if self.asked_to_stop or self._removed() or self._unused():
                return self._end(server)
            if not server.running:
                if not served and not self._was_ready():
                    return 1  # it never came up; the log says why, and the user who waits reads it there
                server = self._again(server, "the server died")
            elif not server.reachable:
                server = self._again(server, "the socket is gone")
            served = served or self._was_ready()
            self._shorten_log()
            time.sleep(LOOK_EVERY)

    def _unused(self) -> bool:
        """No user for the whole grace. When so, the users' lock stays ours, and newcomers wait for our end."""
        if not locks.try_lock(self.users):
            self.unused_since = None
            return False
        now = time.monotonic()
        self.unused_since = self.unused_since or now
        if now - self.unused_since >= self.grace:
            return True
        locks.unlock(self.users)
        return False

    def _removed(self) -> bool:
        return not locks.still_there(self.lock, self.place.keeper_lock)

    def _was_ready(self) -> bool:
        told = read_pid_file(self.place)
        return told is not None and told.ready

    def _end(self, server: Postmaster) -> int:
        told = read_pid_file(self.place)
        server.stop()
        if told is not None and told.socket_folder is not None:
            discard(told.socket_folder)
        say("stopped the server")
        return 0

    def _again(self, server: Postmaster, why: str) -> Postmaster:
        """A server in the stead of one that fails its users.

        Raises:
          EmbeddedPostgresError: when that happened too often of late.
        """
        now = time.monotonic()
        if len(self.restarts) == RESTARTS and now - self.restarts[0] < RESTARTS_WITHIN:
            raise EmbeddedPostgresError(f"{why}, and {RESTARTS} restarts did not help")
        self.restarts.append(now)
        told = read_pid_file(self.place)
        say(f"{why}: starting it again")
        server.stop()
        return start_or_adopt(self.place, self.binaries, told.socket_folder if told else None)

    def _shorten_log(self) -> None:
        """Keep the newest half of a log that grew large. The server appends, so it goes on at the new end."""
        if self.place.log.exists() and self.place.log.stat().st_size > LOG_LIMIT:
            with self.place.log.open("r+b") as log:
                log.seek(-LOG_LIMIT // 2, os.SEEK_END)
                newest = log.read()
                log.seek(0)
                log.truncate()
                log.write(newest)


def say(text: str) -> None:
    """A line for keeper.log."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} [{os.getpid()}] {text}\n")
    sys.stderr.flush()


def main() -> int:
    """The keeper's command line; users start it, people need not."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.store.embedded.keeper", description="Keeps the built-in Postgres for its users."
    )
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--binaries", type=Path, required=True)
    parser.add_argument("--uid", type=int, required=True)
    parser.add_argument("--grace", type=float, required=True, help="seconds to stay without a user")
    given = parser.parse_args()
    account = Account.of(given.uid)
    if account is None:
        say(f"no user has the number {given.uid}")
        return 1
    place = Place(given.folder, account)
    lock = locks.acquire(place.keeper_lock, 1.0)  # a second, since those who only look hold it for an instant
    if lock is None:
        return 0  # another keeper was first
    os.truncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    try:
        keeper = Keeper(place, given.binaries, lock, given.grace)

        def stop(*_: object) -> None:
            keeper.asked_to_stop = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        return keeper.keep()
    except (EmbeddedPostgresError, OSError) as error:
        say(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
