"""The pruner: one round of keeping a store in order.

Each step is a transaction of its own, so that no lock is held longer than its step; each asks for its turn, so that of
many worker processes one does the work.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from psycopg2.errors import DeadlockDetected, LockNotAvailable

from infra.maintenance.partitions import drop_partitions, make_partitions, retentions
from infra.settings import Settings
from infra.store.connections import Store
from infra.store.sql import Statements, load

CHUNK = 1_000
MOST_CHUNKS = 100
"""Chunks a round: what is left waits for the next one."""

PAUSES = (0.5, 2.0)
"""Seconds before another try at a table that readers hold."""


@dataclass
class Pruned:
    """What a round did.

    Parameters:
      busy: another process was at it; steps were left to that one.
    """

    made: int = 0
    dropped: int = 0
    results: int = 0
    workers: int = 0
    limits: int = 0
    workflows: int = 0
    busy: bool = False


class NotOurTurn(Exception):
    """Another process keeps this store in order just now."""


def prune(store: Store, config: Settings) -> Pruned:
    """Makes partitions ahead, drops those past retention, forgets expired results, dead workers, what limits no
    longer count, and workflows whose members have all expired.

    Raises psycopg2.Error; what was done before it is kept.
    """
    done = Pruned()
    sql = load("infra.maintenance").bind(store.schema)
    try:
        for branch, keep in retentions(config).items():
            done.made += _past_readers(store, sql, partial(make_partitions, sql=sql, branch=branch))
            drop = partial(drop_partitions, sql=sql, branch=branch, keep=keep)
            done.dropped += _past_readers(store, sql, drop)
        done.results = _in_chunks(store, sql, sql.forget_expired_results)
        timeout = {"timeout": config.jobs_server_timeout}
        done.workers = _in_turn(store, sql, lambda cursor: _count(cursor, sql.remove_stale_workers, timeout))
        done.limits = _in_chunks(store, sql, sql.remove_old_starts)
        done.limits += _in_chunks(store, sql, sql.remove_expired_counters)
        done.workflows = _in_chunks(
            store, sql, sql.expire_workflows, keep=max(retentions(config).values()), service=store.service
        )
    except NotOurTurn:
        done.busy = True
    return done


def _in_chunks(store: Store, sql: Statements, statement: str, **parameters: Any) -> int:
    total = 0
    for _ in range(MOST_CHUNKS):
        now = _in_turn(store, sql, lambda cursor: _count(cursor, statement, {"chunk": CHUNK, **parameters}))
        total += now
        if now < CHUNK:
            break
    return total


def _past_readers(store: Store, sql: Statements, step: Callable[[Any], int]) -> int:
    """A step that needs a table for itself alone, tried again where readers held it too long or met it in a circle."""
    for pause in PAUSES:
        try:
            return _in_turn(store, sql, step)
        except (LockNotAvailable, DeadlockDetected):
            time.sleep(pause * random.uniform(0.5, 1.5))
    return _in_turn(store, sql, step)


def _in_turn(store: Store, sql: Statements, step: Callable[[Any], int]) -> int:
    with store.transaction() as cursor:
        cursor.execute(sql.take_turn)
        ours = cursor.fetchall()[0][0]
        if ours:
            return step(cursor)
    raise NotOurTurn


def _count(cursor: Any, statement: str, parameters: dict[str, Any]) -> int:
    cursor.execute(statement, parameters)
    return int(cursor.fetchone()[0])
