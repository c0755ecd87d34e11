"""What of the facts needs a person, each with what to do: the verdict of a health report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from actors.common.reports.facts import DatabaseFacts, Facts
from actors.common.rules.calendar import INDIA
from infra.settings import Settings

BACKUP_LATE = timedelta(hours=8)
"""Backups are taken every six hours, and a large one takes a while."""
VERIFY_EVERY = timedelta(days=35)
SYNC_LATE = timedelta(hours=14)
"""Users are mirrored every six hours; two in a row that did not come to their end are worth a look."""
DISK_WARNING, DISK_ERROR = 0.15, 0.05
"""Share of the disk that is free."""
LETTER_ERRORS = ("MailRefused", "MailError")
TOLD_BY_OTHERS = ("database",)
"""Checks of the doctor that the report makes itself, of every database."""


@dataclass(frozen=True)
class Need:
    """Something that needs a person.

    Parameters:
      where: services or database; may be empty.
      advice: what to do, with the command.
    """

    level: Literal["error", "warning"]
    where: str
    what: str
    advice: str


def needs(facts: Facts, config: Settings) -> list[Need]:
    """What needs a person, errors first."""
    found = [
        *_away(facts),
        *_disk(facts),
        *_overdue(facts),
        *_missed(facts),
        *(need for each in facts.databases for need in _backups(each, facts)),
        *_checkup(facts),
        *_workers(facts),
        *_letters(facts),
        *_users(facts, config),
    ]
    return sorted(found, key=lambda need: need.level != "error")


def _away(facts: Facts) -> Iterator[Need]:
    for address, why in facts.away:
        advice = "start the server, or set its URL to where it is; then: dhanman-jobs doctor"
        yield Need("error", address, f"the database does not answer: {why}", advice)


def _disk(facts: Facts) -> Iterator[Need]:
    free = facts.disk_free / facts.disk_total
    if free < DISK_WARNING:
        yield Need(
            "error" if free < DISK_ERROR else "warning",
            str(facts.folder),
            f"{free:.0%} of the disk are free",
            "enlarge the disk, or keep less: JOBS_RETENTION_*, BACKUP_KEEP_*; then: dhanman-jobs prune",
        )


def _overdue(facts: Facts) -> Iterator[Need]:
    for service in facts.services:
        for job in service.overdue:
            due = f"{job.next_at.astimezone(INDIA):%d %b, %H:%M}" if job.next_at else ""
            yield Need(
                "error",
                service.service,
                f"{job.name} was due on {due} IST, and nobody sent it",
                "start `periodiq actors` or a worker, either sends it; then: dhanman-jobs recurring list",
            )


def _missed(facts: Facts) -> Iterator[Need]:
    for service in facts.services:
        for name, count in service.missed:
            times = "tick" if count == 1 else "ticks"
            yield Need(
                "warning",
                service.service,
                f"{name} missed {count} {times} that will not be made up for",
                f"see which: dhanman-jobs recurring history {name}; if needed: dhanman-jobs recurring trigger {name}",
            )


def _backups(each: DatabaseFacts, facts: Facts) -> Iterator[Need]:
    name = each.database.name
    if each.taken_at is None or facts.now - each.taken_at > BACKUP_LATE:
        last = "there is none" if each.taken_at is None else f"the last one is of {_moment(each.taken_at)}"
        why = f"; a later one failed: {each.failure}" if each.failure else ""
        yield Need(
            "error", name, f"no backup within {_hours(BACKUP_LATE)}: {last}{why}", "dhanman-jobs backup now"
        )
    elif each.failure:
        yield Need("warning", name, f"the last backup failed: {each.failure}", "dhanman-jobs backup now")
    if each.newest and (each.verified_at is None or facts.now - each.verified_at > VERIFY_EVERY):
        never = "none of its backups was ever restored for a test"
        last = (
            never if each.verified_at is None else f"last restored for a test on {_moment(each.verified_at)}"
        )
        yield Need("warning", name, last, f"dhanman-jobs backup verify {each.newest}")


def _checkup(facts: Facts) -> Iterator[Need]:
    """The doctor's findings; what it says alike of several stores is said once."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for finding in facts.checkup:
        if finding.level != "ok" and finding.check not in TOLD_BY_OTHERS:
            alike.setdefault((finding.level, finding.what, finding.advice), []).append(finding.where)
    for (level, what, advice), where in alike.items():
        yield Need("error" if level == "error" else "warning", ", ".join(where), what, advice)


def _workers(facts: Facts) -> Iterator[Need]:
    for worker in facts.workers:
        if not worker.alive:
            yield Need(
                "warning",
                ", ".join(worker.services),
                f"worker {worker.name} last said {worker.heartbeat_age / 60:.0f} min ago that it lives",
                "its jobs run again elsewhere; look at its log, and restart it",
            )


def _letters(facts: Facts) -> Iterator[Need]:
    failed = Counter[str]()
    for service in facts.services:
        for (actor, error), count in service.failures:
            if error.partition(":")[0] in LETTER_ERRORS:
                failed[actor] += count
    for actor, count in failed.most_common():
        yield Need(
            "warning",
            "",
            f"{count:,} {'letter' if count == 1 else 'letters'} of {actor} could not be sent within a day",
            f"see why: dhanman-jobs jobs list --state Failed,Deleted --newer 24h --actor {actor}; once mended: "
            f"dhanman-jobs jobs retry --all --newer 24h --actor {actor}",
        )
    if facts.notifications_refused:
        many = f"{facts.notifications_refused:,} notification{'s' * (facts.notifications_refused != 1)}"
        yield Need(
            "warning",
            "common",
            f"{many} refused within a day",
            "see why: dhanman-jobs jobs list --state Failed --actor common.send_notification --newer 24h",
        )


def _users(facts: Facts, config: Settings) -> Iterator[Need]:
    if config.auth0_domain is None:
        return
    again = (
        "see why: dhanman-jobs recurring history sync-auth0-users; "
        "then: dhanman-jobs recurring trigger sync-auth0-users"
    )
    if facts.sync is None:
        yield Need("warning", "common", "users were never mirrored from Auth0", again)
    elif facts.sync[1] == "REFUSED":
        yield Need("error", "common", "Auth0 lacks so many users that none was deleted", again)
    elif facts.now - facts.sync[0] > SYNC_LATE:
        yield Need(
            "warning", "common", f"users were last mirrored from Auth0 on {_moment(facts.sync[0])}", again
        )


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(INDIA):%d %b %Y, %H:%M} IST"


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:g} hours"
