"""Complaints: planned when they are opened, told level by level while they are open, each level once."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from actors.community import complaints, escalate_request, plan_escalation
from actors.community.rules.sla import MissingSla
from actors.community.store import UnknownRequest
from periodic.community import maintenance_request_escalation
from tests.services.community.conftest import india
from tests.support.deaths import outlives_every_death
from tests.support.service import work_off

STEPS = (
    """select level, due_at at time zone 'Asia/Kolkata', outcome from community.escalation order by level"""
)


@pytest.fixture
def complain(society, person, ask):
    """A complaint of Friday, 10 April, 18:20; returns its id."""

    def complain(opened="10 18:20", *, priority="NORMAL", number="C-00001", resident=None):
        key = str(uuid4())
        ask(
            """insert into community.maintenance_request
                (id, community_id, number, person_id, category, title, priority, opened_at)
            values (%s, %s, %s, %s, 'Lift', 'Lift stops between floors', %s, %s)""",
            *(key, society, number, resident or person(), priority, india(opened)),
        )
        return key

    return complain


@pytest.fixture
def close(ask):
    return lambda request, at: ask(
        "update community.maintenance_request set state = 'RESOLVED', closed_at = %s where id = %s",
        india(at),
        request,
    )


def run(at):
    return maintenance_request_escalation.fn(scheduled_for=india(at).isoformat())


def levels(ask):
    return [(level, f"{due:%d %H:%M}", outcome) for level, due, outcome in ask(STEPS)]


def told(mailbox):
    return [letter["To"].addresses[0].username for letter in mailbox.letters]


def test_a_complaint_is_planned_in_office_time_and_each_step_waits_for_its_moment(complain, jobs, clock):
    clock("10 18:20")
    request = complain()

    for expected in (3, 0):
        assert len(plan_escalation.fn(request)) == expected

    assert jobs() == [
        ("escalate_request", (request, 1), "11 12:20"),
        ("escalate_request", (request, 2), "13 10:20"),
        ("escalate_request", (request, 3), "14 12:20"),
    ]


def test_several_who_plan_the_same_complaint_plan_it_once(complain, jobs, ask):
    request = complain()

    with ThreadPoolExecutor(4) as planners:
        planned = list(planners.map(lambda _: len(plan_escalation.fn(request)), range(8)))

    assert sorted(planned) == [0] * 7 + [3]
    assert len(jobs()) == 3


def test_a_holiday_puts_a_step_off(complain, jobs, society, ask):
    ask("insert into community.holiday values (%s, '2026-04-14', 'Ambedkar Jayanti')", society)

    assert plan_escalation.fn(complain())["3"] == "2026-04-15T12:20:00+05:30"


def test_an_emergency_is_planned_by_the_clock(complain, jobs, clock):
    clock("10 23:10")
    request = complain("10 23:10", priority="EMERGENCY")
    plan_escalation.fn(request)

    assert [moment for _, _, moment in jobs()] == ["10 23:40", "11 01:10", "11 03:10"]


def test_each_level_is_told_once_manager_secretary_then_chair_and_committee(
    complain, jobs, mailbox, clock, ask
):
    request = complain(number="C-00042")
    plan_escalation.fn(request)
    for level, moment in ((1, "11 12:20"), (2, "13 10:20"), (3, "14 12:20")):
        clock(moment)
        for _ in range(2):
            escalate_request.fn(request, level)

    assert told(mailbox) == ["manager", "secretary", "chair", "farhan.shaikh", "grace.dsouza"]
    assert levels(ask) == [
        (1, "11 12:20", "ESCALATED"),
        (2, "13 10:20", "ESCALATED"),
        (3, "14 12:20", "ESCALATED"),
    ]
    assert ask("select level from community.maintenance_request") == [(3,)]
    letter = mailbox.letters[0]
    assert letter["Subject"] == "level 1: C-00042, Lift stops between floors"
    for part in ("plain", "html"):
        text = letter.get_body((part,)).get_content()
        for said in ("Kavita Rao, flat A-101", "Fri 10 Apr 2026, 18:20", "Sat 11 Apr 2026, 12:20"):
            assert said in text, part


def test_a_closed_complaint_is_not_told(complain, jobs, mailbox, clock, close, ask):
    request = complain()
    plan_escalation.fn(request)
    close(request, "11 12:00")
    clock("11 12:20")

    assert escalate_request.fn(request, 1) == {"sent": 0, "closed": True}
    run("15 00:00")
    assert mailbox.letters == []
    assert [outcome for _, _, outcome in levels(ask)] == ["NOT_NEEDED"] * 3


def test_a_letter_that_is_late_waits_for_the_end_of_the_quiet_hours_but_for_an_emergency(
    complain, jobs, mailbox, clock, ask
):
    request, emergency = complain(), complain("10 23:10", priority="EMERGENCY", number="C-00002")
    plan_escalation.fn(request)
    plan_escalation.fn(emergency)
    ask("delete from community_jobs.queue")
    clock("11 23:40")

    assert escalate_request.fn(request, 1) == {"sent": 0, "put_off": "2026-04-12T08:00:00+05:30"}
    assert jobs() == [("escalate_request", (request, 1), "12 08:00")]
    assert escalate_request.fn(emergency, 1)["sent"] == 1
    assert mailbox.letters[0]["Subject"].startswith("EMERGENCY, level 1")
    assert "This is an emergency." in mailbox.letters[0].get_body(("plain",)).get_content()
    clock("12 08:00")
    assert escalate_request.fn(request, 1)["sent"] == 1


def test_a_step_whose_job_comes_too_early_waits(complain, jobs, mailbox, clock):
    request = complain()
    plan_escalation.fn(request)
    clock("11 12:00")

    assert escalate_request.fn(request, 1)["put_off"] == "2026-04-11T12:20:00+05:30"


def test_the_four_hourly_run_plans_what_nobody_planned_and_sends_what_nobody_sent(
    complain, jobs, mailbox, clock, ask, community_database
):
    complain("10 23:10", priority="EMERGENCY")
    clock("11 00:00")

    assert run("11 00:00") == {"planned": 1, "due": 1, "refused": []}
    assert [moment for _, _, moment in jobs()] == [None, "11 01:10", "11 03:10"], "no step waits twice"
    ask("delete from community_jobs.queue")
    assert run("11 04:00") == {"planned": 0, "due": 3, "refused": []}
    assert len(jobs()) == 3
    clock("11 04:00")
    work_off(community_database, "community")
    assert sorted(told(mailbox)) == ["chair", "farhan.shaikh", "grace.dsouza", "manager", "secretary"]
    assert run("11 08:00") == {"planned": 0, "due": 0, "refused": []}


def test_many_are_walked_page_by_page(complain, person, jobs, ask, monkeypatch):
    monkeypatch.setattr(complaints, "PAGE", 2)
    resident = person()
    for number in range(5):
        complain(number=f"C-{number}", resident=resident)

    assert run("14 16:00") == {"planned": 5, "due": 15, "refused": []}


def test_a_complaint_for_which_no_time_can_be_reckoned_is_named_and_the_rest_go_on(complain, jobs, ask):
    strange, usual = complain(number="C-1"), complain(priority="EMERGENCY", number="C-2")
    ask("delete from community.office_hours")

    done = run("11 00:00")

    assert done["planned"] == 1
    assert done["refused"] == [
        "complaint C-1: the office is not open for 4:00:00 within a year of 10 Apr 2026"
    ]
    with pytest.raises(MissingSla, match="complaint C-1: the office is not open"):
        plan_escalation.fn(strange)
    assert {arguments[0] for _, arguments, _ in jobs()} == {usual}


def test_what_is_not_on_record_is_unknown(society, jobs):
    with pytest.raises(UnknownRequest, match="no complaint has the id"):
        plan_escalation.fn(str(uuid4()))
    with pytest.raises(UnknownRequest, match="'lift' is not the id of any complaint"):
        plan_escalation.fn("lift")
    with pytest.raises(UnknownRequest, match="has no level 1 planned"):
        escalate_request.fn(str(uuid4()), 1)


def test_steps_of_a_new_resolution_count_from_their_day_on(complain, jobs, ask):
    ask("""insert into community.sla_step values
        ('NORMAL', 1, '2026-04-11', 60, '{MANAGER}', 'general body, 5 April 2026')""")

    assert plan_escalation.fn(complain())["1"] == "2026-04-11T12:20:00+05:30"
    assert plan_escalation.fn(complain("11 09:00", number="C-2"))["1"] == "2026-04-11T10:00:00+05:30"
    ask("delete from community.sla_step where source <> 'our own proposal'")


def test_the_figures_of_complaints(complain, jobs, close, society, ask):
    first, second = complain(number="C-1"), complain("11 09:30", number="C-2")
    plan_escalation.fn(first)
    plan_escalation.fn(second)

    def figures(day):
        found = dict(ask("select * from community.daily_figures(%s, %s)", society, day))
        return [int(found[f"complaints_{name}"]) for name in ("opened", "open", "overdue")]

    close(first, "12 10:00")
    assert [figures(f"2026-04-{day}") for day in (10, 11, 12)] == [[1, 1, 0], [1, 2, 2], [0, 1, 1]]


def test_planning_outlives_every_death(complain, jobs, ask, monkeypatch):
    request = complain()

    commits = outlives_every_death(
        monkeypatch,
        lambda: plan_escalation.fn(request),
        reset=lambda: ask("delete from community.escalation; delete from community_jobs.queue"),
        seen=lambda: (levels(ask), jobs()),
    )

    assert commits == 1


def test_an_escalation_outlives_every_death(complain, jobs, clock, ask, kept_letters, monkeypatch):
    request = complain("10 23:10", priority="EMERGENCY")
    clock("11 03:10")

    def reset():
        ask("delete from community.escalation; delete from community.letter")
        plan_escalation.fn(request)

    commits = outlives_every_death(
        monkeypatch,
        lambda: escalate_request.fn(request, 3),
        reset=reset,
        seen=lambda: (levels(ask), ask("select key from community.letter order by 1"), kept_letters()),
    )

    assert commits == 4, "the decision, and a letter each"
