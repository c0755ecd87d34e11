"""What the command line says: tables and sentences for people, one JSON object for machines, errors in one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

OK, FAILED, USAGE, UNREACHABLE = 0, 1, 2, 3
"""Exit codes: done; the thing asked failed or something was found; wrong usage or settings; no database."""

WIDE = 200
"""Columns where standard output is not a terminal."""

COLOURS = {
    "Succeeded": "green",
    "Processing": "cyan",
    "Enqueued": "blue",
    "Scheduled": "blue",
    "Awaiting": "blue",
    "Retrying": "yellow",
    "Failed": "red",
    "Deleted": "red",
    "Cancelled": "magenta",
}


class Stop(Exception):
    """Ends the command with one line on standard error."""

    def __init__(self, sentence: str, code: int = FAILED) -> None:
        super().__init__(sentence)
        self.code = code


class Mode:
    """Whether this call answers in JSON."""

    json = False


def answer(machine: Mapping[str, Any]) -> bool:
    """Prints the object when JSON was asked for. Returns whether it did."""
    if Mode.json:
        import orjson

        options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
        sys.stdout.write(orjson.dumps(machine, default=_encoded, option=options).decode() + "\n")
    return Mode.json


def _encoded(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)


def console(*, stderr: bool = False) -> Any:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else WIDE
    return Console(file=stream, width=width, highlight=False, soft_wrap=False)


def say(*sentences: str) -> None:
    for sentence in sentences:
        sys.stdout.write(f"{sentence}\n")


def complain(sentence: str) -> None:
    """One line on standard error."""
    sys.stderr.write(" ".join(sentence.split()) + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[str] = ()) -> None:
    """A table without frames, so that it can be cut and searched; state names in their colour."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    # No ellipsis in a number or in what is typed again.
    whole = {"id", "state", "actor", "service", "queue", "weight", *right}
    for column in columns:
        drawn.add_column(column, justify="right" if column in right else "left", no_wrap=column in whole)
    for row in rows:
        cells = ["" if cell is None else str(cell) for cell in row]
        drawn.add_row(*(Text(cell, style=COLOURS.get(cell, "")) for cell in cells))
    console().print(drawn)


def ago(seconds: float | None) -> str:
    """`4 s`, `12 min`, `3.5 h`, `9 d`."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for limit, unit, size in ((120, "s", 1), (7200, "min", 60), (48 * 3600, "h", 3600)):
        if seconds < limit:
            return f"{seconds / size:.{1 if size == 3600 else 0}f} {unit}"
    return f"{seconds / 86400:.0f} d"


def moment(at: datetime | None) -> str:
    """Local time, to the millisecond."""
    if at is None:
        return ""
    local = at.astimezone()
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d}"


def short(value: Any, length: int = 60) -> str:
    text = (
        ", ".join(f"{name}={inner!r}" for name, inner in value.items())
        if isinstance(value, Mapping)
        else str(value)
    )
    return text if len(text) <= length else text[: length - 1] + "…"
