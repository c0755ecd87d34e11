"""The paper that a society's documents have in common: colours, margins, letterhead and foot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from infra.gateways.pdf import Colour, Document

TEAL: Colour = (15, 94, 89)
PALE: Colour = (234, 244, 242)
GREY: Colour = (102, 112, 120)
HAIR: Colour = (208, 215, 219)
AMBER: Colour = (253, 245, 228)
WHITE: Colour = (255, 255, 255)

LEFT, WIDTH = 16.0, 178.0
RIGHT = LEFT + WIDTH


def letterhead(
    page: Document,
    legal_name: str,
    address: str,
    registered: Sequence[str],
    title: str,
    number: str,
    dated: date,
) -> None:
    """Who issues the document, and which it is.

    Parameters:
      registered: Two lines below the address, such as the registration; the second is printed bold.
    """
    page.band(0, 0, 210, 4, TEAL)
    page.write_at(LEFT, 13, legal_name, width=118, size=14, bold=True, colour=TEAL)
    y = page.paragraph(LEFT, 21.5, 112, address, size=8.5, colour=GREY)
    first, second = registered
    page.write_at(LEFT, y + 0.6, first, width=112, size=8.5, colour=GREY)
    page.write_at(LEFT, y + 5, second, width=112, size=8.5, bold=True)
    page.write_at(RIGHT - 60, 13, title.upper(), width=60, size=14, bold=True, align="R")
    page.write_at(RIGHT - 60, 21.5, number, width=60, size=11, colour=TEAL, align="R")
    page.write_at(RIGHT - 60, 27.5, day(dated), width=60, size=8.5, colour=GREY, align="R")
    page.rule(LEFT, 41.5, WIDTH, HAIR)


def footer(page: Document, questions: str, pages: str = "Page 1 of 1") -> None:
    """Whom to ask, and which page this is."""
    page.rule(LEFT, 281, WIDTH, HAIR)
    page.write_at(LEFT, 283.5, questions, size=8, colour=GREY)
    page.write_at(RIGHT - 60, 283.5, pages, width=60, size=8, colour=GREY, align="R")


def day(of: date) -> str:
    """`15 Apr 2026`."""
    return f"{of:%d %b %Y}"
