"""The floor of what a queue in Postgres costs: bare statements on a bare table, through psycopg2."""

import io
import json
import time
import uuid
from contextlib import closing
from typing import Any

import psycopg2
from psycopg2.extras import execute_values

TABLE = """
create table queue (
    message_id uuid primary key,
    queue_name text not null default 'default',
    state text not null default 'queued',
    mtime timestamptz not null default now(),
    message jsonb not null
);
create index on queue (queue_name, mtime) where state = 'queued';
"""

INSERT = "insert into queue (message_id, message) values (%s, %s)"

CLAIM = """
update queue set state = 'consumed', mtime = now()
where message_id in (
    select message_id from queue where state = 'queued' and queue_name = 'default'
    order by mtime limit %s for update skip locked
)
returning message_id, message
"""

FINISH = "delete from queue where message_id = any(%s::uuid[])"


def prepare(database_url: str) -> None:
    with closing(psycopg2.connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(TABLE)


def enqueue(database_url: str, jobs: int, autocommit: bool = False) -> dict[str, float]:
    """One insert and one commit a job."""
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = autocommit
        started = time.perf_counter()
        for number in range(jobs):
            cursor.execute(INSERT, _row(number))
            if not autocommit:
                connection.commit()
        return {"rate": jobs / (time.perf_counter() - started)}


def bulk(database_url: str, jobs: int, chunk: int, copy: bool = False) -> dict[str, float]:
    """`execute_values`, or COPY, with a commit a chunk."""
    store = _copy if copy else _execute_values
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        started = time.perf_counter()
        for first in range(0, jobs, chunk):
            store(cursor, [_row(number) for number in range(first, min(jobs, first + chunk))])
            connection.commit()
        return {"rate": jobs / (time.perf_counter() - started)}


def fill(database_url: str, jobs: int) -> None:
    bulk(database_url, jobs, chunk=10_000, copy=True)


def drain(database_url: str, jobs: int, batch: int) -> dict[str, float]:
    """Claim a batch, take each message apart, delete the batch: a transaction each."""
    left = jobs
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        started = time.perf_counter()
        while left:
            cursor.execute(CLAIM, (batch,))
            claimed = cursor.fetchall()
            connection.commit()
            cursor.execute(FINISH, ([message_id for message_id, _ in claimed],))
            connection.commit()
            left -= len(claimed)
        return {"rate": jobs / (time.perf_counter() - started)}


def _row(number: int) -> tuple[str, str]:
    """The same content as a Dramatiq message."""
    message_id = str(uuid.uuid4())
    message = {
        "queue_name": "default",
        "actor_name": "noop",
        "args": [number],
        "kwargs": {},
        "options": {},
        "message_id": message_id,
        "message_timestamp": int(time.time() * 1000),
    }
    return message_id, json.dumps(message)


def _execute_values(cursor: Any, rows: list[tuple[str, str]]) -> None:
    execute_values(cursor, "insert into queue (message_id, message) values %s", rows, page_size=1000)


def _copy(cursor: Any, rows: list[tuple[str, str]]) -> None:
    text = io.StringIO("".join(f"{message_id}\t{message}\n" for message_id, message in rows))
    cursor.copy_expert("copy queue (message_id, message) from stdin", text)
