"""One run: a claimed job, from claim to finish. It is the message that dramatiq's worker threads and middleware see."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from dramatiq import Message
from dramatiq.broker import MessageProxy

from infra.queue.message import Envelope
from infra.store.connections import Store

DONE, REJECTED, FAILED, CANCELLED, RETRYING, QUEUED = (
    "done",
    "rejected",
    "failed",
    "cancelled",
    "retrying",
    "queued",
)
RETRY_MS = 60_000
"""When a job runs again whose end, not itself, went wrong."""
FINAL = frozenset({DONE, REJECTED, FAILED, CANCELLED})


@dataclass(slots=True)
class Outcome:
    """What becomes of a run: its next state and what history says of it. `QUEUED` gives the claim back uncounted."""

    state: str
    reason: str | None = None
    error: str | None = None
    traceback: str | None = None
    delay_ms: int = 0
    hook_broke: bool = False
    """A middleware failed after the job: nothing that follows from the job is written."""


SUCCESS = Outcome(DONE)
GIVEN_BACK = Outcome(QUEUED)


class Unreadable(ValueError):
    """The row does not hold a message."""


class Run(MessageProxy):
    """A claimed job. Attributes of the message are plain attributes here, because every hook reads them."""

    # Most runs keep most of these: set here, they cost a claim nothing.
    last_chance = False
    start_by: float | None = None
    """When it must have started at the latest, by time.perf_counter(), as its rate counts it from the claim."""
    counts_until: Any = None
    """Until when its start counts under its rate."""
    duration_ms: float | None = None
    """None: it never ran, so the attempt does not count."""
    failed = False
    lost = False
    args: tuple[Any, ...] = ()
    message_timestamp = 0
    outcome: Outcome | None = None
    result: tuple[str, int] | None = None
    follow_ups: list[Envelope] | None = None
    handed_on: str | None = None
    """As JSON, what goes to the jobs that wait for this one."""
    openings: list[Any] | None = None
    """Workflows to be opened, and members to be added, with its finish."""
    additions: list[Any] | None = None
    """The same, asked for by the job itself: only if it succeeds."""
    progress: tuple[int, int] | None = None
    _exception: BaseException | None = None
    _whole: Message[Any] | None = None

    def __init__(
        self,
        store: Store,
        lease: str,
        worker_id: str,
        row: tuple[Any, ...],
    ) -> None:
        self.store = store
        self.lease = lease
        self.worker_id = worker_id
        self.attempt: int
        self.workflow_id: str | None
        self.followed_in: str | None
        (
            self.message_id,
            self.queue_name,
            self.actor_name,
            self._text,
            self.attempt,
            self.priority,
            self.order,
            self.latency,
            self.cancel_reason,
            self.begun,
            self.workflow_id,
            self.followed_in,
            self.limit_key,
        ) = row
        self.claimed_at = self.started = time.perf_counter()
        self.kwargs: dict[str, Any] = {}
        self.options: dict[str, Any] = {}

    def read(self) -> None:
        """Decodes the message. Raises Unreadable, saying what is wrong with it."""
        try:
            fields = orjson.loads(self._text)
            args, kwargs, options = fields["args"], fields["kwargs"], fields["options"]
        except (TypeError, ValueError, KeyError) as error:
            raise Unreadable(f"the message cannot be read: {type(error).__name__}: {error}") from None
        if type(args) is not list or type(kwargs) is not dict or type(options) is not dict:
            raise Unreadable(
                "the message cannot be read: args must be a list, kwargs and options must be objects"
            )
        self.args = tuple(args)
        self.kwargs = kwargs
        self.options = options
        timestamp = fields.get("message_timestamp")
        self.message_timestamp = timestamp if isinstance(timestamp, int) else 0
        if not self.actor_name:
            self.actor_name = str(fields.get("actor_name") or "")

    @property
    def _message(self) -> Message[Any]:  # type: ignore[override]  # MessageProxy keeps it as an attribute
        if self._whole is None:
            self._whole = Message(
                queue_name=self.queue_name,
                actor_name=self.actor_name,
                args=self.args,
                kwargs=self.kwargs,
                options=self.options,
                message_id=self.message_id,
                message_timestamp=self.message_timestamp,
            )
        return self._whole

    def stage(self, envelope: Envelope) -> None:
        """A follow-up, written in the transaction that finishes this run, or not at all. It may be there already: this
        run may be a second one.
        """
        if self.follow_ups is None:
            self.follow_ups = []
        self.follow_ups.append(envelope._replace(sent_before=True))

    def stage_openings(self, openings: Iterable[Any]) -> None:
        """Workflows that follow, written like follow-ups."""
        self.openings = [*(self.openings or []), *openings]

    def drop_consequences(self) -> None:
        """Nothing follows from this run, because it is not the end of its job."""
        self.follow_ups = self.openings = self.additions = None
        self.result = self.handed_on = None

    def __iter__(self) -> Any:
        # dramatiq 1.x unpacks work-queue items as (priority, message); 2.x reads .message.
        return iter((self.priority, self))

    @property
    def message(self) -> Run:
        return self

    def __lt__(self, other: Any) -> bool:
        return (self.priority, self.order) < (other.priority, other.order)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


@dataclass
class Note:
    """A log line or a progress figure of a running job, on its way to the store."""

    run: Run
    line: str | None = None
    at: float = field(default_factory=time.time)


def redacted(value: Mapping[str, Any], words: tuple[str, ...]) -> dict[str, Any]:
    """Named values, with those whose name contains one of `words` shown as ***, at any depth."""
    return {
        name: "***" if any(word in name.lower() for word in words) else _redacted_inside(inner, words)
        for name, inner in value.items()
    }


def _redacted_inside(value: Any, words: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        return redacted(value, words)
    if isinstance(value, list | tuple):
        return [_redacted_inside(item, words) for item in value]
    return value
