"""Reminders of events: at their moment, to each who comes, once for each start."""

from datetime import datetime
from uuid import uuid4

import pytest

from actors.community import arrange_reminders, events, remind_of_event
from actors.community.store import UnknownEvent
from infra.queue import current_job
from periodic.community import send_event_reminders
from tests.services.community.conftest import india
from tests.support.deaths import outlives_every_death
from tests.support.service import work_off

DECIDED = """select name, step, outcome, reason from community.event_reminder
    join community.person on person.id = person_id order by name, decided_at, step"""


@pytest.fixture
def event(society, ask):
    """A film evening on Saturday, 18 April, at six; returns its id."""

    def event(starts="18 18:00", title="Film evening"):
        key = str(uuid4())
        ask(
            "insert into community.event values (%s, %s, %s, 'Club house', %s, null)",
            key,
            society,
            title,
            india(starts),
        )
        return key

    return event


@pytest.fixture
def comes(person, ask):
    """Registers a resident for an event."""

    def comes(event, name="Kavita Rao", email="kavita@example.in", since="2 10:00", **how):
        who = person(name, email, **how)
        ask("insert into community.registration values (%s, %s, %s, null)", event, who, india(since))
        return who

    return comes


@pytest.fixture
def run(clock):
    """The morning's run, at its moment."""
    return lambda at: send_event_reminders.fn(scheduled_for=clock(at).isoformat())


def remind(event, step, starts="18 18:00"):
    return remind_of_event.fn(event, india(starts).isoformat(), step)


def names(mailbox):
    return [letter["To"].addresses[0].display_name for letter in mailbox.letters]


def test_the_morning_arranges_the_days_steps_each_for_its_moment(event, jobs, run):
    film = event()

    assert [run(f"{day} 08:00") for day in (10, 11, 11)] == [0, 1, 1]
    ((name, (what, start, step), moment),) = jobs()  # a second run finds the first's job waiting
    assert (name, what, step, moment) == ("remind_of_event", film, "7d", "11 18:00")
    assert datetime.fromisoformat(start) == india("18 18:00")
    run("17 08:00")
    run("18 08:00")
    assert [(arguments[2], moment) for _, arguments, moment in jobs()] == [
        ("7d", "11 18:00"), ("1d", "17 18:00"), ("2h", "18 16:00"),
    ]  # fmt: skip


def test_each_who_comes_is_reminded_once_in_their_greeting(event, comes, jobs, mailbox, clock):
    film = event()
    comes(film, "Kavita Rao")
    comes(film, "अनिता देशपांडे", "anita@example.in", language="mr")
    clock("11 18:00")

    assert remind(film, "7d") == {"sent": 2, "refused": []}
    assert remind(film, "7d") == {"sent": 0, "refused": []}

    assert sorted(names(mailbox)) == ["Kavita Rao", "अनिता देशपांडे"]
    letters = {letter["To"].addresses[0].display_name: letter for letter in mailbox.letters}
    assert letters["Kavita Rao"]["Subject"] == "Reminder: Film evening on Sat 18 Apr, 18:00"
    for part in ("plain", "html"):
        text = letters["Kavita Rao"].get_body((part,)).get_content()
        assert "Saturday, 18 April 2026, 18:00" in text
        assert "Club house" in text
    assert "नमस्कार अनिता देशपांडे" in letters["अनिता देशपांडे"].get_body(("plain",)).get_content()


def test_who_withdrew_has_no_address_or_registered_too_late_is_not_reminded(
    event, comes, jobs, mailbox, clock, ask
):
    film = event()
    comes(film, "Asha", None)
    comes(film, "Bina", since="12 10:00")
    gone = comes(film, "Charu")
    ask("update community.registration set withdrawn_at = %s where person_id = %s", india("5 10:00"), gone)
    clock("12 18:00")

    assert remind(film, "7d")["sent"] == 0
    assert ask(DECIDED) == [
        ("Asha", "7d", "SKIPPED", "no mail address"),
        ("Bina", "7d", "SKIPPED", "registered after this reminder was due"),
    ]
    clock("17 18:00")
    assert remind(film, "1d")["sent"] == 1, "Bina, in time for this one"


def test_an_address_that_is_refused_keeps_nobody_else_waiting(event, comes, jobs, mailbox, clock, ask):
    film = event()
    comes(film, "Asha", "unknown@example.in")
    comes(film, "Bina")
    clock("17 18:00")

    done = remind(film, "1d")

    assert done["sent"] == 1
    assert done["refused"][0].startswith("Asha: mail server")
    assert [row[:3] for row in ask(DECIDED)] == [("Asha", "1d", "SKIPPED"), ("Bina", "1d", "SENT")]


