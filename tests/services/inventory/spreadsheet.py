"""A spreadsheet program in small: reckons the formulas of a workbook, as far as the stock report uses them."""

import io
import re
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

import openpyxl
from openpyxl.formula import Tokenizer
from openpyxl.utils import range_boundaries

_FUNCTIONS = {
    "SUM": lambda *parts: sum(number for number in _flat(parts) if isinstance(number, (int, float))),
    "COUNTA": lambda *parts: sum(value is not None for value in _flat(parts)),
    "MIN": lambda *parts: min(_flat(parts)),
    "ROUND": lambda number, places: float(
        Decimal(repr(number)).quantize(Decimal(1).scaleb(-int(places)), ROUND_HALF_UP)
    ),
    "SUMIFS": lambda amounts, keys, key: sum(
        amount for amount, found in zip(_flat(amounts), _flat(keys), strict=True) if found == key
    ),
}


class Spreadsheet:
    """A workbook's cells: `shown` is what was stored as result, `reckoned` what the formula gives."""

    def __init__(self, content):
        self.formulas = openpyxl.load_workbook(io.BytesIO(content))
        self.shown_values = openpyxl.load_workbook(io.BytesIO(content), data_only=True)

    def cells_with_formulas(self):
        for sheet in self.formulas.worksheets:
            for row in sheet.iter_rows():
                for cell in row:
                    if isinstance(cell.value, str) and cell.value.startswith("="):
                        yield sheet.title, cell.coordinate

    def shown(self, sheet, address):
        return self.shown_values[sheet][address].value

    def reckoned(self, sheet, address):
        value = self.formulas[sheet][address].value
        if not (isinstance(value, str) and value.startswith("=")):
            return value
        return eval(
            self._as_python(value, sheet), {"self": self, "_FUNCTIONS": _FUNCTIONS, "_number": _number}
        )

    def references(self, sheet, address):
        """(sheet, address) of each cell that a formula names, ranges cell by cell."""
        for token in Tokenizer(self.formulas[sheet][address].value).items:
            if token.type == "OPERAND" and token.subtype == "RANGE":
                yield from self._addresses(token.value, sheet)

    def cells(self, reference, sheet):
        return [self.reckoned(*where) for where in self._addresses(reference, sheet)]

    def _addresses(self, reference, sheet):
        where, _, area = reference.rpartition("!")
        where = where.strip("'") or sheet
        first_column, first_row, last_column, last_row = range_boundaries(area.replace("$", ""))
        for row in range(first_row, last_row + 1):
            for column in range(first_column, last_column + 1):
                yield where, f"{openpyxl.utils.get_column_letter(column)}{row}"

    def _as_python(self, formula, sheet):
        parts, closers = [], []
        for token in Tokenizer(formula).items:
            if token.type == "FUNC" and token.subtype == "OPEN":
                name = token.value.rstrip("(")
                parts.append(
                    "(lambda c, a, b: a() if c() else b())(lambda: "
                    if name == "IF"
                    else f"_FUNCTIONS[{name!r}]("
                )
                closers.append(name)
            elif token.type == "FUNC":
                closers.pop()
                parts.append(")")
            elif token.type == "SEP":
                parts.append(", lambda: " if closers[-1] == "IF" else ", ")
            elif token.type == "OPERAND" and token.subtype == "RANGE":
                cells = f"self.cells({token.value!r}, {sheet!r})"
                parts.append(cells if ":" in token.value else f"_number({cells}[0])")
            elif token.type == "OPERATOR-INFIX" and token.value == "=":
                parts.append("==")
            elif token.type == "OPERAND" and token.subtype == "TEXT":
                parts.append(repr(token.value.strip('"')))
            elif token.type != "WHITE-SPACE":
                assert re.fullmatch(r"[-+*/()0-9.]+", token.value), token.value
                parts.append(token.value)
        return "".join(parts)


def _number(value):
    """An empty cell is the empty text, as in a comparison; a day is its number."""
    if isinstance(value, datetime):
        return value.toordinal()
    return "" if value is None else value


def _flat(parts):
    for part in parts:
        if isinstance(part, (list, tuple)):
            yield from _flat(part)
        else:
            yield part
