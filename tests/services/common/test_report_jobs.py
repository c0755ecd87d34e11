"""The jobs of users and reports, as the calendar runs them in a worker."""

import json
from contextlib import closing

import psycopg2

import actors
import periodic.common
from actors.common.reference.seed import seed_society
from infra.gateways.auth0 import Auth0Refused
from tests.support.queue import broker_on, working
from tests.support.service import asker
from tests.support.waiting import wait_for

RESULTS = "select actor_name, state::text, result::text from common_jobs.job"


def test_each_runs_in_a_worker_and_leaves_a_small_result(common):
    ask = asker(common)
    with closing(psycopg2.connect(common)) as connection, connection:
        seed_society(connection, "common")
    jobs = (
        periodic.common.sync_auth0_users,
        periodic.common.generate_system_health_report,
        periodic.common.generate_daily_reports,
    )
    with broker_on(common) as broker:
        for actor in actors.broker.actors.values():
            broker.declare_actor(actor)
        for job in jobs:
            broker.enqueue(job.message(scheduled_for="2026-04-10T08:00:00+05:30"))
        with working(broker):
            wait_for(lambda: len([row for row in ask(RESULTS) if row[1] == "done"]) == 4, "all jobs are done")

    results = {name: json.loads(result) for name, _, result in ask(RESULTS)}
    assert "no users are mirrored" in json.dumps(results["common.sync_auth0_users"])
    assert "things need you" in json.dumps(results["common.generate_system_health_report"])
    assert "Green Valley" in json.dumps(results["common.send_daily_reports"])
    assert ask("select key like 'common/health/2026-04-10-0800/it@%%' from common.letter") == [(True,)]


def test_what_a_person_must_mend_is_not_tried_again():
    policy = periodic.common.sync_auth0_users.options["retry_policy"]
    assert Auth0Refused in policy.give_up_on
    assert policy.at_end == "fail"


def test_every_table_and_column_says_what_it_is_for(common):
    assert (
        asker(common)(
            """select c.relname, a.attname
            from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            where c.relnamespace = 'common'::regnamespace and c.relkind = 'r' and c.relname !~ 'yoyo'
                and (col_description(c.oid, a.attnum) is null or obj_description(c.oid) is null)"""
        )
        == []
    )
