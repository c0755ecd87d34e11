"""`dhanman-jobs backup`: copies of the databases, the proof that they can be restored, and how.

What is done with them is the installation's, in actors/common/backup; like every actor it is found by name.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Annotated, Any

import typer

from infra.cli.options import Json
from infra.cli.output import FAILED, OK, UNREACHABLE, USAGE, Mode, Stop, answer, console, moment, say, table

app = typer.Typer(no_args_is_help=True, help="Backups of the databases: now, list, verify, restore-command.")

ROOM = "actors.common.backup"
LINE_EVERY = 5.0
"""Seconds between two lines of progress where nobody looks at a terminal."""

Id = Annotated[str, typer.Argument(metavar="ID", help="A backup's id, or how it begins.")]
Shown = Callable[[str, int, int], None]


def in_words(command: Callable[..., None]) -> Callable[..., None]:
    """What can go wrong with backups, as a sentence and an exit code."""

    @wraps(command)
    def run(*words: Any, **options: Any) -> None:
        errors = _room("errors")
        try:
            command(*words, **options)
        except errors.UnknownBackup as error:
            raise Stop(str(error), USAGE) from None
        except errors.BackupError as error:
            raise Stop(str(error), FAILED) from None

    return run


@app.command()
@in_words
def now(json: Json = False) -> None:
    """Back every database up, check what was written, and remove old backups.

    Databases are those that JOBS_DATABASE_URL and DHANMAN_* name, each once. They go to BACKUP_FOLDER, or to S3_BUCKET.
    Exit code 1 when one of them failed, or another run is at it.

    \b
    Examples:
      dhanman-jobs backup now
      BACKUP_FOLDER=/mnt/nas/dhanman dhanman-jobs backup now --json
    """  # noqa: D301
    run = _room("run")
    with _progress("backing up") as shown:
        report = run.take(told=shown)
    if report.busy:
        raise Stop("another backup is under way; nothing was done", FAILED)
    if answer(report.as_json()):
        raise typer.Exit(FAILED if report.failures else OK)
    for each in report.taken:
        size, place = _bytes(each.size), each.place
        say(f"{each.id}: {size} in {_lasted(each)}, {each.tables_listed} tables, {place}")
    if report.removed:
        say(f"removed by rotation: {', '.join(report.removed)}")
    if report.failures:
        raise Stop("; ".join(f"{name}: {why}" for name, why in report.failures), FAILED)


@app.command(name="list")
@in_words
def list_(
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 40,
    files: Annotated[
        bool, typer.Option("--files", help="Look at the place itself; it needs no database.")
    ] = False,
    json: Json = False,
) -> None:
    """The backups, newest first: when, how large, whether one was restored for a test.

    \b
    Examples:
      dhanman-jobs backup list
      dhanman-jobs backup list --files          when the databases are gone
    """  # noqa: D301
    if files:
        _list_files(limit)
        return
    found = _room("records").latest(limit)
    if answer({"backups": [vars(record) for record in found]}):
        return
    if not found:
        say("no backup was taken yet: dhanman-jobs backup now")
        return
    table(
        ("id", "state", "begun", "took", "size", "verified", "place", "failure"),
        [
            (
                *(r.id, r.state.capitalize(), moment(r.started_at), _lasted(r), _bytes(r.size)),
                *(moment(r.verified_at), r.place, r.failure),
            )
            for r in found
        ],
        right=("size", "took"),
        below=("place", "failure"),
    )


@app.command()
@in_words
def verify(
    backup_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="One backup; by default the newest of each database.")
    ] = None,
    on: Annotated[
        str | None,
        typer.Option(
            "--on",
            metavar="URL",
            help="Restore on this server (BACKUP_VERIFY_URL, else its own); a password by PGPASSWORD.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Restore backups into scratch databases, which are dropped afterwards, and compare them with what was copied.

    Rows are counted in every table; of the biggest, their values are compared too. Exit code 1 when one differs or
    cannot be restored.

    \b
    Examples:
      dhanman-jobs backup verify
      dhanman-jobs backup verify dhanman-1f0c22ab-20261124T0030 --on postgresql://postgres@scratch/postgres
    """  # noqa: D301
    verified, troubles = [], []
    for name, place in _chosen(backup_id):
        try:
            with _progress(f"restoring {name}") as shown:
                verdict = _room("verify").verify(
                    name, place, server=on, told=lambda done, total, s=shown: s("", done, total)
                )
        except _room("errors").BackupError as error:
            troubles.append(f"{name}: {error}")
            continue
        verified.append(verdict)
        troubles += [f"{name}: {said}" for said in verdict.differences]
    if answer({"verified": [vars(each) for each in verified], "troubles": troubles}):
        raise typer.Exit(FAILED if troubles else OK)
    for each in verified:
        if not each.differences:
            checked = (
                f"{each.rows:,} rows in {each.tables} tables are as they were, {each.summed} by checksum"
            )
            say(f"{each.id}: {checked}")
    if troubles:
        raise Stop("; ".join(troubles), FAILED)


