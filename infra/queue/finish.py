"""Finish: what worker threads hand in is written in batches, by one thread a database.

While one batch is on its way the next one gathers, so a batch is as large as the load and a lone job waits for nothing.
A batch is one transaction: outcomes, history, follow-ups. While the database is away the batch is kept and tried again.
A row that the database refuses is found, and fails alone.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import psycopg2
from dramatiq.logging import get_logger

from infra.queue.enqueue import insert, put
from infra.queue.errors import StoreUnavailable
from infra.queue.message import Envelope
from infra.queue.outage import Outage
from infra.queue.run import FAILED, FINAL, QUEUED, RETRY_MS, RETRYING, SUCCESS, Note, Outcome, Run
from infra.store.connections import DISCONNECTED, Store, statement_at_fault
from infra.store.sql import Statements, load

PLANNER = (
    "set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off; "
)
"""The hot statements know their index; a table that was empty when last analysed must not mislead the planner."""

BATCH = 1_000
PAUSE = 0.5

log = get_logger(__name__)


class Finisher(threading.Thread):
    """Writes outcomes of one database's jobs.

    Parameters:
      settled: called with the runs of a batch once it is committed, and the ids that were still held.
      patience: seconds after which the server ends a transaction that this process, stopped, left open with its locks.
    """

    def __init__(
        self,
        outage: Outage,
        store_of: Callable[[str], Store],
        settled: Callable[[Sequence[Run], set[str]], None],
        *,
        patience: float,
    ) -> None:
        super().__init__(name="finisher", daemon=True)
        self.url = outage.url
        self._outage = outage
        self._store_of = store_of
        self._settled = settled
        self._patience = f"set local idle_in_transaction_session_timeout = {int(patience * 1000)}"
        self._runs: deque[Run] = deque()
        self._notes: deque[Note] = deque()
        self._wake = threading.Event()
        self._sleeping = False
        self._stopping = False
        self._busy = False
        self._conn: Any = None
        self._reported = False

    def add(self, run: Run) -> None:
        """Hands in a run whose outcome is set. Called by worker threads."""
        self._runs.append(run)
        if self._sleeping:
            self._wake.set()

    def note(self, note: Note) -> None:
        self._notes.append(note)
        if self._sleeping:
            self._wake.set()

    def run(self) -> None:
        while True:
            runs, notes = self._gather()
            if not runs and not notes:
                if self._stopping:
                    break
                self._sleep()
                continue
            self._busy = True
            self._write_until_done(runs, notes)
            self._busy = False
        self._disconnect()

    def drain(self, timeout: float) -> bool:
        """Waits until everything handed in is written; False when `timeout` seconds were not enough."""
        deadline = time.monotonic() + timeout
        while self._runs or self._notes or self._busy:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        return True

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    def _sleep(self) -> None:
        self._sleeping = True
        if not self._runs and not self._notes and not self._stopping:
            self._wake.wait()
        self._sleeping = False
        self._wake.clear()

    def _gather(self) -> tuple[list[Run], list[Note]]:
        self._busy = True
        runs = [self._runs.popleft() for _ in range(min(len(self._runs), BATCH))]
        # All notes: those of a run must be written while its lease is held, so not after it.
        notes = [self._notes.popleft() for _ in range(len(self._notes))]
        if not runs and not notes:
            self._busy = False
        return runs, notes

    def _write_until_done(self, runs: list[Run], notes: list[Note]) -> None:
        pause = 0.0  # before the first attempt to connect again
        while True:
            try:
                held = self._write(runs, notes)
            except StoreUnavailable as error:
                self._disconnect()
                self._write_later(runs, notes, error)
                return
            except Exception as error:  # noqa: BLE001  # whatever it is, the outcomes must not be lost
                if isinstance(error, DISCONNECTED) and not statement_at_fault(error):
                    if self._conn is not None and not self._conn.closed:
                        self._report(error)  # the server is there and says no
                    self._disconnect()
                    if self._stopping:
                        return
                    time.sleep(pause)
                    pause = min(pause * 2 or PAUSE, 15.0)
                    continue
                self._disconnect()
                self._write_singly(runs, notes, error)
                return
            else:
                self._reported = False
                if runs:
                    self._settled(runs, held)
                return

    def _write_singly(self, runs: list[Run], notes: list[Note], error: Exception) -> None:
        """The database refuses something of this batch. Notes go first: they need the lease that their run ends."""
        if len(runs) + len(notes) > 1:
            for note in notes:
                self._write_until_done([], [note])
            for run in runs:
                self._write_until_done([run], [])
            return
        held = self._write_refused(runs, error)
        if runs:
            self._settled(runs, held)

    def _write_later(self, runs: list[Run], notes: list[Note], error: StoreUnavailable) -> None:
        """Another database, into which some follow-ups go, is away: their runs stay held until it is back, all others
        are written now.
        """
        waiting = [
            run for run in runs if run.follow_ups and any(self._is_elsewhere(e) for e in run.follow_ups)
        ]
        others = [run for run in runs if run not in waiting]
        if others or notes:
            self._write_until_done(others, notes)
        self._report(error)
        if not others and not self._stopping:
            time.sleep(PAUSE)
        self._runs.extend(waiting)

    def _is_elsewhere(self, envelope: Envelope) -> bool:
        return self._store_of(envelope.service).url != self.url

    def _report(self, error: Exception) -> None:
        if not self._reported:
            self._reported = True
            log.error(
                "The job store is away: %s. Finished jobs are kept until it is back.", str(error).strip()
            )

    def _write(self, runs: list[Run], notes: list[Note]) -> set[str]:
        """One transaction. Returns the ids of the runs whose lease was still held."""
        if self._conn is None:
            self._conn = self._outage.connect("dhanman-jobs finish", autocommit=False)
        held: set[str] = set()
        with self._conn, self._conn.cursor() as cursor:
            cursor.execute(self._patience)
            for store, note_group in _by_store(notes, lambda note: note.run.store):
                _write_notes(cursor, _statements(store), note_group)
            for store, group in _by_store(runs, lambda run: run.store):
                held |= self._write_store(cursor, store, group)
            follow_ups = [
                e for run in runs if run.follow_ups and run.message_id in held for e in run.follow_ups
            ]
            for service, envelopes in _by_store(follow_ups, lambda e: e.service):
                self._put(cursor, self._store_of(service), envelopes)
        return held

    def _put(self, cursor: Any, store: Store, envelopes: list[Envelope]) -> None:
        if store.url == self.url:
            put(cursor, store.schema, envelopes)
        else:  # another database: committed there before the job is finished here, so it may come twice but is not lost
            insert(store, envelopes, patience=0)

    def _write_store(self, cursor: Any, store: Store, runs: list[Run]) -> set[str]:
        sql = _statements(store)
        plain: list[Run] = []
        final: list[Run] = []
        retried: list[Run] = []
        released: list[Run] = []
        for run in sorted(runs, key=attrgetter("message_id")):  # as an operator's cancel locks them
            outcome = run.outcome or SUCCESS
            if outcome is SUCCESS and run.result is None:
                plain.append(run)
            elif outcome.state in FINAL:
                final.append(run)
            elif outcome.state == RETRYING:
                retried.append(run)
            elif outcome.state == QUEUED:
                released.append(run)
        held: set[str] = set()
        if plain:
            cursor.execute(
                PLANNER + sql.finish_done, {**_claims(plain), "durations": [r.duration_ms for r in plain]}
            )
            held.update(row[0] for row in cursor.fetchall())
        if final:
            cursor.execute(PLANNER + sql.finish, _outcomes(final))
            held.update(row[0] for row in cursor.fetchall())
        if retried:
            parameters = {
                **_outcomes(retried),
                "worker_ids": [r.worker_id for r in retried],
                "channel": store.schema,
            }
            cursor.execute(PLANNER + sql.retry, parameters)
            held.update(row[0] for row in cursor.fetchall())
        if released:
            cursor.execute(PLANNER + sql.release, {**_claims(released), "channel": store.schema})
            held.update(row[0] for row in cursor.fetchall())
        return held

    def _write_refused(self, runs: list[Run], error: Exception) -> set[str]:
        """The database refuses this one outcome: a twin took its unique key, or its texts cannot be stored."""
        if not runs:
            log.error("A log line could not be stored: %s", error)
            return set()
        run = runs[0]
        if (
            isinstance(error, psycopg2.errors.UniqueViolation)
            and run.outcome
            and run.outcome.state in (RETRYING, QUEUED)
        ):
            run.outcome = Outcome(
                "cancelled", "another waiting job has its unique key and will do the work", run.outcome.error
            )
        elif run.follow_ups:
            reason = f"what should follow the job could not be written: {str(error).strip()}"
            run.outcome, run.result, run.follow_ups = (
                Outcome(RETRYING, _storable(reason), delay_ms=RETRY_MS),
                None,
                None,
            )
        else:
            reason = f"the outcome could not be stored: {str(error).strip()}"
            run.outcome, run.result, run.follow_ups = Outcome(FAILED, _storable(reason)), None, None
        try:
            return self._write([run], [])
        except DISCONNECTED:
            self._disconnect()
            self._runs.append(run)
        except Exception:
            self._disconnect()
            log.exception(
                "The outcome of job %s could not be written; its claim is given back.", run.message_id
            )
            run.lost = True
        return set()

    def _disconnect(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None


def _statements(store: Store) -> Statements:
    return bound(store.schema)


_bound: dict[str, Statements] = {}


def bound(schema: str) -> Statements:
    """The queue's statements for one schema, read once."""
    if schema not in _bound:
        _bound[schema] = load("infra.queue").bind(schema)
    return _bound[schema]


