"""The daily report of every society."""

from __future__ import annotations

from datetime import date

from actors.common import send_daily_reports
from actors.common.reports import daily
from infra.composition import Batch

PAGE = 25
"""Societies a job: its figures are asked for in one statement a service."""


def report_every_society(day: date) -> str | None:
    """Start the daily reports of a day. Returns the id of the job, or of the batch where there are several pages.

    None where there is no society. Called again, it sends nothing that was sent.
    """
    societies = daily.every_society()
    pages = [societies[start : start + PAGE] for start in range(0, len(societies), PAGE)]
    key = f"daily-reports/{day}"
    if not pages:
        return None
    if len(pages) == 1:
        return send_daily_reports.send_with_options(args=(pages[0], f"{day}"), unique_key=key).message_id
    batch = Batch(f"daily reports of {day}", key=key)
    batch.add_many(send_daily_reports.message(page, f"{day}") for page in pages)
    return batch.run()
