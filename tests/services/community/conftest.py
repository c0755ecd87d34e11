"""A community database with a society in it, and what tests say of it."""

from datetime import datetime, time
from uuid import UUID, uuid4

import psycopg2
import pytest

import actors
from actors.common.reference.seed import seed_society
from actors.common.rules.calendar import INDIA
from infra.settings import settings
from tests.support.queue import broker_on
from tests.support.service import asker, emptied, migrated_database

GATE = UUID(int=7)


def india(text):
    """A moment of April 2026: `10 18:20` is Friday the 10th."""
    day, _, at = text.partition(" ")
    return datetime.combine(datetime(2026, 4, int(day)), time.fromisoformat(at), INDIA)


@pytest.fixture(scope="session")
def migrated_community(postgres_server):
    with migrated_database(postgres_server, "community") as url:
        yield url


@pytest.fixture
def community_database(migrated_community, tmp_path, monkeypatch):
    with emptied(migrated_community, "community", tmp_path, monkeypatch, "sla_step") as url:
        yield url


@pytest.fixture
def ask(community_database):
    return asker(community_database)


@pytest.fixture
def community(community_database):
    """A connection for the seed."""
    connection = psycopg2.connect(community_database)
    yield connection
    connection.close()


@pytest.fixture
def society(community, ask):
    """A society with a gate, and an office that is open Monday to Saturday from 9 to 7."""
    key = str(seed_society(community, "community"))
    community.commit()
    ask(
        "insert into community.gate values (%s, %s, 'Main gate', 'gate@greenvalley.example.in')",
        str(GATE),
        key,
    )
    for weekday in range(1, 7):
        ask("insert into community.office_hours values (%s, %s, '09:00', '19:00')", key, weekday)
    return key


@pytest.fixture
def person(society, ask):
    """A resident; returns the id."""

    def person(name="Kavita Rao", email="kavita@example.in", flat="A-101", language="en"):
        key = str(uuid4())
        ask(
            "insert into community.person values (%s, %s, %s, %s, %s, %s)",
            key,
            society,
            flat,
            name,
            email,
            language,
        )
        return key

    return person


@pytest.fixture
def clock(community_database, migrated_community):
    """Holds the database's clock still: `clock("10 18:20")`."""
    name = psycopg2.extensions.parse_dsn(migrated_community)["dbname"]
    ask = asker(migrated_community)

    def hold(text):
        moment = india(text)
        ask(f"alter database {name} set dhanman.clock = '{moment.isoformat()}'")
        _fresh_connections(migrated_community)
        return moment

    yield hold
    ask(f"alter database {name} reset dhanman.clock")
    _fresh_connections(migrated_community)


def _fresh_connections(url):
    from infra.store.connections import pool

    pool(url).clear()


@pytest.fixture
def jobs(community_database, ask):
    """Every actor on a broker whose jobs wait; `jobs()` is what waits: (actor, arguments, moment in India)."""
    with broker_on(community_database, jobs_services=("common", "community")) as broker:
        for actor in actors.broker.actors.values():
            broker.declare_actor(actor)

        def waiting():
            rows = ask(
                """select actor_name, message -> 'args', eta at time zone 'Asia/Kolkata' from community_jobs.queue
                order by eta nulls first, actor_name, message ->> 'args'"""
            )
            return [
                (name.removeprefix("community."), tuple(arguments), eta and f"{eta:%d %H:%M}".lstrip("0"))
                for name, arguments, eta in rows
            ]

        yield waiting


@pytest.fixture
def kept_letters(community_database):
    """The names of the letters that were kept as files since the last call; a letter sent twice is one."""

    def kept_letters():
        files = sorted(settings().mail_folder.glob("*.eml"))
        for file in files:
            file.unlink()
        return [file.name for file in files]

    return kept_letters
