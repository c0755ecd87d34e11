"""The demo's year of a society: believable, the same every time, and put in once."""

import time

from actors.community.seed import seed

DIGEST = """select md5(string_agg(row::text, '|' order by row::text)) from (
    select to_jsonb(person) as row from community.person union all select to_jsonb(event) from community.event
    union all select to_jsonb(registration) from community.registration
    union all select to_jsonb(visitor_pass) from community.visitor_pass
    union all select to_jsonb(gate_log) - 'id' from community.gate_log
    union all select to_jsonb(maintenance_request) from community.maintenance_request
    union all select to_jsonb(escalation) from community.escalation) rows"""


def test_a_year_that_one_could_have_lived_through(community, ask):
    began = time.perf_counter()
    made = seed(community)
    community.commit()
    took = time.perf_counter() - began

    statuses = dict(ask("select status, count(*) from community.visitor_pass group by 1"))
    ((open_, overdue),) = ask(
        "select count(*), count(*) filter (where level > 0) from community.maintenance_request where closed_at is null"
    )
    assert made.rows["person"] == 240
    assert sum(statuses.values()) == 4_000
    assert statuses.keys() == {"USED", "EXPIRED", "ISSUED"}
    assert (
        50 <= ask("select count(*) from community.visitor_pass where overstayed_at is not null")[0][0] <= 200
    )
    assert ask("select count(*) from community.maintenance_request") == [(600,)]
    assert 0 < overdue <= open_ < 60
    assert ask("select count(*) > 0 from community.event where starts_at > '2026-04-10 08:00+05:30'") == [
        (True,)
    ]
    assert ask("select count(*) from community.event where cancelled_at is not null")[0][0] >= 1
    assert took < 10  # about 1 s on an idle machine

    before = ask(DIGEST)
    assert seed(community).rows_inserted == 0, "a second run"
    assert ask(DIGEST) == before


def test_the_same_number_makes_the_same_year_another_one_another(community):
    def digest(**options):
        seed(community, flats=24, events=4, visitors=40, complaints=20, **options)
        with community.cursor() as cursor:
            cursor.execute(DIGEST)
            found = cursor.fetchone()
        community.rollback()
        return found

    assert digest() == digest()
    assert digest() != digest(seed_number=7)
