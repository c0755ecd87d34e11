"""`jobs`: find, show, retry, cancel and delete them."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from tests.cli.conftest import Desk
from tests.support.job_store import JobStore

Worked = Callable[[dict[str, str]], None]


def listed(desk: Desk, *filters: str) -> set[str]:
    return {job["id"] for job in desk.run("jobs", "list", "--json", *filters).json["jobs"]}


def test_jobs_are_found_by_state_actor_queue_service_age_and_argument(
    desk: Desk, job_store: JobStore, worked: Worked
) -> None:
    done = job_store.send("common.greet", "Asha")
    failed = job_store.send("common.breaks", 7)
    worked({done: "done", failed: "failed"})
    waiting = job_store.send("common.greet", "Bo", "sesame", queue_name="critical")
    later = job_store.send("common.breaks", 8, delay=60_000)
    elsewhere = job_store.send("sales.ran")
    job_store.ask(
        "update common_jobs.queue set enqueued_at = enqueued_at - interval '1 h' where message_id = %s", later
    )

    assert listed(desk) == {done, failed, waiting, later, elsewhere}
    assert listed(desk, "--state", "failed") == {failed}
    assert listed(desk, "--state", "Succeeded,SCHEDULED") == {done, later}
    assert listed(desk, "--actor", "common.breaks") == {failed, later}
    assert listed(desk, "--queue", "critical") == {waiting}
    assert listed(desk, "--service", "sales") == {elsewhere}
    assert listed(desk, "--older", "10m") == {later}
    assert listed(desk, "--newer", "10m") == {done, failed, waiting, elsewhere}
    assert listed(desk, "--arg", "number=7") == {failed}
    assert listed(desk, "--arg", "name=Bo", "--arg", "password=sesame") == {waiting}
    assert listed(desk, "--arg", "name=Bo", "--arg", "password=mellon") == set()
    assert len(listed(desk, "--limit", "2")) == 2


def test_an_argument_is_found_whether_it_was_given_by_position_or_by_name(
    desk: Desk, job_store: JobStore
) -> None:
    by_position = job_store.send("common.greet", "Asha")
    actor = job_store.broker.get_actor("common.greet")
    by_name = job_store.broker.enqueue(actor.message(name="Asha")).message_id

    assert listed(desk, "--arg", "name=Asha") == {by_position, by_name}


def test_a_list_for_people_has_a_line_a_job_and_hides_secrets(desk: Desk, job_store: JobStore) -> None:
    message_id = job_store.send("common.greet", "Asha", "sesame")

    line = desk.run("jobs", "list").out.splitlines()[1]

    assert line.startswith(message_id[:13])
    assert "Enqueued" in line
    assert "name='Asha', password='***'" in line


def test_show_tells_a_jobs_whole_story(desk: Desk, job_store: JobStore, worked: Worked) -> None:
    message_id = job_store.send("common.greet", "Asha", "sesame")
    worked({message_id: "done"})

    shown = desk.run("jobs", "show", message_id[:8], "--json").json

    assert shown["job"]["id"] == message_id
    assert shown["job"]["arguments"] == {"name": "Asha", "password": "***"}
    assert shown["job"]["progress"] == [1, 1]
    assert shown["result"] == "hello Asha"
    assert [step["state"] for step in shown["timeline"]] == ["Enqueued", "Processing", "Succeeded"]
    assert [line["line"] for line in shown["log"]] == ["hello Asha"]


def test_show_has_the_traceback_of_each_attempt(desk: Desk, job_store: JobStore, worked: Worked) -> None:
    message_id = job_store.send("common.breaks", 7)
    worked({message_id: "failed"})

    text = desk.run("jobs", "show", message_id).out

    assert "attempt 1 failed" in text
    assert 'raise RuntimeError(f"number {number} is broken")' in text
    assert "RuntimeError: number 7 is broken" in text


def test_an_id_must_be_known_and_clear(desk: Desk, job_store: JobStore) -> None:
    twins = [f"abcd1234-0000-4000-8000-00000000000{i}" for i in (1, 2)]
    for twin in twins:
        message = job_store.broker.get_actor("common.greet").message("Asha").copy(message_id=twin)
        job_store.broker.enqueue(message)

    assert desk.run("jobs", "show", twins[1]).code == 0
    ambiguous = desk.run("jobs", "show", "abcd")
    assert (ambiguous.code, twins[0] in ambiguous.err) == (2, True)
    assert desk.run("jobs", "show", "abc").code == 2
    assert desk.run("jobs", "show", "what?").code == 2
    unknown = desk.run("jobs", "show", str(uuid.uuid4()))
    assert (unknown.code, "may have expired" in unknown.err) == (1, True)


def test_a_failed_job_is_retried_with_all_its_attempts_and_history_says_by_whom(
    desk: Desk, job_store: JobStore, worked: Worked
) -> None:
    message_id = job_store.send("common.breaks", 7)
    worked({message_id: "failed"})

    assert desk.run("jobs", "retry", message_id, "--reason", "mended").code == 0

    job = job_store.job(message_id)
    assert (job.state, job.attempts) == ("queued", 0)
    reason = job_store.ask("select reason from common_jobs.history where state = 'queued'")[0][0]
    assert reason.startswith("retried by ")
    assert reason.endswith(": mended")
    worked({message_id: "failed"})
    assert job_store.history(message_id) == [("failed", 1), ("queued", 0), ("failed", 1)]


def test_deleted_and_cancelled_jobs_come_back_too(desk: Desk, job_store: JobStore) -> None:
    deleted, cancelled = job_store.send("common.greet", "Asha"), job_store.send("common.greet", "Bo")
    assert desk.run("jobs", "delete", deleted).code == 0
    assert desk.run("jobs", "cancel", cancelled).code == 0
    assert job_store.states() == {"rejected": 1, "cancelled": 1}

    assert desk.run("jobs", "retry", deleted, cancelled).code == 0

    assert job_store.states() == {"queued": 2}


def test_retrying_and_scheduled_jobs_run_now_and_keep_their_attempts(
    desk: Desk, job_store: JobStore, worked: Worked
) -> None:
    retrying = job_store.send("common.stumbles")
    worked({retrying: "retrying"})
    scheduled = job_store.send("common.greet", "Asha", delay=3_600_000)

    assert desk.run("jobs", "retry", retrying, scheduled).code == 0

    assert (job_store.state(retrying), job_store.job(retrying).attempts) == ("queued", 1)
    worked({retrying: "rejected", scheduled: "done"})


def test_a_succeeded_job_is_retried_only_as_a_new_job(
    desk: Desk, job_store: JobStore, worked: Worked
) -> None:
    message_id = job_store.send("common.greet", "Asha")
    worked({message_id: "done"})

    refused = desk.run("jobs", "retry", message_id)
    assert (refused.code, "--again" in refused.err) == (1, True)

    again = desk.run("jobs", "retry", message_id, "--again", "--json").json["changes"][0]
    assert again["new_id"] != message_id
    assert job_store.state(message_id) == "done"
    worked({again["new_id"]: "done"})
    assert desk.run("jobs", "show", again["new_id"], "--json").json["result"] == "hello Asha"


def test_what_cannot_be_changed_is_said_job_by_job(desk: Desk, job_store: JobStore, worked: Worked) -> None:
    done = job_store.send("common.greet", "Asha")
    worked({done: "done"})
    waiting = job_store.send("common.greet", "Bo")

    answer = desk.run("jobs", "delete", done, waiting, "--json")

    assert answer.code == 1
    assert {c["id"]: c["done"] for c in answer.json["changes"]} == {done: False, waiting: True}
    assert (answer.json["changed"], answer.json["refused"]) == (1, 1)


def test_a_job_whose_unique_key_is_taken_stays_as_it_is_while_others_are_retried(
    desk: Desk, job_store: JobStore, worked: Worked
) -> None:
    keyed = job_store.send("common.breaks", 1, unique_key="one")
    other = job_store.send("common.breaks", 2)
    worked({keyed: "failed", other: "failed"})
    twin = job_store.send("common.breaks", 1, unique_key="one")

    answer = desk.run("jobs", "retry", keyed, other, "--json")

    assert answer.code == 1
    said = {change["id"]: change for change in answer.json["changes"]}
    assert said[other]["done"]
    assert not said[keyed]["done"]
    assert twin in said[keyed]["what"]
    assert (job_store.state(keyed), job_store.state(other)) == ("failed", "queued")


def test_of_two_failed_jobs_with_one_key_one_is_retried(
    desk: Desk, job_store: JobStore, worked: Worked
) -> None:
    first = job_store.send("common.breaks", 1, unique_key="one")
    worked({first: "failed"})
    second = job_store.send("common.breaks", 1, unique_key="one")
    worked({second: "failed"})

    assert desk.run("jobs", "retry", first, second).code == 1

    assert job_store.states() == {"queued": 1, "failed": 1}


def test_bulk_work_says_how_many_it_means_and_waits_for_yes(desk: Desk, job_store: JobStore) -> None:
    job_store.send_many("common.greet", 2_500, "Asha")
    job_store.send("common.breaks", 1)

    asked = desk.run("jobs", "delete", "--all", "--actor", "common.greet")
    assert (asked.code, "2,500 jobs" in asked.err, job_store.states()) == (2, True, {"queued": 2_501})

    done = desk.run("jobs", "delete", "--all", "--actor", "common.greet", "--yes", "--json")
    assert (done.code, done.json["changed"]) == (0, 2_500)
    assert job_store.states() == {"rejected": 2_500, "queued": 1}

    back = desk.run("jobs", "retry", "--all", "--yes")
    assert (back.code, "2,500 jobs in all" in back.out) == (0, True)
    assert job_store.states() == {"queued": 2_501}


def test_jobs_must_be_named_or_meant_but_not_both(desk: Desk, job_store: JobStore) -> None:
    message_id = job_store.send("common.greet", "Asha")

    assert desk.run("jobs", "cancel").code == 2
    assert desk.run("jobs", "cancel", message_id, "--all").code == 2
    assert desk.run("jobs", "cancel", "--all", "--state", "Lost", "--yes").code == 2
    assert job_store.states() == {"queued": 1}


def test_a_failed_job_can_be_deleted(desk: Desk, job_store: JobStore, worked: Worked) -> None:
    message_id = job_store.send("common.breaks", 7)
    worked({message_id: "failed"})

    assert desk.run("jobs", "delete", message_id).code == 0

    assert job_store.state(message_id) == "rejected"
    assert job_store.job(message_id).error == "RuntimeError: number 7 is broken"


def test_an_awaiting_job_says_what_it_waits_for_and_what_to_retry(
    desk: Desk, job_store: JobStore, worked: Worked
) -> None:
    first, second, third = job_store.send_pipeline(
        ("common.breaks", (7,)), ("common.follows", ({},)), ("common.greet", ())
    )
    worked({first: "failed"})
    expected = f"waits for common.breaks {first[:8]} (Failed: RuntimeError: number 7 is broken)"

    listed_jobs = desk.run("jobs", "list", "--state", "Awaiting", "--json").json["jobs"]
    assert {(job["id"], job["reason"]) for job in listed_jobs} == {(second, expected), (third, expected)}
    assert {node["id"] for job in listed_jobs for node in job["held_up_by"]} == {first}
    assert expected in desk.run("jobs", "list", "--state", "Awaiting").out
    assert listed(desk, "--state", "Awaiting") == {second, third}

    shown = desk.run("jobs", "show", second, "--json").json
    assert (shown["workflow"]["kind"], shown["workflow"]["state"]) == ("pipeline", "Failed")
    assert [(n["node"]["id"], n["node"]["state"], n["met"]) for n in shown["before"]] == [
        (first, "Failed", False)
    ]
    assert [(n["node"]["id"], n["node"]["state"]) for n in shown["after"]] == [(third, "Awaiting")]
    text = desk.run("jobs", "show", second).out
    assert f"\nreason     {expected}\n" in text
    assert f"\nfollowed by\n  common.greet {third[:8]} (Awaiting)\n" in text
    assert f"workflow   pipeline 'common.breaks | common.follows | common.greet' {first[:8]} (Failed)" in text

    refused = desk.run("jobs", "retry", third)
    assert (refused.code, f"{expected}: retry that instead" in refused.err) == (1, True)
    assert desk.run("jobs", "retry", first).code == 0
    assert desk.run("jobs", "show", third, "--json").json["job"]["reason"] == (
        f"waits for common.breaks {first[:8]} (Enqueued)"
    )


def test_what_a_job_waits_for_may_be_in_another_service(
    desk: Desk, job_store: JobStore, worked: Worked
) -> None:
    first, second, third = job_store.send_pipeline(
        ("sales.gives", (1,)), ("common.gives", ()), ("sales.gives", ())
    )

    jobs = desk.run("jobs", "list", "--state", "Awaiting", "--service", "sales", "--json").json["jobs"]

    assert [(job["id"], job["reason"]) for job in jobs] == [
        (third, f"waits for sales.gives {first[:8]} (Enqueued)")
    ]
    shown = desk.run("jobs", "show", second, "--json").json
    assert [n["node"]["service"] for n in (*shown["before"], *shown["after"])] == ["sales", "sales"]
