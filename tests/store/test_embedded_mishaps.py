"""What goes wrong with the embedded server, and how it heals or says so."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from infra.store.embedded import EmbeddedPostgresError, binaries, errors
from infra.store.embedded import account as accounts
from infra.store.embedded.account import Account
from infra.store.embedded.place import project_folder
from infra.store.embedded.socketfolder import PREFIX, SOCKET
from tests.support.embedded import Person, Project, alive, project
from tests.support.waiting import wait_for


@pytest.fixture
def home() -> Iterator[Project]:
    with project(Person(None, sys.executable)) as made:
        yield made


def answers(url: str) -> bool:
    try:
        psycopg2.connect(url).close()
    except psycopg2.OperationalError:
        return False
    return True


def socket_folder(url: str) -> Path:
    return Path(url.split("host=")[1].split("&", maxsplit=1)[0])


def test_everything_killed_heals(home):
    assert answers(home.user().url)
    home.kill_everything()
    assert (home.place.data / "postmaster.pid").exists(), "the pid file is stale"

    assert answers(home.user().url)


def test_a_stale_pid_file_heals_when_its_process_id_is_in_use_again(home):
    home.user()
    assert home.users[0].url
    home.kill_everything()
    owner = Account.of(home.place.data.stat().st_uid)
    assert owner is not None
    other = subprocess.Popen(["sleep", "600"], cwd="/", **accounts.identity(owner))
    try:
        pid_file = home.place.data / "postmaster.pid"
        pid_file.write_text(pid_file.read_text().replace(pid_file.read_text().split()[0], str(other.pid), 1))

        assert answers(home.user().url)
        assert other.poll() is None, "the innocent process is left alone"
    finally:
        other.kill()
        other.wait()


def test_a_killed_keepers_server_is_adopted_by_the_next_users_keeper(home):
    first = home.user()
    assert first.url
    server, keeper = home.server, home.keeper
    os.kill(keeper, signal.SIGKILL)
    wait_for(lambda: not alive(keeper), "the keeper is gone")

    second = home.user()

    assert second.url == first.url
    assert home.server == server
    assert home.keeper != keeper
    first.leave()
    second.leave()
    home.wait_until_at_rest()


def test_a_killed_server_is_started_again_under_its_users(home):
    url = home.user().url
    os.kill(home.server, signal.SIGKILL)

    wait_for(lambda: answers(url), "the same address answers again")


def test_a_keeper_that_is_terminated_stops_its_server(home):
    assert home.user().url
    os.kill(home.keeper, signal.SIGTERM)
    home.wait_until_at_rest()


def test_an_interrupted_first_start_heals(home):
    half = home.folder / "var" / "postgres" / "data.unfinished"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")

    assert answers(home.user().url)


def test_a_long_path_gets_a_socket_elsewhere_which_comes_back_when_tmp_is_cleaned():
    below = Path("/tmp") / f"jobs-{os.getpid()}-{'long' * 20}"
    below.mkdir(mode=0o755)
    try:
        with project(Person(None, sys.executable), below=below) as home:
            url = home.user().url
            folder = socket_folder(url)
            assert folder.name.startswith(PREFIX)
            assert "requirepeer=" in url, "the name could fall to someone else once it is free"

            shutil.rmtree(folder)

            wait_for(lambda: answers(url), "the same address answers again")
            assert home.user().url == url
            home.end()
            assert not folder.exists(), "nothing is left in /tmp"
    finally:
        shutil.rmtree(below)


def test_a_removed_socket_comes_back(home):
    url = home.user().url
    (socket_folder(url) / SOCKET).unlink()

    wait_for(lambda: answers(url), "the same address answers again")


def test_a_removed_folder_ends_its_server_and_the_next_user_gets_a_new_one(home):
    assert home.user().url
    keeper, server = home.keeper, home.server
    shutil.rmtree(home.place.folder)

    wait_for(lambda: not alive(keeper), "the old keeper ends")
    wait_for(lambda: not alive(server), "the old server ends")
    assert answers(home.user().url)


def test_data_of_another_major_version_are_named_and_left_alone(home):
    home.user()
    assert home.users[0].url
    home.users[0].leave()
    home.wait_until_at_rest()
    (home.place.data / "PG_VERSION").write_text("17\n")

    said = home.user().url

    assert said.startswith("refused:")
    assert "made by Postgres 17" in said
    assert "JOBS_DATABASE_URL" in said
    assert (home.place.data / "base").exists()


def test_a_server_that_does_not_start_says_why(home):
    home.user()
    assert home.users[0].url
    home.users[0].leave()
    home.wait_until_at_rest()
    with (home.place.data / "postgresql.auto.conf").open("a") as settings:
        settings.write("max_connections = 'many'\n")

    said = home.user().url

    assert said.startswith("refused:")
    assert "max_connections" in said
    assert str(home.place.log) in said


def test_without_binaries_it_says_what_to_set(monkeypatch):
    monkeypatch.setattr(binaries, "PACKAGE", "no_such_package")

    with pytest.raises(EmbeddedPostgresError, match="set JOBS_DATABASE_URL"):
        binaries.locate(Account(os.geteuid(), os.getegid(), "me"))


@pytest.mark.parametrize(
    ("output", "advice"),
    [
        ('initdb: error: could not write file "x": No space left on device', "disk is full"),
        (
            "initdb: error: could not look up effective user ID 1234: user does not exist",
            "no entry in /etc/passwd",
        ),
        ("postgres: error while loading shared libraries: libz.so.1", "system library is missing"),
        ('FATAL:  lock file "postmaster.pid" already exists', "Another Postgres server"),
    ],
)
def test_known_causes_lead_the_error(output, advice):
    error = errors.explained("starting", output)

    assert advice in str(error)
    assert output in str(error)
    assert "JOBS_DATABASE_URL" in str(error)


def test_the_project_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("JOBS_HOME", raising=False)
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    (tmp_path / "a" / "pyproject.toml").touch()
    assert project_folder() == (tmp_path / "a").resolve()

    monkeypatch.setenv("JOBS_HOME", str(inner))
    assert project_folder() == inner.resolve()
    assert project_folder(tmp_path) == tmp_path.resolve()
