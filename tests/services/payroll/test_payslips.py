"""Payslips are given: once each, by mail or on paper, before the pay goes out; through deaths and outages."""

import io
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from zoneinfo import ZoneInfo

import pypdf
import pytest

from actors.common.rules.calendar import Period
from actors.payroll import actors as jobs
from actors.payroll import give_page_of_payslips, give_payslips, pay_society, release_salaries
from actors.payroll.payslips import giving
from actors.payroll.payslips.giving import NotPosted
from actors.payroll.runs import work_out_page
from actors.payroll.seed import seed
from infra.gateways.mail import MailError, MailRefused
from infra.settings import settings
from periodic.payroll import generate_payslips
from pipelines.payroll import give_payslips_everywhere, give_payslips_in_pages
from tests.services.payroll.conftest import GUARD_SALARY, JUNE
from tests.services.payroll.seen import letter_text, tags_left_open
from tests.support.deaths import outlives_every_death
from tests.support.service import execute, work_off

GIVEN = "select name, way from payroll.payslip join payroll.employee on id = employee_id order by name"


@pytest.fixture
def posted(staff):
    """Three guards whose June is posted; Kiran has no address."""
    for name, columns in (("Asha More", {}), ("Imran Shaikh", {}), ("Kiran Pawar", {"email": None})):
        staff.employ(name, salary=GUARD_SALARY, **columns)
        staff.attends(name, JUNE)
    staff.run(JUNE)
    return staff


def give(staff):
    return give_payslips.fn(str(staff.community_id), JUNE)


def payslips_among(letters):
    return [letter for letter in letters if letter["Subject"] == "Payslip of June 2026"]


def test_a_payslip_is_mailed_locked_and_the_letter_gives_nothing_away(posted, mailbox):
    give(posted)

    letter = next(one for one in payslips_among(mailbox.letters) if "asha" in one["To"])
    (attached,) = letter.iter_attachments()
    assert attached.get_filename() == "Payslip-2026-06-000.pdf"
    assert pypdf.PdfReader(io.BytesIO(attached.get_content())).decrypt("05074400")
    for body in (letter_text(letter), letter.get_body(("html",)).get_content()):
        assert "day and month of your birth" in body
        assert "the last four digits of the bank account" in body
        for secret in ("05074400", "0507", "4400", "14,888", "16,680", "1990"):
            assert secret not in body
    assert tags_left_open(letter.get_body(("html",)).get_content()) == []


def test_who_has_no_account_is_told_of_the_year_of_birth(staff, mailbox):
    staff.employ("Asha More", salary=GUARD_SALARY, bank_account=None, bank_ifsc=None)
    staff.attends("Asha More", JUNE)
    staff.run(JUNE)

    give(staff)

    (letter,) = payslips_among(mailbox.letters)
    (attached,) = letter.iter_attachments()
    assert "the year of your birth" in letter_text(letter)
    assert pypdf.PdfReader(io.BytesIO(attached.get_content())).decrypt("05071990")


def test_who_has_no_address_gets_paper_that_nobody_else_can_read(posted, ask, mailbox):
    result = give(posted)

    assert ask(GIVEN) == [("Asha More", "MAIL"), ("Imran Shaikh", "MAIL"), ("Kiran Pawar", "PAPER")]
    (file,) = (settings().home / "var" / "payslips").rglob("*.pdf")
    assert file.name == "002.pdf"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "Kiran Pawar" in pypdf.PdfReader(file).pages[0].extract_text()
    assert result == {"period": JUNE, "mailed": 2, "on_paper": ["Kiran Pawar"], "waiting": [], "held": {}}
    (told,) = [
        one for one in mailbox.letters if one["Subject"] == "Payslips of June 2026: 2 mailed, 1 to print"
    ]
    assert told["To"].addresses[0].addr_spec == "manager@greenvalley.example.in"
    assert "Kiran Pawar                  staff no. 002: no e-mail address" in letter_text(told)
    assert str(file.parent.relative_to(settings().home)) in letter_text(told)
    assert tags_left_open(told.get_body(("html",)).get_content()) == []


def test_staff_numbers_that_differ_never_share_a_file(staff):
    for number in ("7/1", "7-1", "../7"):
        staff.employ(f"Guard {number}", salary=GUARD_SALARY, email=None, staff_number=number)
        staff.attends(f"Guard {number}", JUNE)
    staff.run(JUNE)

    give(staff)

    folders = {file.parent for file in (settings().home / "var" / "payslips").rglob("*.pdf")}
    assert len(folders) == 1
    assert len(list(folders.pop().iterdir())) == 3


