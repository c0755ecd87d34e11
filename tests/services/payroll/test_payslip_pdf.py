"""The printed payslip: the two people of the accountant's sheet, its lock, and what a page must hold."""

import io
from datetime import date
from decimal import Decimal as D

import pypdf
import pytest

from actors.common.reference import society
from actors.common.rules.calendar import Period
from actors.common.rules.money import in_words
from actors.common.seed_names import DEVANAGARI_NAMES
from actors.payroll.payslips import payslip, pdf
from actors.payroll.payslips.payslip import masked
from infra.gateways.pdf import Document
from tests.services.payroll.conftest import APRIL, GUARD_SALARY, JUNE, MANAGER_SALARY, MAY

FIRST = date(2026, 7, 1)
LETTERHEAD = (
    "Green Valley Co-operative Housing Society Ltd.",
    "Survey No. 42, Baner-Pashan Link Road, Baner, Pune 411045, Maharashtra",
    "Registration PNA/PNA(4)/HSG/TC/10482/2019",
    "EPF PUPUN0104821000 · ESI 33001048210001001",
    "PAYSLIP",
    "June 2026",
)
GUARD_SAYS = (
    *LETTERHEAD,
    "Ramesh Kumar",
    "Guard, staff no. 000",
    "UAN 100123456700",
    "ESI (IP) number 3112345600",
    "PAN XXXXXX000Z",
    "Bank account XXXXXXXX4400",
    "Days in the month 30",
    "Days paid 29",
    "Loss of pay 1 day",
    "Overtime 10 hours",
    "Basic 9,600.00 9,280.00",
    "Dearness allowance 2,880.00 2,784.00",
    "House rent allowance 3,000.00 2,900.00",
    "Conveyance 1,200.00 1,160.00",
    "Overtime, 10 h: 12,480 ÷ 26 ÷ 8 × 2 × 10 1,200.00",
    "Gross earnings 17,324.00",
    "Provident fund 1,448.00",
    "ESI 91.00",
    "Professional tax 200.00",
    "Deductions in all 1,739.00",
    "Net pay ₹ 15,585.00",
    "Rupees Fifteen Thousand Five Hundred Eighty-Five Only",
    "THE YEAR SO FAR: APRIL TO JUNE 2026",
    "Gross 50,684.00",
    "Provident fund 4,444.00",
    "ESI 279.00",
    "Professional tax 600.00",
    "Net 45,361.00",
    "Provident fund 443.00",
    "Pension (EPS) 1,005.00",
    "Insurance (EDLI) 60.00",
    "Fund's administration 60.00",
    "ESI 393.00",
)
MANAGER_SAYS = (
    *LETTERHEAD,
    "Basic 75,000.00 75,000.00",
    "House rent allowance 45,000.00 45,000.00",
    "Special allowance 30,000.00 30,000.00",
    "Gross earnings 1,50,000.00",
    "Provident fund 1,800.00",
    "Professional tax 200.00",
    "Income tax (TDS) 12,567.00",
    "Net pay ₹ 1,35,433.00",
    "Rupees One Lakh Thirty-Five Thousand Four Hundred Thirty-Three Only",
    "Provident fund 550.00",
    "Pension (EPS) 1,250.00",
    "Insurance (EDLI) 75.00",
    "Fund's administration 75.00",
)


def slip_of(payroll, staff, name, month=JUNE, day=FIRST):
    with payroll:
        of = society(payroll, "payroll", staff.community_id)
        (found,) = payslip.read(payroll, of, Period.parse(month), [str(staff.ids[name])], day)
    return found


def read(content, password=None):
    reader = pypdf.PdfReader(io.BytesIO(content))
    if password is not None:
        assert reader.decrypt(password)
    (page,) = reader.pages
    return " ".join(page.extract_text().split())


@pytest.fixture
def of_the_sheet(staff):
    """Ramesh, a guard in Pune with a day lost and ten hours of overtime in June; Suresh, who manages from Karnataka."""
    staff.employ("Ramesh Kumar", salary=GUARD_SALARY)
    staff.employ(
        "Suresh Deshpande", salary=MANAGER_SALARY, designation="Manager", work_scope="KA", ip_number=None
    )
    for month in (APRIL, MAY, JUNE):
        for name in staff.ids:
            staff.attends(name, month)
    staff.attends("Ramesh Kumar", JUNE, overtime=10)
    staff.attends("Ramesh Kumar", JUNE, status="ABSENT", days=[20])
    for month in (APRIL, MAY, JUNE):
        staff.run(month)
    return staff


