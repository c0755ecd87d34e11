"""A Postgres of a test's own, to be stopped and started: as gently or as roughly as an operator would."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from infra.store.embedded import account as accounts
from infra.store.embedded import binaries


class OwnServer:
    """A server in a temporary folder, reached through its socket alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.account = accounts.choose(folder, self.data)
        self._programs = binaries.locate(self.account)
        if accounts.is_root():
            shutil.chown(folder, self.account.uid, self.account.gid)
        self._call(
            "initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"
        )

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={self.folder}"

    def start(self) -> None:
        """Returns when it answers, recovered from whatever happened to it."""
        options = f"-k {self.folder} -c listen_addresses='' -c shared_buffers=64MB"
        self._call(
            "pg_ctl", "-D", str(self.data), "-w", "-l", str(self.folder / "log"), "-o", options, "start"
        )

    def stop(self, mode: str = "fast") -> None:
        """`immediate`: as a crash would; every connection breaks in mid-sentence, and it recovers at its next start."""
        self._call("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")

    def _call(self, program: str, *arguments: str) -> None:
        # No pipe: the server would inherit it, and reading it would wait for the server's end.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(  # type: ignore[call-overload]  # the identity's options are its own
                [str(self._programs / program), *arguments],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=accounts.environment(),
                **accounts.identity(self.account),
            )
            output.seek(0)
            assert done.returncode == 0, f"{program}:\n{output.read()}"


@contextlib.contextmanager
def own_server() -> Iterator[OwnServer]:
    """A running server; stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="dhanman-own-"))
    folder.chmod(0o711)
    server = OwnServer(folder)
    server.start()
    try:
        yield server
    finally:
        with contextlib.suppress(AssertionError):
            server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)
