"""`dhanman-jobs backup`, as an operator types it."""

import json
import os
import subprocess
from contextlib import contextmanager

import pytest

from actors.common.backup import manifest, records, take
from actors.common.backup.place import place_now
from actors.common.backup.verify import compare
from infra.cli.main import main
from infra.gateways.folder import Folder
from infra.settings import settings
from tests.support.postgres import database_url
from tests.support.service import asker, execute


@pytest.fixture
def desk(capsys):
    """Types a command; returns its exit code, and what it says on both streams."""

    def type_(*words):
        capsys.readouterr()
        code = main(["backup", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return type_


@contextmanager
def database(server, name):
    execute(server, f"create database {name}")
    yield database_url(server, name)
    execute(server, f"drop database {name} with (force)")


def test_a_backup_is_taken_listed_restored_for_a_test_and_restored(only_payroll, desk, postgres_server):
    code, said, _ = desk("now")
    assert code == 0
    backup_id, _, rest = said.partition(": ")
    assert "2 tables, file://" in rest

    code, said, _ = desk("verify")
    assert (code, said) == (0, f"{backup_id}: 6,300 rows in 2 tables are as they were, 2 by checksum\n")

    code, said, _ = desk("list", "--json")
    [row] = json.loads(said)["backups"]
    assert (row["id"], row["state"], row["verified_at"] is None) == (backup_id, "GOOD", False)
    assert backup_id in desk("list")[1]

    code, said, _ = desk("restore-command", backup_id[:20])
    checksum, _, make, restore = said.splitlines()
    assert make.startswith("createdb --template=template0 --encoding=UTF8 ")
    with database(postgres_server, "restored_by_hand") as target:
        for command in (checksum, restore):
            environment = os.environ | {"TARGET": target}
            subprocess.run(
                ["/bin/sh", "-ec", command], check=True, env=environment, capture_output=True, timeout=60
            )
        assert asker(target)('select count(*) from payroll."Day\'s Work"') == [(300,)]


def test_when_the_database_is_gone_the_files_tell(only_payroll, desk, monkeypatch):
    [record] = take().taken
    monkeypatch.setenv("JOBS_DATABASE_URL", "postgresql://jobs:sesame@127.0.0.1:1/jobs")
    settings.cache_clear()

    code, said, _ = desk("list", "--files", "--json")
    assert code == 0
    [row] = json.loads(said)["backups"]
    assert (row["id"], row["size"], row["sha256"]) == (record.id, record.size, record.sha256)
    assert record.sha256 in desk("restore-command", record.id)[1]
    code, _, complaint = desk("restore-command", "payroll-of-yesterday")
    assert code == 3
    assert "there are 0 such" in complaint
    assert "sesame" not in complaint


def test_what_differs_is_said_and_not_noted_as_verified(only_payroll, desk):
    [record] = take().taken
    place = place_now()
    held = manifest.read(record.id, place)
    held.tables["payroll.april"] = manifest.Content(301)
    manifest.write(held, place)

    code, said, _ = desk("verify", record.id, "--json")

    assert code == 1
    assert json.loads(said)["troubles"] == [f"{record.id}: payroll.april has 300 rows; the snapshot had 301"]
    assert records.named(record.id).verified_at is None


def test_a_table_that_is_missing_or_has_other_values_differs():
    wanted = {"a": manifest.Content(1, "5"), "b": manifest.Content(2), "c": manifest.Content(3)}
    found = {"a": manifest.Content(1, "6"), "b": manifest.Content(2), "d": manifest.Content(0)}
    assert compare(wanted, found) == (
        "a has as many rows as the snapshot, 1, but other values",
        "c is missing",
        "d was not in the snapshot",
    )


def test_a_failure_is_one_line_and_exit_code_1(only_payroll, desk, monkeypatch):
    monkeypatch.setattr(Folder, "writing", Folder.reading)  # which finds no such file
    code, said, complaint = desk("now")
    assert (code, said) == (1, "")
    assert "No such file" in complaint
    code, said, _ = desk("now", "--json")
    assert code == 1
    assert json.loads(said)["failed"][0]["kind"] == "folder"


def test_an_unknown_id_is_said_to_be_unknown(common, desk):
    code, _, complaint = desk("verify", "no-such")
    assert code == 2
    assert "there is no backup no-such" in complaint
    code, _, complaint = desk("verify")
    assert (code, complaint) == (1, "there is no backup yet: dhanman-jobs backup now\n")


def test_one_that_failed_cannot_be_restored(only_payroll, desk, ask):
    take(stopped=iter([False, False, True]).__next__)
    [(backup_id,)] = ask("select id from common.backup where state = 'FAILED'")
    for command in ("verify", "restore-command"):
        code, _, complaint = desk(command, backup_id)
        assert code == 2
        assert complaint.startswith(f"there is no backup {backup_id} in file://")


def test_a_store_that_is_away_is_one_line(common, bucket, s3, desk):
    s3.client.delete_bucket(Bucket=bucket)
    code, _, complaint = desk("list", "--files")
    assert code == 1
    assert complaint.startswith(f"bucket {bucket}, list objects v2: ")
    assert complaint.count("\n") == 1


def test_two_at_once(common, desk):
    with records.one_at_a_time():
        code, _, complaint = desk("now")
    assert (code, complaint) == (1, "another backup is under way; nothing was done\n")
