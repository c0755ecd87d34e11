"""What things are called on bills and in letters."""

from __future__ import annotations

from actors.sales.rules.billing import DocumentKind, Head

HEAD_NAMES = {
    Head.SQFT: "Maintenance, by area",
    Head.SERVICE: "Service charges",
    Head.PARKING: "Parking",
    Head.SINKING: "Sinking fund contribution",
    Head.REPAIR: "Repair fund contribution",
    Head.NOC: "Non-occupancy charges (flat is let)",
    Head.PROPERTY_TAX: "Property tax",
}

TITLES = {
    DocumentKind.TAX_INVOICE: "Tax invoice",
    DocumentKind.BILL_OF_SUPPLY: "Bill of supply",
}

GREETINGS = {"en": "Dear", "hi": "नमस्कार", "mr": "नमस्कार"}
"""By the member's language; the letters themselves are in English."""

MODE_NAMES = {
    "UPI": "UPI",
    "CARD": "Card",
    "NETBANKING": "Net banking",
    "NEFT": "Bank transfer (NEFT)",
    "CHEQUE": "Cheque",
}
