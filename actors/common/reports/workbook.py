"""A society's day as a spreadsheet: a sheet a service, figures as numbers, changes as formulas."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from actors.common.reference import Society
from actors.common.reports.figures import Line, ServiceFigures
from actors.common.rules.calendar import INDIA
from actors.common.spreadsheets import BASE, HEADING, formats

COUNT = "#,##0"
FIRST_ROW = 4
"""Counted from 0, as XlsxWriter does; formulas count from 1."""


def workbook(of: Society, day: date, services: Sequence[ServiceFigures]) -> bytes:
    """The file; the same figures give the same bytes."""
    from xlsxwriter import Workbook  # 0.1 s: only for who writes spreadsheets

    file = io.BytesIO()
    book = Workbook(file, {"in_memory": True})
    made = datetime.combine(day, time(), INDIA).replace(tzinfo=None)
    book.set_properties({"title": f"Daily report {day:%d %b %Y}", "author": of.legal_name, "created": made})
    shared = formats(book)
    looks: dict[Any, Any] = {
        **shared,
        "heading": book.add_format({**HEADING, "align": "right"}),
        "first": book.add_format(HEADING),
        "date": book.add_format(
            {**BASE, "num_format": "dd mmm yyyy", "align": "left", "font_color": "#667078"}
        ),
        True: shared["money"],
        False: book.add_format({**BASE, "num_format": COUNT}),
    }
    for each in services:
        sheet = book.add_worksheet(each.service.capitalize())
        sheet.write_string(0, 0, f"{each.service.capitalize()}, {of.name}", looks["title"])
        sheet.write_datetime(1, 0, made, looks["date"])
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, 4, 18)
        if each.why_none:
            sheet.write_string(FIRST_ROW - 1, 0, f"No figures: {each.why_none}.", looks["note"])
            continue
        for place, heading in enumerate(headings(day)):
            sheet.write(FIRST_ROW - 1, place, heading, looks["heading" if place else "first"])
        for row, line in enumerate(each.lines, start=FIRST_ROW):
            _write(sheet, row, line, looks)
        sheet.freeze_panes(FIRST_ROW, 1)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
    book.close()
    return file.getvalue()


def headings(day: date) -> tuple[str, ...]:
    """By their dates: a report that was missed is made up for later."""
    return "Figure", f"{day:%-d %b}", f"{day - timedelta(days=1):%-d %b}", "Change", f"{day:%B} so far"


def _write(sheet: Any, row: int, line: Line, looks: dict[Any, Any]) -> None:
    form = looks[line.wording.money]
    sheet.write_string(row, 0, line.wording.label + (" (₹)" if line.wording.money else ""), looks["text"])
    sheet.write_number(row, 1, float(line.today), form)
    sheet.write_number(row, 2, float(line.before), form)
    sheet.write_formula(row, 3, f"=B{row + 1}-C{row + 1}", form, float(line.change))
    if line.month is not None:
        sheet.write_number(row, 4, float(line.month), form)