def test_an_address_that_is_refused_becomes_paper_and_is_named(posted, ask, mailbox):
    ask("update payroll.employee set email = 'unknown@example.in' where name = 'Imran Shaikh'")

    give(posted)

    assert ask(GIVEN) == [("Asha More", "MAIL"), ("Imran Shaikh", "PAPER"), ("Kiran Pawar", "PAPER")]
    assert "its mail was refused" in letter_text(mailbox.letters[-1])
    ask("update payroll.employee set email = 'imran@example.in' where name = 'Imran Shaikh'")
    give(posted)  # who has it on paper does not get it by mail as well
    assert len(payslips_among(mailbox.letters)) == 1


def test_a_second_run_gives_nothing(posted, ask, mailbox):
    first = give(posted)
    before = len(mailbox.letters), ask("select * from payroll.payslip order by 1")

    assert give(posted) == first
    assert (len(mailbox.letters), ask("select * from payroll.payslip order by 1")) == before


def test_workers_at_once_give_each_payslip_once(posted, ask, mailbox):
    with ThreadPoolExecutor(3) as workers:
        results = list(workers.map(lambda _: give(posted), range(3)))

    assert len(payslips_among(mailbox.letters)) == 2
    assert ask("select count(*) from payroll.payslip") == [(3,)]
    assert {result["period"] for result in results} == {JUNE}


def test_a_run_that_dies_at_any_commit_ends_as_an_undisturbed_one(
    posted, payroll_database, ask, tmp_path, monkeypatch
):
    def reset():
        execute(payroll_database, "delete from payroll.payslip; delete from payroll.letter")
        execute(payroll_database, "delete from payroll_jobs.queue")
        for file in [*tmp_path.rglob("*.eml"), *tmp_path.rglob("*.pdf")]:
            file.unlink()

    commits = outlives_every_death(
        monkeypatch,
        lambda: give(posted),
        reset=reset,
        seen=lambda: (
            ask(GIVEN),
            ask("select key from payroll.letter order by 1"),
            sorted(file.name for file in (*tmp_path.rglob("*.eml"), *tmp_path.rglob("*.pdf"))),
            ask("select count(*) from payroll_jobs.queue where actor_name = 'payroll.release_salaries'"),
        ),
    )

    assert commits == 7  # posted?, the page, three payslips, the release, the letter


def test_while_the_mail_server_is_away_nobody_is_noted_and_later_all_are(posted, ask, mailbox, monkeypatch):
    monkeypatch.setattr(giving, "AWAY_AFTER", 2)
    with monkeypatch.context() as away:
        away.setenv("SMTP_URL", "smtp://127.0.0.1:9")
        settings.cache_clear()
        with pytest.raises(
            MailError, match=r"no payslip yet for Asha More, Imran Shaikh: mail server 127\.0\.0\.1:9"
        ):
            give(posted)
    settings.cache_clear()
    assert "MAIL" not in dict(ask(GIVEN)).values()

    assert give(posted)["mailed"] == 2
    assert len(payslips_among(mailbox.letters)) == 2


def test_a_full_mailbox_keeps_nobody_else_waiting_for_payslip_or_pay(posted, payroll_database, ask, mailbox):
    ask("update payroll.employee set email = 'full@example.in' where name = 'Asha More'")

    with pytest.raises(MailError, match=r"no payslip yet for Asha More: .* 452"):
        give(posted)
    assert ask(GIVEN) == [("Imran Shaikh", "MAIL"), ("Kiran Pawar", "PAPER")]
    assert "Asha More                    no payslip yet, so no pay" in letter_text(mailbox.letters[-1])
    work_off(payroll_database, "payroll")
    assert ask("select count(*) from payroll.payout") == [(2,)]

    ask("update payroll.employee set email = 'asha@example.in' where name = 'Asha More'")
    give(posted)
    work_off(payroll_database, "payroll")
    assert ask("select count(*) from payroll.payout") == [(3,)]
    assert mailbox.letters[-1]["Subject"] == "Payslips of June 2026: 2 mailed, 1 to print"


def test_a_wrong_password_of_ours_makes_nobody_a_case_for_paper(posted, ask, mailbox, monkeypatch):
    monkeypatch.setenv("SMTP_URL", f"smtp://post:wrong@127.0.0.1:{mailbox.port}")
    settings.cache_clear()

    with pytest.raises(MailRefused, match="535"):
        give(posted)

    assert ("Asha More", "PAPER") not in ask(GIVEN)


