"""Backups of two databases: whole, checked and recorded, or not there at all."""

import contextlib
import os
import resource
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from actors.common.backup import BackupFailed, BackupNeedsAPerson, databases, manifest, records, run, take
from actors.common.backup.errors import BackupError
from actors.common.backup.place import place_now
from actors.common.backup.programs import Programs, programs_for
from actors.common.backup.verify import verify
from actors.common.seed import seed
from infra.gateways.folder import Folder
from infra.settings import settings
from tests.support.deaths import outlives_every_death
from tests.support.service import execute

TICK = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
MAKE_ROLE = (
    "do $$ begin create role may_read_nothing login; exception when duplicate_object then null; end $$"
)


def files():
    folder = place_now().path
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def payroll_of(report):
    [record] = [each for each in report.taken if each.database.startswith("payroll")]
    return record


def ask_for(url, application):
    return f"{url}{'&' if '?' in url else '?'}application_name={application}"


def test_each_database_is_copied_once_however_many_services_live_on_it(payroll, common, ask, monkeypatch):
    monkeypatch.setenv(
        "DHANMAN_SALES_DATABASE_URL", ask_for(common, "sales")
    )  # another address, the same database
    settings.cache_clear()

    report = take(TICK)

    assert sorted(each.database.partition("_")[0] for each in report.taken) == ["common", "payroll"]
    assert not report.failures
    place = place_now()
    for record in report.taken:
        written = (place.path / f"{record.id}.dump").read_bytes()
        assert (record.size, record.sha256) == (len(written), sha256(written).hexdigest())
        assert stat.S_IMODE((place.path / f"{record.id}.dump").stat().st_mode) == 0o600
        assert ask(
            "select state, verified_at, tables_listed > 1 from common.backup where id = %s", record.id
        ) == [("GOOD", None, True)]
    assert len(files()) == 4
    contents = manifest.read(payroll_of(report).id, place).tables
    assert contents["payroll.employee"].rows == 6000
    assert contents["payroll.employee"].checksum
    assert contents["payroll.april"].rows == 300
    assert list(contents) == ["payroll.april", "payroll.employee"]


def test_of_several_roles_the_one_that_may_read_all_copies(payroll, ask, monkeypatch):
    ask(MAKE_ROLE)
    for service in ("SALES", "INVENTORY"):  # one asked before payroll, one after
        url = ask_for(payroll.replace("postgres@", "may_read_nothing@", 1), service)
        monkeypatch.setenv(f"DHANMAN_{service}_DATABASE_URL", url)
    settings.cache_clear()
    assert len(databases.addresses()) == 4
    found, away = databases.databases()
    assert not away
    assert [each.url for each in found if each.name.startswith("payroll")] == [payroll]


def test_a_tick_has_one_backup_of_each_database(payroll, ask):
    first = take(TICK)
    again = take(TICK)
    assert (len(first.taken), again.taken, len(again.before)) == (2, [], 2)
    assert ask("select count(*) from common.backup") == [(2,)]


def test_the_counts_are_those_of_the_snapshot_that_was_copied(payroll, only_payroll, monkeypatch):
    counted = manifest.contents

    def then_someone_is_hired(*args):
        contents = counted(*args)
        execute(payroll, "insert into payroll.employee values (7001, 'hired meanwhile')")
        return contents

    with monkeypatch.context() as patched:
        patched.setattr(manifest, "contents", then_someone_is_hired)
        report = take()
        assert report.failures == []
        record = payroll_of(report)
    execute(payroll, "delete from payroll.employee where id = 7001")

    verdict = verify(record.id, place_now())

    assert verdict.differences == ()
    assert (verdict.tables, verdict.rows, verdict.summed) == (2, 6300, 2)
    assert records.named(record.id).verified_at == verdict.verified_at


def kill_pg_dump(*_):
    for child in psutil.Process().children():
        if child.name() == "pg_dump":
            child.kill()


def test_a_pg_dump_that_dies_in_mid_stream_leaves_nothing(only_payroll, ask, monkeypatch):
    report = take(told=kill_pg_dump)
    [(_, error)] = report.failures
    assert (error.kind, str(error)) == ("dump", "pg_dump ended by signal 9: it gave no reason")
    assert files() == []
    assert ask("select state, failure from common.backup") == [("FAILED", str(error))]