def test_a_cancelled_event_reminds_nobody(event, comes, jobs, mailbox, clock, run, ask):
    film = event()
    comes(film)
    clock("17 18:00")
    ask("update community.event set cancelled_at = %s", india("16 10:00"))

    assert remind(film, "1d") == {"sent": 0, "stopped": "cancelled"}
    assert run("17 08:00") == 0


def test_a_moved_event_gets_new_reminders_and_the_old_ones_say_nothing(
    event, comes, jobs, mailbox, clock, ask
):
    film = event()
    comes(film)
    clock("17 18:00")
    remind(film, "1d")
    ask("update community.event set starts_at = %s", india("19 18:00"))
    clock("18 16:00")

    assert remind(film, "2h") == {"sent": 0, "stopped": "moved to Sunday, 19 April 2026, 18:00"}
    assert arrange_reminders.fn(film) == 2
    assert [(arguments[2], moment) for _, arguments, moment in jobs()] == [
        ("7d", None),
        ("1d", "18 18:00"),
    ]
    clock("18 18:00")
    assert remind(film, "1d", "19 18:00")["sent"] == 1
    assert len(mailbox.letters) == 2
    assert "Sun 19 Apr" in mailbox.letters[1]["Subject"]


def test_after_it_began_nobody_is_reminded(event, comes, jobs, mailbox, clock, run):
    film = event()
    comes(film)
    clock("18 18:00")

    assert remind(film, "2h") == {"sent": 0, "stopped": "begun"}
    assert run("18 18:00") == 0


def test_a_reminder_that_comes_after_a_later_one_says_nothing(event, comes, jobs, mailbox, clock, ask):
    film = event()
    comes(film)
    clock("18 16:00")
    remind(film, "2h")

    assert remind(film, "1d")["sent"] == 0
    assert ask("select reason from community.event_reminder where step = '1d'") == [
        ("a later reminder went out before",)
    ]


def test_a_missed_morning_is_made_up_for_by_the_latest_reminder(
    event, comes, jobs, mailbox, clock, run, ask, community_database
):
    film = event()
    comes(film)

    run("17 19:00")
    assert [(arguments[2], moment) for _, arguments, moment in jobs()] == [("1d", None), ("2h", "18 16:00")]
    work_off(community_database, "community")
    clock("18 16:00")
    remind(film, "2h")

    assert [row[1:3] for row in ask(DECIDED)] == [("1d", "SENT"), ("2h", "SENT")]
    assert len(mailbox.letters) == 2


def test_an_event_that_is_not_on_record_is_unknown(society, jobs):
    with pytest.raises(UnknownEvent, match="no event has the id"):
        remind(str(uuid4()), "1d")
    with pytest.raises(UnknownEvent, match="'film' is not the id of any event"):
        arrange_reminders.fn("film")


def test_many_events_are_walked_page_by_page(event, jobs, run, monkeypatch):
    monkeypatch.setattr(events, "PAGE", 2)
    for hour in (10, 10, 10, 11, 12):
        event(f"11 {hour}:00")

    assert run("10 08:00") == 5 * 2  # the latest of what was missed, and the day before


def test_many_people_are_walked_page_by_page(event, comes, jobs, mailbox, clock, monkeypatch):
    monkeypatch.setattr(events, "PAGE", 2)
    film = event()
    for name, email in (("A", None), ("B", None), ("C", None), ("D", "d@example.in"), ("E", "e@example.in")):
        comes(film, name, email)
    clock("17 18:00")

    assert remind(film, "1d")["sent"] == 2


def test_a_cancelled_job_stops_between_two_letters(event, comes, jobs, mailbox, clock, monkeypatch):
    film = event()
    for name in "ABC":
        comes(film, name)
    clock("17 18:00")
    answers = iter([False, True])
    monkeypatch.setattr(type(current_job()), "cancellation_requested", lambda _job: next(answers))

    assert remind(film, "1d") == {"sent": 1, "cancelled": True}


def test_reminders_outlive_every_death(event, comes, jobs, clock, ask, kept_letters, monkeypatch):
    film = event()
    comes(film, "Asha")
    comes(film, "Bina", None)
    comes(film, "Charu", "charu@example.in")
    clock("17 18:00")

    commits = outlives_every_death(
        monkeypatch,
        lambda: remind(film, "1d"),
        reset=lambda: ask("delete from community.event_reminder; delete from community.letter"),
        seen=lambda: (
            sorted(ask(DECIDED)),
            ask("select key from community.letter order by 1"),
            kept_letters(),
        ),
    )

    assert commits == 3, "who gets none, and a letter each"


def test_the_morning_outlives_every_death(event, jobs, run, ask, monkeypatch):
    event()

    commits = outlives_every_death(
        monkeypatch,
        lambda: run("18 08:00"),
        reset=lambda: ask("delete from community_jobs.queue"),
        seen=jobs,
    )

    assert commits == 1