def test_a_letter_that_is_refused_for_good_keeps_nobody_else_waiting(posted, ask, mailbox):
    taken = mailbox.handle_DATA

    async def picky(server, session, envelope):
        if envelope.rcpt_tos == ["asha.more@example.in"]:
            return "554 looks like spam"
        return await taken(server, session, envelope)

    mailbox.handle_DATA = picky

    with pytest.raises(MailRefused, match=r"no payslip yet for Asha More: .* 554"):
        give(posted)

    assert ask(GIVEN) == [("Imran Shaikh", "MAIL"), ("Kiran Pawar", "PAPER")]


def test_it_is_cancelled_between_pages_and_goes_on_later(posted, ask, monkeypatch):
    monkeypatch.setattr(giving, "PAGE", 2)

    class Cancelled:
        def progress(self, done, total):
            assert (done, total) == (1, 2)

        def cancellation_requested(self):
            return True

    with monkeypatch.context() as patched:
        patched.setattr(jobs, "current_job", Cancelled)
        assert give(posted) == {"period": JUNE, "cancelled": True}
    assert ask("select count(*) from payroll.payslip") == [(2,)]

    give(posted)
    assert ask("select count(*) from payroll.payslip") == [(3,)]


def test_a_month_that_is_not_posted_says_what_to_do(guard, staff):
    with pytest.raises(NotPosted, match="pay of 2026-06 is not worked out: run process-monthly-salaries"):
        give(staff)

    work_out_page(staff.community_id, Period.parse(JUNE))
    with pytest.raises(NotPosted, match="pay of 2026-06 is a draft"):
        give(staff)


def test_nobody_is_paid_before_the_payslip_and_everyone_after_it(posted, payroll_database, ask, mailbox):
    assert release_salaries.fn(str(posted.community_id), JUNE)["paid"] == 0
    ask(
        "insert into payroll.pay_hold values (%s, '2026-06-20', 'keys not returned')",
        str(posted.ids["Imran Shaikh"]),
    )

    started = generate_payslips.fn(
        scheduled_for=datetime(2026, 7, 1, 0, tzinfo=ZoneInfo("Asia/Kolkata")).isoformat()
    )
    work_off(payroll_database, "payroll")

    assert list(started) == ["Green Valley"]
    assert ask("select count(*) from payroll.payslip") == [(3,)]
    assert ask("select name from payroll.payout join payroll.employee on id = employee_id order by 1") == [
        ("Asha More",),
        ("Kiran Pawar",),
    ]
    assert "HELD: NOT PAID OUT (1)\n  Imran Shaikh                 keys not returned" in letter_text(
        mailbox.letters[-1]
    )


def test_a_large_society_is_a_batch_of_pages_whose_manager_is_told_once(
    payroll_database, payroll, ask, monkeypatch, mailbox
):
    monkeypatch.setattr(giving, "PAGE", 2)
    monkeypatch.setattr("pipelines.payroll.MANY_PAYSLIPS", 4)
    with payroll:
        made = seed(payroll, employees=4, first_month=JUNE, months=1)
    pay_society.fn(str(made.community_id), JUNE)

    started = give_payslips_everywhere(JUNE)
    work_off(payroll_database, "payroll")

    assert list(started) == ["Green Valley"]
    assert ask("select count(*) from payroll.payslip") == [(5,)]
    assert ask("select count(*) from payroll.payout") == [(5,)]
    pages = "select count(*) from payroll_jobs.job where actor_name = 'payroll.give_page_of_payslips'"
    assert ask(pages) == [(3,)]
    assert [one["Subject"] for one in mailbox.letters if "Payslips" in one["Subject"]] == [
        "Payslips of June 2026: 5 mailed"
    ]
    work_off(payroll_database, "payroll")
    give_payslips_in_pages(made.community_id, JUNE)
    work_off(payroll_database, "payroll")
    assert len(payslips_among(mailbox.letters)) == 5


def test_a_page_of_a_batch_pays_its_people_and_fails_for_whom_it_did_not_reach(
    posted, payroll_database, ask, mailbox
):
    ask("update payroll.employee set email = 'full@example.in' where name = 'Asha More'")

    with pytest.raises(MailError, match="no payslip yet for Asha More"):
        give_page_of_payslips.fn(str(posted.community_id), JUNE, None)
    work_off(payroll_database, "payroll")

    assert ask("select count(*) from payroll.payout") == [(2,)]
