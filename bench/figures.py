"""What is measured, in which order.

Contenders of one figure take turns, round by round, so that none has the quiet minute.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from bench import dramatiq_drain
from bench.report import Target
from bench.run import ContenderFailedError, Run, call, serving

CHUNK = 10_000  # messages a bulk call


@dataclass(frozen=True)
class Size:
    """How much of everything: the whole run, or a quick one that only shows that all of it works."""

    rounds: int
    jobs: int  # to drain
    slow_jobs: int  # to drain, for procrastinate
    sends: int
    bulk: int
    small: int  # backlog
    large: int
    window: int  # jobs drained in front of a backlog
    pick_ups: int
    idle: float  # seconds
    memory: int
    members: int  # of the batch whose progress is asked
    recurring: int  # jobs due at midnight
    missed: int  # recurring jobs of which three days were missed
    units: tuple[int, ...]  # flats of a society, bills of vendors
    employees: tuple[int, ...]
    scheduler_idle: float  # seconds; it wakes once a minute
    batches: tuple[tuple[int, int], ...]  # of pgqueuer: batch size, managers


WHOLE = Size(
    rounds=3, jobs=100_000, slow_jobs=5_000, sends=5_000, bulk=200_000, small=10_000, large=1_000_000, window=100_000,
    pick_ups=500, idle=30, memory=1_000_000, members=1_000_000,
    recurring=10_000, missed=1_000, scheduler_idle=90, units=(1_000, 5_000, 10_000), employees=(250, 500, 1_000),
    batches=((10, 1), (10, 5), (100, 1), (250, 1), (500, 1), (1000, 1), (500, 2)),
)  # fmt: skip
QUICK = Size(
    rounds=1, jobs=15_000, slow_jobs=300, sends=500, bulk=20_000, small=1_000, large=20_000, window=10_000,
    pick_ups=50, idle=5, memory=20_000, members=20_000,
    recurring=1_000, missed=100, scheduler_idle=5, batches=((100, 1), (500, 1)), units=(100, 200), employees=(25, 50),
)  # fmt: skip


def drain(run: Run, size: Size) -> None:
    """No-op jobs through one worker process, from the worker's start until the last one is stored as done."""
    batch, managers = _best_of_pgqueuer(run, size)
    for _ in range(size.rounds):
        _measure(run, "drain", "stub_broker", jobs=size.jobs)
        _drain(run, "drain", "ours", size.jobs, middleware="bare")
        _drain(run, "drain", "pgqueuer", size.jobs, batch=batch, managers=managers)
        _drain(run, "drain, production", "ours", size.jobs, middleware="production")
        _drain(run, "drain", "raw_psycopg2", size.jobs, batch=500)
        _drain(run, "drain", "procrastinate", size.slow_jobs)
    _drain(run, "drain, history unlogged", "pgqueuer", size.jobs, prepare={"durability": "balanced"},
           batch=batch, managers=managers)  # fmt: skip


def enqueue(run: Run, size: Size) -> None:
    """One producer, one job at a time, each committed before the next."""
    for _ in range(size.rounds):
        for contender in ("raw_psycopg2", "ours", "pgqueuer", "procrastinate"):
            _in_database(run, "enqueue", contender, "enqueue", jobs=size.sends)
    _in_database(run, "enqueue, autocommit", "raw_psycopg2", "enqueue", jobs=size.sends, autocommit=True)
    _measure(run, "enqueue", "stub_broker", function="enqueue", jobs=size.sends)


def bulk(run: Run, size: Size) -> None:
    """One producer, ten thousand jobs a call, building the messages included."""
    for _ in range(size.rounds):
        for contender in ("ours", "pgqueuer", "raw_psycopg2", "procrastinate"):
            _in_database(run, "bulk enqueue", contender, "bulk", jobs=size.bulk, chunk=CHUNK)
    _in_database(run, "bulk enqueue, COPY", "raw_psycopg2", "bulk", jobs=size.bulk, chunk=CHUNK, copy=True)


def depth(run: Run, size: Size) -> None:
    """The same number of jobs drained in front of a small and a large backlog, waiting or delayed."""
    if not run.wants("ours"):
        return
    backlogs = {
        BEHIND_SMALL: {"jobs": size.small},
        BEHIND_LARGE: {"jobs": size.large},
        DELAYED_SMALL: {"delayed": size.small},
        DELAYED_LARGE: {"delayed": size.large},
    }
    with run.forgiving("ours"), ExitStack() as stack:
        databases = {figure: stack.enter_context(run.database("ours")) for figure in backlogs}
        for figure, url in databases.items():
            call("ours", "fill", database_url=url, **backlogs[figure])
        for _ in range(size.rounds):
            for figure, url in databases.items():
                call("ours", "fill", database_url=url, jobs=size.window)
                run.server.settle(url)
                answer = call(
                    "ours", "drain", database_url=url, jobs=size.window, middleware="bare", behind=True
                )
                run.record(figure, "ours", answer.pop("rate"), "jobs/s", answer)


