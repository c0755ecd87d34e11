"""The embedded server's life: who starts it, who shares it, who ends it, as root and as an ordinary user."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest

from infra.store.embedded.account import Account
from tests.support.embedded import Person, Project, User, ordinary_person, project
from tests.support.waiting import wait_for

AS_ROOT = os.geteuid() == 0
ME = Person(None, sys.executable)


@pytest.fixture
def home() -> Iterator[Project]:
    with project(ME) as made:
        yield made


@pytest.fixture(params=["the one who runs the tests", "an ordinary user"])
def anyones_home(request: pytest.FixtureRequest) -> Iterator[Project]:
    person: Person | str = ME
    if request.param == "an ordinary user":
        person = ordinary_person() if AS_ROOT else "the tests run as an ordinary user already"
    if isinstance(person, str):
        pytest.skip(person)
    with project(person) as made:
        yield made


CONNECT = """
import psycopg2
try:
    psycopg2.connect({url!r})
except psycopg2.OperationalError as error:
    print(" ".join(str(error).split()))
"""

# Makes a table if there is none, adds a row, and prints how many there are now.
COUNT = """
import sys, psycopg2
from infra.store.embedded import ensure_server
connection = psycopg2.connect(ensure_server())
connection.autocommit = True
cursor = connection.cursor()
cursor.execute("create table if not exists visits (at timestamptz default now())")
cursor.execute("insert into visits default values")
cursor.execute("select count(*) from visits")
print(cursor.fetchone()[0], flush=True)
sys.stdin.read()
"""


def visits(home: Project) -> int:
    user = User(home.folder, home.person, COUNT)
    home.users.append(user)
    return int(user.url)


def test_the_first_user_starts_the_server_and_the_last_one_ends_it(anyones_home):
    user = anyones_home.user()

    assert user.url.startswith("postgresql://postgres@/dhanman?host=/")
    assert anyones_home.serves()

    user.leave()
    anyones_home.wait_until_at_rest()
    assert not (anyones_home.place.data / "postmaster.pid").exists(), "it was stopped in order"


def test_the_processes_of_a_folder_share_one_server(home):
    first, second = home.user(), home.user()
    assert first.url == second.url
    server = home.server

    first.leave()
    third = home.user()

    assert third.url == second.url
    assert home.server == server, "it went on for the second user"


def test_users_who_start_at_the_same_instant_get_one_server(anyones_home):
    users = [anyones_home.user() for _ in range(6)]

    assert len({user.url for user in users}) == 1
    assert users[0].url.startswith("postgresql://")
    assert anyones_home.place.log.read_text().count("starting PostgreSQL") == 1


def test_a_killed_user_counts_as_gone(home):
    user = home.user()
    assert user.url

    user.kill()

    home.wait_until_at_rest()


def test_data_are_kept_between_runs(anyones_home):
    assert visits(anyones_home) == 1
    anyones_home.users[-1].leave()
    anyones_home.wait_until_at_rest()

    assert visits(anyones_home) == 2


def test_a_user_who_comes_while_the_server_stops_gets_a_new_one(home):
    for expected in range(1, 4):
        assert visits(home) == expected
        home.users[-1].leave()
        wait_for(
            lambda: "shutdown request" in home.place.log.read_text()[-2000:] or home.at_rest(),
            "the stop begins",
        )


def test_two_folders_have_two_servers():
    with project(ME) as one, project(ME) as other:
        assert visits(one) == 1
        assert visits(one) == 2
        assert visits(other) == 1
        assert one.server != other.server


def test_a_forked_child_stays_a_user(home):
    program = """
import os, sys, time
from infra.store.embedded import ensure_server
url = ensure_server()
if os.fork():
    print(url, flush=True)
    os._exit(0)
sys.stdin.read()
"""
    user = User(home.folder, home.person, program)
    home.users.append(user)
    assert user.url
    user.process.wait(20)

    # Longer than the keeper's grace: another user comes and goes, and the server that it saw still runs.
    server = home.server
    keeper_log = home.place.keeper_log.read_text()
    visits(home)
    assert home.server == server
    assert home.place.keeper_log.read_text() == keeper_log


def test_the_terminals_interrupt_does_not_reach_the_keeper(home):
    user = home.user()
    assert user.url

    assert os.getsid(home.keeper) not in (os.getsid(user.process.pid), os.getsid(0))
    assert os.getpgid(home.server) != os.getpgid(user.process.pid)


def test_the_server_is_closed_to_other_users_of_the_machine(home):
    home.user()
    assert home.users[0].url

    for path in (home.place.folder, home.place.data):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert "listen_addresses = ''" in (home.place.data / "postgresql.conf").read_text()
    assert (home.place.data / "pg_hba.conf").read_text().split()[:4] == ["local", "all", "all", "peer"]


def test_settings_a_queue_needs(database):
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select name, setting from pg_settings where name = any(%s)",
            (
                [
                    "fsync",
                    "synchronous_commit",
                    "max_connections",
                    "jit",
                    "wal_compression",
                    "listen_addresses",
                ],
            ),
        )
        found = dict(cursor.fetchall())
    assert found == {
        "fsync": "on",
        "synchronous_commit": "on",
        "max_connections": "200",
        "jit": "off",
        "wal_compression": "off",
        "listen_addresses": "",
    }


def test_each_test_has_a_database_of_its_own(database, postgres_server):
    assert database != postgres_server
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_tables where schemaname = 'public'")
        assert cursor.fetchone() == (0,)


@pytest.mark.skipif(not AS_ROOT, reason="only root has to become someone else")
class TestStartedByRoot:
    def test_the_server_runs_as_an_ordinary_user(self):
        with project(ME) as home:
            assert home.user().url.startswith("postgresql://")
            owner = psutil.Process(home.server).uids().real
            assert owner != 0
            assert owner == home.place.data.stat().st_uid

    def test_in_somebody_elses_project_it_runs_as_them(self):
        nobody = Account.named("nobody")
        assert nobody is not None
        with project(Person(nobody, ME.python)) as theirs:
            home = Project(theirs.folder, ME)
            try:
                assert home.user().url.startswith("postgresql://")
                assert home.place.data.stat().st_uid == nobody.uid
                assert (home.folder / "var").stat().st_uid == nobody.uid, "their `var` stays theirs"
            finally:
                home.end()

    def test_a_stranger_cannot_come_in(self):
        stranger = ordinary_person()
        if isinstance(stranger, str):
            pytest.skip(stranger)
        with project(ME) as home:
            url = home.user().url
            home.place.folder.chmod(0o711)  # even with the doors open
            (home.place.folder / "run").chmod(0o711)
            program = CONNECT.format(url=url)
            answer = User(home.folder, stranger, program)
            assert "eer authentication failed" in answer.url
            answer.leave()

    def test_a_clone_in_a_closed_folder_gets_a_place_outside(self):
        with tempfile.TemporaryDirectory() as closed:
            Path(closed).chmod(0o700)
            with project(ME, below=Path(closed)) as home:
                assert visits(home) == 1
                assert home.place.folder.parent == Path("/var/lib/dhanman-jobs")
                assert not (home.folder / "var" / "postgres").exists()
                assert stat.S_IMODE(Path(closed).stat().st_mode) == 0o700, "its door stays shut"
                home.users[-1].leave()
                home.wait_until_at_rest()
                assert visits(home) == 2, "the data are found again"