@contextlib.contextmanager
def files_no_larger_than(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_nothing_and_the_admins_hear_of_it_once_a_day(
    only_payroll, common, connection, ask, monkeypatch, mailbox
):
    seed(connection, tokens=0)
    connection.commit()
    for clock in ("2026-11-24 06:00+05:30", "2026-11-24 12:00+05:30", "2026-11-25 00:00+05:30"):
        monkeypatch.setenv(
            "JOBS_DATABASE_URL",
            f"{common}&options=-c%20dhanman.clock%3D{clock.replace(' ', 'T').replace('+', '%2B')}",
        )
        settings.cache_clear()
        with files_no_larger_than(100_000):
            report = take()
        [(name, error)] = report.failures
        assert error.kind == "disk full"
        assert f"{place_now().path}: File too large. Free some space" in str(error)
        assert files() == []
    assert [letter["To"].addresses[0].addr_spec for letter in mailbox.letters] == [
        "it@greenvalley.example.in"
    ] * 2
    letter = mailbox.letters[0]
    assert letter["Subject"] == f"Backup failed: the disk is full ({name})"
    for part in ("plain", "html"):
        text = letter.get_body((part,)).get_content()
        assert "24 Nov 2026, 06:00 IST" in text
        assert str(error) in text.replace("&#39;", "'")


@pytest.mark.parametrize(
    ("role", "kind", "says"),
    [
        ("nobody_knows_me", "credentials", 'role "nobody_knows_me" does not exist'),
        ("may_read_nothing", "permission", "permission denied for table april. Let its role read all"),
    ],
)
def test_a_database_that_refuses_is_named_and_the_others_are_copied(
    payroll, payroll_at, monkeypatch, ask, role, kind, says, connection, tmp_path
):
    ask(MAKE_ROLE)
    execute(payroll, "grant usage on schema payroll to may_read_nothing")
    monkeypatch.setenv("JOBS_ADMINS", "ops@dhanman.example")
    payroll_at(payroll.replace("postgres@", f"{role}:sesame@", 1))
    with pytest.raises(BackupNeedsAPerson) as job:
        run.by_the_clock(TICK)
    assert says in str(job.value)
    assert "(1 backed up)" in str(job.value)
    assert ask("select count(*) from common.backup where state = 'GOOD'") == [(1,)]
    [letter] = (tmp_path / "var" / "mail").glob("*.eml")
    assert run.alert.HEADLINES[kind] in letter.read_text()
    assert "sesame" not in str(job.value) + letter.read_text() + repr(ask("select * from common.backup"))


def test_a_server_that_does_not_answer_is_tried_again_later(payroll, payroll_at, monkeypatch):
    payroll_at("postgresql://payroll:sesame@127.0.0.1:1/payroll")
    with pytest.raises(BackupFailed, match=r"127\.0\.0\.1:1/payroll: .*refused") as raised:
        run.by_the_clock(TICK)
    assert not isinstance(raised.value, BackupNeedsAPerson)
    assert "sesame" not in str(raised.value)


def test_a_job_that_is_cancelled_is_not_tried_again_for_what_failed_before(payroll, payroll_at, monkeypatch):
    payroll_at("postgresql://payroll@127.0.0.1:1/payroll")
    cancelled = SimpleNamespace(cancellation_requested=lambda: True, progress=lambda *_: None)
    monkeypatch.setattr(run, "current_job", lambda: cancelled)
    result = run.by_the_clock(TICK)
    assert result["stopped"]
    assert [failure["kind"] for failure in result["failed"]] == ["unreachable"]


def test_a_password_is_not_on_the_command_line(payroll, payroll_at):
    payroll_at(payroll.replace("postgres@", "postgres:sesame@", 1))
    seen = []

    def look(name, *_):
        if name.startswith("payroll") and not seen:
            [dump] = [child for child in psutil.Process().children() if child.name() == "pg_dump"]
            seen.extend([dump.cmdline(), dump.environ().get("PGPASSWORD")])

    assert len(take(told=look).taken) == 2
    command, password = seen
    assert password == "sesame"
    assert "--format=custom" in command
    assert not [word for word in command if "sesame" in word]


def test_pg_dump_must_not_be_older_than_the_server():
    fifteen, seventeen, eighteen = (Programs(Path(f"/opt/pg{n}/bin"), n) for n in (15, 17, 18))
    assert programs_for(16, (eighteen, fifteen, seventeen)) is seventeen
    with pytest.raises(
        BackupError, match=r"server is Postgres 18.*found: 15 in /opt/pg15/bin.*postgresql-client-18"
    ):
        programs_for(18, (fifteen,))
    with pytest.raises(BackupError, match="found: none at all"):
        programs_for(18, ())


def test_what_pg_restore_cannot_list_is_no_backup(only_payroll, monkeypatch):
    @contextlib.contextmanager
    def torn(self, name, original=Folder.writing):
        with original(self, name) as file:
            yield file
            if name.endswith(".dump"):
                file.truncate(100)

    monkeypatch.setattr(Folder, "writing", torn)
    [(_, error)] = take().failures
    assert error.kind == "check"
    assert "pg_restore ended with code 1" in str(error)
    assert files() == []


def test_one_that_is_cancelled_ends_pg_dump_and_leaves_nothing(only_payroll, ask, monkeypatch):
    begun = []
    report = take(told=lambda *_: begun.append(True), stopped=lambda: bool(begun))
    assert (report.stopped, report.taken, report.failures) == (True, [], [])
    assert not [child for child in psutil.Process().children() if child.name() == "pg_dump"]
    assert files() == []
    assert ask("select state, failure from common.backup") == [("FAILED", "stopped")]


def test_two_runs_at_once_are_one(only_payroll, monkeypatch):
    others = []

    def another(*_):
        if not others:
            with ThreadPoolExecutor(1) as thread:
                others.append(thread.submit(take).result())

    assert take(told=another).taken
    assert (others[0].busy, others[0].taken) == (True, [])


def test_a_run_that_dies_at_any_commit_is_made_up_for(only_payroll, ask, monkeypatch):
    """pg_dump aside, which would make this a minute longer."""

    def copied(database, backup_id, place, **_):
        done = manifest.Manifest(
            backup_id, database.name, database.series, 18, "UTF8", TICK, 7, sha256(b"content").hexdigest(), {}
        )
        with place.writing(done.file) as file:
            file.write(b"content")
        manifest.write(done, place)
        return done, 0

    monkeypatch.setattr(run, "dump", copied)

    def reset():
        ask("delete from common.backup")
        for name in files():
            place_now().delete(name)

    def seen():
        return ask("select state, scheduled_for, size from common.backup where state <> 'FAILED'"), len(
            files()
        )

    commits = outlives_every_death(monkeypatch, lambda: take(TICK), reset=reset, seen=seen)
    assert commits >= 4


def test_rotation_removes_old_copies_but_of_no_other_database(only_payroll, ask, monkeypatch):
    for period, count in (("DAYS", "2"), ("WEEKS", "0"), ("MONTHS", "0")):
        monkeypatch.setenv(f"BACKUP_KEEP_{period}", count)
    settings.cache_clear()
    first, place = payroll_of(take()), place_now()
    aged = [f"{first.series}-202611{day}T003000000000Z" for day in (11, 12, 13)]
    for old in (*aged, "sales-0a1b2c3d-20251111T003000000000Z"):  # as if copied on those days
        for end in (".dump", ".json"):
            (place.path / (old + end)).write_bytes((place.path / (first.id + end)).read_bytes())
        ask(
            "insert into common.backup (id, database, series, place, state, started_at, finished_at, size, sha256,"
            " tables_listed) select %s, database, series, place, state, started_at, finished_at, size, sha256, 2"
            " from common.backup where id = %s",
            old,
            first.id,
        )
    records.verify(aged[0])

    report = take()

    assert report.removed == [aged[1]]
    assert {name.partition(".")[0] for name in files()} == {
        *(payroll_of(report).id, first.id, aged[2]),
        aged[0],  # restored once for a test
        "sales-0a1b2c3d-20251111T003000000000Z",
    }
    assert ask("select id from common.backup where state = 'REMOVED'") == [(aged[1],)]


@pytest.mark.parametrize("damage", ["a bit is flipped", "something follows"])
def test_a_copy_that_was_damaged_is_found_out(only_payroll, ask, damage):
    record = payroll_of(take())
    path = place_now().path / f"{record.id}.dump"
    content = bytearray(path.read_bytes())
    if damage == "a bit is flipped":
        content[-40_000] ^= 1
    else:
        content += b"more"
    path.write_bytes(content)
    with pytest.raises(
        BackupError, match=f"{record.id} (cannot be restored|is not what was written)"
    ) as raised:
        verify(record.id, place_now())
    assert raised.value.kind == "check"
    assert ask("select verified_at from common.backup") == [(None,)]
    assert ask("select datname from pg_database where datname like 'dhanman_verify_%%'") == []


def test_what_dead_writers_and_dead_verifications_left_goes_after_a_day(only_payroll, ask, common):
    folder = Path(settings().home) / "var" / "backups"
    folder.mkdir(parents=True)
    for name, hours in ((".draft-old", 25), (".draft-young", 23)):
        (folder / name).write_bytes(b"half")
        at = time.time() - hours * 3600
        os.utime(folder / name, (at, at))
    execute(common, "create database dhanman_verify_20200101_0a1b2c3d")
    record = payroll_of(take())
    assert [name for name in files() if "draft" in name] == [".draft-young"]
    verify(record.id, place_now())
    assert ask("select datname from pg_database where datname like 'dhanman_verify_%%'") == []
