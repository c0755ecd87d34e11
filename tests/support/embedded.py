"""Real processes that use the embedded server, as the one who runs the tests or as an ordinary OS user."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from infra.store.embedded import locks
from infra.store.embedded.account import Account
from infra.store.embedded.place import Place, system_folder
from infra.store.embedded.postmaster import read_pid_file
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]

# The first lines of each program: the server's grace, spent at the end of every test, is cut short.
IMPATIENT = """
import sys
from infra.store.embedded import access
access.GRACE = 0.3
"""

# Asks for the server, tells the URL, and lives until its standard input ends.
USER = """
import sys
from infra.store.embedded import EmbeddedPostgresError, ensure_server
try:
    print(ensure_server(), flush=True)
except EmbeddedPostgresError as error:
    print("refused:", " ".join(str(error).split()), flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Person:
    """Who runs a process: an OS user (None: whoever runs the tests) and an interpreter they can start."""

    account: Account | None
    python: str

    @property
    def identity(self) -> dict[str, object]:
        if self.account is None:
            return {}
        return {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}


def ordinary_person() -> Person | str:
    """An ordinary OS user for a test that runs as root, or the reason why there is none."""
    account = Account.named("nobody")
    if account is None:
        return "this machine has no user nobody"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    program = "import psycopg2, infra.store.embedded.access"
    for python in dict.fromkeys(
        [sys.executable, shutil.which(f"python{version}", path="/usr/bin:/usr/local/bin")]
    ):
        if python is None:
            continue
        person = Person(account, python)
        with contextlib.suppress(OSError):
            command = [python, "-c", program]
            options = {"env": environment(), "cwd": "/", "capture_output": True, **person.identity}
            if subprocess.run(command, check=False, **options).returncode == 0:
                return person
    return f"nobody can start no Python {version} with these packages"


def environment(**more: str) -> dict[str, str]:
    """What a user's process sees: this checkout and its packages, whichever interpreter runs it."""
    packages = sysconfig.get_path("purelib")
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("JOBS_", "DHANMAN_", "PG"))
    }
    return (
        kept | {"PYTHONPATH": os.pathsep.join([str(ROOT), packages]), "PYTHONDONTWRITEBYTECODE": "1"} | more
    )


class User:
    """A process that uses the server of its project folder until it is told to leave."""

    def __init__(self, project: Path, person: Person, program: str = USER, **more: str) -> None:
        self.process = subprocess.Popen(
            [person.python, "-c", IMPATIENT + program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=project,
            env=environment(JOBS_HOME=str(project), **more),
            **person.identity,
        )

    @property
    def url(self) -> str:
        """What the process was given; waits for it."""
        if not hasattr(self, "_url"):
            assert self.process.stdout is not None
            self._url = self.process.stdout.readline().strip()
        return self._url

    def leave(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait(20)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)


@dataclass
class Project:
    """A project folder with the processes that a test starts there."""

    folder: Path
    person: Person
    users: list[User] = field(default_factory=list)

    @property
    def place(self) -> Place:
        inside, outside = self.folder / "var" / "postgres", system_folder(self.folder)
        folder = outside if outside.exists() else inside
        return Place(folder, Account.of(os.geteuid()) or Account(0, 0, "root"))

    def user(self, **more: str) -> User:
        user = User(self.folder, self.person, **more)
        self.users.append(user)
        return user

    @property
    def keeper(self) -> int:
        return int(self.place.keeper_lock.read_text())

    @property
    def server(self) -> int:
        told = read_pid_file(self.place)
        assert told is not None, "no server runs"
        return told.pid

    def serves(self) -> bool:
        return locks.is_held(self.place.server_lock)

    def at_rest(self) -> bool:
        return not locks.is_held(self.place.keeper_lock) and not self.serves()

    def wait_until_at_rest(self) -> None:
        wait_for(self.at_rest, "the server and its keeper end")

    def kill_everything(self) -> None:
        """kill -9, all at once: users, keeper, and every process of the server."""
        doomed = [user.process.pid for user in self.users if user.process.poll() is None]
        doomed += [self.keeper, *processes_on(self.place.data)]
        for pid in doomed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for user in self.users:
            user.process.wait(20)
        wait_for(lambda: self.at_rest() and not processes_on(self.place.data), "all that was killed is gone")

    def end(self) -> None:
        """All users leave, and the keeper is spared its grace."""
        for user in self.users:
            user.leave()
        with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError):
            if not self.at_rest():
                os.kill(self.keeper, signal.SIGTERM)
        self.wait_until_at_rest()


def processes_on(data: Path) -> list[int]:
    """The processes of the server on this data folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cwd() == str(data):
                found.append(process.pid)
    return found


def alive(pid: int) -> bool:
    """Whether the process runs; the dead whom nobody has collected yet do not count."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def project(person: Person, below: Path | None = None) -> Iterator[Project]:
    """A fresh project folder of this person, cleaned up afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="jobs-", dir=below or "/tmp")).resolve()
    folder.chmod(0o755)
    if person.account is not None:
        os.chown(folder, person.account.uid, person.account.gid)
    made = Project(folder, person)
    try:
        yield made
    finally:
        made.end()
        shutil.rmtree(system_folder(folder), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
