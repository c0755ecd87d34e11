"""The stock report as a spreadsheet: figures that are read are values, figures that follow from others are formulas.

Every formula carries its result, so that previews and programs that do not reckon show the same.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import datetime, time
from decimal import Decimal
from typing import Any

from actors.common.rules.calendar import INDIA
from actors.common.rules.money import ZERO, to_paisa
from actors.common.spreadsheets import BASE, TOTAL, formats
from actors.inventory.report import ItemReport, StockReport
from actors.inventory.rules.ageing import BUCKETS, SLOW_AFTER_DAYS
from actors.inventory.rules.levels import WINDOW_DAYS
from actors.inventory.rules.quantity import NOTHING

QUANTITY = "#,##0.###"
HEADING_ROW = 3
"""Rows are counted from 0, as XlsxWriter does; formulas count from 1."""
FIRST_ROW = HEADING_ROW + 1

Column = tuple[str, float, str]
"""Heading, width in characters, format."""


def workbook(report: StockReport) -> bytes:
    """The file; the same report gives the same bytes."""
    from xlsxwriter import Workbook  # 0.1 s: only for who writes spreadsheets

    file = io.BytesIO()
    book = Workbook(file, {"in_memory": True})
    book.set_properties(
        {
            "title": f"Stock report {report.day:%d %b %Y}",
            "author": report.society.legal_name,
            "created": datetime.combine(report.day, time(17), INDIA).replace(tzinfo=None),
        }
    )
    sheets = _Sheets(book, report)
    sheets.summary()
    sheets.valuation()
    sheets.layers()
    sheets.ageing()
    sheets.slow_movers()
    book.close()
    return file.getvalue()


class _Sheets:
    def __init__(self, book: Any, report: StockReport) -> None:
        self._book = book
        self._report = report
        self._total_row = FIRST_ROW + max(1, len(report.items)) + 1  # counted from 1, as in formulas
        self._formats = {
            **formats(book),
            "quantity": book.add_format({**BASE, "num_format": QUANTITY}),
            "total_quantity": book.add_format({**TOTAL, "num_format": QUANTITY}),
        }

    def summary(self) -> None:
        """What the treasurer looks at first, drawn from the other sheets."""
        report, row = self._report, self._total_row
        sheet = self._book.add_worksheet("Summary")
        sheet.hide_gridlines(2)
        sheet.set_column(0, 0, 48)
        sheet.set_column(1, 1, 20)
        sheet.write(0, 0, f"Stock report, {report.day:%d %B %Y}", self._formats["title"])
        sheet.write(1, 0, report.society.legal_name, self._formats["note"])
        lines: list[tuple[str, str, Decimal, str]] = [
            ("Items in stock", f"=COUNTA(Valuation!A{FIRST_ROW + 1}:A{row - 1})", _count(report), "count"),
            ("Value by FIFO", f"=Valuation!E{row}", report.fifo_value, "money"),
            ("Value by weighted average", f"=Valuation!G{row}", report.average_value, "money"),
            ("Value by each item's own method", f"=Valuation!J{row}", report.value, "money"),
            ("11300 Inventory in the books", "", report.booked, "money"),
            ("Difference (must be nil)", "=ROUND(B7-B8,2)", report.value - report.booked, "total_money"),
            ("Lower of cost and net realisable value", f"=Valuation!L{row}", self._carried, "money"),
            ("Write-down due (AS-2)", f"=Valuation!M{row}", report.write_down_due, "money"),
            (
                f"Lain for more than {BUCKETS[-1].first - 1} days",
                f"=Ageing!M{row}",
                self._lain(-1),
                "money",
            ),
            (
                f"Slow movers (no issue for {SLOW_AFTER_DAYS} days)",
                f"='Slow movers'!G{self._slow_row}",
                report.slow_value,
                "money",
            ),
        ]
        for at, (label, formula, value, form) in enumerate(lines, start=FIRST_ROW - 1):
            sheet.write(at, 0, label, self._formats["text"])
            if formula:
                sheet.write_formula(at, 1, formula, self._formats[form], float(value))
            else:
                sheet.write_number(at, 1, float(value), self._formats[form])

    def valuation(self) -> None:
        """Each item by both methods, and at the lower of cost and net realisable value."""
        columns: list[Column] = [
            ("Code", 10, "text"),
            ("Item", 34, "text"),
            ("Unit", 7, "text"),
            ("Quantity", 11, "quantity"),
            ("FIFO value", 14, "money"),
            ("FIFO rate", 11, "money"),
            ("Average value", 14, "money"),
            ("Average rate", 11, "money"),
            ("Method", 19, "text"),
            ("Book value", 14, "money"),
            ("NRV of one", 11, "money"),
            ("Lower of cost and NRV", 14, "money"),
            ("Write-down due", 12, "money"),
        ]
        first, last = FIRST_ROW + 1, FIRST_ROW + max(1, self._layer_count)
        codes, costs = (f"'FIFO layers'!{column}${first}:{column}${last}" for column in "AF")

        def cells(item: ItemReport, row: int) -> list[Any]:
            own = "E" if item.method.value == "FIFO" else "G"
            return [
                item.code,
                item.name,
                item.unit,
                item.quantity,
                (
                    f"=SUMIFS({costs},{codes},A{row})",
                    item.fifo_value,
                ),
                (f"=IF(D{row}=0,0,ROUND(E{row}/D{row},2))", _rate(item.fifo_value, item.quantity)),
                item.average_value,
                (f"=IF(D{row}=0,0,ROUND(G{row}/D{row},2))", _rate(item.average_value, item.quantity)),
                item.method.value,
                (f"={own}{row}", item.value),
                item.nrv,
                (f'=IF(K{row}="",J{row},MIN(J{row},ROUND(D{row}*K{row},2)))', item.carried_at),
                (f"=ROUND(J{row}-L{row},2)", item.value - item.carried_at),
            ]

        totals = {
            4: self._report.fifo_value,
            6: self._report.average_value,
            9: self._report.value,
            11: self._carried,
            12: self._report.write_down_due,
        }
        self._table(
            "Valuation",
            "Valuation by FIFO and by weighted average",
            columns,
            self._report.items,
            cells,
            totals,
        )

    def layers(self) -> None:
        """What FIFO has left of each delivery's cost."""
        columns: list[Column] = [
            ("Code", 10, "text"),
            ("Item", 34, "text"),
            ("Lot", 18, "text"),
            ("Received", 13, "date"),
            ("Cost of quantity", 12, "quantity"),
            ("Cost", 14, "money"),
        ]
        pairs = [(item, layer) for item in self._report.items for layer in item.layers]

        def cells(pair: Any, _row: int) -> list[Any]:
            item, layer = pair
            return [item.code, item.name, layer.lot, layer.received_on, layer.quantity, layer.value]

        self._table(
            "FIFO layers",
            "What is left of each delivery's cost",
            columns,
            pairs,
            cells,
            {5: self._report.fifo_value},
        )

    def ageing(self) -> None:
        """Quantity and book value by how long it has lain."""
        labels = [bucket.label for bucket in BUCKETS]
        columns: list[Column] = [
            ("Code", 10, "text"),
            ("Item", 34, "text"),
            *((f"Quantity {label}", 12, "quantity") for label in labels),
            ("Quantity", 12, "quantity"),
            *((f"Value {label}", 14, "money") for label in labels),
            ("Book value", 14, "money"),
        ]

        def cells(item: ItemReport, row: int) -> list[Any]:
            return [
                item.code,
                item.name,
                *item.lain,
                (f"=SUM(C{row}:G{row})", item.quantity),
                *(
                    (f"=IF($H{row}=0,0,{column}{row}/$H{row}*Valuation!$J{row})", _part(item, place))
                    for place, column in enumerate("CDEFG")
                ),
                (f"=SUM(I{row}:M{row})", item.value),
            ]

        totals: dict[int, Decimal] = {8 + place: self._lain(place) for place in range(len(BUCKETS))}
        totals[13] = self._report.value
        self._table("Ageing", "How long the stock has lain", columns, self._report.items, cells, totals)

    def slow_movers(self) -> None:
        """Items with stock and without issues."""
        columns: list[Column] = [
            ("Code", 10, "text"),
            ("Item", 34, "text"),
            ("Unit", 7, "text"),
            ("Quantity", 11, "quantity"),
            ("Last issued (else first received)", 15, "date"),
            ("Days since", 10, "count"),
            ("Book value", 14, "money"),
            (f"Issued in {WINDOW_DAYS} days", 12, "quantity"),
        ]
        rows = {item.code: FIRST_ROW + 1 + place for place, item in enumerate(self._report.items)}

        def cells(item: ItemReport, row: int) -> list[Any]:
            since = item.last_issued_on or item.known_since
            return [
                item.code,
                item.name,
                item.unit,
                (f"=Valuation!D{rows[item.code]}", item.quantity),
                since,
                (f"=$B$2-E{row}", Decimal((self._report.day - since).days)),
                (f"=Valuation!J{rows[item.code]}", item.value),
                item.issued,
            ]

        slow = self._report.slow_movers
        self._table(
            "Slow movers",
            f"Not issued for {SLOW_AFTER_DAYS} days",
            columns,
            slow,
            cells,
            {6: self._report.slow_value},
        )

    def _table(
        self,
        name: str,
        title: str,
        columns: Sequence[Column],
        rows: Sequence[Any],
        cells: Callable[[Any, int], list[Any]],
        totals: dict[int, Decimal],
    ) -> None:
        sheet = self._book.add_worksheet(name)
        sheet.write(0, 0, title, self._formats["title"])
        sheet.write(1, 0, "As of", self._formats["note"])
        sheet.write_datetime(1, 1, datetime.combine(self._report.day, time()), self._formats["date"])
        sheet.set_row(HEADING_ROW, 32)
        for place, (heading, width, _) in enumerate(columns):
            sheet.set_column(place, place, width)
            sheet.write(HEADING_ROW, place, heading, self._formats["heading"])
        for at, row in enumerate(rows, start=FIRST_ROW):
            for place, cell in enumerate(cells(row, at + 1)):
                self._write(sheet, at, place, cell, self._formats[columns[place][2]])
        end = FIRST_ROW + max(1, len(rows))
        for place, (_, _, form) in enumerate(columns):
            letter = chr(ord("A") + place)
            if place in totals:
                formula = f"=SUM({letter}{FIRST_ROW + 1}:{letter}{end})"
                sheet.write_formula(end, place, formula, self._formats[f"total_{form}"], float(totals[place]))
            else:
                sheet.write(end, place, "Total" if place == 0 else "", self._formats["total_text"])
        sheet.freeze_panes(FIRST_ROW, 2)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(HEADING_ROW)

    @staticmethod
    def _write(sheet: Any, row: int, place: int, cell: Any, form: Any) -> None:
        if isinstance(cell, tuple):
            formula, value = cell
            sheet.write_formula(row, place, formula, form, float(value))
        elif isinstance(cell, Decimal):
            sheet.write_number(row, place, float(cell), form)
        elif isinstance(cell, str):
            sheet.write_string(row, place, cell, form)  # never a formula, whatever an item is called
        elif cell is None:
            sheet.write_blank(row, place, None, form)
        else:
            sheet.write_datetime(row, place, datetime.combine(cell, time()), form)

    @property
    def _layer_count(self) -> int:
        return sum(len(item.layers) for item in self._report.items)

    @property
    def _slow_row(self) -> int:
        return FIRST_ROW + max(1, len(self._report.slow_movers)) + 1

    @property
    def _carried(self) -> Decimal:
        return self._report.value - self._report.write_down_due

    def _lain(self, place: int) -> Decimal:
        return sum((_part(item, place) for item in self._report.items), ZERO)


def _count(report: StockReport) -> Decimal:
    return Decimal(len(report.items))


def _rate(value: Decimal, quantity: Decimal) -> Decimal:
    return to_paisa(value / quantity) if quantity else ZERO


def _part(item: ItemReport, place: int) -> Decimal:
    total = sum(item.lain, NOTHING)
    return item.lain[place] / total * item.value if total else ZERO
