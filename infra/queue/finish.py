"""Finish: what worker threads hand in is written in batches, by one thread a database.

While one batch is on its way the next one gathers, so a batch is as large as the load and a lone job waits for nothing.
A batch is one transaction: outcomes, history, follow-ups, and what waited for these jobs. Workflows that may be
complete by it are asked about in the next one. While the database is away the batch is kept and tried again.
A row that the database refuses is found, and fails alone.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

import psycopg2
from dramatiq.logging import get_logger

from infra.queue.enqueue import insert, put
from infra.queue.enqueue_workflow import committed_together
from infra.queue.errors import JobRefused, StoreUnavailable
from infra.queue.finish_rows import claims, outcomes, storable, write_notes
from infra.queue.message import Envelope
from infra.queue.opening import services_of
from infra.queue.outage import Outage
from infra.queue.run import FAILED, FINAL, QUEUED, RETRY_MS, RETRYING, SUCCESS, Note, Outcome, Run
from infra.queue.statements import PLANNER, bound
from infra.queue.successors import Ended, NotThereYet, Reach, Touched, complete_apart, follow
from infra.queue.write_workflow import write
from infra.store.connections import DISCONNECTED, Store, statement_at_fault
from infra.store.sql import Statements

BATCH = 1_000
PAUSE = 0.5
SURE = 60.0
"""Seconds after a job's end, from which on what waits for it in another database is there, or never will be."""

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
        broker: Any,
        settled: Callable[[Sequence[Run], set[str]], None],
        *,
        patience: float,
    ) -> None:
        super().__init__(name="finisher", daemon=True)
        self.url = outage.url
        self._outage = outage
        self._broker = broker
        self._store_of: Callable[[str], Store] = broker.store
        self._settled = settled
        self._patience = f"set local idle_in_transaction_session_timeout = {int(patience * 1000)}"
        self._runs: deque[Run] = deque()
        self._notes: deque[Note] = deque()
        self._touched: Touched = set()
        self._later: list[Run] = []
        self._touched_later: Touched = set()
        """What must wait for another database, until `_again_at`."""
        self._again_at = 0.0
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
            if not runs and not notes and not self._touched:
                if self._stopping:
                    break
                self._sleep()
                continue
            self._busy = True
            if runs or notes:
                self._write_until_done(runs, notes)
            if self._touched:
                self._complete_workflows()
            self._busy = False
        self._disconnect()

    def drain(self, timeout: float) -> bool:
        """Waits until everything handed in is written; False when `timeout` seconds were not enough."""
        deadline = time.monotonic() + timeout
        while self._runs or self._notes or self._touched or self._later or self._busy:
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
            waiting = self._later or self._touched_later
            self._wake.wait(max(0.0, self._again_at - time.monotonic()) if waiting else None)
        self._sleeping = False
        self._wake.clear()

    def _gather(self) -> tuple[list[Run], list[Note]]:
        self._busy = True
        if (self._later or self._touched_later) and time.monotonic() >= self._again_at:
            self._runs.extend(self._later)
            self._touched |= self._touched_later
            self._later, self._touched_later = [], set()
        runs = [self._runs.popleft() for _ in range(min(len(self._runs), BATCH))]
        # All notes: those of a run must be written while its lease is held, so not after it.
        notes = [self._notes.popleft() for _ in range(len(self._notes))]
        if not runs and not notes and not self._touched:
            self._busy = False
        return runs, notes

    def _write_until_done(self, runs: list[Run], notes: list[Note]) -> None:
        pause = 0.0  # before the first attempt to connect again
        while True:
            began = time.monotonic()
            try:
                held = self._write(runs, notes)
            except StoreUnavailable as error:
                self._disconnect()
                self._put_off(began)
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

    def _complete_workflows(self) -> None:
        """Asks whether workflows are complete, now that what ended their members is committed."""
        began = time.monotonic()
        try:
            left = complete_apart(self._transaction, self.url, self._store_of, self._touched)
        except DISCONNECTED as error:
            self._disconnect()
            self._report(error)
            if not self._stopping:
                time.sleep(PAUSE)
                return
        except Exception:
            self._disconnect()
            log.exception("Workflows could not be completed; the heartbeats will ask again.")
        else:
            if left:
                self._touched_later |= left
                self._put_off(began)
        self._touched = set()

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        if self._conn is None:
            self._conn = self._outage.connect("dhanman-jobs finish", autocommit=False)
        with self._conn, self._conn.cursor() as cursor:
            yield cursor

    def _put_off(self, began: float) -> None:
        """Asks the other database again later; the longer it took to answer, the later, as all others wait for that."""
        self._again_at = time.monotonic() + max(PAUSE, 3 * (time.monotonic() - began))

    def _write_singly(self, runs: list[Run], notes: list[Note], error: Exception) -> None:
        """The database refuses something of this batch."""
        if len(runs) + len(notes) > 1:
            self._write_one_by_one(runs, notes)
            return
        held = self._write_refused(runs, error)
        if runs:
            self._settled(runs, held)

    def _write_one_by_one(self, runs: list[Run], notes: list[Note]) -> None:
        """Notes go first: they need the lease that their run ends."""
        for note in notes:
            self._write_until_done([], [note])
        for run in runs:
            self._write_until_done([run], [])

    def _write_later(self, runs: list[Run], notes: list[Note], error: StoreUnavailable) -> None:
        """Another database, into which some follow-ups go, is away: their runs stay held until it is back, all others
        are written now.
        """
        if not isinstance(error, NotThereYet):
            self._report(error)
        waiting = [run for run in runs if self._leads_elsewhere(run)]
        others = [run for run in runs if run not in waiting]
        if not waiting and len(runs) + len(notes) > 1:  # it is what follows from what follows
            self._write_one_by_one(runs, notes)
            return
        if waiting and (others or notes):
            self._write_until_done(others, notes)
        self._later += waiting or runs

    def _leads_elsewhere(self, run: Run) -> bool:
        """Whether something in another database follows from this run itself."""
        services = {e.service for e in run.follow_ups or ()}
        if run.followed_in:
            services.update(run.followed_in.split(","))
        for opening in run.openings or ():
            services |= services_of(self._broker, opening)
        return any(self._store_of(service).url != self.url for service in services)

    def _report(self, error: Exception) -> None:
        if not self._reported:
            self._reported = True
            log.error(
                "The job store is away: %s. Finished jobs are kept until it is back.", str(error).strip()
            )

    def _write(self, runs: list[Run], notes: list[Note]) -> set[str]:
        """One transaction. Returns the ids of the runs whose lease was still held."""
        held: set[str] = set()
        ended: list[Ended] = []
        with self._transaction() as cursor:
            cursor.execute(self._patience)
            for store, note_group in _by_store(notes, lambda note: note.run.store):
                write_notes(cursor, _statements(store), note_group)
            for store, group in _by_store(runs, lambda run: run.store):
                held |= self._write_store(cursor, store, group, ended)
            follow_ups = [
                e for run in runs if run.follow_ups and run.message_id in held for e in run.follow_ups
            ]
            for service, envelopes in _by_store(follow_ups, lambda e: e.service):
                self._put(cursor, self._store_of(service), envelopes)
            self._open(cursor, [run for run in runs if run.openings and run.message_id in held])
            # Asked about once this is committed: noted before, for the answer to the commit may be lost.
            self._touched |= self._follow(cursor, ended, runs)
        return held

    def _follow(self, cursor: Any, ended: list[Ended], runs: list[Run]) -> Touched:
        """What waits for the ended jobs goes on."""
        reach = Reach(self.url, cursor, self._store_of)
        touched: Touched = set()
        by_id = {run.message_id: run for run in runs} if ended else {}
        now = time.perf_counter()

        def whose(job: Ended) -> tuple[str, bool]:
            run = by_id[job.message_id]
            return run.worker_id, now - run.started - (run.duration_ms or 0) / 1000 > SURE

        for (worker_id, sure), group in _by_store(ended, whose):
            handing_on = [job._replace(result=by_id[job.message_id].handed_on) for job in group]
            touched |= follow(reach, handing_on, worker_id, sure=sure)
        return touched

    def _open(self, cursor: Any, runs: list[Run]) -> None:
        """Workflows that runs lead to, and members they add."""
        if not runs:
            return
        cursors = {self.url: cursor}
        try:
            with committed_together(cursors) as cursor_for:  # elsewhere before the run is finished here
                for run in runs:
                    write(self._broker, run.openings or [], cursor_for, late=True)
        except DISCONNECTED as error:
            if statement_at_fault(error) or self._conn.closed or len(cursors) == 1:
                raise
            raise StoreUnavailable(f"another job store is away: {str(error).strip()}") from None
        self._touched |= {
            (opening.home, opening.workflow_id) for run in runs for opening in run.openings or []
        }

    def _put(self, cursor: Any, store: Store, envelopes: list[Envelope]) -> None:
        if store.url == self.url:
            put(cursor, store.schema, envelopes)
        else:  # another database: committed there before the job is finished here, so it may come twice but is not lost
            insert(store, envelopes, patience=0)

    def _write_store(self, cursor: Any, store: Store, runs: list[Run], ended: list[Ended]) -> set[str]:
        """Writes the outcomes of one store's runs, and notes in `ended` what has reached its last state. Returns the
        ids that were held.
        """
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
                PLANNER + sql.finish_done, {**claims(plain), "durations": [r.duration_ms for r in plain]}
            )
            held.update(row[0] for row in cursor.fetchall())
        if final:
            cursor.execute(PLANNER + sql.finish, outcomes(final))
            held.update(row[0] for row in cursor.fetchall())
        if retried:
            parameters = {
                **outcomes(retried),
                "worker_ids": [r.worker_id for r in retried],
                "channel": store.schema,
            }
            cursor.execute(PLANNER + sql.retry, parameters)
            held.update(row[0] for row in cursor.fetchall())
        if released:
            cursor.execute(PLANNER + sql.release, {**claims(released), "channel": store.schema})
            held.update(row[0] for row in cursor.fetchall())
            if unstarted := [r for r in released if r.counts_until is not None and r.duration_ms is None]:
                parameters = {
                    "keys": [r.limit_key for r in unstarted],
                    "untils": [r.counts_until for r in unstarted],
                }
                cursor.execute(PLANNER + sql.uncount_starts, parameters)
        ended += [
            _ended(run)
            for run in (*plain, *final)
            if (run.workflow_id or run.followed_in) and run.message_id in held
        ]
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
        elif isinstance(error, JobRefused):
            run.outcome = Outcome(FAILED, error.reason, storable(f"{type(error).__name__}: {error}"))
            run.drop_consequences()
        elif run.follow_ups or run.openings or run.followed_in:
            reason = f"what should follow the job could not be written: {str(error).strip()}"
            run.outcome = Outcome(RETRYING, storable(reason), delay_ms=RETRY_MS)
            run.drop_consequences()
        else:
            reason = f"the outcome could not be stored: {str(error).strip()}"
            run.outcome = Outcome(FAILED, storable(reason))
            run.drop_consequences()
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


def _ended(run: Run) -> Ended:
    state = (run.outcome or SUCCESS).state
    return Ended(run.message_id, run.store.service, state, run.workflow_id, run.followed_in)


def _statements(store: Store) -> Statements:
    return bound(store.schema)


def _by_store(items: Sequence[Any], key: Callable[[Any], Any]) -> list[tuple[Any, list[Any]]]:
    if not items:
        return []
    groups: dict[Any, list[Any]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.items())
