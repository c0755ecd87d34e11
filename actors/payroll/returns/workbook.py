"""The month's returns as spreadsheets: one for the treasurer, and the ESI sheet as its portal wants it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from actors.common.rules.calendar import INDIA
from actors.common.spreadsheets import formats
from actors.payroll.returns.figures import Returns
from actors.payroll.rules.esi_return import COLUMNS, EsiLine

HEADING_ROW = 3
"""Rows are counted from 0, as XlsxWriter does; formulas count from 1."""
FIRST_ROW = HEADING_ROW + 1

Column = tuple[str, float, str]
"""Heading, width in characters, format."""


def workbook(of: Returns) -> bytes:
    """Dues, the tie to the books, the fund's challan, professional tax, TDS, and who was left out."""
    from xlsxwriter import Workbook  # 0.1 s: only for who writes spreadsheets

    file = io.BytesIO()
    book = Workbook(file, {"in_memory": True})
    made = datetime.combine(of.period.last_day, time(), INDIA).replace(tzinfo=None)
    book.set_properties(
        {"title": f"Returns of {of.period.label}", "author": of.society.legal_name, "created": made}
    )
    sheets = _Sheets(book, of)
    sheets.dues()
    sheets.books()
    sheets.fund()
    sheets.local_taxes()
    sheets.tds()
    sheets.left_out()
    book.close()
    return file.getvalue()


def esi_sheet(lines: Sequence[EsiLine]) -> bytes:
    """The contribution sheet: a row of headings, a row a person, numbers of the insured as text."""
    from xlsxwriter import Workbook

    file = io.BytesIO()
    book = Workbook(file, {"in_memory": True})
    book.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001 - the same lines, the same bytes
    text = book.add_format({"num_format": "@"})
    sheet = book.add_worksheet("Sheet1")
    for place, (heading, width) in enumerate(zip(COLUMNS, (14, 34, 12, 20, 12, 18), strict=True)):
        sheet.set_column(place, place, width)
        sheet.write_string(0, place, heading)
    for row, line in enumerate(lines, start=1):
        for place, cell in enumerate(line.cells):
            if isinstance(cell, int):
                sheet.write_number(row, place, cell)
            elif cell:
                sheet.write_string(row, place, cell, text)
    book.close()
    return file.getvalue()