def pickup(run: Run, size: Size) -> None:
    """From a committed send to the start of the job, in an idle production worker."""
    if not run.wants("ours"):
        return
    with run.forgiving("ours"), run.database("ours") as url:
        for _ in range(size.rounds):
            answer = call("ours", "pick_up", database_url=url, jobs=size.pick_ups)
            for name in ("p50", "p99"):
                run.record(f"pick-up, {name}", "ours", answer[name], "ms", answer)


def idle(run: Run, size: Size) -> None:
    """Statements an idle production worker sends, as pg_stat_statements counts them, begin and commit included."""
    if not run.wants("ours"):
        return
    with run.forgiving("ours"), run.database("ours") as url:
        run.server.count_statements(url)
        with serving("ours", "serve", database_url=url):
            time.sleep(min(5.0, size.idle))
            before, started = run.server.statements(url), time.monotonic()
            if not before:
                raise RuntimeError("the worker's first statements were not counted; nor would an idle one's")
            time.sleep(size.idle)
            after, seconds = run.server.statements(url), time.monotonic() - started
        sent = {query: calls - before.get(query, 0) for query, calls in after.items()}
        counted = {" ".join(query.split())[:120]: calls for query, calls in sent.items() if calls}
        run.record("idle", "ours", sum(counted.values()) / seconds, "statements/s", {"statements": counted})


def memory(run: Run, size: Size) -> None:
    """Resident memory of a production worker over a long drain: its last tenth beside its second."""
    if not run.wants("ours"):
        return
    with run.forgiving("ours"), run.database("ours") as url:
        call("ours", "fill", database_url=url, jobs=size.memory)
        run.server.settle(url)
        answer = call("ours", "drain", database_url=url, jobs=size.memory, middleware="production")
        tenths = answer["memory"]
        run.record("memory, second tenth", "ours", tenths[1], "MB", answer)
        run.record("memory, last tenth", "ours", tenths[9], "MB")


def batch(run: Run, size: Size) -> None:
    """A batch beside the same jobs sent plainly: opened, drained on 1, 4, 8 and 16 threads, asked how far it is."""
    if not run.wants("ours"):
        return
    with run.forgiving("ours"):
        for _ in range(size.rounds):
            with run.database("ours") as url:
                run.server.settle(url)
                opened = call("composition", "open_batch", database_url=url, jobs=size.jobs)
                run.record("open a batch", "ours", opened["seconds"] * 100_000 / size.jobs, "s/100k")
            for form in ("plain", "batch", "pipelines"):
                _drain_composed(run, form, size.jobs, "bare", dramatiq_drain.THREADS)
            for form in ("plain", "batch"):
                _drain_composed(run, form, size.jobs, "production", dramatiq_drain.THREADS)
            for threads in (1, 4, 16):
                for form in ("plain", "batch"):
                    _drain_composed(run, form, size.jobs, "bare", threads)
        _progress(run, size)


def scheduling(run: Run, size: Size) -> None:
    """Recurring jobs due all at once, made up for after three days, listed; and a scheduler that has nothing to do."""
    if not run.wants("ours"):
        return
    with run.forgiving("ours"):
        for _ in range(size.rounds):
            with run.database("ours") as url:
                fired = _fired(run, url, size.recurring, "once", since="2026-04-03 00:00:00+05:30")
                run.record("midnight", "ours", fired["seconds"], "s", fired)
                listed = call("scheduling", "list_next", database_url=url)
                run.record("recurring next", "ours", listed["seconds"], "s", listed)
                run.record("recurring next, memory", "ours", listed["memory"], "MB")
            _enqueued_as_many(run, "midnight", size.recurring)
            with run.database("ours") as url:
                fired = _fired(run, url, size.missed, "all,once", since="2026-03-31 00:00:00+05:30")
                run.record("three days missed", "ours", fired["seconds"], "s", fired)
                run.record("three days missed, runs", "ours", fired["sent"], "jobs")
                run.record("three days missed, memory", "ours", fired["memory"], "MB")
            _enqueued_as_many(run, "three days missed", fired["sent"])
        _idle_scheduler(run, size)


