"""The lines of the returns, verbatim, what the portals refuse, and by when all is due."""

from dataclasses import replace
from datetime import date
from decimal import Decimal as D

import pytest

from actors.common.rules.calendar import Period
from actors.common.rules.rates import MissingRate
from actors.payroll.rules import ecr, esi_return
from actors.payroll.rules.due_dates import due_of_month, tax_return
from actors.payroll.rules.ecr import EcrLine, ecr_text
from actors.payroll.rules.epf import Epf
from actors.payroll.rules.esi_return import EsiLine, Reason, reason_of_leaving
from actors.payroll.rules.pt_return import by_state
from tests.services.payroll.examples import recorded_rates, recorded_returns

RATES = recorded_rates()
DUE = recorded_returns()
GUARD_EPF = Epf(D(12064), D(12064), D(12064), D(1448), D(1005), D(443), D(60), D(60))
GUARD = EcrLine("100123456789", "Ramesh Kumar", D("17324.00"), GUARD_EPF, D("1.0"))
INSURED = EsiLine("3112345678", "Ramesh Kumar", D("29.0"), D("12064.00"))


def test_the_line_of_the_ecr_file():
    line = "100123456789#~#RAMESH KUMAR#~#17324#~#12064#~#12064#~#12064#~#1448#~#1005#~#443#~#1#~#0"

    assert GUARD.text == line
    assert ecr_text([GUARD, GUARD]) == f"{line}\n{line}\n"
    assert ecr.fault_of(GUARD, 30) is None


@pytest.mark.parametrize(("lost", "ncp"), [("0", 0), ("0.5", 1), ("1", 1), ("2.5", 3), ("30", 30)])
def test_half_a_day_without_pay_counts_as_a_day(lost, ncp):
    assert replace(GUARD, loss_of_pay=D(lost)).ncp_days == ncp


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"uan": "10012345678"}, "UAN 10012345678 does not have 12 digits"),
        ({"uan": "100000000001"}, "UAN 100000000001 stands on another line"),
        ({"name": "सुरेश"}, "the name is not in Latin letters, as the fund has it"),
        ({"name": "R#~#K"}, "the name is not in Latin letters, as the fund has it"),
        ({"gross": D(12063)}, "EPF wages of 12064 exceed gross of 12063"),
        ({"epf": replace(GUARD_EPF, pension_wages=D(12065))}, "pension or EDLI wages exceed EPF wages of 12064"),
        ({"epf": replace(GUARD_EPF, insurance_wages=D(12065))}, "pension or EDLI wages exceed EPF wages of 12064"),
        ({"loss_of_pay": D("30.5")}, "31 days without pay in a month of 30"),
    ],
)  # fmt: skip
def test_what_the_fund_would_refuse_is_said(change, fault):
    assert ecr.fault_of(replace(GUARD, **change), 30, ["100000000001"]) == fault


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "3112345678,RAMESH KUMAR,29,12064,0,"),
        ({"days": D("28.5"), "wages": D("11856.50")}, "3112345678,RAMESH KUMAR,29,11857,0,"),
        (
            {"reason": Reason.LEFT, "last_day": date(2026, 6, 9), "days": D(9)},
            "3112345678,RAMESH KUMAR,9,12064,2,09/06/2026",
        ),
        ({"days": D(0), "wages": D(0), "reason": Reason.ON_LEAVE}, "3112345678,RAMESH KUMAR,0,0,1,"),
        ({"name": "Grace D'Souza"}, "3112345678,GRACE D SOUZA,29,12064,0,"),
    ],
)
def test_the_line_of_the_esi_sheet(change, text):
    line = replace(INSURED, **change)

    assert line.text == text
    assert esi_return.fault_of(line, 30) is None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"ip_number": "311234567"}, "IP number 311234567 does not have 10 digits"),
        ({"name": "कृष्णा"}, "the name is not in Latin letters"),
        ({"days": D("30.5")}, "31 days in a month of 30"),
    ],
)
def test_what_the_corporation_would_refuse_is_said(change, fault):
    assert esi_return.fault_of(replace(INSURED, **change), 30) == fault


@pytest.mark.parametrize(("recorded", "reason"), [(None, 2), ("LEFT", 2), ("RETIRED", 3), ("DIED", 5)])
def test_why_somebody_left(recorded, reason):
    assert reason_of_leaving(recorded) == reason


