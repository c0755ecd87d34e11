"""Expired refresh tokens: deleted in chunks that nobody has to wait for."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

from actors.common import housekeeping
from actors.common.housekeeping import delete_expired_tokens, tokens
from actors.common.seed import seed
from tests.support.deaths import outlives_every_death

NIGHT = datetime(2020, 4, 1, tzinfo=UTC)
"""Up to which the seed gives tokens out, each good for 30 days: of 365 days, 335 have expired."""


class Job:
    """A running job, as its function sees it; `each` is called at each sign of progress."""

    def __init__(self, each=lambda done, total: None):
        self.progressed, self.cancelled, self._each = [], False, each

    def progress(self, done, total):
        self.progressed.append((done, total))
        self._each(done, total)

    def cancellation_requested(self):
        return self.cancelled


@pytest.fixture
def given(connection):
    def given(count):
        seed(connection, tokens=count, until=NIGHT)
        connection.commit()

    return given


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(tokens, "CHUNK", 100)


@pytest.fixture
def running(monkeypatch):
    def running(job):
        monkeypatch.setattr(tokens, "current_job", lambda: job)
        return job

    return running


def left(ask):
    return ask("select count(*), min(expires_at) >= %s from common.refresh_token", NIGHT)


def test_what_has_expired_goes_and_what_has_not_stays(given, ask):
    given(730)  # two a day
    expired = ask("select count(*) from common.refresh_token where expires_at < %s", NIGHT)[0][0]
    assert delete_expired_tokens(NIGHT) == {"deleted": expired, "left": 0}
    assert left(ask) == [(730 - expired, True)]
    assert 668 <= expired <= 670
    assert delete_expired_tokens(NIGHT) == {"deleted": 0, "left": 0}


def test_a_revoked_token_stays_until_it_expires(given, ask):
    given(365)
    revoked = "select count(*) from common.refresh_token where revoked_at is not null and expires_at >= %s"
    before = ask(revoked, NIGHT)
    delete_expired_tokens(NIGHT)
    assert ask(revoked, NIGHT) == before
    assert before[0][0] > 0


def test_the_seed_is_the_same_each_time(given, ask):
    given(300)
    first = ask("select * from common.refresh_token order by token_hash")
    given(300)
    assert ask("select * from common.refresh_token order by token_hash") == first


@pytest.mark.usefixtures("small_chunks")
def test_a_writer_waits_for_no_more_than_a_chunk(given, ask, common, monkeypatch):
    """While a chunk is deleted and not committed, everything beyond it can be written, expired or not."""
    given(1000)
    original, free = tokens.connections.transaction, []

    class Watched:
        def __enter__(self):
            self._inner = original("common")
            return self._inner.__enter__()

        def __exit__(self, *error):
            with closing(psycopg2.connect(common)) as other, other.cursor() as writes:
                writes.execute("set lock_timeout = '20ms'")
                writes.execute(
                    "update common.refresh_token set revoked_at = now() where expires_at >= %s", (NIGHT,)
                )
                writes.execute("select 1 from common.refresh_token for update skip locked")
                free.append(writes.rowcount)
            return self._inner.__exit__(*error)

    there = [1000]
    monkeypatch.setattr(tokens.connections, "transaction", lambda _service: Watched())
    deleted = delete_expired_tokens(NIGHT)["deleted"]
    assert free[0] == there[0]  # only counted
    chunks = [100] * (deleted // 100) + [deleted % 100]
    assert free[1:] == [1000 - sum(chunks[: n + 1]) for n in range(len(chunks))]


@pytest.mark.usefixtures("small_chunks")
def test_a_token_in_use_is_passed_over_and_goes_the_next_time(given, ask, common):
    given(150)
    with closing(psycopg2.connect(common)) as other, other.cursor() as user:
        user.execute("select expires_at from common.refresh_token order by expires_at limit 1 for update")
        first = delete_expired_tokens(NIGHT)
    assert first["left"] == 1
    assert delete_expired_tokens(NIGHT) == {"deleted": 1, "left": 0}


@pytest.mark.usefixtures("small_chunks")
def test_it_tells_how_far_it_is_and_stops_between_chunks_when_asked(given, running, ask):
    given(1000)
    job = running(Job(lambda done, _: setattr(job, "cancelled", done == 300)))
    result = delete_expired_tokens(NIGHT)
    total = result["deleted"] + result["left"]
    assert job.progressed == [(100, total), (200, total), (300, total)]
    assert result["deleted"] == 300
    assert left(ask) == [(700, False)]


@pytest.mark.usefixtures("small_chunks")
def test_a_run_that_dies_at_any_commit_is_made_up_for(given, ask, monkeypatch):
    def reset():
        ask("delete from common.refresh_token")
        given(250)

    commits = outlives_every_death(
        monkeypatch, lambda: housekeeping.delete_expired_tokens(NIGHT), reset=reset, seen=lambda: left(ask)
    )
    assert commits == 4  # the count, and 230 in three chunks


def test_expired_tokens_are_found_by_their_index(given, ask):
    given(2000)
    ask("analyze common.refresh_token")
    plan = ask(
        "explain select token_hash from common.refresh_token where expires_at < %s order by expires_at limit 100"
        " for update skip locked",
        NIGHT - timedelta(days=300),
    )
    assert "refresh_token_expires_at" in str(plan)
