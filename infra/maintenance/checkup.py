"""The check-up: each trouble that a job system is known for, looked for in every store, with what to do about it.

A check is a function that takes a Patient and yields findings; what it yields nothing for is well. `EXAMINATIONS`
names them in the order in which a cause comes before its effects.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import psycopg2

from infra.maintenance.partitions import retentions
from infra.queue import registry
from infra.queue.limits import limits_of
from infra.queue.overview import QueueFacts, queue_depths
from infra.scheduling.find import list_recurring
from infra.settings import Settings
from infra.store.connections import DISCONNECTED, Store, connect, shown
from infra.store.migrate import JOB_STORE, pending
from infra.store.sql import Statements, load

OLDEST_SERVER = 140_000
SKEW_WARNING, SKEW_ERROR = 1.0, 30.0
WAIT_WARNING = 300.0
"""Seconds after which a job that waits although workers live is worth a warning."""
SAMPLE = 10_000

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """Parameters:
    where: the schema or database it was found in.
    what: what is wrong, or that all is well.
    advice: what to do, with the command.
    """

    check: str
    level: Level
    where: str
    what: str
    advice: str = ""


class Patient:
    """One store, with what several checks ask of it, asked once."""

    def __init__(self, store: Store, config: Settings, broker: Any) -> None:
        self.store = store
        self.config = config
        self.broker = broker
        self.sql: Statements = load("infra.maintenance").bind(store.schema)
        self.timeout = {"timeout": config.jobs_server_timeout}

    def fetch(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        return self.store.fetch(statement, parameters)

    @cached_property
    def queues(self) -> list[QueueFacts]:
        return queue_depths(self.store, self.config.jobs_queues)

    @cached_property
    def consumers(self) -> dict[str, int]:
        """How many living workers consume each queue."""
        return dict(self.fetch(self.sql.workers_by_queue, self.timeout))

    @cached_property
    def living(self) -> list[tuple[Any, ...]]:
        return self.fetch(self.sql.living_workers, self.timeout)

    @cached_property
    def declared(self) -> dict[str, Any]:
        """The actors that this code declares for the service."""
        actors = registry.actors_by_service(self.broker).get(self.store.service, [])
        return {actor.actor_name: actor for actor in actors}

    def finding(self, check: str, level: Level, what: str, advice: str = "") -> Finding:
        return Finding(check, level, self.store.schema, what, advice)


def examine(stores: Iterable[Store], config: Settings, broker: Any) -> list[Finding]:
    """Every finding. A store that cannot be reached or is not migrated is not asked further."""
    findings: list[Finding] = []
    away: dict[str, bool] = {}
    for store in stores:
        if store.url not in away:
            found = list(_server(store.url))
            findings += found
            away[store.url] = any(f.check == "database" and f.level == "error" for f in found)
        if not away[store.url]:
            patient = Patient(store, config, broker)
            try:
                findings += _store(patient)
            except psycopg2.Error as error:
                said = str(error).strip().partition("\n")[0]
                advice = "dhanman-jobs grant SERVICE ROLE, or leave it out with JOBS_SERVICES"
                findings.append(patient.finding("access", "error", f"cannot be examined: {said}", advice))
    return findings


def _store(patient: Patient) -> Iterator[Finding]:
    missing = list(migrated(patient))
    yield from missing or [patient.finding("migrated", "ok", "up to date")]
    if not patient.fetch(patient.sql.tables)[0][0]:
        return
    for name, check in EXAMINATIONS:
        found = list(check(patient))
        yield from found or [patient.finding(name, "ok", "well")]


def _server(url: str) -> Iterator[Finding]:
    where = shown(url)
    try:
        conn = connect(url)
    except DISCONNECTED as error:
        said = str(error).strip().partition("\n")[0]
        yield Finding(
            "database",
            "error",
            where,
            f"cannot be reached: {said}",
            "start the server, or set JOBS_DATABASE_URL to where it is",
        )
        return
    try:
        with conn.cursor() as cursor:
            before = time.time()
            cursor.execute(load("infra.maintenance").bind("").clock_and_version)
            there, number, version = cursor.fetchone() or (before, 0, "")
            skew = there - (before + time.time()) / 2
    finally:
        conn.close()
    yield Finding("database", "ok", where, "answers")
    if number < OLDEST_SERVER:
        yield Finding("version", "error", where, f"Postgres {version} is too old", "use Postgres 14 or later")
    else:
        yield Finding("version", "ok", where, f"Postgres {version}")
    level: Level = "ok" if abs(skew) < SKEW_WARNING else "warning" if abs(skew) < SKEW_ERROR else "error"
    ahead = "ahead of" if skew > 0 else "behind"
    yield Finding(
        "clock",
        level,
        where,
        f"the database's clock is {abs(skew):.3f} s {ahead} this machine's",
        ""
        if level == "ok"
        else "let NTP set both clocks: a job with eta= starts that much too early or late",
    )


def migrated(patient: Patient) -> Iterator[Finding]:
    missing = pending(patient.store.url, patient.store.schema)
    if missing:
        yield patient.finding(
            "migrated",
            "error",
            f"not applied: {', '.join(missing)}",
            "dhanman-jobs migrate",
        )


def indexes(patient: Patient) -> Iterator[Finding]:
    there = dict(patient.fetch(patient.sql.indexes))
    for name in sorted(expected_indexes()):
        if name not in there:
            yield patient.finding(
                "indexes",
                "error",
                f"index {name} is missing: claims or look-ups scan whole tables",
                f"create it as in {JOB_STORE.name}/: grep -rn 'index {name} ' {JOB_STORE}",
            )
    for name, valid in sorted(there.items()):
        if not valid:
            where = f'{patient.store.schema}."{name}"'
            yield patient.finding(
                "indexes", "error", f"index {name} is not valid", f"psql -c 'reindex index {where}'"
            )


def expected_indexes() -> set[str]:
    """The names that the migrations give, so that this list cannot fall behind them."""
    names: set[str] = set()
    for file in sorted(JOB_STORE.glob("*.sql")):
        for verb, name in _INDEX.findall(file.read_text(encoding="utf-8")):
            (names.add if verb.lower().startswith("create") else names.discard)(name)
    return names


_INDEX = re.compile(
    r"^\s*(create(?: unique)?|drop) index (?:if (?:not )?exists )?(\w+)", re.IGNORECASE | re.MULTILINE
)


def threads(patient: Patient) -> Iterator[Finding]:
    for name, count in patient.living:
        if count < 1:
            yield patient.finding(
                "threads",
                "error",
                f"worker {name} has {count} threads and runs nothing",
                "set JOBS_THREADS to at least 1 and restart it",
            )


def no_worker(patient: Patient) -> Iterator[Finding]:
    if patient.living:
        return
    ready = sum(q.ready for q in patient.queues)
    if ready:
        yield patient.finding(
            "worker",
            "error",
            f"{_jobs(ready)} and no worker lives",
            f"start one: dramatiq actors (with {patient.store.service} in JOBS_SERVICES)",
        )
    else:
        yield patient.finding(
            "worker", "warning", "no worker lives; nothing waits yet", "start one: dramatiq actors"
        )


def wrong_queue(patient: Patient) -> Iterator[Finding]:
    for queue in patient.queues:
        if queue.ready and patient.living and not patient.consumers.get(queue.name):
            yield patient.finding(
                "queue",
                "error",
                f"{_jobs(queue.ready)} in queue {queue.name!r}, which no worker consumes",
                f"name it in JOBS_QUEUES of a worker, or: dhanman-jobs jobs cancel --all --queue {queue.name}",
            )


def paused(patient: Patient) -> Iterator[Finding]:
    for queue in patient.queues:
        if queue.paused_by:
            why = f" ({queue.paused_because})" if queue.paused_because else ""
            yield patient.finding(
                "paused",
                "warning",
                f"{queue.name} was paused by {queue.paused_by}{why}; {_jobs(queue.ready)}",
                f"dhanman-jobs queues resume {queue.name} --service {patient.store.service}",
            )


def oldest(patient: Patient) -> Iterator[Finding]:
    for queue in patient.queues:
        worked = patient.consumers.get(queue.name) and not queue.paused_by
        if worked and queue.oldest is not None and queue.oldest > WAIT_WARNING:
            yield patient.finding(
                "waiting",
                "warning",
                f"{_jobs(queue.ready)} in {queue.name}, the first for {queue.oldest / 60:.0f} min",
                "more workers or JOBS_THREADS, or a greater weight in JOBS_QUEUES; who keeps them busy: "
                "dhanman-jobs jobs list --state Processing",
            )


def unknown_claims(patient: Patient) -> Iterator[Finding]:
    count = patient.fetch(patient.sql.claims_of_unknown_workers, patient.timeout)[0][0]
    if count:
        timeout = patient.config.jobs_server_timeout.total_seconds()
        yield patient.finding(
            "claims",
            "warning" if patient.living else "error",
            f"jobs held by workers that are gone or silent: {count:,}",
            f"a living worker takes them back within {timeout:g} s: "
            + ("look again then" if patient.living else "start one: dramatiq actors"),
        )


def actor_registry(patient: Patient) -> Iterator[Finding]:
    known, limits = registry.known(patient.store), registry.known_limits(patient.store)
    stale = [
        name
        for name, actor in patient.declared.items()
        if known.get(name) != registry.parameters_of(actor) or limits.get(name) != limits_of(actor)
    ]
    if stale:
        yield patient.finding(
            "actors",
            "warning",
            "not known as they are now to the registry, which the SQL function enqueue() and claims under a limit ask: "
            + ", ".join(stale),
            "dhanman-jobs migrate",
        )
    absent = [name for name in known if name not in patient.declared]
    if absent:
        yield patient.finding(
            "actors",
            "warning",
            f"registered, but declared by no code here: {', '.join(absent)}",
            "deploy the code that declares them, or: dhanman-jobs migrate --forget-absent-actors",
        )


def unknown_actors(patient: Patient) -> Iterator[Finding]:
    waiting = [row[0] for row in patient.fetch(patient.sql.actors_waiting, {"most": SAMPLE})]
    for name in sorted(set(waiting) - set(patient.declared)):
        yield patient.finding(
            "unknown actor",
            "error",
            f"jobs of {name!r} wait, which no code here declares: they will fail",
            f"deploy it (or set JOBS_EXTRA_ACTORS), or: dhanman-jobs jobs cancel --all --actor {name}",
        )


def stranded(patient: Patient) -> Iterator[Finding]:
    late = [job for job in list_recurring(patient.store) if job.skips_until]
    if late:
        named = [f"{job.name} ({job.skips_until:%Y-%m-%d %H:%M %Z})" for job in late[:5]]
        yield patient.finding(
            "recurring",
            "error",
            f"{len(late)} recurring jobs pass over ticks, as if the database's clock had been ahead; they would run "
            f"next: {', '.join(named)}",
            "see that the database's clock is right, then: dhanman-jobs migrate",
        )


def exhausted(patient: Patient) -> Iterator[Finding]:
    rows = patient.fetch(patient.sql.exhausted)
    if not rows:
        return
    by_actor: Counter[str] = Counter()
    for _, name, count in rows:
        by_actor[name] += count
    states = Counter({"rejected": 0, "failed": 0})
    for state, _, count in rows:
        states[state] += count
    top = ", ".join(f"{name} {count:,}" for name, count in by_actor.most_common(3))
    yield patient.finding(
        "exhausted",
        "warning",
        f"in the last 24 h {states['rejected']:,} jobs became Deleted and {states['failed']:,} Failed, most of {top}",
        "see why: dhanman-jobs jobs list --state Deleted,Failed --newer 24h; once mended: "
        f"dhanman-jobs jobs retry --all --newer 24h --actor {by_actor.most_common(1)[0][0]}",
    )


def partitions(patient: Patient) -> Iterator[Finding]:
    missing = [
        r[0]
        for r in patient.fetch(patient.sql.partitions_ahead, {"branches": list(retentions(patient.config))})
    ]
    if missing:
        yield patient.finding(
            "partitions", "error", f"no partitions for tomorrow: {', '.join(missing)}", "dhanman-jobs prune"
        )
    strays = [row[0] for row in patient.fetch(patient.sql.default_partitions)]
    if strays:
        yield patient.finding(
            "partitions",
            "warning",
            f"rows in default partitions, which do not expire: {', '.join(strays)}",
            "keep a worker running, it makes partitions ahead; delete the rows once they are past their retention",
        )


def _jobs(count: int) -> str:
    return "1 job waits" if count == 1 else f"{count:,} jobs wait"


EXAMINATIONS: tuple[tuple[str, Callable[[Patient], Iterator[Finding]]], ...] = (
    ("indexes", indexes),
    ("partitions", partitions),
    ("actors", actor_registry),
    ("worker", no_worker),
    ("threads", threads),
    ("queue", wrong_queue),
    ("paused", paused),
    ("waiting", oldest),
    ("claims", unknown_claims),
    ("unknown actor", unknown_actors),
    ("recurring", stranded),
    ("exhausted", exhausted),
)
