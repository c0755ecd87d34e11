"""What a backup holds: a small JSON file beside it, written last. A backup without one does not count."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.backup.errors import Stopped, UnknownBackup
from actors.common.backup.place import Place
from infra.store.rows import all_rows
from infra.store.sql import load

DUMP, MANIFEST = ".dump", ".json"
MOMENT = "%Y%m%dT%H%M%S%fZ"


class Content(NamedTuple):
    """Rows of a table, and their checksum where one was taken."""

    rows: int
    checksum: str | None = None


@dataclass(frozen=True)
class Manifest:
    """A backup, complete.

    Parameters:
      version: major version of the server and so, at least, of what restores it.
      size: bytes of the file; `sha256` its checksum.
      tables: content of each table in the snapshot that was dumped, by `schema.table` quoted as SQL has it.
    """

    id: str
    database: str
    series: str
    version: int
    encoding: str
    taken_at: datetime
    size: int
    sha256: str
    tables: dict[str, Content]

    @property
    def file(self) -> str:
        return self.id + DUMP

    def as_json(self) -> bytes:
        return json.dumps(asdict(self), default=str).encode()

    @classmethod
    def of_json(cls, text: bytes) -> Manifest:
        values: dict[str, Any] = json.loads(text)
        values["taken_at"] = datetime.fromisoformat(values["taken_at"])
        values["tables"] = {name: Content(*content) for name, content in values["tables"].items()}
        return cls(**values)


def write(manifest: Manifest, place: Place) -> None:
    """From here on the backup counts."""
    with place.writing(manifest.id + MANIFEST) as file:
        file.write(manifest.as_json())


def read(backup_id: str, place: Place) -> Manifest:
    """Raises UnknownBackup."""
    if backup_id + MANIFEST not in place.names():
        raise UnknownBackup(f"there is no backup {backup_id} in {place.url}")
    with place.reading(backup_id + MANIFEST) as file:
        return Manifest.of_json(file.read())


def complete(place: Place) -> dict[str, datetime]:
    """The ids of the backups that count, and when they were taken, oldest first."""
    names = place.names()
    stems = [name.removesuffix(MANIFEST) for name in names if name.endswith(MANIFEST)]
    taken = {stem: moment_of(stem) for stem in stems if stem + DUMP in names}
    return dict(sorted(((stem, at) for stem, at in taken.items() if at), key=lambda item: item[1]))


def delete(backup_id: str, place: Place) -> None:
    """The manifest first: what is half deleted does not count."""
    place.delete(backup_id + MANIFEST)
    place.delete(backup_id + DUMP)


def id_at(series: str, moment: datetime) -> str:
    """`dhanman-1f0c22ab-20261124T003000123456Z`."""
    return f"{series}-{moment.astimezone(UTC).strftime(MOMENT)}"


def series_of(backup_id: str) -> str:
    return backup_id.rpartition("-")[0]


def moment_of(backup_id: str) -> datetime | None:
    """None for what is no backup's id."""
    try:
        return datetime.strptime(backup_id.rpartition("-")[2], MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return None


def contents(
    connection: Connection, stopped: Callable[[], bool], wanted: dict[str, Content] | None = None
) -> dict[str, Content]:
    """The content of each table, as this transaction sees it; with a checksum of the biggest ones.

    Parameters:
      wanted: a manifest's tables, to be compared: the same ones get a checksum. A table that is absent is left out.
    """
    statements = load("actors.common.backup")
    all_rows(connection, statements.write_values_alike)
    found = {}
    for table in all_rows(connection, statements.tables):
        if stopped():
            raise Stopped
        summed = table.big if wanted is None else bool(wanted.get(table.name, Content(0)).checksum)
        statement = sql.SQL(statements.count_and_sum if summed else statements.count)
        with connection.cursor() as cursor:
            cursor.execute(statement.format(table=sql.Identifier(table.schema_name, table.table_name)))
            found[table.name] = Content(*(cursor.fetchone() or (0,)))
    return found
