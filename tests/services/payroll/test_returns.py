"""The month's returns: files that the portals take, sums of the books, one letter; corrections marked."""

import io
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal as D
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from actors.common import books
from actors.common.books import Posting
from actors.common.reference import society
from actors.common.rules.calendar import Period
from actors.common.rules.ledger import Entry
from actors.payroll import pay_society, prepare_returns
from actors.payroll.payslips.giving import NotPosted
from actors.payroll.returns.figures import returns_of
from actors.payroll.seed import seed
from infra.settings import settings
from periodic.payroll import statutory_compliance_report
from tests.services.payroll.conftest import APRIL, GUARD_SALARY, JUNE, MANAGER_SALARY, MAY
from tests.services.payroll.seen import letter_text, tags_left_open
from tests.support.deaths import outlives_every_death
from tests.support.service import execute, work_off

ECR_LINE = "100123456789#~#RAMESH KUMAR#~#17324#~#12064#~#12064#~#12064#~#1448#~#1005#~#443#~#1#~#0\n"
ESI_LINE = "3112345678,RAMESH KUMAR,29,12064,0,\n"


@pytest.fixture
def of_the_sheet(staff, ask):
    """The guard and the manager of the accountant's sheet, with June posted."""
    ask("update payroll.establishment set tan = 'PNEG10482A', pt_registration = '27104821000P'")
    staff.employ("Ramesh Kumar", salary=GUARD_SALARY, uan="100123456789", ip_number="3112345678")
    staff.employ("Suresh Deshpande", salary=MANAGER_SALARY, work_scope="KA", ip_number=None)
    for name in staff.ids:
        for month in (APRIL, MAY, JUNE):
            staff.attends(name, month)
    staff.attends("Ramesh Kumar", JUNE, overtime=10)
    staff.attends("Ramesh Kumar", JUNE, status="ABSENT", days=[20])
    for month in (APRIL, MAY, JUNE):
        staff.run(month)
    return staff


def prepare(staff, month=JUNE):
    return prepare_returns.fn(str(staff.community_id), month)


def returns(payroll, staff, month=JUNE):
    with payroll:
        return returns_of(payroll, society(payroll, "payroll", staff.community_id), Period.parse(month))


def kept():
    return {file.name: file for file in (settings().home / "var" / "returns").rglob("*.*")}


def sheet(name, content):
    return list(openpyxl.load_workbook(io.BytesIO(content), data_only=True)[name].iter_rows(values_only=True))


def test_the_files_of_a_month_are_mailed_to_treasurer_and_manager_and_kept(of_the_sheet, mailbox):
    mailbox.letters.clear()

    result = prepare(of_the_sheet)

    (letter,) = mailbox.letters
    assert letter["Subject"] == "Returns of June 2026"
    assert letter["To"].addresses[0].addr_spec == "treasurer@greenvalley.example.in"
    assert letter["Cc"].addresses[0].addr_spec == "manager@greenvalley.example.in"
    attached = {part.get_filename(): part.get_payload(decode=True) for part in letter.iter_attachments()}
    assert sorted(attached) == [
        "ECR-PUPUN0104821000-2026-06.txt",
        "ESI-2026-06.csv",
        "ESI-2026-06.xlsx",
        "Returns-2026-06.xlsx",
    ]
    assert attached["ECR-PUPUN0104821000-2026-06.txt"].decode().splitlines(keepends=True)[0] == ECR_LINE
    assert attached["ESI-2026-06.csv"].decode() == ESI_LINE
    assert {name: file.read_bytes() for name, file in kept().items()} == attached
    assert {stat.S_IMODE(file.stat().st_mode) for file in kept().values()} == {0o600}
    assert {file.parent.parent.name for file in kept().values()} == {JUNE}
    assert result == {
        "period": JUNE,
        "version": 1,
        "sent": True,
        "due": {
            "Provident fund": "7131.00",
            "ESI": "484.00",
            "Professional tax, KA": "200.00",
            "Professional tax, MH": "200.00",
            "TDS on salaries, s. 392(1)": "12567.00",
        },
        "differences": {},
        "left_out": [],
        "left_out_in_all": 0,
    }
    text = letter_text(letter)
    assert "They agree with the books." in text
    for due in ("by 15 Jul 2026", "by 07 Jul 2026", "by 20 Jul 2026", "Form 138 of Q1 2026-27"):
        assert due in text
    assert tags_left_open(letter.get_body(("html",)).get_content()) == []


def test_the_esi_sheet_has_the_portals_columns(of_the_sheet):
    prepare(of_the_sheet)

    rows = sheet("Sheet1", kept()["ESI-2026-06.xlsx"].read_bytes())

    assert rows == [
        ("IP Number", "IP Name", "No of Days", "Total Monthly Wages", "Reason Code", "Last Working Day"),
        ("3112345678", "RAMESH KUMAR", 29, 12064, 0, None),
    ]


