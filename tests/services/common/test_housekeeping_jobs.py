"""The house-keeping jobs, as the calendar runs them in a worker."""

import json

import actors
import periodic.common
from tests.support.queue import broker_on, working
from tests.support.waiting import wait_for

RESULTS = "select actor_name, state::text, result::text from common_jobs.job"


def test_each_runs_in_a_worker_and_leaves_a_result_of_counts(common, ask):
    jobs = (
        periodic.common.database_backup,
        periodic.common.cleanup_expired_tokens,
        periodic.common.cleanup_old_logs,
    )
    names = {job.actor_name for job in jobs}
    with broker_on(common) as broker:
        for actor in actors.broker.actors.values():
            broker.declare_actor(actor)
        for job in jobs:
            broker.enqueue(job.message(scheduled_for="2026-11-22T00:00:00+05:30"))
        with working(broker):
            wait_for(lambda: len([row for row in ask(RESULTS) if row[1] == "done"]) == 3, "all jobs are done")
    results = {name: json.loads(result) for name, _, result in ask(RESULTS)}
    assert results.keys() == names
    text = json.dumps(results)
    assert '"deleted": 0' in text
    assert '"tables"' not in text
    [(backup, tick)] = ask("select id, scheduled_for::text from common.backup where state = 'GOOD'")
    assert backup in text
    assert tick.startswith("2026-11-2")
