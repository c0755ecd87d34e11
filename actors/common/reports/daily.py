"""The daily report: yesterday's figures of a society, by mail and as a spreadsheet, to its officers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from actors.common import letters
from actors.common.letters.several import send_to_each
from actors.common.reference import Officer, Society
from actors.common.reports.figures import Line, ServiceFigures, figures_of
from actors.common.reports.workbook import headings, workbook
from actors.common.rules.money import rupees
from actors.common.spreadsheets import XLSX
from infra.gateways.files import keep_file
from infra.gateways.mail import Attachment
from infra.queue import current_job
from infra.settings import settings
from infra.store import connections
from infra.store.rows import all_rows
from infra.store.sql import load

ROLES = ("MANAGER", "TREASURER", "SECRETARY")
HEADLINE = "collected"
"""The figure that stands in the subject, where the society has it."""


def every_society() -> list[str]:
    """The ids of all societies, in their order."""
    with connections.transaction("common") as common:
        return [row.id for row in all_rows(common, load("actors.common.reports").every_society)]


def report(community_ids: Sequence[str], day: date) -> dict[str, Any]:
    """Mail a page of societies the figures of a day; once for each society, day and officer.

    Returns counts, the services without figures by society, and the addresses that were refused.
    """
    job = current_job()
    to = _addressees(community_ids, day)
    done: dict[str, Any] = {"societies": 0, "sent": 0, "no_figures": {}, "refused": []}
    waiting = _not_told(to, day)
    figures = figures_of([str(of.id) for of in waiting], day) if waiting else {}
    for number, of in enumerate(waiting, start=1):
        if job.cancellation_requested():
            break
        services = figures[str(of.id)]
        done["no_figures"] |= {of.name: [each.service for each in services if each.why_none]}
        if any(each.lines for each in services):
            told = _tell(of, to[of], day, services)
            done["societies"] += 1
            done["sent"] += told.sent
            done["refused"] += told.refused
        job.progress(number, len(waiting))
    done["no_figures"] = {name: absent for name, absent in done["no_figures"].items() if absent}
    return done | {"told_before": len(to) - len(waiting)}


def _tell(of: Society, to: Sequence[Officer], day: date, services: Sequence[ServiceFigures]) -> Any:
    content = workbook(of, day, services)
    name = f"daily-{'-'.join(of.name.lower().split())}-{day}.xlsx"
    keep_file(settings().home / "var" / "reports" / "daily" / str(of.id) / name, content)
    return send_to_each(
        "common",
        to,
        _key(of, day),
        subject=_subject(of, day, services),
        template="daily_report",
        attachments=[Attachment(name, content, XLSX)],
        society=of,
        day=day,
        headings=headings(day),
        services=[
            (each.service.capitalize(), [row(line) for line in each.lines]) for each in services if each.lines
        ],
        without=[(each.service, each.why_none) for each in services if each.why_none],
    )


def row(line: Line) -> tuple[str, ...]:
    """As text: as the headings say."""

    def shown(amount: Decimal) -> str:
        return rupees(amount) if line.wording.money else f"{amount:,.0f}"

    change = "=" if not line.change else f"{'▲' if line.change > 0 else '▼'} {shown(abs(line.change))}"
    return (
        line.wording.label,
        shown(line.today),
        shown(line.before),
        change,
        "" if line.month is None else shown(line.month),
    )


def _subject(of: Society, day: date, services: Sequence[ServiceFigures]) -> str:
    for each in services:
        for line in each.lines:
            if line.figure == HEADLINE:
                return f"{of.name}, {day:%d %b %Y}: {rupees(line.today)} {HEADLINE}"
    return f"{of.name}: figures of {day:%d %b %Y}"


def _addressees(community_ids: Sequence[str], day: date) -> dict[Society, list[Officer]]:
    """Each society's officers; where there are none, its office."""
    sql, ids = load("actors.common.reports"), list(community_ids)
    with connections.transaction("common") as common:
        societies = [
            Society(UUID(row.id), *row[1:])
            for row in all_rows(common, sql.societies_of_page, community_ids=ids)
        ]
        rows = all_rows(common, sql.officers_of_page, community_ids=ids, roles=list(ROLES), day=day)
    found: dict[str, list[Officer]] = {}
    for one in rows:
        found.setdefault(one.community_id, []).append(Officer(one.name, one.email, one.role))
    return {
        of: found.get(str(of.id)) or [Officer(f"{of.name} office", of.email, "OFFICE")] for of in societies
    }


def _not_told(to: Mapping[Society, Sequence[Officer]], day: date) -> list[Society]:
    """The societies of which an officer lacks the letter; for the others nothing needs to be worked out again."""
    keys = {of: {f"{_key(of, day)}/{officer.email}" for officer in officers} for of, officers in to.items()}
    with connections.transaction("common") as common:
        sent = letters.sent(common, "common", sorted(key for each in keys.values() for key in each))
    return [of for of, each in keys.items() if not each <= sent]


def _key(of: Society, day: date) -> str:
    return f"common/daily-report/{of.id}/{day}"
