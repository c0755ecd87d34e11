"""Every figure that a service tells has its wording, and the daily report of a real society has them all."""

from contextlib import closing
from datetime import date
from pathlib import Path

import psycopg2
import pytest

import actors
from actors.common.reports.figures import KNOWN, figures_of
from actors.sales.seed import seed
from infra.settings import SERVICES
from infra.store import migrate
from tests.support.queue import scratch_database

OTHERS = [service for service in SERVICES if service != "common"]


@pytest.fixture(scope="module")
def real_services(postgres_server):
    """One database with the tables of every service, and a small society in sales."""
    with scratch_database(postgres_server) as url:
        for service in OTHERS:
            migrate.apply(url, service, Path(actors.__file__).parent / service / "migrations")
        with closing(psycopg2.connect(url)) as connection, connection:
            society = seed(connection, towers=1, flats=6, period="2026-04")
        yield url, str(society.community_id)


def test_every_figure_of_every_service_is_told_and_has_its_wording(real_services, monkeypatch):
    url, community = real_services
    for service in OTHERS:
        monkeypatch.setenv(f"DHANMAN_{service.upper()}_DATABASE_URL", url)

    found = figures_of([community], date(2026, 4, 9))[community]

    assert [each.service for each in found if each.why_none] == []
    assert {line.figure for each in found for line in each.lines} == set(KNOWN)