class _Sheets:
    def __init__(self, book: Any, of: Returns) -> None:
        self._book = book
        self._of = of
        self._formats = formats(book)

    def dues(self) -> None:
        """What to pay and file, and by when."""
        rows = [[due.what, due.amount, due.by or "not recorded", due.note] for due in self._of.dues]
        self._table(
            "Due",
            "To pay and to file",
            [("What", 34, "text"), ("Amount (₹)", 16, "money"), ("By", 14, "date"), ("Note", 80, "text")],
            rows,
            totals=(1,),
        )

    def books(self) -> None:
        """Each return beside its account."""
        rows: list[list[Any]] = []
        for place, tie in enumerate(self._of.ties, start=FIRST_ROW + 1):
            others = "; ".join(name for name, _ in tie.others)
            rows.append(
                [
                    tie.account,
                    tie.name,
                    tie.returned,
                    tie.booked,
                    (f"=D{place}-C{place}", tie.difference),
                    others,
                ]
            )
        self._table(
            "Books",
            "The returns beside the books of the month",
            [
                ("Account", 10, "text"),
                ("Name", 28, "text"),
                ("By the runs (₹)", 16, "money"),
                ("In the books (₹)", 16, "money"),
                ("Difference (₹)", 16, "money"),
                ("Entries that no run made", 60, "text"),
            ],
            rows,
        )

    def fund(self) -> None:
        """The challan by account, a row a file."""
        rows: list[list[Any]] = []
        for place, file in enumerate(self._of.fund, start=FIRST_ROW + 1):
            paid = file.challan
            rows.append(
                [
                    file.source.label + (" (arrears)" if file.arrears else ""),
                    Decimal(len(file.lines)),
                    sum((line.epf.wages for line in file.lines), Decimal(0)),
                    paid.account_1,
                    paid.account_2,
                    paid.account_10,
                    paid.account_21,
                    (f"=SUM(D{place}:G{place})", paid.total),
                ]
            )
        self._table(
            "Provident fund",
            f"Challan of the provident fund, establishment {self._number('epf_code')}",
            [
                ("Wage month", 24, "text"),
                ("Members", 10, "count"),
                ("EPF wages (₹)", 16, "money"),
                ("A/c 1 fund (₹)", 14, "money"),
                ("A/c 2 administration (₹)", 16, "money"),
                ("A/c 10 pension (₹)", 14, "money"),
                ("A/c 21 EDLI (₹)", 14, "money"),
                ("Total (₹)", 16, "money"),
            ],
            rows,
            totals=(3, 4, 5, 6, 7),
        )

    def local_taxes(self) -> None:
        """Professional tax by State and slab."""
        rows = [
            [
                tax.scope,
                self._number("pt_registration"),
                self._of.period.label,
                slab.slab,
                Decimal(slab.heads),
                slab.amount,
            ]
            for tax in self._of.local_taxes
            for slab in tax.slabs
        ]
        self._table(
            "Professional tax",
            "Professional tax by State and slab",
            [
                ("State", 14, "text"),
                ("Registration", 18, "text"),
                ("Month", 16, "text"),
                ("Gross of the month", 36, "text"),
                ("Heads", 8, "count"),
                ("Amount (₹)", 16, "money"),
            ],
            rows,
            totals=(4, 5),
        )

    def tds(self) -> None:
        """Tax deducted from salaries, and what the challan will say once it is paid."""
        of = self._of
        rows: list[list[Any]] = []
        for place, one in enumerate(of.deductees, start=FIRST_ROW + 1):
            total = (f"=SUM(F{place}:G{place})", one.total)
            rows.append([one.name, one.pan, one.section, one.pay_date, one.paid, one.tax, one.cess, total])
        sheet, end = self._table(
            "TDS",
            f"Tax deducted from salaries, TAN {self._number('tan')}",
            [
                ("Name", 30, "text"),
                ("PAN", 14, "text"),
                ("Section", 18, "text"),
                ("Paid on", 14, "date"),
                ("Salary paid (₹)", 16, "money"),
                ("Tax (₹)", 14, "money"),
                ("Cess (₹)", 14, "money"),
                ("Total (₹)", 16, "money"),
            ],
            rows,
            totals=(4, 5, 6, 7),
        )
        without_pan = of.deducted - sum((one.total for one in of.deductees), Decimal(0))
        facts: list[tuple[str, Any]] = [
            ("To deposit, of those without PAN as well (₹)", of.deducted),
            ("of it without PAN (₹)", without_pan),
            ("Tax year", of.period.financial_year.label),
            ("Quarterly form", f"{of.tax_return.form} of {of.tax_return.quarter.label}"),
            ("BSR code of the bank (to fill in)", ""),
            ("Challan serial number (to fill in)", ""),
            ("Date of deposit (to fill in)", ""),
        ]
        for row, (name, value) in enumerate(facts, start=end + 2):
            sheet.write_string(row, 0, name, self._formats["text"])
            self._write(sheet, row, 2, value, "money" if isinstance(value, Decimal) else "text")

    def left_out(self) -> None:
        """Whom a return does not name, and why."""
        rows = [[one.of, one.name, one.missing, one.amount] for one in self._of.left_out]
        self._table(
            "Left out",
            "Left out of a return until this is put right",
            [
                ("Return", 34, "text"),
                ("Name", 30, "text"),
                ("What is missing", 50, "text"),
                ("Owed for them (₹)", 16, "money"),
            ],
            rows,
            totals=(3,),
        )

    def _number(self, name: str) -> str:
        return str(getattr(self._of.numbers, name) or "not recorded")

    def _table(
        self,
        name: str,
        title: str,
        columns: Sequence[Column],
        rows: Sequence[Sequence[Any]],
        totals: Sequence[int] = (),
    ) -> tuple[Any, int]:
        sheet = self._book.add_worksheet(name)
        sheet.write_string(0, 0, title, self._formats["title"])
        sheet.write_string(
            1, 0, f"{self._of.society.legal_name}, {self._of.period.label}", self._formats["note"]
        )
        for place, (heading, width, _) in enumerate(columns):
            sheet.set_column(place, place, width)
            sheet.write_string(HEADING_ROW, place, heading, self._formats["heading"])
        for at, row in enumerate(rows, start=FIRST_ROW):
            for place, cell in enumerate(row):
                self._write(sheet, at, place, cell, columns[place][2])
        end = FIRST_ROW + max(1, len(rows))
        for place, (_, _, form) in enumerate(columns) if totals else ():
            if place in totals:
                letter = chr(ord("A") + place)
                total = sum(float(_value(row[place])) for row in rows)
                formula = f"=SUM({letter}{FIRST_ROW + 1}:{letter}{end})"
                sheet.write_formula(end, place, formula, self._formats[f"total_{form}"], total)
            else:
                sheet.write_string(end, place, "" if place else "Total", self._formats["total_text"])
        sheet.freeze_panes(FIRST_ROW, 1)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        return sheet, end

    def _write(self, sheet: Any, row: int, place: int, cell: Any, form: str) -> None:
        if isinstance(cell, tuple):
            formula, value = cell
            sheet.write_formula(row, place, formula, self._formats[form], float(value))
        elif isinstance(cell, Decimal):
            sheet.write_number(row, place, float(cell), self._formats[form])
        elif isinstance(cell, date):
            sheet.write_datetime(row, place, datetime.combine(cell, time()), self._formats["date"])
        elif cell is None or cell == "":
            sheet.write_blank(row, place, None, self._formats[form])
        else:
            sheet.write_string(
                row, place, cell, self._formats["text"]
            )  # never a formula, whoever's name it is


def _value(cell: Any) -> Decimal:
    found = cell[1] if isinstance(cell, tuple) else cell
    return found if isinstance(found, Decimal) else Decimal(0)
