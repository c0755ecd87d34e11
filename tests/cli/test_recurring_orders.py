"""`dhanman-jobs recurring`: the calendar as operators change it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Desk
from tests.support.job_store import JobStore

WELCOME = ("common.send_welcome_email", "0 7 * * *", "--arg", "asha@example.com", "--kwarg", "name=Asha")


pytestmark = pytest.mark.usefixtures("calendar")


def job(desk: Desk, name: str) -> dict[str, Any]:
    found: dict[str, Any] = desk.run("recurring", "show", name, "--json").json["recurring"]
    return found


def test_a_paused_job_says_by_whom_and_why_and_goes_on_when_resumed(desk: Desk) -> None:
    name = "check-overdue-invoices"
    assert desk.run("recurring", "pause", name, "--reason", "year end", "--json").json["paused"]
    assert "year end" in desk.run("recurring", "list").out
    again = desk.run("recurring", "pause", name, "--reason", "another")
    assert again.code == 0
    assert again.out.startswith(f"{name} is unchanged: paused by ")
    assert again.out.endswith(": year end\n")

    assert desk.run("recurring", "resume", name, "--json").json["resumed"]
    assert job(desk, name)["paused_at"] is None
    assert desk.run("recurring", "resume", name).out == f"{name} was not paused\n"


def test_another_schedule_is_told_in_words_and_survives_a_deploy(desk: Desk) -> None:
    name = "generate-monthly-invoices"
    said = desk.run("recurring", "reschedule", name, "30 7 2 * *").out.splitlines()
    assert said[:3] == [
        f"rescheduled {name}",
        "  was   at 06:00 on day 1 of every month (Asia/Kolkata)",
        "  is    at 07:30 on day 2 of every month (Asia/Kolkata)",
    ]
    assert said[3].startswith("  next  ")
    assert said[3].endswith("-02 07:30")

    desk.run("migrate")
    assert job(desk, name)["spec"] == "30 7 2 * *"
    [line] = [line for line in desk.run("recurring", "list").out.splitlines() if line.startswith(name)]
    assert "changed by " in line
    assert "the code says 0 6 1 * *" in line

    again = desk.run("recurring", "reschedule", name, "30 7 2 * *")
    assert (again.code, again.out) == (
        0,
        f"{name} is unchanged: at 07:30 on day 2 of every month (Asia/Kolkata)\n",
    )
    back = desk.run("recurring", "reschedule", name, "--reset", "--json").json
    assert (back["changed"], back["before"]["spec"], back["after"]["spec"]) == (
        True,
        "30 7 2 * *",
        "0 6 1 * *",
    )
    assert desk.run("recurring", "reschedule", name, "--reset").out == (
        f"{name} is unchanged: at 06:00 on day 1 of every month (Asia/Kolkata), as the code says\n"
    )
    assert job(desk, name)["changed_at"] is None


def test_a_paused_job_that_is_rescheduled_has_no_next_run(desk: Desk) -> None:
    name = "calculate-late-fees"
    desk.run("recurring", "pause", name, "--reason", "year end")
    assert desk.run("recurring", "reschedule", name, "@hourly", "--json").json["next_at"] is None
    said = desk.run("recurring", "reschedule", name, "@daily", "--zone", "Asia/Dubai").out
    assert "next  when it is resumed: paused by " in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["0 24 * * *"], "refused: hour: 24 is not between 0 and 23"),
        (["0 9 * * *", "--zone", "Asia/Kolkatta"], "did you mean 'Asia/Kolkata'"),
        (["0 9 * * *", "--reset"], "not both"),
        ([], "or --reset for the code's own"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_as_wrong_usage(desk: Desk, words: list[str], said: str) -> None:
    refused = desk.run("recurring", "reschedule", "calculate-late-fees", *words)
    assert refused.code == 2
    assert said in refused.err
    assert job(desk, "calculate-late-fees")["changed_at"] is None


def test_a_job_is_added_once_and_is_shown_with_who_added_it(desk: Desk) -> None:
    first = desk.run("recurring", "add", "welcome-asha", *WELCOME)
    assert first.out.startswith("added welcome-asha: at 07:00 every day (Asia/Kolkata), next run ")
    again = desk.run("recurring", "add", "welcome-asha", *WELCOME)
    assert (again.code, again.out) == (0, "welcome-asha is there already\n")
    assert desk.run("recurring", "add", "welcome-asha", *WELCOME, "--json").json["became"] == "unchanged"

    added = job(desk, "welcome-asha")
    assert added["arguments"] == {"email": "asha@example.com", "name": "Asha"}
    assert added["code_spec"] is None
    assert "added by " in desk.run("recurring", "show", "welcome-asha").out.replace(
        "added      by", "added by"
    )
    other = desk.run("recurring", "add", "welcome-asha", WELCOME[0], "@hourly", *WELCOME[2:])
    assert other.code == 1
    assert "schedule '0 7 * * *' instead of '@hourly'" in other.err
    reset = desk.run("recurring", "reschedule", "welcome-asha", "--reset")
    assert reset.code == 1
    assert "was added at run time" in reset.err


@pytest.mark.parametrize(
    ("name", "words", "code", "said"),
    [
        ("database-backup", WELCOME, 1, "the code of common declares it"),
        ("Welcome", WELCOME, 2, "small letters"),
        ("x", ("common.send_welcome_emal", "@daily"), 2, "did you mean 'common.send_welcome_email'"),
        ("x", ("common.send_welcome_email", "@daily"), 2, "missing a required argument: 'email'"),
        ("x", (*WELCOME, "--service", "sales"), 2, "an actor of common, not of sales"),
        ("x", (*WELCOME, "--zone", "Nowhere"), 2, "unknown zone 'Nowhere'"),
        ("x", (*WELCOME, "--missed", "never"), 2, "missed must be one of once, all, skip"),
        ("x", (*WELCOME, "--overlap", "never"), 2, "overlap must be one of allow, skip, queue"),
        ("x", (*WELCOME, "--kwarg", "Asha"), 2, "give NAME=VALUE"),
        ("x", ("recurring.ticker", "@daily"), 2, "is no job"),
    ],
)
def test_what_cannot_be_added_is_refused(
    desk: Desk, name: str, words: tuple[str, ...], code: int, said: str
) -> None:
    refused = desk.run("recurring", "add", name, *words)
    assert (refused.code, refused.out) == (code, "")
    assert said in refused.err


def test_a_job_that_was_added_is_removed_when_asked_twice_and_its_history_stays(desk: Desk) -> None:
    desk.run("recurring", "add", "welcome-asha", *WELCOME)
    triggered = desk.run("recurring", "trigger", "welcome-asha", "--json").json["id"]

    asked = desk.run("recurring", "remove", "welcome-asha")
    assert (asked.code, asked.out) == (2, "")
    assert "add --yes" in asked.err
    assert desk.run("recurring", "remove", "welcome-asha", "--yes").out == "removed welcome-asha\n"

    assert desk.run("recurring", "show", "welcome-asha").code == 1
    [tick] = desk.run("recurring", "history", "welcome-asha", "--json").json["ticks"]
    assert tick["message_id"] == triggered
    assert desk.run("recurring", "add", "welcome-asha", *WELCOME).code == 0, "the name is free again"


def test_a_declared_job_is_not_removed(desk: Desk) -> None:
    refused = desk.run("recurring", "remove", "database-backup", "--yes")
    assert refused.code == 1
    assert "the code declares it. Pause it instead" in refused.err


def test_an_orphan_is_not_triggered_and_may_be_removed(desk: Desk, job_store: JobStore) -> None:
    job_store.ask("update sales_jobs.recurring set orphaned_at = now() where name = 'calculate-late-fees'")
    refused = desk.run("recurring", "trigger", "calculate-late-fees")
    assert refused.code == 1
    assert "calculate-late-fees is orphaned: no code declares it any more" in refused.err
    assert desk.run("recurring", "remove", "calculate-late-fees", "--yes").code == 0


def test_the_ticker_is_neither_registered_nor_listed_nor_sent(desk: Desk, job_store: JobStore) -> None:
    assert job_store.ask("select * from common_jobs.actor where actor_name = 'recurring.ticker'") == []
    assert "ticker" not in desk.run("recurring", "list").out
    refused = desk.run("send", "recurring.ticker")
    assert refused.code == 2
    assert "is no job" in refused.err


def test_pausing_again_tells_by_whom_and_why_it_is_paused(desk: Desk) -> None:
    name = "check-overdue-invoices"
    first = desk.run("recurring", "pause", name, "--reason", "year end", "--json").json
    again = desk.run("recurring", "pause", name, "--reason", "another", "--json").json
    assert (first["paused"], again["paused"], again["pause_reason"]) == (True, False, "year end")
    assert again["paused_by"] == first["paused_by"] != ""


def test_a_job_whose_actor_the_store_does_not_know_yet_has_a_next_run_all_the_same(
    desk: Desk, job_store: JobStore
) -> None:
    job_store.ask("delete from common_jobs.actor where actor_name = %s", WELCOME[0])
    said = desk.run("recurring", "add", "welcome-asha", *WELCOME).out
    assert "next run never" not in said
    assert " 07:00\n" in said
    assert "not known to the store yet: run `dhanman-jobs migrate`" in said


# -- one name in two services


def moved(job_store: JobStore, name: str = "calculate-late-fees") -> None:
    """The code had it in common before."""
    job_store.ask(
        "insert into common_jobs.recurring (name, actor_name, spec, zone, code_spec, code_zone, orphaned_at, next_at) "
        "values (%s, 'common.late_fees', '@daily', 'UTC', '@daily', 'UTC', now(), now() + interval '1 h')",
        name,
    )


@pytest.mark.parametrize("order", ["show", "pause", "resume", "trigger", "history", "next"])
def test_orders_go_to_the_job_that_runs_where_an_orphan_has_its_name(
    desk: Desk, job_store: JobStore, order: str
) -> None:
    moved(job_store)
    assert desk.run("recurring", order, "calculate-late-fees").code == 0
    if order == "pause":
        assert job_store.ask("select name from common_jobs.recurring where paused_at is not null") == []
        assert job_store.ask("select name from sales_jobs.recurring where paused_at is not null")
    if order == "show":
        assert "service    sales" in desk.run("recurring", order, "calculate-late-fees").out


def test_the_orphan_is_meant_where_its_service_is_said(desk: Desk, job_store: JobStore) -> None:
    moved(job_store)
    removed = desk.run("recurring", "remove", "calculate-late-fees", "--service", "common", "--yes")
    assert removed.code == 0
    assert job(desk, "calculate-late-fees")["service"] == "sales"


@pytest.mark.parametrize("order", ["show", "pause", "trigger", "history", "next"])
def test_of_two_jobs_that_run_the_service_is_asked_for(desk: Desk, job_store: JobStore, order: str) -> None:
    moved(job_store)
    job_store.ask("update common_jobs.recurring set orphaned_at = null where name = 'calculate-late-fees'")
    refused = desk.run("recurring", order, "calculate-late-fees")
    assert (refused.code, refused.out) == (2, "")
    assert "calculate-late-fees is in common and sales: say which with --service" in refused.err
    assert desk.run("recurring", order, "calculate-late-fees", "--service", "sales").code == 0


def test_migrate_says_which_added_jobs_it_gave_up(desk: Desk, job_store: JobStore) -> None:
    job_store.ask(
        "insert into common_jobs.recurring (name, actor_name, spec, zone, added_by, next_at) values "
        "('calculate-late-fees', 'common.send_welcome_email', '@daily', 'UTC', 'asha', now() + interval '1 h')"
    )
    said = desk.run("migrate").out
    assert (
        "common: calculate-late-fees, which asha added, does not run any more: the code declares it for another service"
        in said
    )
    listed = desk.run("recurring", "list", "--service", "common").out
    assert "orphaned: the code declares it for another service; added by asha" in listed
    assert desk.run("migrate", "--json").json["given_up"] == [
        {"name": "calculate-late-fees", "service": "common", "added_by": "asha"}
    ]
