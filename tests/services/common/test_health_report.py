"""The health report: a verdict on top, each trouble with what to do, the facts; mailed to the admins, and kept."""

import shutil
from collections import namedtuple
from contextlib import closing
from datetime import UTC, datetime

import psycopg2
import pytest

from actors.common.reference.seed import seed_society
from actors.common.reports import facts as reported
from actors.common.reports.health import duration, report, size
from actors.common.rules.fingerprints import fingerprint
from infra.settings import settings
from tests.support.deaths import outlives_every_death
from tests.support.queue import broker_on
from tests.support.service import asker

EIGHT = datetime(2026, 4, 10, 2, 30, tzinfo=UTC)
LIVES = """insert into common_jobs.worker (worker_id, name, hostname, pid, queues, threads, memory_bytes, heartbeat_at)
    values (gen_random_uuid(), %s, 'desk', 1, '{critical,default,low-priority}', 8, 120000000, now() - %s::interval)"""
ENDED = """insert into common_jobs.finished (message_id, queue_name, state, actor_name, priority, attempts, enqueued_at,
        started_at, finished_at, error)
    select gen_random_uuid(), 'default', %s, %s, 0, 1, now() - interval '10 minutes', now() - interval '9 minutes 56 s',
        now() - %s::interval, %s || n from generate_series(1, %s) as n"""
BACKUP = """insert into common.backup (id, database, series, place, state, started_at, finished_at, size, sha256,
        tables_listed, verified_at, failure)
    values (%s, %s, %s, 'file:///backups', %s, now() - %s::interval, now(), 10, repeat('a', 64), 4, %s, %s)"""


@pytest.fixture
def ask(common):
    return asker(common)


@pytest.fixture
def installation(common, ask, monkeypatch):
    """One job store, a worker that lives, an admin, plenty of disk, and a backup that was restored for a test."""
    monkeypatch.setenv("JOBS_SERVICES", "common")
    settings.cache_clear()
    with closing(psycopg2.connect(common)) as connection, connection:
        seed_society(connection, "common")
    ask(LIVES, "worker-1", "2 s")
    (database,) = reported.databases()[0]
    ask(BACKUP, "b-1", database.name, database.series, "GOOD", "2 hours", "now", None)
    disk(monkeypatch, free=60)
    with broker_on(common):
        yield database


def disk(monkeypatch, *, free):
    usage = namedtuple("usage", "total used free")(100 * 2**30, (100 - free) * 2**30, free * 2**30)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)


def parts(letter):
    return [" ".join(letter.get_body((part,)).get_content().split()) for part in ("plain", "html")]


def test_all_is_well(installation, mailbox):
    done = report(EIGHT)

    assert done == {
        "verdict": "all well", "needs": [], "file": "health-2026-04-10-0800.html", "sent": 1, "refused": [],
    }  # fmt: skip
    (letter,) = mailbox.letters
    assert letter["Subject"] == "Dhanman 10 Apr 2026: all well"
    assert letter["To"].addresses[0].addr_spec == "it@greenvalley.example.in"
    text, html = parts(letter)
    assert text.startswith("ALL WELL State of")
    for said in ("worker-1", "114 MB", installation.name, "60 GB", "common_jobs.", "All well"):
        assert said in html, said
    kept = settings().home / "var" / "reports" / "health" / done["file"]
    assert "All well" in kept.read_text()


