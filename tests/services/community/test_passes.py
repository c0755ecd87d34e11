"""Visitors' passes: valid for their time, expired unused, an alert once for who stays too long."""

from uuid import uuid4

import pytest
from psycopg2.errors import CheckViolation

from actors.community import passes, send_overstay_alert, store
from actors.community.passes import NotAdmitted
from actors.community.store import UnknownPass
from infra.queue import current_job
from periodic.community import expire_visitor_passes
from tests.services.community.conftest import GATE, india
from tests.support.deaths import outlives_every_death
from tests.support.service import work_off

STATUS = "select visitor, status from community.visitor_pass order by visitor"


@pytest.fixture
def issue(society, person, ask):
    """A pass from 14:00 to 18:00 on Friday 10 April; returns its id."""

    def issue(visitor="Ravi Menon", *, host=None, one_time=True, until="10 18:00"):
        key = str(uuid4())
        ask(
            """insert into community.visitor_pass (id, community_id, host_id, visitor, one_time, valid_from, valid_to)
            values (%s, %s, %s, %s, %s, %s, %s)""",
            *(key, society, host or person(), visitor, one_time, india("10 14:00"), india(until)),
        )
        return key

    return issue


def check_in(pass_id, at):
    with store.transaction() as community:
        passes.check_in(community, pass_id, GATE, india(at))


def check_out(pass_id, at):
    with store.transaction() as community:
        return passes.check_out(community, pass_id, GATE, india(at))


def run(at="10 18:00"):
    return expire_visitor_passes.fn(scheduled_for=india(at).isoformat())


def test_a_pass_lets_in_once_within_its_time(issue, ask):
    ravi = issue()

    with pytest.raises(NotAdmitted, match="valid from 10 Apr 2026, 14:00 until before 10 Apr 2026, 18:00"):
        check_in(ravi, "10 13:59")
    with pytest.raises(NotAdmitted):
        check_in(ravi, "10 18:00")
    check_in(ravi, "10 14:00")
    with pytest.raises(NotAdmitted, match="the pass is inside"):
        check_in(ravi, "10 14:01")
    assert check_out(ravi, "10 16:00")
    assert not check_out(ravi, "10 16:00")
    with pytest.raises(NotAdmitted, match="the pass is used"):
        check_in(ravi, "10 16:05")
    assert ask("select direction from community.gate_log order by id") == [("IN",), ("OUT",)]


def test_a_pass_for_several_visits_lets_in_again(issue, jobs, ask):
    maid = issue("Sunita Kale", one_time=False)
    check_in(maid, "10 14:00")
    check_out(maid, "10 15:00")
    check_in(maid, "10 16:00")
    check_out(maid, "10 17:00")

    assert run()["expired"] == 1
    assert ask(STATUS) == [("Sunita Kale", "EXPIRED")]


def test_at_18_00_the_unused_pass_is_expired_and_who_is_inside_overstays(issue, jobs, ask):
    issue("Asha, never came")
    check_in(inside := issue("Bina, inside still"), "10 15:00")
    check_in(gone := issue("Charu, left"), "10 15:00")
    check_out(gone, "10 17:00")
    issue("Dev, until seven", until="10 19:00")

    assert run("10 17:30") == {"expired": 0, "overstays": 0}
    assert run() == {"expired": 1, "overstays": 1}
    assert run("10 18:30") == {"expired": 0, "overstays": 0}

    assert ask(STATUS) == [
        ("Asha, never came", "EXPIRED"), ("Bina, inside still", "OVERSTAY"), ("Charu, left", "USED"),
        ("Dev, until seven", "ISSUED"),
    ]  # fmt: skip
    assert jobs() == [("send_overstay_alert", (inside,), None)]


def test_gate_manager_and_host_are_alerted_once(issue, person, jobs, mailbox, community_database, ask):
    host = person("Kavita Rao", "kavita@example.in", "B-204")
    check_in(inside := issue(host=host), "10 15:00")
    run()
    work_off(community_database, "community")
    run("10 18:30")
    send_overstay_alert.fn(inside)

    assert [letter["To"].addresses[0].username for letter in mailbox.letters] == ["gate", "manager", "kavita"]
    letter = mailbox.letters[0]
    assert letter["Subject"] == "Visitor still inside: Ravi Menon, flat B-204"
    for part in ("plain", "html"):
        text = letter.get_body((part,)).get_content()
        for said in ("Ravi Menon", "Kavita Rao, flat B-204", "10 Apr 2026, 15:00", "10 Apr 2026, 18:00"):
            assert said in text, part


