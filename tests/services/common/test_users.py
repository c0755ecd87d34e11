"""The mirror of Auth0's users, against a server that behaves as Auth0 documents."""

import time
from datetime import UTC, datetime
from email.utils import formatdate

import psycopg2
import pytest

from actors.common import users
from actors.common.reference.seed import seed_society
from actors.common.users import TooManyMissing
from actors.common.users.mirror import may_go
from infra.gateways import auth0 as gateway
from infra.gateways.auth0 import Auth0Error, Auth0Refused
from infra.queue import current_job
from infra.settings import settings
from tests.support.auth0 import hangs, says, too_many
from tests.support.deaths import outlives_every_death
from tests.support.queue import broker_on
from tests.support.service import asker

TICK = datetime(2026, 4, 10, 6, tzinfo=UTC)
LATER = datetime(2026, 4, 10, 12, tzinfo=UTC)
AHEAD = "2050-01-01T00:00:00.000Z"
"""A user made then is newer than the first run, whenever the test runs."""


@pytest.fixture
def ask(common):
    return asker(common)


@pytest.fixture
def synced(common, auth0):
    """Runs the sync, once a tick; the letters of welcome are jobs that wait."""
    import actors

    with broker_on(common) as broker:
        for actor in actors.broker.actors.values():
            broker.declare_actor(actor)
        yield users.sync


@pytest.fixture
def welcomed(ask):
    def welcomed():
        return [args for (args,) in ask("select message->'args' from common_jobs.queue order by id")]

    return welcomed


def living(ask):
    return [row[0] for row in ask("select auth0_id from common.app_user where deleted_at is null order by 1")]


def test_users_beyond_the_limit_of_a_search_are_all_mirrored(auth0, synced, ask):
    auth0.add(2_500)

    done = synced(TICK)

    assert (done["synced"], done["listed"], done["new"], done["deleted"]) == (True, 2_500, 2_500, 0)
    assert living(ask) == sorted(auth0.users)
    assert ask(
        "select email, name, verified, blocked from common.app_user where auth0_id = 'auth0|000007'"
    ) == [("resident7@example.in", "Resident 7", True, False)]
    assert len(auth0.asked) == 26  # a page of 100 adds 99
    assert len(auth0.tokens) == 1
    assert ask("select outcome, listed, missing from common.user_sync") == [("COMPLETE", 2_500, 0)]


def test_more_users_of_one_moment_than_a_page_holds_are_paged(auth0, synced, ask):
    auth0.add(950, created_at="2025-06-01T00:00:00.000Z")
    auth0.add(120)

    assert synced(TICK)["listed"] == 1_070


def test_more_users_of_one_moment_than_a_search_gives_are_refused_and_nobody_is_deleted(auth0, synced, ask):
    auth0.add(5)
    synced(TICK)
    auth0.users.clear()
    auth0.add(1_200, created_at="2025-06-01T00:00:00.000Z")

    with pytest.raises(Auth0Refused, match="more than 1000 users were made at 2025-06-01"):
        synced(LATER)

    assert len(living(ask)) == 1_005
    assert ask("select outcome from common.user_sync order by scheduled_for") == [("COMPLETE",), ("RUNNING",)]


def test_changes_blocks_deletions_and_returns_are_followed(auth0, synced, ask):
    one, two, three, *_ = auth0.add(20)
    synced(TICK)
    auth0.users[one]["email"] = "new@example.in"
    auth0.users[two]["blocked"] = True
    gone = auth0.users.pop(three)

    done = synced(LATER)

    assert (done["new"], done["changed"], done["blocked"], done["deleted"]) == (0, 2, 1, 1)
    assert ask("select email from common.app_user where auth0_id = %s", one) == [("new@example.in",)]
    assert ask("select blocked from common.app_user where auth0_id = %s", two) == [(True,)]
    assert three not in living(ask)

    auth0.users[three] = gone
    assert synced(datetime(2026, 4, 11, tzinfo=UTC))["returned"] == 1
    assert three in living(ask)


def test_a_user_deleted_while_pages_are_read_hides_no_other(auth0, synced, ask):
    auth0.add(250)
    synced(TICK)
    auth0.before_search = lambda number: auth0.users.pop("auth0|000001", None) if number == 4 else None

    done = synced(LATER)

    assert done["deleted"] == 0  # it had been listed before
    assert len(living(ask)) == 250