@pytest.mark.parametrize(
    ("code", "scope", "month", "due"),
    [
        ("EPF_DUE", "IN", "2026-06", date(2026, 7, 15)),
        ("ESI_DUE", "IN", "2026-12", date(2027, 1, 15)),
        ("TDS_DUE", "IN", "2026-06", date(2026, 7, 7)),
        ("TDS_DUE", "IN", "2027-03", date(2027, 4, 30)),
        ("PT_DUE", "KA", "2026-06", date(2026, 7, 20)),
        ("PT_DUE", "MH", "2026-06", date(2026, 7, 31)),
        ("PT_DUE", "MH", "2027-01", date(2027, 2, 28)),
        ("PT_DUE", "GJ", "2026-06", date(2026, 7, 15)),
        ("PT_DUE", "AP", "2026-06", date(2026, 7, 10)),
    ],
)
def test_by_when_it_is_paid(code, scope, month, due):
    assert due_of_month(DUE, code, scope, Period.parse(month)).day == due


def test_a_day_that_is_not_recorded_is_named():
    with pytest.raises(MissingRate, match="no rate PT_DUE is recorded for WB on 30 Jun 2026"):
        due_of_month(DUE, "PT_DUE", "WB", Period.parse("2026-06"))


@pytest.mark.parametrize(
    ("month", "section", "form", "due"),
    [
        ("2026-03", "192", "24Q", date(2026, 5, 31)),
        ("2026-04", "392(1)", "138", date(2026, 7, 31)),
        ("2026-09", "392(1)", "138", date(2026, 10, 31)),
        ("2026-12", "392(1)", "138", date(2027, 1, 31)),
        ("2027-03", "392(1)", "138", date(2027, 5, 31)),
    ],
)
def test_tax_goes_under_the_act_of_its_month_into_the_form_of_its_quarter(month, section, form, due):
    found = tax_return(DUE, Period.parse(month))

    assert (found.section, found.form, found.due) == (section, form, due)


class Paid:
    """A month's pay as professional tax sees it."""

    def __init__(self, scope, sex, gross, tax, born="1990-01-01"):
        self.work_scope, self.sex, self.gross, self.professional_tax = scope, sex, D(gross), D(tax)
        self.birth_date, self.overpaid = date.fromisoformat(born), D(0)


@pytest.mark.parametrize(
    ("paid", "slab"),
    [
        (Paid("MH", "M", 7500, 0), "up to ₹ 7,500, men"),
        (Paid("MH", "M", 9800, 175), "₹ 7,500 to ₹ 10,000, men"),
        (Paid("MH", "M", 18000, 200), "above ₹ 10,000, men"),
        (Paid("MH", "F", 25000, 0), "up to ₹ 25,000, women"),
        (Paid("MH", "F", 25001, 200), "above ₹ 25,000, women"),
        (Paid("MH", "M", 18000, 0, born="1960-01-01"), "exempt from 65 years, men"),
        (Paid("KA", "F", 24999, 0), "up to ₹ 24,999.99"),
        (Paid("KA", "M", 25000, 200), "above ₹ 24,999.99"),
        (Paid("TN/CHENNAI", "M", 18000, 0), "by the half-year: nothing this month"),
        (Paid("TN/CHENNAI", "M", 18000, 1250), "above ₹ 75,000 in the half-year"),
    ],
)
def test_on_which_slab_somebody_stands(paid, slab):
    ((tax),) = by_state([[paid]], Period.parse("2026-06"), RATES)

    assert [(one.slab, one.heads, one.amount) for one in tax.slabs] == [(slab, 1, paid.professional_tax)]


def test_heads_and_amounts_by_state_and_slab():
    people = [
        [Paid("MH", "M", 18000, 200)],
        [Paid("MH", "M", 9000, 100), Paid("MH", "M", 9000, 100)],  # the month's own and arrears
        [Paid("MH", "M", 9800, 175)],
        [Paid("KA", "M", 30000, 200)],
        [Paid("DL", "M", 30000, 0)],
    ]

    karnataka, maharashtra = by_state(people, Period.parse("2026-06"), RATES)

    assert (karnataka.scope, karnataka.heads, karnataka.amount) == ("KA", 1, 200)
    assert [(slab.heads, slab.amount) for slab in maharashtra.slabs] == [(1, 175), (2, 400)]
    assert (maharashtra.heads, maharashtra.amount) == (3, 575)
