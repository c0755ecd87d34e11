"""What can go wrong between a caller and the queue. Every message says what was wrong, where, and what to do."""

from __future__ import annotations

from dramatiq.errors import ActorNotFound

try:
    from dramatiq.errors import BrokerConnectionError
except ImportError:  # dramatiq 1.18 has it under its old name
    from dramatiq.errors import ConnectionError as BrokerConnectionError  # type: ignore[no-redef]


class JobRefused(ValueError):
    """The job was refused at `send`; nothing was written."""

    reason = "what should follow the job was refused"
    """What the store says of a job that ended so."""


class UnknownActor(ActorNotFound, JobRefused):
    """No actor of that name is declared."""

    def __init__(self, message: str) -> None:
        super().__init__(message)  # type: ignore[no-untyped-call]  # dramatiq's is untyped


class UnknownQueue(JobRefused):
    """The queue is neither an actor's nor named in JOBS_QUEUES."""


class WrongArguments(JobRefused, TypeError):
    """An argument is missing, surplus, of the wrong annotated type, or cannot be serialised."""


class MessageTooLarge(JobRefused):
    """The encoded message is larger than 64 KiB."""


class ResultNotStorable(JobRefused):
    """What the job returned cannot be kept as its result."""

    reason = "the result cannot be kept"


class StoreUnavailable(BrokerConnectionError):
    """The job store did not answer in time; nothing was enqueued, or, if the connection broke while the answer was on
    its way, the same message may be sent again: its id makes the second insert a no-op.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)  # type: ignore[no-untyped-call]  # dramatiq's is untyped


class StoreNotMigrated(RuntimeError):
    """The job store's schema is absent. `dhanman-jobs migrate` makes it."""
