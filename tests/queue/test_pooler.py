"""Everything works through PgBouncer in transaction mode, where two statements may meet two sessions."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from infra.store.embedded import account as accounts
from tests.support.job_store import JobStore, prepare
from tests.support.own_server import OwnServer, own_server
from tests.support.waiting import wait_for
from tests.support.worker import QUIET, workers_of

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed on this machine")


@contextlib.contextmanager
def pooler(server: OwnServer) -> Iterator[str]:
    """The URL of a PgBouncer before this server, with fewer sessions than a worker has threads."""
    folder = Path(tempfile.mkdtemp(prefix="dhanman-pooler-"))
    folder.chmod(0o711)
    if accounts.is_root():
        shutil.chown(folder, server.account.uid, server.account.gid)
    settings = {
        "listen_addr": "",
        "unix_socket_dir": folder,
        "auth_type": "any",
        "pool_mode": "transaction",
        "default_pool_size": 3,
        "server_reset_query": "",
    }
    lines = ["[databases]", f"postgres = host={server.folder} user=postgres", "[pgbouncer]"]
    lines += [f"{name} = {value}" for name, value in settings.items()]
    (folder / "pgbouncer.ini").write_text("\n".join(lines))
    assert PGBOUNCER is not None
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(  # type: ignore[call-overload]  # the identity's options are Popen's own
            [PGBOUNCER, str(folder / "pgbouncer.ini")],
            stdout=log,
            stderr=log,
            cwd="/",
            **accounts.identity(server.account),
        )
    url = f"postgresql://postgres@/postgres?host={folder}&port=6432"
    try:
        wait_for(lambda: answers(url), "PgBouncer answers")
        yield url
    finally:
        process.terminate()
        process.wait(10)
        print((folder / "log").read_text()[-3000:])
        shutil.rmtree(folder, ignore_errors=True)


def answers(url: str) -> bool:
    try:
        psycopg2.connect(url).close()
    except psycopg2.OperationalError:
        return False
    return True


@pytest.mark.parametrize("listens", [True, False], ids=["listening-on-a-direct-url", "polling"])
def test_jobs_run_through_a_pooler_in_transaction_mode(listens: bool) -> None:
    with own_server() as server, pooler(server) as url, workers_of(lambda: url) as run_worker:
        prepare(server.url)
        store = JobStore(url)
        listen = (
            {"JOBS_LISTEN_URL": server.url}
            if listens
            else {"JOBS_LISTEN": "false", "JOBS_POLL_INTERVAL": "300ms"}
        )
        workers = [run_worker(threads=4, env=QUIET | listen) for _ in range(2)]
        for worker in workers:
            worker.wait_ready()

        jobs = [store.send("common.ran") for _ in range(50)] + store.send_many("common.ran", 450)
        delayed = store.send("common.ran", delay=500)
        asks = store.send("common.asks", "never")
        step, next_step = store.send_pipeline(("common.gives", (1,)), ("sales.gives", ()))
        store.wait_until_started(asks)
        store.cancel(asks)
        store.wait_until(asks, "cancelled")
        long = store.send("common.holds", "gate")
        store.wait_until_started(long)
        holder = store.effects(long)[0].worker
        [doomed] = [worker for worker in workers if holder in worker.pids]
        doomed.kill9()
        store.open("gate")
        store.wait_until_empty()
        store.wait_until_empty(service="sales")

        assert store.states() == {"done": len(jobs) + 3, "cancelled": 1}
        assert store.did(delayed) == ["ran"]
        assert store.did(step) + store.did(next_step) == ["gives 1", "gives 2"]
        assert store.job(long).attempts == 2
        assert store.ask(
            "select count(*) from pg_stat_activity where usename = 'postgres' and query like 'listen%%'"
        ) == [(2 - 1 if listens else 0,)], "the living worker listens, on the direct URL"
        store.close()
