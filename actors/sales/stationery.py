"""The letterhead of a society's bills and receipts, on the paper that all its documents share."""

from __future__ import annotations

from datetime import date

from actors.common import stationery
from actors.common.stationery import AMBER, GREY, HAIR, LEFT, PALE, RIGHT, TEAL, WHITE, WIDTH, day, footer
from actors.sales.invoice import Supplier
from infra.gateways.pdf import Document

__all__ = [
    "AMBER", "GREY", "HAIR", "LEFT", "PALE", "RIGHT", "TEAL", "WHITE", "WIDTH", "day", "footer", "letterhead",
]  # fmt: skip


def letterhead(page: Document, supplier: Supplier, title: str, number: str | None, dated: date) -> None:
    """Who issues the document, and which it is."""
    registered = (
        f"Registration {supplier.registration_number}",
        f"GSTIN {supplier.gstin}" if supplier.gstin else "Not registered under GST",
    )
    stationery.letterhead(
        page, supplier.legal_name, supplier.address, registered, title, number or "Draft", dated
    )