def test_a_page_that_fails_for_good_deletes_nobody(auth0, synced, ask):
    auth0.add(250)
    synced(TICK)
    for name in [*auth0.users][:30]:
        del auth0.users[name]
    auth0.before_search = lambda number: auth0.faults.extend([says(500, {})] * 9) if number == 4 else None

    with pytest.raises(Auth0Error, match="did not answer as it should, 6 times: 500"):
        synced(LATER)

    assert len(living(ask)) == 250


def test_a_short_page_with_more_to_come_is_not_the_end(auth0, synced, ask):
    auth0.add(20)
    synced(TICK)
    auth0.faults.append(says(200, {"start": 0, "limit": 100, "length": 0, "users": [], "total": 20}))

    with pytest.raises(Auth0Error, match="there are 20 users"):
        synced(LATER)

    assert len(living(ask)) == 20


@pytest.mark.parametrize(
    ("missing", "known", "confirmed", "allowed"),
    [
        (10, 12, 0, True),
        (11, 12, 0, False),
        (20, 100, 0, True),
        (21, 100, 0, False),
        (21, 100, 21, True),
        (22, 100, 21, False),
    ],
)
def test_a_fifth_may_go_or_a_few_or_what_was_confirmed(missing, known, confirmed, allowed):
    assert may_go(missing, known, confirmed) is allowed


def test_too_many_missing_are_not_deleted_until_somebody_confirms(
    auth0, synced, ask, common, mailbox, monkeypatch
):
    with psycopg2.connect(common) as connection:
        seed_society(connection, "common")
    auth0.add(100)
    synced(TICK)
    for name in [*auth0.users][:21]:
        del auth0.users[name]

    for _ in range(2):
        with pytest.raises(TooManyMissing, match="79 of 100 users: 21 are missing"):
            synced(LATER)

    assert len(living(ask)) == 100
    (letter,) = mailbox.letters
    assert letter["To"].addresses[0].addr_spec == "it@greenvalley.example.in"
    for part in ("plain", "html"):
        text = letter.get_body((part,)).get_content()
        assert "21 of 100" in text
        assert "AUTH0_CONFIRMED_DELETIONS=21" in text

    monkeypatch.setenv("AUTH0_CONFIRMED_DELETIONS", "21")
    settings.cache_clear()
    assert synced(LATER)["deleted"] == 21
    assert len(living(ask)) == 79


def test_the_new_are_welcomed_once_and_those_of_before_the_first_run_never(auth0, synced, welcomed):
    auth0.add(3)
    synced(TICK)
    assert welcomed() == []

    asha = auth0.add(created_at=AHEAD, email="Asha@example.in", name="Asha Rao")[0]
    auth0.add(created_at=AHEAD, email="asha@example.in", name="Asha by Google")
    auth0.add(created_at=AHEAD, blocked=True)
    auth0.add(created_at=AHEAD, email=None, phone_number="+919800000000")
    assert synced(LATER)["welcomed"] == 1
    assert welcomed() == [["Asha@example.in", "Asha Rao"]]

    back = auth0.users.pop(asha)
    synced(datetime(2026, 4, 11, tzinfo=UTC))
    auth0.users[asha] = back
    assert synced(datetime(2026, 4, 12, tzinfo=UTC))["returned"] == 1
    assert len(welcomed()) == 1


def test_a_user_that_cannot_be_read_is_named_and_not_deleted(auth0, synced, ask):
    bad, nul, *_ = auth0.add(5)
    synced(TICK)
    auth0.users[bad]["updated_at"] = "yesterday"
    auth0.users[nul]["name"] = "Nul\0Byte"

    done = synced(LATER)

    assert done["refused"] == {bad: "ValueError: Invalid isoformat string: 'yesterday'"}
    assert (done["listed"], done["deleted"]) == (5, 0)
    assert ask("select name from common.app_user where auth0_id = %s", nul) == [("NulByte",)]


def test_rate_limits_are_waited_for(auth0, synced):
    auth0.add(400)
    auth0.limit = 2
    auth0.faults += [
        too_many({"Retry-After": "0"}),
        too_many({"Retry-After": formatdate(time.time() - 1, usegmt=True)}),
    ]

    assert synced(TICK)["listed"] == 400

    assert auth0.refused_by_limit >= 1
    assert auth0.refused_by_limit <= 3  # each was waited for until its window was over
    assert all(many <= 3 for many in auth0.windows.values())


