"""The mirror of Auth0's users: listed page by page, and settled when the listing is complete.

Each page is a transaction; only one that ends the listing deletes. A run that dies begins its listing anew and writes
the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import letters
from actors.common.admins import admins
from actors.common.rules.calendar import INDIA
from infra.gateways.auth0 import ManagementApi, Page
from infra.gateways.mail import MailError
from infra.queue import current_job, enqueue_many, transaction
from infra.settings import Settings, settings
from infra.store import connections
from infra.store.rows import one_row
from infra.store.sql import load

SHARE_THAT_MAY_GO = 5
"""A run deletes no more than one user in so many …"""
FEW = 10
"""… or so many: of twelve users, three may well leave."""
NOT_CONFIGURED = "AUTH0_DOMAIN is not set: no users are mirrored"


class TooManyMissing(Exception):
    """The listing is complete, but lacks too many users to be believed. Nobody was deleted."""


@dataclass(frozen=True)
class _Run:
    scheduled_for: datetime
    started_at: datetime
    welcome_since: datetime


def sync(scheduled_for: datetime) -> dict[str, Any]:
    """Bring the mirror up to date. Returns counts, and the users that could not be read.

    Without AUTH0_* nothing is done, and the result says so: an installation may do without Auth0, and a job that fails
    four times a day would be learned to be overlooked.

    Raises Auth0Error, Auth0Refused, TooManyMissing.
    """
    config, job = settings(), current_job()
    if not any((config.auth0_domain, config.auth0_client_id, config.auth0_client_secret)):
        job.log(NOT_CONFIGURED)
        return {"synced": False, "reason": NOT_CONFIGURED}
    with ManagementApi(config) as auth0:
        run = _begin(scheduled_for)
        if run is None:
            return {"synced": True, "reason": "done before"}
        counts: Counter[str] = Counter()
        refused: dict[str, str] = {}
        total = 0
        for page in auth0.users():
            counts += _write(run, page)
            refused |= page.refused
            counts["read"] += len(page.users) + len(page.refused)
            total = max(total, page.total, counts["read"])
            job.progress(counts["read"], total)
            if job.cancellation_requested():
                return {"synced": False, "reason": "cancelled", **_told(counts, refused)}
    counts += _settle(run, config)
    return {"synced": True, **_told(counts, refused)}


def known_recipient(connection: Connection, auth0_id: str) -> Any:
    """The user's row (auth0_id, email, name, phone, blocked, deleted_at), or None."""
    return one_row(connection, _statements().recipient, auth0_id=auth0_id)


def may_go(missing: int, known: int, confirmed: int) -> bool:
    """Whether so many of the known users may be deleted at once."""
    return missing <= max(FEW, known // SHARE_THAT_MAY_GO, confirmed)


def _begin(scheduled_for: datetime) -> _Run | None:
    with connections.transaction("common") as common:
        row = one_row(common, _statements().begin, scheduled_for=scheduled_for)
    return _Run(scheduled_for, row.started_at, row.welcome_since) if row else None


def _write(run: _Run, page: Page) -> Counter[str]:
    """One transaction: the users, and the letters to the new ones."""
    from actors.common.actors import send_welcome_email

    users, statements = page.users, _statements()
    with connections.transaction("common") as common, transaction(common):
        row = one_row(
            common,
            statements.write_page,
            ids=[user.id for user in users],
            emails=[user.email for user in users],
            names=[user.name for user in users],
            phones=[user.phone for user in users],
            verified=[user.verified for user in users],
            blocked=[user.blocked for user in users],
            created=[user.created_at for user in users],
            updated=[user.updated_at for user in users],
            seen_at=run.started_at,
        )
        if page.refused:
            with common.cursor() as cursor:
                cursor.execute(statements.touch, {"ids": [*page.refused], "seen_at": run.started_at})
        welcomed = _welcome(common, [user.id for user in users], run.welcome_since)
        enqueue_many([send_welcome_email.message(email, name) for email, name in welcomed])
    return Counter(
        new=row.new, returned=row.returned, blocked=row.blocked, changed=row.changed, welcomed=len(welcomed)
    )


def _welcome(common: Connection, ids: list[str], since: datetime) -> list[tuple[str, str]]:
    with common.cursor() as cursor:
        cursor.execute(_statements().welcome, {"ids": ids, "since": since})
        return [(email, name) for email, name in cursor.fetchall()]


def _settle(run: _Run, config: Settings) -> Counter[str]:
    """Delete whom the complete listing lacked, unless they are too many."""
    statements = _statements()
    with connections.transaction("common") as common:
        found = one_row(common, statements.missing, started_at=run.started_at)
        believed = may_go(found.missing, found.known, config.auth0_confirmed_deletions)
        if believed and found.missing:
            with common.cursor() as cursor:
                cursor.execute(statements.delete_missing, {"started_at": run.started_at})
        finished_at = one_row(
            common,
            statements.finish,
            scheduled_for=run.scheduled_for,
            outcome="COMPLETE" if believed else "REFUSED",
            listed=found.listed,
            missing=found.missing,
        ).finished_at
    if not believed:
        _alert(found.missing, found.known, finished_at)
        raise TooManyMissing(
            f"Auth0 lists {found.listed:,} of {found.known:,} users: {found.missing:,} are missing, more than one in "
            f"{SHARE_THAT_MAY_GO}, and none was deleted. If they are gone indeed, set AUTH0_CONFIRMED_DELETIONS="
            f"{found.missing} and run sync-auth0-users again"
        )
    return Counter(listed=found.listed, deleted=found.missing)


def _alert(missing: int, known: int, at: datetime) -> None:
    """The admins hear of it once a day. A letter that cannot be sent is logged: the job itself fails, too."""
    day = at.astimezone(INDIA).date()
    try:
        with connections.transaction("common") as common:
            for admin in admins(common, day):
                letters.send_once(
                    common,
                    "common",
                    f"common/users-missing/{day}/{admin.email}",
                    to=admin.email,
                    name=admin.name,
                    subject=f"Auth0 lacks {missing:,} of {known:,} users; none was deleted",
                    template="users_missing",
                    missing=missing,
                    known=known,
                )
    except MailError as error:
        current_job().log(f"no alert could be mailed: {error}")


def _told(counts: Counter[str], refused: dict[str, str]) -> dict[str, Any]:
    names = ("listed", "new", "changed", "blocked", "returned", "deleted", "welcomed")
    return {name: counts[name] for name in names} | {"refused": refused}


def _statements() -> Any:
    return load("actors.common.users")