def test_the_workbook_says_what_is_due_and_from_what(of_the_sheet):
    prepare(of_the_sheet)
    content = kept()["Returns-2026-06.xlsx"].read_bytes()

    assert ("ESI", 484, datetime(2026, 7, 15), None) in sheet("Due", content)
    assert ("23050", "TDS payable", 12567, 12567, 0, None) in sheet("Books", content)
    assert sheet("Provident fund", content)[4] == ("June 2026", 2, 27064, 4241, 500, 2255, 135, 7131)
    assert ("MH", "27104821000P", "June 2026", "above ₹ 10,000, men", 1, 200) in sheet(
        "Professional tax", content
    )
    tds = sheet("TDS", content)
    assert tds[0][0] == "Tax deducted from salaries, TAN PNEG10482A"
    paid_on = datetime(2026, 6, 30)
    assert (
        "Suresh Deshpande", "ABCPK1001Z", "392(1)", paid_on, 150000, 12084, 483, 12567,
    ) in tds  # fmt: skip
    assert ("BSR code of the bank (to fill in)", None, None, None, None, None, None, None) in tds


def test_the_challan_of_the_accountants_example(staff, payroll):
    for name, wage in (("Asha More", 12000), ("Imran Shaikh", 15000), ("Kiran Pawar", 22500)):
        staff.employ(name, salary={"BASIC": wage})
        staff.attends(name, JUNE)
    staff.run(JUNE)

    (file,) = returns(payroll, staff).fund

    paid = file.challan
    assert (paid.account_1, paid.account_2, paid.account_10, paid.account_21) == (6580, 500, 3500, 210)
    assert paid.total == 10790


def test_every_return_is_that_of_its_account(of_the_sheet, payroll, ask):
    of = returns(payroll, of_the_sheet)

    booked = dict(
        ask(
            """select account_code, sum(credit - debit) from payroll.ledger_line
            join payroll.ledger_entry on id = entry_id where entry_date = '2026-06-30'
                and account_code in ('23040', '23050', '23060', '23070') group by 1"""
        )
    )
    assert {tie.account: tie.returned for tie in of.ties} == booked
    assert of.differences == ()


def test_a_difference_to_the_books_stands_on_top_with_the_entry_that_made_it(of_the_sheet, payroll, mailbox):
    entry = Entry.of(("51710", D(1000)), ("23050", D(-1000)))
    source = of_the_sheet.ids["Ramesh Kumar"]
    with payroll:
        books.post(
            payroll,
            "payroll",
            [
                Posting(
                    of_the_sheet.community_id, date(2026, 6, 28), "TDS of a bonus", "JOURNAL", source, entry
                )
            ],
        )

    result = prepare(of_the_sheet)

    letter = mailbox.letters[-1]
    assert result["differences"] == {"23050 TDS payable": "1000.00"}
    assert letter["Subject"] == "Returns of June 2026: differs from the books in 1 of 4 accounts"
    text = letter_text(letter)
    assert (
        "23050 TDS payable: the runs come to ₹ 12,567.00, the books to ₹ 13,567.00: ₹ 1,000.00 more in the books"
        in text
    )
    assert "entry that no run made: TDS of a bonus: ₹ 1,000.00" in text
    assert text.index("DIFFERS FROM THE BOOKS") < text.index("TO PAY AND TO FILE")
    assert "They agree" not in text


def test_a_deposit_from_the_bank_is_no_difference(of_the_sheet, payroll):
    entry = Entry.of(("23040", D(5000)), ("11120", D(-5000)))
    with payroll:
        books.post(
            payroll,
            "payroll",
            [Posting(of_the_sheet.community_id, date(2026, 6, 15), "PF of May", "DEPOSIT",
                     of_the_sheet.community_id, entry)],
        )  # fmt: skip

    assert returns(payroll, of_the_sheet).differences == ()