def test_who_leaves_late_is_out_and_stays_counted(issue, jobs, society, ask):
    check_in(inside := issue(), "10 15:00")
    run()
    assert check_out(inside, "10 18:20")

    assert ask(STATUS) == [("Ravi Menon", "USED")]
    assert dict(ask("select * from community.daily_figures(%s, '2026-04-10')", society)) == {
        "visitors": 1, "overstays": 1, "complaints_opened": 0, "complaints_open": 0, "complaints_overdue": 0,
    }  # fmt: skip
    assert dict(ask("select * from community.daily_figures(%s, '2026-04-11')", society))["visitors"] == 0


def test_a_host_without_address_is_named_and_a_visitor_who_did_not_stay_is_no_alert(
    issue, person, jobs, mailbox
):
    check_in(inside := issue(host=person("Asha Pai", None)), "10 15:00")
    with pytest.raises(UnknownPass, match="was found inside after their time"):
        send_overstay_alert.fn(inside)
    run()

    assert send_overstay_alert.fn(inside) == {"sent": 2, "refused": ["Asha Pai: no mail address"]}


def test_many_are_done_page_by_page(issue, jobs, ask, monkeypatch):
    monkeypatch.setattr(store, "PAGE", 2)
    monkeypatch.setattr(passes, "PAGE", 2)
    for number in range(5):
        issue(f"Visitor {number}")
    check_in(issue("Visitor 9"), "10 15:00")

    assert run() == {"expired": 5, "overstays": 1}


def test_a_cancelled_run_stops_between_two_pages(issue, jobs, monkeypatch):
    monkeypatch.setattr(store, "PAGE", 1)
    monkeypatch.setattr(passes, "PAGE", 1)
    for number in range(3):
        issue(f"Visitor {number}")
    answers = iter([False, False, True])
    monkeypatch.setattr(type(current_job()), "cancellation_requested", lambda _job: next(answers))

    assert run() == {"expired": 2, "overstays": 0, "cancelled": True}


def test_a_pass_at_the_gate_this_moment_is_left_for_the_next_run(issue, jobs, community, ask):
    ravi = issue()
    with community.cursor() as gate:
        gate.execute("select from community.visitor_pass where id = %s for update", (ravi,))
        assert run()["expired"] == 0
    community.rollback()
    assert run("10 18:30")["expired"] == 1


def test_the_run_outlives_every_death(issue, jobs, ask, monkeypatch):
    made = []

    def reset():
        ask(
            "delete from community.gate_log; delete from community.visitor_pass; delete from community_jobs.queue"
        )
        issue("Asha, never came")
        made.append(issue("Bina, inside still"))
        check_in(made[-1], "10 15:00")

    commits = outlives_every_death(
        monkeypatch,
        run,
        reset=reset,
        seen=lambda: (ask(STATUS), [(name, arguments == (made[-1],)) for name, arguments, _ in jobs()]),
    )

    assert commits == 1


def test_the_alert_outlives_every_death(issue, jobs, ask, kept_letters, monkeypatch):
    check_in(inside := issue(), "10 15:00")
    run()

    commits = outlives_every_death(
        monkeypatch,
        lambda: send_overstay_alert.fn(inside),
        reset=lambda: ask("delete from community.letter"),
        seen=lambda: (ask("select key from community.letter order by 1"), kept_letters()),
    )

    assert commits == 4, "what is told, and a letter each"


@pytest.mark.parametrize(
    "change",
    [
        "status = 'INSIDE'",
        "status = 'OVERSTAY', overstayed_at = '2026-04-10 18:00+05:30'",
        "status = 'USED'",
        "valid_to = valid_from",
        "checked_in_at = '2026-04-10 18:00+05:30'",
        "status = 'LOST'",
    ],
)
def test_states_that_cannot_be_are_refused(issue, ask, change):
    issue()
    with pytest.raises(CheckViolation):
        ask(f"update community.visitor_pass set {change}")