@app.command(name="restore-command")
@in_words
def restore_command(backup_id: Id, json: Json = False) -> None:
    """What to type to restore a backup, checksum first. It runs nothing.

    \b
    Examples:
      dhanman-jobs backup restore-command dhanman-1f0c22ab-20261124T003000123456Z
    """  # noqa: D301
    restore = _room("restore")
    [(name, place)] = _chosen(backup_id)
    commands = restore.commands(name, place)
    if not answer({"id": name, "commands": commands}):
        say(*commands)


def _chosen(backup_id: str | None) -> list[tuple[str, Any]]:
    """Ids and places: by the record, else, where no database answers or knows it, by what lies at the place."""
    import psycopg2

    place, records, errors = _room("place"), _room("records"), _room("errors")
    try:
        found = records.newest_good() if backup_id is None else [records.named(backup_id)]
    except (psycopg2.Error, errors.UnknownBackup) as error:
        if backup_id is None:
            raise
        return [_lying_there(backup_id, error)]
    if not found:
        raise Stop("there is no backup yet: dhanman-jobs backup now", FAILED)
    return [(record.id, place.place_at(record.place)) for record in found]


def _lying_there(backup_id: str, error: Exception) -> tuple[str, Any]:
    import psycopg2

    place = _room("place").place_now()
    with _room("place").explained(place):
        ids = [each for each in _room("manifest").complete(place) if each.startswith(backup_id)]
    if len(ids) == 1:
        return ids[0], place
    code = UNREACHABLE if isinstance(error, psycopg2.OperationalError) else USAGE
    raise Stop(f"{str(error).strip()}; in {place.url} there are {len(ids)} such", code)


def _list_files(limit: int) -> None:
    place, manifest = _room("place").place_now(), _room("manifest")
    with _room("place").explained(place):
        newest = [*reversed(manifest.complete(place))][:limit]
        found = [manifest.read(name, place) for name in newest]
    machine = [vars(each) | {"place": place.url, "tables": len(each.tables)} for each in found]
    if answer({"backups": machine}):
        return
    if not found:
        say(f"no backup in {place.url}")
        return
    table(
        ("id", "database", "taken", "size", "postgres", "rows"),
        [
            (
                *(each.id, each.database, moment(each.taken_at), _bytes(each.size), each.version),
                f"{sum(content.rows for content in each.tables.values()):,}",
            )
            for each in found
        ],
        right=("size", "rows"),
    )


def _room(part: str) -> Any:
    """A part of actors/common/backup. Raises Stop where the code of Dhanman is not installed."""
    from infra.cli.actors import on_the_path

    on_the_path()
    try:
        return importlib.import_module(f"{ROOM}.{part}")
    except ModuleNotFoundError as error:
        if error.name is None or not ROOM.startswith(error.name):
            raise
        raise Stop(f"there is no {ROOM} here: run this where the actors are installed", USAGE) from None


@contextmanager
def _progress(what: str) -> Iterator[Shown]:
    """A bar on a terminal, else a line now and then on standard error; nothing with --json."""
    if Mode.json:
        yield lambda *_: None
    elif sys.stdout.isatty():
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
        )
        with Progress(*columns, console=console(), expand=True, transient=True) as bar:
            task = bar.add_task(what, total=None)

            def draw(name: str, done: int, total: int) -> None:
                bar.update(
                    task, description=f"{what} {name}".strip(), completed=done, total=max(done, total, 1)
                )

            yield draw
    else:
        said_at = time.monotonic()

        def tell(name: str, done: int, total: int) -> None:
            nonlocal said_at
            if time.monotonic() - said_at >= LINE_EVERY:
                said_at = time.monotonic()
                sys.stderr.write(f"{what} {name}".strip() + f": {_bytes(done)} of {_bytes(total)}\n")

        yield tell


def _lasted(record: Any) -> str:
    if record.finished_at is None:
        return ""
    return f"{(record.finished_at - record.started_at).total_seconds():.1f} s"


def _bytes(size: float | None) -> str:
    if size is None:
        return ""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