def test_a_second_run_mails_nothing_and_a_correction_is_marked(of_the_sheet, ask, mailbox):
    ask("update payroll.employee set uan = null where name = 'Ramesh Kumar'")
    first = prepare(of_the_sheet)
    before = len(mailbox.letters)
    assert first["left_out"] == ["Ramesh Kumar: Provident fund, no UAN"]
    assert "Ramesh Kumar                 no UAN; ₹ 3,016.00 owed" in letter_text(mailbox.letters[-1])
    assert "LEFT OUT: PROVIDENT FUND (1)" in letter_text(mailbox.letters[-1])
    assert "by 15 Jul 2026\n    without those left out" in letter_text(mailbox.letters[-1])
    assert "RAMESH" not in kept()["ECR-PUPUN0104821000-2026-06.txt"].read_text()

    assert prepare(of_the_sheet) == first | {"sent": False}
    assert len(mailbox.letters) == before

    ask("update payroll.employee set uan = '100123456789' where name = 'Ramesh Kumar'")
    second = prepare(of_the_sheet)

    assert (second["version"], second["sent"], second["left_out"]) == (2, True, [])
    assert mailbox.letters[-1]["Subject"] == "Corrected (1): Returns of June 2026"
    assert "do not file the earlier files any more" in letter_text(mailbox.letters[-1])
    corrected = kept()["ECR-PUPUN0104821000-2026-06-corrected-1.txt"].read_text()
    assert ECR_LINE in corrected
    assert prepare(of_the_sheet)["sent"] is False
    assert len(mailbox.letters) == before + 1


def test_who_lacks_a_number_is_left_out_and_what_is_missing_is_said(of_the_sheet, ask, payroll):
    ask("update payroll.employee set uan = null, ip_number = null, pan = null")

    of = returns(payroll, of_the_sheet)

    assert [(one.of, one.name, one.missing, one.amount) for one in of.left_out] == [
        ("Provident fund", "Ramesh Kumar", "no UAN", 3016),
        ("Provident fund", "Suresh Deshpande", "no UAN", 3750),
        ("ESI", "Ramesh Kumar", "no IP number", 484),
        ("TDS", "Suresh Deshpande", "no PAN", 12567),
    ]
    assert (of.fund, of.insurance.lines, of.deductees, of.deducted) == ((), (), (), 12567)
    assert of.differences == ()  # what is owed for them stays in the books


def test_arrears_have_a_file_of_their_own_and_insurance_in_the_month_that_pays(of_the_sheet, payroll):
    of_the_sheet.pays("Ramesh Kumar", "2026-05-01", DA=3880)
    for name in of_the_sheet.ids:
        of_the_sheet.attends(name, "2026-07")
    of_the_sheet.run("2026-07")

    of = returns(payroll, of_the_sheet, "2026-07")

    assert [(str(file.source), file.arrears) for file in of.fund] == [
        ("2026-07", False),
        ("2026-05", True),
        ("2026-06", True),
    ]
    (may,) = of.fund[1].lines
    assert may.text == "100123456789#~#RAMESH KUMAR#~#1000#~#1000#~#1000#~#1000#~#120#~#83#~#37#~#0#~#0"
    (line,) = of.insurance.lines
    assert line.wages == 13480 + 1000 + D("966.67")
    assert of.differences == ()
    prepare(of_the_sheet, "2026-07")
    assert "ECR-PUPUN0104821000-2026-05-arrears.txt" in kept()


def test_who_left_is_on_leave_or_beyond_the_limit_has_its_reason(staff, payroll, ask):
    staff.employ("Asha More", salary=GUARD_SALARY, left_on="2026-10-12", leaving_reason="RETIRED")
    staff.employ("Imran Shaikh", salary=GUARD_SALARY)
    staff.employ("Kiran Pawar", salary=GUARD_SALARY)
    staff.employ("Neha Joshi", salary=MANAGER_SALARY, ip_number="3112345699")
    staff.pays("Kiran Pawar", "2026-10-01", BASIC=25000)
    for name in staff.ids:
        staff.attends(name, "2026-09")
    for name in ("Kiran Pawar", "Neha Joshi"):
        staff.attends(name, "2026-10")
    staff.attends("Asha More", "2026-10", days=range(1, 13))
    staff.attends("Imran Shaikh", "2026-10", status="ABSENT")
    for month in ("2026-09", "2026-10"):
        staff.run(month)

    lines = {line.name: line.text for line in returns(payroll, staff, "2026-10").insurance.lines}

    assert lines == {
        "Asha More": "3112345600,ASHA MORE,12,4831,3,12/10/2026",
        "Imran Shaikh": "3112345601,IMRAN SHAIKH,0,0,1,",
        "Kiran Pawar": "3112345602,KIRAN PAWAR,0,0,4,30/09/2026",
    }


def test_who_left_before_is_on_the_esi_sheet_for_arrears_alone(staff, payroll, ask):
    for name in ("Asha More", "Imran Shaikh"):
        staff.employ(name, salary=GUARD_SALARY, left_on="2026-05-31")
        staff.attends(name, MAY)
    staff.attends("Asha More", MAY, status="ABSENT", days=[4])
    staff.run(MAY)
    staff.attends("Asha More", MAY, status="PRESENT", days=[4])  # arrears with wages
    staff.attends("Imran Shaikh", MAY, overtime=1)  # arrears of overtime, which is none
    staff.run(JUNE)

    (line,) = returns(payroll, staff).insurance.lines

    assert line.text == "3112345600,ASHA MORE,0,403,2,31/05/2026"