def services(run: Run, size: Size) -> None:
    """What the services' jobs cost: a society billed, paid and charged late fees; salaries; vendors' bills; PDFs."""
    if not run.wants("ours"):
        return
    with run.forgiving("ours"):
        run.record("bills printed", "ours", call("sales", "pdfs")["rate"], "/s")
        for units in size.units:
            with run.database("sales") as url:
                billed = call("sales", "bills", database_url=url, units=units)
                run.record(f"{units} flats billed", "ours", billed["seconds"], "s", billed)
                run.record(f"{units} flats billed, a flat", "ours", billed["ms_a_unit"], "ms")
        with run.database("sales") as url:
            run.record("payments booked", "ours", call("sales", "payments", database_url=url)["rate"], "/s")
        with run.database("sales") as url:
            year = call("sales", "late_fees", database_url=url, units=units)
            run.record(f"late fees of {units} flats, a year", "ours", year["seconds"], "s", year)
        with run.database("payroll") as url:
            _record_all(run, call("payroll", "measure", database_url=url, sizes=size.employees))
        with run.database("purchase") as url:
            _record_all(run, call("purchase", "measure", database_url=url, sizes=size.units))


GROUPS: dict[str, Callable[[Run, Size], None]] = {
    group.__name__: group
    for group in (drain, enqueue, bulk, depth, pickup, idle, memory, batch, scheduling, services)
}

BEHIND_SMALL, BEHIND_LARGE = "drain, small backlog", "drain, large backlog"
DELAYED_SMALL, DELAYED_LARGE = "drain, few delayed", "drain, many delayed"

TARGETS = (
    Target("drain, bare middleware", ("drain", "ours"), 0.7, against=("drain", "stub_broker"), unit="/s"),
    Target("drain, bare middleware", ("drain", "ours"), 1.0, against=("drain", "pgqueuer"), unit="/s"),
    Target("drain, production middleware, history", ("drain, production", "ours"), 0.35,
           against=("drain", "stub_broker"), unit="/s"),
    Target("enqueue one by one", ("enqueue", "ours"), 0.6, against=("enqueue", "raw_psycopg2"), unit="/s"),
    Target("bulk enqueue", ("bulk enqueue", "ours"), 40_000, unit="/s", alternative=Target(
        "bulk enqueue", ("bulk enqueue", "ours"), 1.0, against=("bulk enqueue", "pgqueuer"))),
    Target("drain, 1M queued beside 10k", (BEHIND_LARGE, "ours"), 0.9, against=(BEHIND_SMALL, "ours"),
           reference="10k", unit="/s"),
    Target("drain, 1M delayed beside 10k", (DELAYED_LARGE, "ours"), 0.9, against=(DELAYED_SMALL, "ours"),
           reference="10k", unit="/s"),
    Target("pick-up when idle, p50", ("pick-up, p50", "ours"), 3, at_most=True, unit="ms"),
    Target("pick-up when idle, p99", ("pick-up, p99", "ours"), 15, at_most=True, unit="ms"),
    Target("idle worker", ("idle", "ours"), 2, at_most=True, unit="statements/s"),
    Target("memory over 1M jobs, last tenth", ("memory, last tenth", "ours"), 1.05,
           against=("memory, second tenth", "ours"), reference="second tenth", at_most=True, unit="MB"),
    Target("open a batch of 100k", ("open a batch", "ours"), 5, at_most=True, unit="s"),
    Target("drain a batch", ("batch, 8 threads", "ours"), 0.8, against=("plain, 8 threads", "ours"),
           reference="plain", unit="/s"),
    Target("drain a batch, production", ("batch, 8 threads, production", "ours"), 0.8,
           against=("plain, 8 threads, production", "ours"), reference="plain", unit="/s"),
    *(Target(f"drain a batch, {n} threads", (f"batch, {n} threads", "ours"), 0.8,
             against=(f"plain, {n} threads", "ours"), reference="plain", unit="/s") for n in (1, 4, 16)),
    Target("progress of a batch of 1M", ("progress", "ours"), 20, at_most=True, unit="ms"),
    Target("10,000 recurring jobs due at midnight", ("midnight", "ours"), 5, at_most=True, unit="s"),
    Target("three days of 1,000 recurring jobs", ("three days missed", "ours"), 10, at_most=True, unit="s"),
    Target("10,000 flats billed", ("10000 flats billed", "ours"), 60, at_most=True, unit="s"),
    Target("10,000 flats billed, a flat", ("10000 flats billed, a flat", "ours"), 1.1, at_most=True,
           against=("1000 flats billed, a flat", "ours"), reference="1,000 flats", unit="ms"),
    Target("late fees of 10,000 flats, a year", ("late fees of 10000 flats, a year", "ours"), 30, at_most=True,
           unit="s"),
    Target("1,000 salaries", ("1000 salaries, seconds", "ours"), 20, at_most=True, unit="s"),
    Target("1,000 salaries, each", ("1000 salaries, ms each", "ours"), 1.1, at_most=True,
           against=("250 salaries, ms each", "ours"), reference="250 salaries", unit="ms"),
    Target("bills printed, a process", ("bills printed", "ours"), 20, unit="/s"),
    Target("payslips printed, a process", ("payslips printed a second", "ours"), 20, unit="/s"),
    Target("idle scheduler", ("idle scheduler", "ours"), 1, at_most=True, unit="statements/s"),
)  # fmt: skip


