"""The week's payments as a spreadsheet that the treasurer can sort, add to and hand to the bank."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from actors.common.reference import Society
from actors.common.rules import money
from actors.purchase.due import DuePayment

COLUMNS = (
    ("Vendor", 30),
    ("MSME", 9),
    ("Bill", 16),
    ("Bill date", 12),
    ("Order", 14),
    ("Accepted", 12),
    ("Last day", 12),
    ("Days late", 10),
    ("Net", 14),
    ("GST", 12),
    ("TDS", 12),
    ("TDS section", 12),
    ("To pay", 14),
    ("Interest s.16", 13),
    ("Deducted in", 13),
    ("Reminder", 10),
    ("Account", 20),
    ("IFSC", 14),
)
SUMMED = {"Net": 8, "GST": 9, "TDS": 10, "To pay": 12, "Interest s.16": 13}
HEAD = 3
"""Row of the headings, from 0."""


def spreadsheet(society: Society, day: date, payments: Sequence[DuePayment]) -> bytes:
    """One row a payment, sums by formula; the same list makes the same file."""
    import xlsxwriter  # 0.1 s: only for who writes one

    file = io.BytesIO()
    book = xlsxwriter.Workbook(
        file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties({"title": f"Payments to vendors, {day:%d %b %Y}", "created": _midnight(day)})
    styles = {
        "title": book.add_format({"bold": True, "font_size": 14}),
        "head": book.add_format({"bold": True, "bottom": 1, "bg_color": "#EAF4F2", "text_wrap": True}),
        "sum": book.add_format({"bold": True, "top": 1, "num_format": money.IN_SPREADSHEETS}),
        "money": book.add_format({"num_format": money.IN_SPREADSHEETS}),
        "date": book.add_format({"num_format": "dd mmm yyyy", "align": "left"}),
        "late": book.add_format({"font_color": "#B3261E", "bold": True}),
    }
    sheet = book.add_worksheet("Payments")
    sheet.write_string(0, 0, f"Payments to vendors, {day:%d %b %Y}", styles["title"])
    sheet.write_string(1, 0, society.legal_name)
    for column, (name, width) in enumerate(COLUMNS):
        sheet.set_column(column, column, width)
        sheet.write_string(HEAD, column, name, styles["head"])
    for row, payment in enumerate(payments, start=HEAD + 1):
        for column, value in enumerate(_cells(payment, day)):
            _write(sheet, row, column, value, styles)
    last = HEAD + len(payments)
    sheet.freeze_panes(HEAD + 1, 1)
    if payments:
        sheet.autofilter(HEAD, 0, last, len(COLUMNS) - 1)
        _sums(sheet, last, payments, styles)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(HEAD)
    book.close()
    return file.getvalue()


def _cells(payment: DuePayment, day: date) -> tuple[object, ...]:
    late = max(0, (day - payment.due_on).days)
    return (
        payment.vendor,
        payment.msme_class.capitalize() if payment.protected else "",
        payment.bill_number,
        payment.bill_date,
        payment.order_number,
        payment.accepted_on,
        payment.due_on,
        late or "",
        payment.net,
        payment.gst,
        payment.tds,
        payment.tds_section if payment.tds_section != "none" else "",
        payment.amount,
        payment.interest,
        ""
        if not payment.protected
        else payment.deducted_in.label
        if payment.deducted_in
        else "year of payment",
        payment.step or "",
        payment.bank_account or "MISSING",
        payment.ifsc or "",
    )


def _write(sheet: Any, row: int, column: int, value: object, styles: dict[str, Any]) -> None:
    if isinstance(value, Decimal):
        sheet.write_number(row, column, value, styles["money"])
    elif isinstance(value, date):
        sheet.write_datetime(row, column, _midnight(value), styles["date"])
    elif isinstance(value, int):
        sheet.write_number(row, column, value)
    else:
        sheet.write_string(row, column, str(value), styles["late"] if value == "MISSING" else None)


def _sums(sheet: Any, last: int, payments: Sequence[DuePayment], styles: dict[str, Any]) -> None:
    from xlsxwriter.utility import xl_range

    sheet.write_string(last + 1, 0, "Together", styles["sum"])
    amounts = {
        "Net": [payment.net for payment in payments],
        "GST": [payment.gst for payment in payments],
        "TDS": [payment.tds for payment in payments],
        "To pay": [payment.amount for payment in payments],
        "Interest s.16": [payment.interest for payment in payments],
    }
    for name, column in SUMMED.items():
        formula = f"=SUM({xl_range(HEAD + 1, column, last, column)})"
        sheet.write_formula(last + 1, column, formula, styles["sum"], sum(amounts[name]))


def _midnight(day: date) -> Any:
    from datetime import datetime, time

    return datetime.combine(day, time())  # a cell knows no zone