def test_a_limit_that_lasts_is_left_to_the_next_attempt(auth0, synced):
    auth0.add(3)
    auth0.faults.append(too_many({"Retry-After": "3600"}))

    with pytest.raises(Auth0Error, match="1 times: 429 Global limit has been reached"):
        synced(TICK)

    assert synced(TICK)["listed"] == 3
    assert synced(TICK) == {"synced": True, "reason": "done before"}


def test_broken_and_slow_answers_and_failures_are_asked_again(auth0, synced):
    auth0.add(150)
    auth0.faults += [
        says(200, b'{"start": 0, "users": ['),
        hangs(0.5),
        says(503, b"<html>Service Unavailable</html>"),
        says(200, [{"user_id": "auth0|1"}]),
    ]

    assert synced(TICK)["listed"] == 150


def test_a_token_lasts_for_many_runs_and_one_that_expired_is_renewed_once(auth0, synced):
    auth0.add(150)
    synced(TICK)
    synced(LATER)
    assert len(auth0.tokens) == 1

    auth0.tokens = dict.fromkeys(auth0.tokens, 0.0)
    assert synced(datetime(2026, 4, 11, tzinfo=UTC))["listed"] == 150
    assert len(auth0.tokens) == 2

    auth0.token_lasts = 0
    auth0.tokens = dict.fromkeys(auth0.tokens, 0.0)
    with pytest.raises(Auth0Refused, match="401 Expired token received"):
        synced(datetime(2026, 4, 12, tzinfo=UTC))
    assert len(auth0.tokens) == 3  # renewed once, and no more


def test_a_missing_scope_and_a_wrong_secret_are_named_and_the_secret_is_not(auth0, synced, monkeypatch):
    auth0.granted.clear()
    with pytest.raises(
        Auth0Refused, match=r"expected any of: read:users.* grant the application the scope read:users"
    ):
        synced(TICK)

    gateway._tokens.clear()
    monkeypatch.setenv("AUTH0_CLIENT_SECRET", "wr0ng")
    settings.cache_clear()
    with pytest.raises(Auth0Refused, match="401 Unauthorized") as caught:
        synced(TICK)
    assert "wr0ng" not in f"{caught.value!r} {settings()!r}"


def test_without_settings_nothing_is_done_and_half_of_them_are_refused(common, monkeypatch):
    assert users.sync(TICK) == {"synced": False, "reason": "AUTH0_DOMAIN is not set: no users are mirrored"}

    monkeypatch.setenv("AUTH0_DOMAIN", "greenvalley.eu.auth0.com")
    settings.cache_clear()
    with pytest.raises(Auth0Refused, match="set AUTH0_CLIENT_ID, AUTH0_CLIENT_SECRET too"):
        users.sync(TICK)


def test_asked_to_stop_it_stops_after_a_page_and_deletes_nobody(auth0, synced, ask, monkeypatch):
    auth0.add(150)
    synced(TICK)
    auth0.users.popitem()
    asked = len(auth0.asked)
    monkeypatch.setattr(type(current_job()), "cancellation_requested", lambda _: True)

    done = synced(LATER)

    assert (done["synced"], done["reason"], len(auth0.asked) - asked) == (False, "cancelled", 1)
    assert len(living(ask)) == 150


def test_a_run_outlives_every_death(auth0, synced, ask, welcomed, monkeypatch):
    monkeypatch.setattr(gateway, "PAGE", 20)
    one, *_ = auth0.add(30)
    synced(TICK)
    before = ask("select auth0_id, seen_at from common.app_user")
    auth0.users.pop(one)
    auth0.add(2, created_at=AHEAD)

    def reset():
        ask("delete from common.app_user where created_at > '2049-01-01'")
        ask("update common.app_user set deleted_at = null, seen_at = %s", before[0][1])
        ask("delete from common.user_sync where scheduled_for = %s", LATER)
        ask("delete from common_jobs.queue")

    commits = outlives_every_death(
        monkeypatch,
        lambda: users.sync(LATER),
        reset=reset,
        seen=lambda: (
            living(ask),
            sorted(welcomed()),
            ask("select outcome, listed, missing from common.user_sync order by scheduled_for"),
        ),
    )

    assert commits == 4  # begun, two pages, settled