def _by_store(items: Sequence[Any], key: Callable[[Any], Any]) -> list[tuple[Any, list[Any]]]:
    groups: dict[Any, list[Any]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.items())


def _claims(runs: list[Run]) -> dict[str, Any]:
    return {"message_ids": [r.message_id for r in runs], "leases": [r.lease for r in runs]}


def _outcomes(runs: list[Run]) -> dict[str, Any]:
    outcomes = [r.outcome or SUCCESS for r in runs]
    return {
        **_claims(runs),
        "states": [o.state for o in outcomes],
        "delays": [o.delay_ms for o in outcomes],
        "durations": [r.duration_ms for r in runs],
        "reasons": [_storable(o.reason) for o in outcomes],
        "errors": [_storable(o.error) for o in outcomes],
        "tracebacks": [_storable(o.traceback) for o in outcomes],
        "results": [r.result[0] if r.result else None for r in runs],
        "result_ttls": [r.result[1] if r.result else None for r in runs],
    }


def _storable(text: str | None) -> str | None:
    """Postgres keeps no NUL and no lone surrogates."""
    if text is None:
        return None
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def _write_notes(cursor: Any, sql: Statements, notes: list[Note]) -> None:
    lines = [note for note in notes if note.line is not None]
    if lines:
        cursor.execute(
            PLANNER + sql.add_log_lines,
            {
                **_claims([n.run for n in lines]),
                "times": [
                    time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(n.at)) + f"{n.at % 1:.6f}"[1:] + "Z"
                    for n in lines
                ],
                "attempts": [n.run.attempt for n in lines],
                "lines": [_storable(n.line) for n in lines],
            },
        )
    moved = {n.run: n.run.progress for n in notes if n.line is None and n.run.progress is not None}
    if moved:
        cursor.execute(
            PLANNER + sql.set_progress,
            {
                **_claims(list(moved)),
                "dones": [progress[0] for progress in moved.values() if progress],
                "totals": [progress[1] for progress in moved.values() if progress],
            },
        )
