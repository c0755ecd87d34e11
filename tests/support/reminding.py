"""A day's run of the reminder ladder with the clock held still, and what its letters say."""

from __future__ import annotations

import io
from datetime import datetime

import pypdf
import pytest

from actors.sales import generate_invoices_for_residents, remind, send_reminder_letter
from infra.settings import settings
from infra.store.connections import pool
from tests.support.society import PERIOD

BILL = "9811.00"
"""What each flat owes for April, due 15 Apr 2026."""


@pytest.fixture
def clock(sales_database, monkeypatch):
    """Holds the clock of business transactions still at a moment in India, such as 2026-04-10 10:00.

    By an address of its own, so that no connection of another moment is left in its pool.
    """
    mark, used = "&" if "?" in sales_database else "?", set()

    def clock(moment):
        stamp = f"{moment}+05:30".replace(" ", "T").replace("+", "%2B")
        url = f"{sales_database}{mark}options=-c%20dhanman.clock%3D{stamp}"
        used.add(url)
        monkeypatch.setenv("JOBS_DATABASE_URL", url)
        settings.cache_clear()

    yield clock
    for url in used:
        pool(url).clear()


@pytest.fixture
def billed(society, ask):
    """Bills so many flats, 9,811 rupees each without GST; for April they are due on 15 Apr 2026."""

    def billed(flats=1, period=PERIOD):
        ask("delete from sales.opening_arrears")
        ask("delete from sales.vehicle")
        ask("update sales.community_turnover set amount = 1000000")
        ask("update sales.unit_charge set amount = 812")
        ask("update sales.unit set is_let = false, area_sqft = 1085")
        # this makes up for what is not charged
        ask("update sales.tariff set rate = 3472.75 where head = 'SERVICE'")
        made = generate_invoices_for_residents.fn([str(unit) for unit in society.unit_ids[:flats]], period)
        assert made["billed"] == flats
        return ask("select id, number, total from sales.invoice order by number")

    return billed


@pytest.fixture
def run(clock, ask):
    """The daily run of 10:00, and every letter's job after it."""

    def run(day):
        clock(f"{day} 10:00")
        told = remind(datetime.fromisoformat(f"{day}T10:00:00+05:30"))
        for (letter_id,) in ask("select id from sales.reminder_letter where settled_at is null order by id"):
            send_reminder_letter.fn(letter_id)
        return told

    return run


def text(letter):
    return letter.get_body(("plain",)).get_content()


def html(letter):
    return letter.get_body(("html",)).get_content()


def printed(letter):
    (attachment,) = letter.iter_attachments()
    return "\n".join(
        page.extract_text() for page in pypdf.PdfReader(io.BytesIO(attachment.get_content())).pages
    )
