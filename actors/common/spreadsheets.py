"""How spreadsheets of every service look: their formats, for XlsxWriter."""

from __future__ import annotations

from typing import Any

from actors.common.rules.money import IN_SPREADSHEETS

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
"""The MIME type."""
BASE = {"font_name": "Calibri", "font_size": 11}
HEADING = {**BASE, "bold": True, "bg_color": "#eaf4f2", "bottom": 1}
TOTAL = {**BASE, "bold": True, "top": 1}


def formats(book: Any) -> dict[str, Any]:
    """By name: title, note, heading, text, date, and money and count, each also as a total."""
    return {
        "title": book.add_format({**BASE, "bold": True, "font_size": 14, "font_color": "#0f5e59"}),
        "note": book.add_format({**BASE, "italic": True, "font_color": "#667078"}),
        "heading": book.add_format({**HEADING, "text_wrap": True, "valign": "vcenter"}),
        "text": book.add_format(BASE),
        "money": book.add_format({**BASE, "num_format": IN_SPREADSHEETS}),
        "count": book.add_format({**BASE, "num_format": "0"}),
        "date": book.add_format({**BASE, "num_format": "dd mmm yyyy", "align": "left"}),
        "total_text": book.add_format(TOTAL),
        "total_money": book.add_format({**TOTAL, "num_format": IN_SPREADSHEETS}),
        "total_count": book.add_format({**TOTAL, "num_format": "0"}),
    }