def test_somebody_absent_all_month_stays_on_the_funds_file(staff, payroll):
    for name in ("Asha More", "Imran Shaikh"):
        staff.employ(name, salary=GUARD_SALARY)
        staff.attends(name, JUNE, status="ABSENT" if name == "Asha More" else "PRESENT")
    staff.run(JUNE)

    (file,) = returns(payroll, staff).fund

    assert file.lines[0].text == "100123456700#~#ASHA MORE#~#0#~#0#~#0#~#0#~#0#~#0#~#0#~#30#~#0"


def test_a_uan_that_comes_twice_is_filed_once_and_named(staff, payroll):
    staff.employ("Ramesh Kumar", salary=GUARD_SALARY, left_on="2026-06-10", uan="100123456789")
    staff.employ("Ramesh Kumar II", salary=GUARD_SALARY, joined_on="2026-06-20", uan="100123456789")
    for name in staff.ids:
        staff.attends(name, JUNE)
    staff.run(JUNE)

    of = returns(payroll, staff)

    assert len(of.fund[0].lines) == 1
    assert of.left_out[0].missing == "UAN 100123456789 stands on another line"


def test_a_society_without_registrations_files_its_taxes_only(of_the_sheet, staff, payroll, ask):
    ask("update payroll.establishment set epf_code = null, esi_code = null")
    of_the_sheet.attends("Suresh Deshpande", "2026-07")
    of_the_sheet.attends("Ramesh Kumar", "2026-07")
    staff.run("2026-07")

    of = returns(payroll, staff, "2026-07")

    assert (of.fund, of.insurance) == ((), None)
    assert [due.what for due in of.dues] == [
        "Professional tax, KA", "Professional tax, MH", "TDS on salaries, s. 392(1)", "Form 138 of Q2 2026-27",
    ]  # fmt: skip
    assert of.differences == ()


def test_where_no_day_is_recorded_the_amount_is_due_all_the_same(staff, payroll, mailbox):
    staff.employ("Ramesh Kumar", salary=GUARD_SALARY, work_scope="WB")
    staff.attends("Ramesh Kumar", JUNE)
    staff.run(JUNE)

    prepare(staff)

    assert "no rate PT_DUE is recorded for WB on 30 Jun 2026" in letter_text(mailbox.letters[-1])


def test_a_month_that_is_not_posted_has_no_returns(guard, staff):
    with pytest.raises(NotPosted, match="pay of 2026-06 is not worked out"):
        prepare(staff)


def test_a_run_that_dies_ends_as_an_undisturbed_one(
    of_the_sheet, payroll_database, ask, tmp_path, monkeypatch
):
    def reset():
        execute(payroll_database, "delete from payroll.return_set; delete from payroll.letter")
        for file in [*tmp_path.rglob("*.eml"), *kept().values()]:
            file.unlink()

    commits = outlives_every_death(
        monkeypatch,
        lambda: prepare(of_the_sheet),
        reset=reset,
        seen=lambda: (
            ask("select version, fingerprint from payroll.return_set"),
            ask("select key from payroll.letter"),
            sorted(file.name for file in tmp_path.rglob("*.eml")),
            {name: file.read_bytes() for name, file in kept().items()},
        ),
    )

    assert commits == 1


def test_workers_at_once_file_once(of_the_sheet, ask, mailbox):
    mailbox.letters.clear()

    with ThreadPoolExecutor(3) as workers:
        results = list(workers.map(lambda _: prepare(of_the_sheet), range(3)))

    assert sorted(result["sent"] for result in results) == [False, False, True]
    assert len(mailbox.letters) == 1
    assert ask("select count(*) from payroll.return_set") == [(1,)]


def test_the_seeded_society_agrees_with_its_books_month_after_month(payroll, ask):
    with payroll:
        made = seed(payroll, employees=20, months=3, flawed=True)
    for month in (APRIL, MAY, JUNE):
        pay_society.fn(str(made.community_id), month)
        result = prepare_returns.fn(str(made.community_id), month)
        assert result["differences"] == {}
        assert result["left_out_in_all"] == 2  # no UAN, no ESI number; without a structure nobody is paid


def test_the_calendar_prepares_last_months_returns_of_every_society(
    of_the_sheet, payroll_database, ask, mailbox
):
    started = statutory_compliance_report.fn(
        scheduled_for=datetime(2026, 7, 2, 6, tzinfo=ZoneInfo("Asia/Kolkata")).isoformat()
    )
    work_off(payroll_database, "payroll")

    assert list(started) == ["Green Valley"]
    assert ask("select period::text, version from payroll.return_set") == [("2026-06-01", 1)]
    assert mailbox.letters[-1]["Subject"] == "Returns of June 2026"
