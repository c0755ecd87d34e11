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

GAP = 2
"""Columns between two of a table."""

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
    # of workflows
    "Open": "cyan",
    "Complete": "green",
    "Cancelling": "magenta",
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


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    right: Sequence[str] = (),
    below: Sequence[str] = (),
    least: int = 1_000,
    fold: bool = False,
) -> None:
    """A table without frames, so that it can be cut and searched; state names in their colour.

    Parameters:
      below: columns that leave a terminal which is too narrow, the first one first, for a line below each row.
      least: so many characters of such a column may stay in its place.
      fold: the line below a row goes on in the next where it is too long; else it is cut.
    """
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    out = console()
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = {column: max(map(len, cells)) for column, *cells in zip(columns, columns, *texts, strict=True)}
    shown, cut, room = list(columns), "", 0
    for column in below if sys.stdout.isatty() else ():
        room = out.width - sum(widths[c] + GAP for c in shown if c != column)
        if room >= widths[column]:
            break
        if room >= least:
            cut = column
            break
        shown.remove(column)
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    # No ellipsis in a number or in what is typed again.
    whole = {"id", "state", "actor", "service", "queue", "weight", cut, *right}
    one_line = len(shown) < len(columns)
    for column in shown:
        justify: Any = "right" if column in right else "left"
        most = room if column == cut else None
        drawn.add_column(column, justify=justify, no_wrap=one_line or column in whole, max_width=most)
    places = [columns.index(column) for column in shown]
    for row in texts:
        drawn.add_row(*(Text(row[place], style=COLOURS.get(row[place], "")) for place in places))
    if not one_line:
        out.print(drawn)
        return
    moved = [place for place in range(len(columns)) if place not in places]
    for line, row in zip(out.render_lines(drawn, pad=False), [[""] * len(columns), *texts], strict=True):
        out.print(
            *(Text(part.text, style=part.style or "") for part in line), sep="", no_wrap=True, crop=True
        )
        said = "  ".join(row[place] for place in moved if row[place])
        if said and fold:
            out.print(Padding(Text(said), (0, 0, 0, 4), expand=False))
        elif said:
            out.print(Text(f"    {said}"), no_wrap=True, overflow="ellipsis")


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


def speed(per_second: float | None) -> str:
    """`120/s`, `3.5/s`, `12/min`, `2/h`."""
    if per_second is None:
        return ""
    for unit, size in (("s", 1), ("min", 60), ("h", 3600)):
        number = per_second * size
        if number >= 1 or unit == "h":
            return f"{number:,.{0 if number >= 10 else 1}f}/{unit}"
    return ""


def plain(text: str) -> str:
    """Without line breaks, colours and whatever else would act on a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


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
