"""The broker: dramatiq-pg's PostgresBroker with its mechanics replaced.

What dramatiq sees is unchanged (`enqueue`, `consume`, middleware, results); beneath it, messages go into a schema a
service, are claimed in batches under a lease, and finish in one transaction with all that follows from them.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import dramatiq
from dramatiq import Actor, Message
from dramatiq.middleware import Middleware, MiddlewareError
from dramatiq_pg import PostgresBroker

from infra.queue import limits
from infra.queue.chain import handed_on, pipeline
from infra.queue.consumer import QueueConsumer
from infra.queue.enqueue import insert, under_its_id
from infra.queue.enqueue_workflow import open_all
from infra.queue.errors import JobRefused
from infra.queue.message import delay_of, seal
from infra.queue.run import DONE, FAILED, GIVEN_BACK, REJECTED, RETRY_MS, RETRYING, SUCCESS, Outcome, Run
from infra.queue.statements import bound
from infra.queue.worker import WorkerProcess
from infra.settings import SERVICES, Settings, settings
from infra.store.connections import Store, store_of

_following_up = threading.local()
"""`.run` is the run whose after-hooks are being called by this thread: what they enqueue is staged with it."""


class WorkerLifecycle(Middleware):
    """Starts and stops the threads around dramatiq's worker, and declares the queue's own actor options."""

    @property
    def actor_options(self) -> set[str]:
        return {"service", "unique", "unique_key", "pipe_ignore", "pipe_target", *limits.OPTIONS}

    def before_worker_boot(self, broker: Any, worker: Any) -> None:
        broker.boot(worker)

    def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
        broker.process.stop_claiming()

    def after_worker_shutdown(self, broker: Any, worker: Any) -> None:
        broker.process.stop()


class JobBroker(PostgresBroker):
    """Parameters:
    config: settings; default the process's.
    stores: where each service's jobs are; default by the settings. Nothing connects before the first use.
    middleware: the whole list, in order.
    """

    def __init__(
        self,
        *,
        config: Settings | None = None,
        stores: Callable[[str], Store] = store_of,
        middleware: list[Middleware] | None = None,
    ) -> None:
        self.config = config or settings()
        self._find_store = stores
        self._stores: dict[str, Store] = {}
        self._hooks: dict[str, list[Any]] = {}
        self._process: WorkerProcess | None = None
        super().__init__(pool=_NO_POOL, results=False, middleware=[WorkerLifecycle(), *(middleware or [])])
        for queue_name in self.config.jobs_queues:
            self.declare_queue(queue_name)

    # -- what dramatiq calls

    def declare_queue(self, queue_name: str) -> None:
        """Delayed jobs wait in the table, so there is no delay queue to declare."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = True
            self.emit_after("declare_queue", queue_name)

    def declare_actor(self, actor: Actor[Any, Any]) -> None:
        self.service_of(actor)  # a wrong service is refused where it is declared
        unique = actor.options.get("unique")
        if unique not in (None, "waiting", "running"):
            raise ValueError(f"{actor.actor_name}: unique must be 'waiting' or 'running', not {unique!r}")
        limits.limits_of(actor)
        super().declare_actor(actor)

    def enqueue(self, message: Message[Any], *, delay: int | timedelta | None = None) -> Message[Any]:
        """Writes the message, or stages it when a finished run leads to it.

        Returns the message; under the id of the waiting job when its unique key is taken.
        Raises JobRefused, StoreUnavailable, StoreNotMigrated.
        """
        if message.options.get("pipe_target") is not None:
            open_all(self, [pipeline(self, message, None if delay is None else delay_of(delay))])
            return message
        envelope = seal(message, delay, self)
        self.emit_before("enqueue", envelope.message, envelope.delay_ms)
        run = self.staging()
        if run is not None and envelope.message.message_id != run.message_id:
            run.stage(envelope)
            refused = {}
        elif run is not None:
            # Dramatiq's own Retries enqueues the message again under its id: that is a retry of this run.
            run.outcome = Outcome(RETRYING, reason="requeued", delay_ms=envelope.delay_ms)
            return envelope.message
        else:
            refused = insert(self.store(envelope.service), [envelope])
        self.emit_after("enqueue", envelope.message, envelope.delay_ms)
        return under_its_id(envelope.message, refused)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 30000) -> QueueConsumer:
        return QueueConsumer(self.process, queue_name, timeout)

    def staging(self) -> Run | None:
        """The run whose after-hooks this thread is in: what is enqueued now is written with its outcome."""
        return getattr(_following_up, "run", None)

    def hears(self, hook: str) -> bool:
        """Whether any middleware implements this hook."""
        return bool(self._hooks_of(hook))

    def add_middleware(self, middleware: Middleware, **where: Any) -> None:
        super().add_middleware(middleware, **where)
        self._hooks.clear()

    def emit_before(self, signal: str, *args: Any, **kwargs: Any) -> None:
        for hook in self._hooks_of("before_" + signal):
            try:
                hook(self, *args, **kwargs)
            except MiddlewareError:
                raise
            except Exception:
                self.logger.critical("Unexpected failure in before_%s of %r.", signal, hook, exc_info=True)

    def emit_after(self, signal: str, *args: Any, **kwargs: Any) -> None:
        if signal in ("process_message", "skip_message") and isinstance(args[0], Run):
            self._after_run(signal, args[0], kwargs)
            return
        for hook in self._hooks_of("after_" + signal):
            try:
                hook(self, *args, **kwargs)
            except Exception:
                self.logger.critical("Unexpected failure in after_%s of %r.", signal, hook, exc_info=True)

    def close(self) -> None:
        for store in self._stores.values():
            store.pool.clear()

    # -- what the rest of the house calls

    def service_of(self, actor: Actor[Any, Any]) -> str:
        """The option `service`, else the module `actors.<service>`, else common."""
        service = actor.options.get("service")
        if service is None:
            parts = actor.fn.__module__.split(".")
            service = (
                parts[1] if parts[0] == "actors" and len(parts) > 1 and parts[1] in SERVICES else "common"
            )
        if service not in SERVICES:
            raise ValueError(f"{actor.actor_name}: unknown service {service!r}; one of {', '.join(SERVICES)}")
        return str(service)

    def store(self, service: str) -> Store:
        if service not in self._stores:
            self._stores[service] = self._find_store(service)
        return self._stores[service]

    @property
    def process(self) -> WorkerProcess:
        if self._process is None:
            raise RuntimeError("no worker runs in this process: start one with `dramatiq actors`")
        return self._process

    def boot(self, worker: dramatiq.Worker) -> None:
        """Puts the ready buffer where the worker's threads take their work."""
        if worker.worker_threads < 1:
            sys.stderr.write("--threads must be at least 1 (the Procfile takes it from JOBS_THREADS)\n")
            raise SystemExit(2)
        stores = [self.store(service) for service in self.config.jobs_services]
        self._process = WorkerProcess(self, stores, worker.worker_threads, self.config)
        worker.work_queue = self._process.buffer  # type: ignore[assignment]
        self._process.start()

    def may_attempt(self, run: Run) -> bool:
        """Whether a claimed job has an attempt left. A job that kills its worker uses them up without ever failing; one
        that only waited in a worker that died has its last attempt still before it.
        """
        limit = self._attempt_limit(run)
        run.last_chance = limit is not None and run.attempt >= limit
        return limit is None or run.attempt <= limit or run.begun < limit

    def used_up(self, run: Run) -> Outcome:
        return Outcome(
            REJECTED,
            f"attempts used up: attempt {run.begun} of {self._attempt_limit(run)} came to no end: "
            "its worker died, or its outcome could not be written",
        )

    # -- inside

    def _attempt_limit(self, run: Run) -> int | None:
        for middleware in self.middleware:
            limit = getattr(middleware, "attempt_limit", None)
            if limit is not None:
                return limit(self, run)  # type: ignore[no-any-return]
        return None

    def _hooks_of(self, name: str) -> list[Any]:
        """Bound methods of the middleware that really implement a hook, in calling order."""
        hooks = self._hooks.get(name)
        if hooks is None:
            nothing = getattr(Middleware, name, None)
            chain = self.middleware if name.startswith("before_") else list(reversed(self.middleware))
            hooks = [getattr(m, name) for m in chain if getattr(type(m), name, None) is not nothing]
            self._hooks[name] = hooks
        return hooks

    def _after_run(self, signal: str, run: Run, kwargs: dict[str, Any]) -> None:
        """The after-hooks of a run. Dramatiq swallows what they raise and acknowledges the message all the same; here
        a hook that fails fails the run, and what hooks enqueue is staged with the run's outcome.
        """
        exception = kwargs.get("exception")
        if signal == "process_message":
            run.duration_ms = (time.perf_counter() - run.started) * 1000
        # An interrupt may have hit this very method: start anew.
        run.outcome = run.follow_ups = run.openings = run.result = run.handed_on = None
        _following_up.run = run
        try:
            if run.followed_in and signal == "process_message" and exception is None:
                self._hand_on(run, kwargs.get("result"))
            for hook in self._hooks_of("after_" + signal):
                try:
                    hook(self, run, **kwargs)
                except Exception as error:
                    name = type(getattr(hook, "__self__", hook)).__name__
                    self.logger.critical("%s failed after job %s.", name, run.message_id, exc_info=True)
                    _hook_broke(run, error)
        finally:
            _following_up.run = None
        if run.outcome is not None and run.outcome.state != DONE and run.outcome.hook_broke:
            run.drop_consequences()
        elif run.outcome is None:
            if exception is not None:
                run.outcome = Outcome(
                    FAILED, None, f"{type(exception).__name__}: {exception}", traceback.format_exc(limit=30)
                )
            elif not run.failed:
                run.outcome = SUCCESS
        if run.outcome is GIVEN_BACK:
            run.drop_consequences()  # it was interrupted, which is neither success nor failure
        if run.additions and run.outcome is not None and run.outcome.state == DONE:
            run.stage_openings(run.additions)

    def _hand_on(self, run: Run, result: Any) -> None:
        """What the next steps get as their argument. A result that cannot be handed on matters only if one wants it."""
        try:
            run.handed_on = handed_on(result)
        except JobRefused as error:
            try:
                if self._is_wanted(run):
                    _hook_broke(run, error)
            except Exception as away:  # noqa: BLE001  # a store that does not answer is no verdict on the job
                _hook_broke(run, away)

    def _is_wanted(self, run: Run) -> bool:
        stores = [self.store(service) for service in (run.followed_in or "").split(",")]
        return any(s.fetch(bound(s.schema).wants_result, {"id": run.message_id})[0][0] for s in stores)


def _hook_broke(run: Run, error: Exception) -> None:
    """The first hook that fails decides, unless the job had failed before; hooks after it, such as the log, see it."""
    if run.outcome is not None and run.outcome.state != DONE:
        return
    said = f"{type(error).__name__}: {error}"
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, JobRefused):  # running it again would lead to the same refusal
        run.outcome = Outcome(FAILED, error.reason, said, trace, hook_broke=True)
    else:
        run.outcome = Outcome(
            RETRYING, "a middleware failed after the job", said, trace, RETRY_MS, hook_broke=True
        )


class _NoPool:
    """Stands where dramatiq-pg wants a pool; ours are per store and made when needed."""


_NO_POOL = _NoPool()
