"""The readable whole of the job store equals what the migrations make, and migrating is safe."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest

import infra.store
from infra.maintenance import partitions, pruner
from infra.maintenance.pruner import prune
from infra.settings import Settings
from infra.store.connections import Store
from infra.store.migrate import JOB_STORE, apply, migrate, pending
from tests.support.queue import execute, scratch_database
from tests.support.waiting import wait_for

SCHEMA = Path(infra.store.__file__).parent / "schema.sql"

OURS = "n.nspname = 'common_jobs' and c.relname !~ '_yoyo_|^yoyo_|_[0-9]{8}'"
CATALOG = {
    "tables": f"""
        select c.relname, c.relkind::text, c.relpersistence::text, c.reloptions::text,
               obj_description(c.oid, 'pg_class'), pg_get_partkeydef(c.oid),
               pg_get_expr(c.relpartbound, c.oid), c.relrowsecurity
          from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where {OURS} and c.relkind in ('r', 'p', 'v', 'S')""",
    "columns": f"""
        select c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text,
               pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
          from pg_class c join pg_namespace n on n.oid = c.relnamespace
          join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
         where {OURS} and c.relkind in ('r', 'p', 'v')""",
    "constraints": f"""
        select c.relname, k.conname, pg_get_constraintdef(k.oid)
          from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
         where {OURS}""",
    "indexes": f"""
        select c.relname, i.relname, pg_get_indexdef(i.oid), obj_description(i.oid, 'pg_class')
          from pg_index x join pg_class c on c.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
          join pg_namespace n on n.oid = c.relnamespace where {OURS}""",
    "functions": """
        select p.proname, pg_get_functiondef(p.oid), obj_description(p.oid, 'pg_proc'), p.proacl::text
          from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'common_jobs'""",
    "views": f"""
        select c.relname, pg_get_viewdef(c.oid) from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where {OURS} and c.relkind = 'v'""",
    "triggers": f"""
        select c.relname, pg_get_triggerdef(t.oid) from pg_trigger t join pg_class c on c.oid = t.tgrelid
          join pg_namespace n on n.oid = c.relnamespace where {OURS} and not t.tgisinternal""",
    "types": """
        select t.typname, enum_range(null::common_jobs.state)::text from pg_type t
          join pg_namespace n on n.oid = t.typnamespace where n.nspname = 'common_jobs' and t.typtype = 'e'""",
    "partitions": """
        select i.inhparent::regclass::text, count(*) from pg_inherits i group by 1""",
}


@pytest.fixture
def two(postgres_server: str) -> Iterator[tuple[str, str]]:
    with scratch_database(postgres_server) as one, scratch_database(postgres_server) as other:
        yield one, other


def everything_in(url: str) -> dict[str, list[Any]]:
    return {what: sorted(execute(url, query), key=repr) for what, query in CATALOG.items()}


def test_schema_sql_equals_the_migrations(two: tuple[str, str]) -> None:
    migrated, written = two
    migrate(migrated, ["common"])
    with closing(psycopg2.connect(written)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("create schema common_jobs; set local search_path = common_jobs")
        cursor.execute(SCHEMA.read_text(encoding="utf-8"))
    by_migrations, by_schema = everything_in(migrated), everything_in(written)
    assert len(by_migrations["columns"]) > 100
    for what in CATALOG:
        assert by_schema[what] == by_migrations[what], f"{what}: infra/store/schema.sql has fallen behind"


def test_migrating_twice_changes_nothing(database: str) -> None:
    first = migrate(database, ["common"])
    before = everything_in(database)
    second = migrate(database, ["common"])
    assert [len(done.applied) for done in first] == [first[0].total]
    assert [done.applied for done in second] == [()]
    assert everything_in(database) == before
    assert pending(database, "common_jobs") == []


def test_two_threads_and_two_processes_migrate_at_once(database: str) -> None:
    program = (
        "import sys; from infra.store.migrate import migrate; "
        "print(sum(len(done.applied) for done in migrate(sys.argv[1], ['common', 'sales'])))"
    )
    commands = [
        subprocess.Popen(
            [sys.executable, "-c", program, database], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    with ThreadPoolExecutor(2) as pool:
        here = [
            sum(len(done.applied) for done in result)
            for result in pool.map(lambda _: migrate(database, ["common", "sales"]), range(2))
        ]
    there = []
    for command in commands:
        out, errors = command.communicate(timeout=60)
        assert command.returncode == 0, errors.decode()
        there.append(int(out))
    assert sum(here) + sum(there) == 2 * len(list(JOB_STORE.glob("*.sql")))


def test_a_migration_that_fails_leaves_nothing(database: str, tmp_path: Path) -> None:
    (tmp_path / "0001_good.sql").write_text("create table good (x int);")
    (tmp_path / "0002_bad.sql").write_text(
        "create table half (x int); insert into half values (1); select 1/0;"
    )
    (tmp_path / "0003_later.sql").write_text("create table later (x int);")
    with pytest.raises(psycopg2.errors.DivisionByZero):
        apply(database, "common_jobs", tmp_path)
    tables = "select tablename from pg_tables where schemaname = 'common_jobs' and tablename !~ 'yoyo'"
    assert execute(database, tables) == [("good",)]
    assert pending(database, "common_jobs", tmp_path) == ["0002_bad", "0003_later"]
    (tmp_path / "0002_bad.sql").write_text("create table half (x int);")
    assert apply(database, "common_jobs", tmp_path).applied == ("0002_bad", "0003_later")


def test_a_migration_may_hold_any_sql(database: str, tmp_path: Path) -> None:
    """Functions with semicolons, quotes and percent signs go to the server as they stand."""
    text = """
    create function odd() returns text language plpgsql as $body$
    begin
        raise notice '100 %%; -- no comment'; return $inner$a;b%s'$inner$;
    end $body$;
    """
    (tmp_path / "0001_odd.sql").write_text(text)
    apply(database, "common_jobs", tmp_path)
    assert execute(database, "select common_jobs.odd()") == [("a;b%s'",)]


def test_one_service_s_store_is_made_without_the_others(database: str) -> None:
    migrate(database, ["payroll"])
    schemas = execute(database, "select nspname from pg_namespace where nspname like '%\\_jobs'")
    assert schemas == [("payroll_jobs",)]


def test_the_clock_stands_still_when_told_to(own_store_url: str) -> None:
    with closing(psycopg2.connect(own_store_url)) as connection, connection.cursor() as cursor:
        cursor.execute("set dhanman.clock = '2026-04-01 06:00+05:30'")
        cursor.execute("select common_jobs.clock() = '2026-04-01 00:30Z'")
        assert cursor.fetchone() == (True,)
        cursor.execute("reset dhanman.clock; select common_jobs.clock() > now() - interval '1 hour'")
        assert cursor.fetchone() == (True,)


def test_partitions_are_made_ahead_and_dropped_when_their_time_is_over(own_store_url: str) -> None:
    count = "select count(*) from pg_inherits where inhparent = 'common_jobs.finished_done'::regclass"
    [(before,)] = execute(own_store_url, count)
    assert execute(own_store_url, "select common_jobs.make_partitions()") == [(0,)]
    [(made,)] = execute(own_store_url, "select common_jobs.make_partitions(20)")
    assert made > 0
    assert execute(own_store_url, count) == [(before + 13,)]
    later = "set dhanman.clock = '{}'; select common_jobs.drop_partitions('finished_done', interval '7 days')"
    [(tomorrow,)] = execute(own_store_url, "select (current_date + 12)::text")
    [(dropped,)] = execute(own_store_url, later.format(tomorrow))
    assert dropped in (4, 5)  # the days that ended more than seven days before
    assert execute(own_store_url, count) == [(before + 13 - dropped,)]


def test_a_row_outside_of_all_partitions_is_caught(own_store_url: str) -> None:
    insert = (
        "insert into common_jobs.history (message_id, at, state, attempt) "
        "values (gen_random_uuid(), now() + interval '1 year', 'done', 1) returning tableoid::regclass::text"
    )
    assert execute(own_store_url, insert) == [("common_jobs.history_default",)]


WAITS = (
    "select 1 from pg_locks where not granted and mode = 'AccessExclusiveLock' and relation = '{}'::regclass"
)


@pytest.mark.parametrize("branch_by_branch", [False, True])
def test_a_reader_of_all_partitions_and_who_makes_new_ones_do_not_wait_in_a_circle(
    own_store_url: str, monkeypatch: pytest.MonkeyPatch, branch_by_branch: bool
) -> None:
    """All branches in one transaction: history is held while it waits for job_log, and the reader has that one."""
    monkeypatch.setattr(partitions, "AHEAD_DAYS", 30)
    store = Store("common", own_store_url)

    def make() -> int:
        if branch_by_branch:
            return prune(store, Settings()).made
        made: int = store.fetch("select common_jobs.make_partitions(30)")[0][0]
        return made

    def both() -> int:
        with closing(psycopg2.connect(own_store_url)) as reader, ThreadPoolExecutor(1) as thread:
            with reader, reader.cursor() as cursor:
                cursor.execute("select count(*) from common_jobs.job_log")  # locked until the commit
                made = thread.submit(make)
                waits = WAITS.format("common_jobs.job_log")
                wait_for(lambda: execute(own_store_url, waits), "the maker waits for the reader")
                cursor.execute("select count(*) from common_jobs.history")
            return made.result()

    if branch_by_branch:
        assert both() > 60
    else:
        with pytest.raises(psycopg2.errors.DeadlockDetected):
            both()
    store.pool.clear()


def test_partitions_are_made_once_a_reader_that_held_them_too_long_has_gone(
    own_store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "AHEAD_DAYS", 30)
    monkeypatch.setattr(pruner, "PAUSES", (0.01, 30.0))
    store = Store("common", own_store_url)
    with closing(psycopg2.connect(own_store_url)) as reader, ThreadPoolExecutor(1) as thread:
        with reader.cursor() as cursor:
            cursor.execute("select count(*) from common_jobs.finished")
        paused: list[float] = []
        pause = SimpleNamespace(sleep=lambda seconds: (paused.append(seconds), reader.rollback()))
        monkeypatch.setattr(pruner, "time", pause)  # this module's alone: other threads sleep, too
        made = thread.submit(prune, store, Settings())
        assert made.result().made > 60
    assert len(paused) == 1
    store.pool.clear()
