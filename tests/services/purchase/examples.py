"""The rates of the law and the society's own limits, as the migration puts them in."""

from datetime import date
from decimal import Decimal as D

from actors.common.rules.rates import Rate, RateBook

RATES = {
    "PO_LIMIT_MANAGER": "10000",
    "PO_LIMIT_TREASURER": "50000",
    "PO_LIMIT_SECRETARY": "200000",
    "PO_QUOTES_ABOVE_LIMITS": "3",
    "PAYMENT_DAYS": "30",
    "MSME_DAYS_AGREED_AT_MOST": "45",
    "MSME_DAYS_UNAGREED": "15",
    "MSME_INTEREST_TIMES": "3",
    "BANK_RATE": "5.50",
    "TDS_CONTRACTOR_INDIVIDUAL": "1",
    "TDS_CONTRACTOR_OTHER": "2",
    "TDS_CONTRACTOR_BILL_LIMIT": "30000",
    "TDS_CONTRACTOR_YEAR_LIMIT": "100000",
    "TDS_PROFESSIONAL": "10",
    "TDS_PROFESSIONAL_YEAR_LIMIT": "50000",
    "TDS_TECHNICAL": "2",
    "TDS_TECHNICAL_YEAR_LIMIT": "50000",
    "TDS_WITHOUT_PAN": "20",
}


def book(*without):
    return RateBook(
        Rate(code, "IN", date(2026, 2, 6), None, D(value), "the accountant's sheet")
        for code, value in RATES.items()
        if code not in without
    )
