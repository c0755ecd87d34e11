"""The flats of the accountant's sheet: 1,085 sq ft in April 2026, and the rates of that month."""

from datetime import date
from decimal import Decimal as D

from actors.common.rules.calendar import Period
from actors.common.rules.rates import Rate, RateBook
from actors.sales.rules import rates
from actors.sales.rules.billing import Charge, GstTerms, Head, UnitCharges

APRIL = Period.parse("2026-04")
RATES = [
    Rate(rates.CGST, "IN", date(2017, 7, 1), None, D("9"), "Notification 11/2017"),
    Rate(rates.SGST, "IN", date(2017, 7, 1), None, D("9"), "Notification 11/2017"),
    Rate(rates.MEMBER_LIMIT, "IN", date(2018, 1, 25), None, D("7500"), "Notification 12/2017 Sl. 77(c)"),
    Rate(rates.TURNOVER_LIMIT, "IN", date(2017, 7, 1), None, D("2000000"), "Circular 109/28/2019"),
    Rate(rates.NOC_CAP, "MH", date(2001, 8, 1), None, D("10"), "s. 79A order of 1-8-2001"),
]
TERMS = GstTerms(turnover=D("24000000.00"), rates=RateBook(RATES, "MH"))


def flat(*, parking="650.00", let=False, label="A-1203", arrears="0.00"):
    """1,085 sq ft at 3.25, with service, sinking and repair charges and property tax."""
    return UnitCharges(
        label=label,
        charges=(
            Charge(Head.SQFT, D("1085"), D("3.25")),
            Charge(Head.SERVICE, D("1"), D("1450.00")),
            Charge(Head.PARKING, D("1"), D(parking)),
            Charge(Head.SINKING, D("1"), D("500.00")),
            Charge(Head.REPAIR, D("1"), D("1500.00")),
            Charge(Head.PROPERTY_TAX, D("1"), D("812.00")),
        ),
        let=let,
        noc_percent=D("10"),
        arrears=D(arrears),
    )


CASE_A = flat()
CASE_B = flat(parking="500.00")
CASE_C = flat(let=True)