def test_jobs_that_wait_run_and_failed_are_counted_by_service_job_and_error(installation, ask, mailbox):
    ask(ENDED, "done", "common.quick", "1 minute", "", 20)
    ask(
        ENDED,
        "failed",
        "common.send_welcome_email",
        "1 hour",
        "MailRefused: refused asha@example.in, mail ",
        3,
    )
    ask(
        ENDED,
        "rejected",
        "common.send_welcome_email",
        "1 hour",
        "KeyError: 'unit' of 6f1d6f0e-5a3e-4c1b-9d0f-2b7a90c1e4d2 no ",
        2,
    )
    ask(ENDED, "failed", "common.old", "25 hours", "ValueError: ", 9)
    ask(
        "insert into common_jobs.queue (message_id, queue_name, actor_name, enqueued_at) "
        "select gen_random_uuid(), 'default', 'common.quick', now() - interval '7 minutes' from generate_series(1, 5)"
    )

    report(EIGHT)

    text, html = parts(mailbox.letters[0])
    assert "common default 5 0 0 7 min 4 s 4 s" in text
    assert "common 20 3 2 0" in text
    assert "common.send_welcome_email MailRefused: refused <address>, mail <n> 3" in text
    assert "common.send_welcome_email KeyError: <…> of <id> no <n> 2" in text
    assert "asha@example.in" not in text + html
    assert "ValueError" not in text
    assert "Warning: 3 letters of common.send_welcome_email could not be sent within a day" in text
    assert (
        "What to do: see why: dhanman-jobs jobs list --state Deleted,Failed --newer 24h" in text
    )  # the doctor's


def test_what_needs_somebody_comes_first_with_its_command(installation, ask, mailbox, monkeypatch):
    ask("delete from common.backup")
    ask(LIVES, "worker-2", "9 minutes")
    ask(
        "insert into common_jobs.recurring (name, actor_name, spec, zone, code_spec, code_zone, next_at) select "
        "'nightly', 'common.nightly', spec, zone, spec, zone, now() - interval '1 hour' "
        "from (values ('0 2 * * *', 'Asia/Kolkata')) as own (spec, zone)"
    )
    ask(
        "insert into common_jobs.tick (name, due_at, outcome) "
        "select 'nightly', now() - n * interval '1 h', 'missed' from generate_series(1, 3) as n"
    )
    ask("insert into common.notification values ('k', 'sms', '+911', 'Visitor', 'REFUSED', '400')")
    monkeypatch.setenv("AUTH0_DOMAIN", "greenvalley.eu.auth0.com")
    settings.cache_clear()
    disk(monkeypatch, free=4)

    done = report(EIGHT)

    text, html = parts(mailbox.letters[0])
    assert done["verdict"] == f"{len(done['needs'])} things need you"
    for what, advice in (
        ("no backup within 8 hours: there is none", "dhanman-jobs backup now"),
        ("4% of the disk are free", "dhanman-jobs prune"),
        ("nightly was due on", "periodiq actors"),
        ("nightly missed 3 ticks", "dhanman-jobs recurring trigger nightly"),
        ("worker worker-2 last said 9 min ago", "its jobs run again elsewhere"),
        ("1 notification refused within a day", "--actor common.send_notification"),
        ("users were never mirrored from Auth0", "dhanman-jobs recurring trigger sync-auth0-users"),
    ):
        assert any(what in need for need in done["needs"]), what
        for part in (text, html):
            assert what in part
            assert advice in part[part.index(what) :]
    levels = [word for word in text.split() if word in ("ERROR,", "Warning,")]
    assert levels == sorted(levels)
    assert text.index("ERROR") < text.index("Queues now")
    assert "#a4262c" in html


@pytest.mark.parametrize(
    ("age", "verified", "state", "said"),
    [
        ("9 hours", "now", "GOOD", "no backup within 8 hours: the last one is of"),
        ("2 hours", None, "GOOD", "none of its backups was ever restored for a test"),
        ("2 hours", "2020-01-01", "GOOD", "last restored for a test on 01 Jan 2020"),
        ("1 hour", None, "FAILED", "the last backup failed: disk full"),
    ],
)
def test_backups_that_are_late_untested_or_failed(installation, ask, mailbox, age, verified, state, said):
    if state == "GOOD":
        ask("delete from common.backup")
    failure = "disk full" if state == "FAILED" else None
    ask(BACKUP, "b-2", installation.name, installation.series, state, age, verified, failure)

    done = report(EIGHT)

    (need,) = done["needs"]
    assert said in need


