"""Backups: every database of the installation copied, checked, rotated, and restored for a test. Read in this order:

=============  =====================================================================================
`run`          a run over all databases; what `database-backup` and `dhanman-jobs backup now` call
`databases`    which there are, each once
`dump`         one of them: snapshot, counts, pg_dump streamed to its place, listed by pg_restore
`manifest`     what a backup holds, in a file beside it
`place`        a folder or a bucket
`programs`     pg_dump and pg_restore
`records`      the table common.backup
`verify`       restored into a scratch database and compared
`alert`        the admins hear of failures
=============  =====================================================================================
"""

from actors.common.backup.errors import BackupError, BackupFailed, BackupNeedsAPerson, UnknownBackup
from actors.common.backup.run import by_the_clock, take

__all__ = ["BackupError", "BackupFailed", "BackupNeedsAPerson", "UnknownBackup", "by_the_clock", "take"]
