"""Printed documents: A4 pages with fonts that hold the rupee sign and Devanagari, shaped as the script demands.

The fonts are Noto Sans and Noto Sans Devanagari (fonts/OFL.txt). Text can be searched and copied: each run of
Devanagari carries its own spelling, since shaped glyphs stand in another order than letters.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from fpdf import FPDF
from fpdf.enums import AccessPermission, EncryptionMethod, XPos, YPos
from fpdf.fonts import TTFFont

FONTS = Path(__file__).parent / "fonts"
_DEVANAGARI = re.compile(r"[\u0900-\u097f]")
_DEVANAGARI_ALONE = re.compile(r"[\u0900-\u097f\u200c\u200d ]+")

Colour = tuple[int, int, int]
INK: Colour = (33, 37, 41)


class _Silent(int):
    """The text of a glyph that adds none: the first of its run has said the whole run."""

    def __format__(self, _spec: str) -> str:
        return ""


class _SpelledFont(TTFFont):
    """A font whose shaped runs are read as they are spelled.

    fpdf2 spells glyph by glyph and leaves out the second and later ones of a syllable, so that readers guess. Here
    the first glyph of a run stands for the whole run, and the others are silent.
    """

    __slots__ = ()

    def shape_text(
        self, text: str, font_size_pt: float, text_shaping_params: dict[str, Any] | None
    ) -> Sequence[dict[str, Any]]:
        run = super().shape_text(text, font_size_pt, text_shaping_params)
        drawn = {code: glyph for glyph, code in self.subset.items()}
        spelling: tuple[int, ...] = tuple(map(ord, text))
        for part in run:
            glyph = drawn[part["mapped_char"]]
            if glyph is not None:
                part["mapped_char"] = self.subset.pick_glyph(replace(glyph, unicode=spelling))
                spelling = (_Silent(),)
        return run


class Document(FPDF):
    """One document in millimetres from the top left corner.

    Parameters:
      title: Shown by viewers as the window's title.
      author: Who issues it.
      dated: Creation date in the file, so that printing twice gives the same bytes.
    """

    def __init__(self, title: str, author: str, dated: datetime) -> None:
        super().__init__(format="A4", unit="mm")
        self.set_title(title)
        self.set_author(author)
        self.set_creation_date(dated)
        self.set_auto_page_break(False)
        self.set_margin(0)
        self.c_margin = 0
        self.add_font("Sans", "", FONTS / "NotoSans-Regular.ttf")
        self.add_font("Sans", "B", FONTS / "NotoSans-Bold.ttf")
        self.add_page()

    def write_at(
        self,
        x: float,
        y: float,
        text: str,
        *,
        width: float | None = None,
        size: float = 9,
        bold: bool = False,
        colour: Colour = INK,
        align: str = "L",
    ) -> None:
        """One line of text in a box; too long a line is set smaller until it fits."""
        self._prepare(text, size, bold, colour)
        if width is not None:
            while size > 5 and self.get_string_width(text) > width:
                size -= 0.25
                self.set_font_size(size)
        self.set_xy(x, y)
        with self._spelled(text):
            self.cell(width, size * 0.5, text, align=align)

    def paragraph(
        self,
        x: float,
        y: float,
        width: float,
        text: str,
        *,
        size: float = 9,
        bold: bool = False,
        colour: Colour = INK,
    ) -> float:
        """Text over as many lines as it takes; returns where the next may begin."""
        self._prepare(text, size, bold, colour)
        self.set_xy(x, y)
        self.multi_cell(width, size * 0.48, text, align="L", new_x=XPos.LEFT, new_y=YPos.NEXT)
        return float(self.get_y())

    def band(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """A filled rectangle."""
        self.set_fill_color(*colour)
        self.rect(x, y, width, height, style="F")

    def rule(self, x: float, y: float, width: float, colour: Colour, thickness: float = 0.2) -> None:
        """A horizontal line."""
        self.set_draw_color(*colour)
        self.set_line_width(thickness)
        self.line(x, y, x + width, y)

    def lock(self, password: str) -> None:
        """Encrypt the file (AES-256): it opens with this password, may be printed and read aloud, and not be changed.

        The owner's password is drawn at random and kept nowhere.
        """
        self.set_encryption(
            owner_password=secrets.token_urlsafe(24),
            user_password=password,
            encryption_method=EncryptionMethod.AES_256,
            permissions=AccessPermission.PRINT_LOW_RES
            | AccessPermission.PRINT_HIGH_RES
            | AccessPermission.COPY
            | AccessPermission.COPY_FOR_ACCESSIBILITY,
        )

    def finished(self) -> bytes:
        """The file."""
        for font in self.fonts.values():
            if not isinstance(font, TTFFont):
                continue
            # Shaping is done; without its tables the fonts are cut down to what is used three times as fast.
            for table in ("GDEF", "GPOS", "GSUB"):
                if table in font.ttfont:
                    del font.ttfont[table]
            font.ttfont.recalcBBoxes = False  # glyphs are left as they are, so their boxes are known
        return bytes(self.output())

    def _prepare(self, text: str, size: float, bold: bool, colour: Colour) -> None:
        shaped = _DEVANAGARI.search(text) is not None
        style = "B" if bold else ""
        if shaped and f"devanagari{style}" not in self.fonts:
            # Only who needs the script pays for its font.
            name = "Bold" if bold else "Regular"
            self.add_font("Devanagari", style, FONTS / f"NotoSansDevanagari-{name}.ttf")
            self.fonts[f"devanagari{style}"].__class__ = _SpelledFont
            self.set_fallback_fonts(["Devanagari"], exact_match=False)
        self.set_text_shaping(shaped)
        # Devanagari alone is set in its own font, spaces and all: one run, one spelling.
        self.set_font("Devanagari" if _DEVANAGARI_ALONE.fullmatch(text) and shaped else "Sans", style, size)
        self.set_text_color(*colour)

    def _spelled(self, text: str) -> Any:
        return _ActualText(self, text if _DEVANAGARI.search(text) else None)


class _ActualText:
    """Marks what is drawn inside with its spelling, for search, copying and screen readers."""

    def __init__(self, document: Document, text: str | None) -> None:
        self._document = document
        self._text = text

    def __enter__(self) -> None:
        if self._text is not None:
            spelling = self._text.encode("utf-16-be").hex().upper()
            self._document._out(f"/Span <</ActualText <FEFF{spelling}>>> BDC")  # noqa: SLF001

    def __exit__(self, *_: object) -> None:
        if self._text is not None:
            self._document._out("EMC")  # noqa: SLF001