def _best_of_pgqueuer(run: Run, size: Size) -> tuple[int, int]:
    """Its best batch size and number of managers, found on this machine before the rounds."""
    rates: dict[tuple[int, int], float] = {}
    for batch, managers in size.batches:
        figure = f"tuning, {batch} × {managers}"
        _drain(run, figure, "pgqueuer", max(size.jobs // 4, 5_000), batch=batch, managers=managers)
        if run.samples and run.samples[-1].figure == figure:
            rates[batch, managers] = run.samples[-1].value
    return max(rates, key=rates.__getitem__, default=size.batches[0])


def _drain(
    run: Run,
    figure: str,
    contender: str,
    jobs: int,
    prepare: dict[str, str] | None = None,
    **parameters: object,
) -> None:
    """A drain from a fresh database that holds exactly these jobs."""
    if not run.wants(contender):
        return
    with run.forgiving(contender), run.database(contender, **(prepare or {})) as url:
        call(contender, "fill", database_url=url, jobs=jobs)
        run.server.settle(url)
        answer = call(contender, "drain", database_url=url, jobs=jobs, **parameters)
        run.record(figure, contender, answer.pop("rate"), "jobs/s", {**answer, **parameters})


def _drain_composed(run: Run, form: str, jobs: int, middleware: str, threads: int) -> None:
    with run.database("ours") as url:
        if form == "plain":
            call("ours", "fill", database_url=url, jobs=jobs)
        else:
            call("composition", "fill", database_url=url, jobs=jobs, form=form)
        run.server.settle(url)
        answer = call("ours", "drain", database_url=url, jobs=jobs, middleware=middleware, threads=threads)
        if form != "plain" and not call("composition", "is_complete", database_url=url)["complete"]:
            raise ContenderFailedError(f"{form}: all jobs ran, but the batch is not complete")
        figure = f"{form}, {threads} threads" + (", production" if middleware == "production" else "")
        run.record(figure, "ours", answer.pop("rate"), "jobs/s", answer)


def _progress(run: Run, size: Size) -> None:
    """Asked in the middle of the batch: a part has run, the rest waits."""
    with run.database("ours") as url:
        opened = call("composition", "fill", database_url=url, jobs=size.members, form="batch")
        call("ours", "drain", database_url=url, jobs=size.members // 4, middleware="bare", behind=True)
        answer = call("composition", "measure_progress", database_url=url, batch=opened["batch"], times=50)
        run.record("progress", "ours", answer["worst"], "ms", answer)


def _record_all(run: Run, figures: dict[str, float]) -> None:
    for figure, value in figures.items():
        unit = "/s" if figure.endswith("a second") else "ms" if "ms" in figure.split() else "s"
        run.record(figure, "ours", value, unit)


def _fired(run: Run, url: str, jobs: int, missed: str, since: str) -> dict[str, float]:
    call("scheduling", "fill", database_url=url, jobs=jobs, missed=missed, since=since)
    run.server.settle(url)
    return call("scheduling", "fire_all", database_url=url)


def _enqueued_as_many(run: Run, figure: str, jobs: int) -> None:
    with run.database("ours") as url:
        run.server.settle(url)
        answer = call("scheduling", "enqueue_as_many", database_url=url, jobs=jobs)
        run.record(figure, "enqueue_many", answer["seconds"], "s")


def _idle_scheduler(run: Run, size: Size) -> None:
    """Statements that `periodiq actors` sends, from its start."""
    with run.database("ours") as url:
        run.server.count_statements(url)
        with serving("scheduling", "serve", database_url=url):
            started = time.monotonic()
            time.sleep(size.scheduler_idle)
            sent, seconds = run.server.statements(url), time.monotonic() - started
        if not sent and seconds > 60:
            raise RuntimeError("a scheduler that asks for nothing in a minute is not idle but dead")
        counted = {" ".join(query.split())[:120]: calls for query, calls in sent.items()}
        run.record(
            "idle scheduler", "ours", sum(counted.values()) / seconds, "statements/s", {"statements": counted}
        )


def _in_database(run: Run, figure: str, contender: str, function: str, **parameters: object) -> None:
    if not run.wants(contender):
        return
    with run.forgiving(contender), run.database(contender) as url:
        run.server.settle(url)
        answer = call(contender, function, database_url=url, **parameters)
        run.record(figure, contender, answer.pop("rate"), "jobs/s", answer)


def _measure(run: Run, figure: str, contender: str, function: str = "drain", **parameters: object) -> None:
    """A measurement that needs no database."""
    if not run.wants(contender):
        return
    with run.forgiving(contender):
        answer = call(contender, function, **parameters)
        run.record(figure, contender, answer.pop("rate"), "jobs/s", answer)
