"""What an operator types to restore a backup, checksum first."""

from __future__ import annotations

from shlex import quote

from actors.common.backup import manifest
from actors.common.backup.errors import BackupError
from actors.common.backup.place import Place, explained
from actors.common.backup.programs import programs_for
from infra.gateways.bucket import Bucket
from infra.gateways.folder import Folder
from infra.settings import settings


def commands(backup_id: str, place: Place) -> list[str]:
    """Lines for a shell; TARGET stands for the database to restore into. Raises UnknownBackup, BackupError."""
    with explained(place):
        backup = manifest.read(backup_id, place)
    lines = []
    if isinstance(place, Bucket):
        file = backup.file
        endpoint = settings().s3_endpoint_url
        elsewhere = f" --endpoint-url {quote(endpoint)}" if endpoint else ""
        lines.append(f"aws s3 cp {quote(f'{place.url}/{file}')} .{elsewhere}")
    else:
        assert isinstance(place, Folder)
        file = str(place.path.absolute() / backup.file)
    lines += [
        f"echo {quote(f'{backup.sha256}  {file}')} | sha256sum --check",
        "TARGET=postgresql://USER@HOST/NEW_DATABASE",
        f"createdb --template=template0 --encoding={backup.encoding} NEW_DATABASE  # an empty one",
        f'{_pg_restore(backup.version)} --exit-on-error --no-owner --dbname="$TARGET" {quote(file)}',
    ]
    return lines


def _pg_restore(version: int) -> str:
    try:
        return quote(programs_for(version).path("pg_restore"))
    except BackupError:
        return "pg_restore"  # not on this machine; its version must be at least the one in the list