@pytest.mark.parametrize(
    ("name", "password", "says"),
    [("Ramesh Kumar", "05074400", GUARD_SAYS), ("Suresh Deshpande", "05074401", MANAGER_SAYS)],
    ids=["guard", "manager"],
)
def test_the_people_of_the_sheet_read_their_figures_with_their_own_password(
    of_the_sheet, payroll, name, password, says
):
    slip = slip_of(payroll, of_the_sheet, name)

    text = read(pdf.render(slip, slip.payee.password), password)

    for wanted in says:
        assert wanted in text, wanted
    assert "arrears" not in text.lower()
    assert "held" not in text


def test_a_manager_beyond_the_limit_reads_nothing_of_esi(of_the_sheet, payroll):
    text = read(pdf.render(slip_of(payroll, of_the_sheet, "Suresh Deshpande")))

    assert "ESI (IP) number –" in text
    assert "ESI 9" not in text
    assert "ESI 0" not in text


def test_a_locked_payslip_opens_with_nothing_else(of_the_sheet, payroll):
    content = pdf.render(slip_of(payroll, of_the_sheet, "Ramesh Kumar"), "05074400")

    reader = pypdf.PdfReader(io.BytesIO(content))
    assert reader.is_encrypted
    assert not reader.decrypt("")
    assert not reader.decrypt("05074401")
    assert reader.decrypt("05074400") == pypdf.PasswordType.USER_PASSWORD
    assert reader.trailer["/Encrypt"]["/CF"]["/StdCF"]["/CFM"] == "/AESV3"
    assert b"Ramesh" not in content
    permissions = reader.user_access_permissions
    assert permissions is not None
    assert pypdf.constants.UserAccessPermissions.PRINT in permissions
    assert pypdf.constants.UserAccessPermissions.MODIFY not in permissions


def test_the_owner_of_a_locked_payslip_is_nobody(of_the_sheet, payroll, monkeypatch):
    slip, owners = slip_of(payroll, of_the_sheet, "Ramesh Kumar"), []
    original = Document.set_encryption

    def noted(self, owner_password, **others):
        owners.append(owner_password)
        original(self, owner_password, **others)

    monkeypatch.setattr(Document, "set_encryption", noted)
    for _ in range(2):
        pdf.render(slip, slip.payee.password)

    assert len(set(owners)) == 2
    assert all(len(owner) >= 32 for owner in owners)


def test_arrears_stand_apart_with_the_month_they_are_for(of_the_sheet, payroll):
    of_the_sheet.pays("Ramesh Kumar", "2026-05-01", DA=3880)
    of_the_sheet.attends("Ramesh Kumar", "2026-07")
    of_the_sheet.run("2026-07")

    slip = slip_of(payroll, of_the_sheet, "Ramesh Kumar", "2026-07")
    text = read(pdf.render(slip))

    assert "Dearness allowance 3,880.00 3,880.00" in text
    assert "Arrears of May 2026: Dearness allowance 3,880.00 1,000.00" in text
    assert "Arrears of June 2026: Dearness allowance 3,880.00 966.67" in text
    assert "Arrears of June 2026: Overtime 96.15" in text
    assert "Provident fund, on arrears" in text
    assert sum(amount for *_, amount in slip.earnings()) == slip.gross
    assert slip.gross - sum(amount or 0 for _, amount in slip.deductions()) == slip.net


def test_what_was_paid_too_much_is_shown_and_taken_back_as_an_advance(of_the_sheet, payroll):
    of_the_sheet.attends("Ramesh Kumar", JUNE, status="ABSENT", days=[21])
    of_the_sheet.attends("Ramesh Kumar", "2026-07")
    of_the_sheet.run("2026-07")

    slip = slip_of(payroll, of_the_sheet, "Ramesh Kumar", "2026-07")
    text = read(pdf.render(slip))

    assert "Arrears of June 2026: Basic 9,600.00 -320.00" in text
    assert "Overpaid for June 2026, now an advance 556.00" in text
    assert "Overpaid for June 2026 556.00 paid back in full" in text
    assert sum(amount for *_, amount in slip.earnings()) == slip.gross
    assert slip.gross - sum(amount or 0 for _, amount in slip.deductions()) == slip.net


def test_an_advance_says_what_is_left_of_it(staff, payroll, ask):
    staff.employ("Ramesh Kumar", salary=GUARD_SALARY)
    staff.attends("Ramesh Kumar", JUNE)
    ask(
        "insert into payroll.advance values (gen_random_uuid(), %s, '2026-06-02', 6000, 1000, 'Wedding')",
        str(staff.ids["Ramesh Kumar"]),
    )
    staff.run(JUNE)

    assert "Wedding 1,000.00 ₹ 5,000.00 still owed" in read(
        pdf.render(slip_of(payroll, staff, "Ramesh Kumar"))
    )