def test_growth_is_told_from_the_reports_of_before(installation, ask, mailbox):
    for day, less in (("2026-04-01", 30), ("2026-04-03", 20), ("2026-04-09", -3)):
        ask(
            "insert into common.database_size values (%s, %s, %s)",
            installation.series, day, installation.size + 40 * 2**20 - less * 2**20,
        )  # fmt: skip

    for _ in range(2):
        report(EIGHT)

    text, _ = parts(mailbox.letters[0])
    assert f"{installation.name} {size(installation.size)} -43 MB -20 MB" in text
    assert ask("select bytes from common.database_size where day = '2026-04-10'") == [(installation.size,)]


def test_a_store_and_a_database_that_are_away_are_named_and_the_rest_is_told(
    installation, mailbox, monkeypatch
):
    monkeypatch.setenv("JOBS_SERVICES", "common,sales")  # payroll has workers of its own
    monkeypatch.setenv("DHANMAN_PAYROLL_JOBS_URL", "postgresql://nobody:s3cret@127.0.0.1:9/payroll")
    settings.cache_clear()

    done = report(EIGHT)

    away = [need for need in done["needs"] if "payroll" in need or "nobody" in need]
    assert len(away) == 1
    assert "nobody:***@127.0.0.1:9/payroll: the database does not answer" in away[0]
    assert any(need.startswith("sales_jobs: not applied") for need in done["needs"])
    assert "worker-1" in parts(mailbox.letters[0])[0]


def test_it_goes_to_the_admins_of_the_settings_once_and_a_second_one_of_the_day_is_another(
    installation, mailbox, monkeypatch
):
    monkeypatch.setenv("JOBS_ADMINS", "ops@dhanman.example, unknown@dhanman.example")
    settings.cache_clear()

    first = report(EIGHT)
    again = report(EIGHT)
    triggered = report(EIGHT.replace(hour=9))

    assert [each["sent"] for each in (first, again, triggered)] == [1, 0, 1]
    assert ["no such mailbox" in each["refused"][0] for each in (first, again)] == [True, True]
    assert {letter["To"].addresses[0].addr_spec for letter in mailbox.letters} == {"ops@dhanman.example"}


def test_without_admins_the_page_is_kept_all_the_same(installation, ask):
    ask("delete from common.officer")

    assert report(EIGHT)["sent"] == 0

    assert (settings().home / "var" / "reports" / "health" / "health-2026-04-10-0800.html").exists()


def test_a_report_outlives_every_death(installation, ask, monkeypatch):
    def reset():
        ask("delete from common.letter")
        ask("delete from common.database_size")

    commits = outlives_every_death(
        monkeypatch,
        lambda: report(EIGHT),
        reset=reset,
        seen=lambda: (ask("select key from common.letter"), ask("select day from common.database_size")),
    )

    assert commits >= 3


@pytest.mark.parametrize(
    ("error", "print_"),
    [
        ("UnknownUnit: no flat 6f1d6f0e-5a3e-4c1b-9d0f-2b7a90c1e4d2", "UnknownUnit: no flat <id>"),
        ("MailRefused: smtp:587 refused Asha <asha@example.in>", "MailRefused: smtp:<n> refused Asha <<address>>"),
        ("BillingError: flat 'A-203' owes 12,345.50\nTraceback", "BillingError: flat <…> owes <n>"),
        ("OSError: 0x7f3a at 2026-04-10 08:00", "OSError: <n> at <n> <n>"),
        ("E: " + "x" * 300, "E: " + "x" * 156 + "…"),
        ("", ""),
    ],
)  # fmt: skip
def test_like_errors_have_one_fingerprint(error, print_):
    assert fingerprint(error) == print_


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, ""),
        (-1, "0.00 s"),
        (0.043, "0.04 s"),
        (119, "119 s"),
        (420, "7 min"),
        (12_600, "3.5 h"),
        (200_000, "2.3 days"),
    ],
)
def test_durations_read_well(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("bytes_", "said"),
    [(0, "0 B"), (1023, "1023 B"), (1500, "1.5 kB"), (20 * 2**20, "20 MB"), (3 * 2**40, "3.0 TB")],
)
def test_sizes_read_well(bytes_, said):
    assert size(bytes_) == said