def test_who_left_gets_a_payslip_of_arrears_alone(staff, payroll):
    staff.employ("Ramesh Kumar", salary=GUARD_SALARY, left_on="2026-05-31")
    staff.attends("Ramesh Kumar", MAY, days=range(1, 31))
    staff.run(MAY)
    staff.attends("Ramesh Kumar", MAY)
    staff.run(JUNE)

    text = read(pdf.render(slip_of(payroll, staff, "Ramesh Kumar")))

    assert "Days arrears of earlier months only" in text
    assert "Arrears of May 2026: Basic 9,600.00 309.68" in text


def test_who_joins_in_the_month_reads_the_days_employed(staff, payroll):
    staff.employ("Ramesh Kumar", joined_on="2026-06-12", salary=GUARD_SALARY)
    staff.attends("Ramesh Kumar", JUNE, days=range(12, 31))
    staff.attends("Ramesh Kumar", JUNE, status="HALF_DAY", days=[15])
    staff.run(JUNE)

    text = read(pdf.render(slip_of(payroll, staff, "Ramesh Kumar")))

    for wanted in ("Days employed 19", "Days paid 18.5", "Loss of pay 0.5 days", "Joined on 12 Jun 2026"):
        assert wanted in text


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"bank_account": None, "bank_ifsc": None}, "No bank account is on record, so this pay is held."),
        ({}, "This pay is held: it is worked out, but not paid out for now."),
    ],
    ids=["no account", "hold"],
)
def test_held_pay_says_so_and_keeps_the_reason_to_the_treasurer(staff, payroll, ask, columns, says):
    staff.employ("Ramesh Kumar", salary=GUARD_SALARY, **columns)
    staff.attends("Ramesh Kumar", JUNE)
    staff.run(JUNE)
    if not columns:
        ask(
            "insert into payroll.pay_hold values (%s, '2026-06-30', 'keys not returned')",
            str(staff.ids["Ramesh Kumar"]),
        )

    text = read(pdf.render(slip_of(payroll, staff, "Ramesh Kumar")))

    assert says in text
    assert "NET PAY ₹ 14,888.00 held, see below" in text
    assert "keys" not in text


@pytest.mark.parametrize("name", DEVANAGARI_NAMES[:3])
def test_a_name_in_devanagari_can_be_read_back(staff, payroll, name):
    staff.employ(name, salary=GUARD_SALARY, email="a@example.in")
    staff.attends(name, JUNE)
    staff.run(JUNE)

    assert name in read(pdf.render(slip_of(payroll, staff, name), "05074400"), "05074400")


def test_arrears_of_a_whole_year_still_fit_one_page(staff, payroll, ask):
    parts = {"SPECIAL": 900, "COMMISSION": 100, "BONUS": 200, "RETAINING": 300}
    staff.employ("Ramesh Kumar", salary=GUARD_SALARY | parts, joined_on="2026-01-01")
    months = [f"2026-{month:02d}" for month in range(1, 13)]
    for month in months:
        staff.attends("Ramesh Kumar", month, overtime=4)
    for month in months[:-1]:
        staff.run(month)
    ask("update payroll.salary_rate set rate = rate + 50")
    staff.run(months[-1])

    slip = slip_of(payroll, staff, "Ramesh Kumar", months[-1])
    text = read(pdf.render(slip))

    assert text.count("Arrears of") == 11
    assert "Arrears of January 2026 403.85" in text
    assert sum(amount for *_, amount in slip.earnings()) == slip.gross
    assert "Page 1 of 1" in text


@pytest.mark.parametrize(("number", "shown"), [("004210094417", "XXXXXXXX4417"), (None, "–")])
def test_numbers_are_masked_but_for_their_end(number, shown):
    assert masked(number) == shown


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("15585", "Rupees Fifteen Thousand Five Hundred Eighty-Five Only"),
        ("135433", "Rupees One Lakh Thirty-Five Thousand Four Hundred Thirty-Three Only"),
        (
            "1234567.89",
            "Rupees Twelve Lakh Thirty-Four Thousand Five Hundred Sixty-Seven and Paise Eighty-Nine Only",
        ),
    ],
)
def test_payslips_write_words_with_hyphens(amount, words):
    assert in_words(D(amount), hyphens=True) == words
    assert in_words(D(amount)) == words.replace("-", " ")
