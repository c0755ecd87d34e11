"""Retries: after 60, 300 and 900 seconds, then Deleted; a RetryPolicy says otherwise for its actor.

The verdict becomes the run's outcome and is written in the transaction that ends the attempt. dramatiq's own retry
options (max_retries, min_backoff, max_backoff, retry_when, throws, on_retry_exhausted) are understood too.
"""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from dramatiq.errors import Retry
from dramatiq.middleware import Middleware, MiddlewareError
from dramatiq.middleware.shutdown import Shutdown
from dramatiq_abort.abort_manager import Abort

from infra.queue.run import CANCELLED, FAILED, GIVEN_BACK, REJECTED, RETRYING, Outcome, Run

LONGEST_DELAY = 7 * 86_400.0
OVER_HOURS = (60, 300, 900, 3_600, 14_400)
"""Delays for what waits for a server that may be away for hours, such as one of mail."""


@dataclass(frozen=True)
class RetryPolicy:
    """When a failed job runs again, and what becomes of it in the end.

    Parameters:
      delays: seconds before each retry; their number is the number of retries.
      retries: with `first` instead of `delays`: how many.
      first: exponential back-off: seconds before the first retry.
      factor: … by which each further delay grows.
      longest: … but no further than this, in seconds.
      jitter: share of the delay that is drawn at random, 0 to 1, so that a crowd does not come back at once.
      give_up_on: errors that no retry will mend.
      at_end: what an exhausted job becomes: "delete" (Deleted, still visible and revivable) or "fail" (Failed).
    """

    delays: tuple[float, ...] = (60, 300, 900)
    retries: int | None = None
    first: float | None = None
    factor: float = 2.0
    longest: float = 86_400.0
    jitter: float = 0.0
    give_up_on: tuple[type[BaseException], ...] = ()
    at_end: Literal["delete", "fail"] = "delete"

    def __post_init__(self) -> None:
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter must be between 0 and 1, not {self.jitter}")
        if not all(0 <= delay <= LONGEST_DELAY for delay in self.delays):
            raise ValueError(f"delays must be between 0 and {LONGEST_DELAY:g} seconds, not {self.delays}")
        if self.retries is not None and self.first is None:
            raise ValueError("retries goes with first: RetryPolicy(first=10, retries=8)")
        if self.retries is not None and self.retries < 0:
            raise ValueError(f"retries must not be negative, not {self.retries}")
        if self.first is not None and not 0 <= self.first <= LONGEST_DELAY:
            raise ValueError(f"first must be between 0 and {LONGEST_DELAY:g} seconds, not {self.first}")
        if not 1 <= self.factor <= 1000:
            raise ValueError(f"factor must be between 1 and 1000, not {self.factor}")
        if not 0 <= self.longest <= LONGEST_DELAY:
            raise ValueError(f"longest must be between 0 and {LONGEST_DELAY:g} seconds, not {self.longest}")
        if self.at_end not in ("delete", "fail"):
            raise ValueError(f"at_end must be 'delete' or 'fail', not {self.at_end!r}")

    @property
    def limit(self) -> int:
        """How many retries there are."""
        if self.first is None:
            return len(self.delays)
        return 3 if self.retries is None else self.retries

    def delay(self, attempt: int) -> float:
        """Seconds to wait after this attempt (1 is the first)."""
        if self.first is None:
            base = self.delays[min(attempt, len(self.delays)) - 1] if self.delays else 0.0
        else:
            base = min(self.longest, self.first * self.factor ** min(attempt - 1, 64))
        return base * (1 - self.jitter * random.random())


class WrongOption(MiddlewareError, ValueError):
    """An actor option that makes no sense; dramatiq lets a MiddlewareError through."""


class Retries(Middleware):
    """Last in the list, so that its verdict is known to all others when a run ends."""

    def __init__(self, policy: RetryPolicy | None = None) -> None:
        self.policy = policy or RetryPolicy()

    @property
    def actor_options(self) -> set[str]:
        return {
            "retry_policy",
            "max_retries",
            "min_backoff",
            "max_backoff",
            "retry_when",
            "throws",
            "on_retry_exhausted",
        }

    def before_declare_actor(self, broker: Any, actor: Any) -> None:
        policy = actor.options.get("retry_policy")
        if policy is not None and not isinstance(policy, RetryPolicy):
            raise WrongOption(f"{actor.actor_name}: retry_policy must be a RetryPolicy, not {policy!r}")

    def attempt_limit(self, broker: Any, run: Run) -> int | None:
        """How many attempts a job may begin; None without limit."""
        limit = self._max_retries(broker.actors[run.actor_name], run)
        return None if limit is None else limit + 1

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        if exception is None:
            return
        if isinstance(exception, Shutdown):
            message.outcome = GIVEN_BACK
            return
        if isinstance(exception, Abort):
            message.outcome = Outcome(CANCELLED, message.cancel_reason or "cancelled while it ran")
            return
        actor = broker.actors.get(message.actor_name)
        if actor is None:
            message.outcome = Outcome(FAILED, f"no actor {message.actor_name!r} is known to this worker")
            message.fail()
            return
        error = f"{type(exception).__name__}: {exception}"
        trace = "".join(traceback.format_exception(exception, limit=-30))
        policy = self._policy(actor)
        end = REJECTED if policy.at_end == "delete" else FAILED
        throws = message.options.get("throws") or actor.options.get("throws") or ()
        if (throws and isinstance(exception, throws)) or isinstance(exception, policy.give_up_on):
            message.outcome = Outcome(end, f"{type(exception).__name__} is not retried", error, trace)
            message.fail()
            return
        used = message.attempt - 1
        limit = self._max_retries(actor, message)
        retry_when: Callable[[int, BaseException], bool] | None = actor.options.get("retry_when")
        again = retry_when(used, exception) if retry_when is not None else limit is None or used < limit
        if not again:
            message.outcome = Outcome(end, f"attempts used up after {message.attempt}", error, trace)
            message.fail()
            self._tell_exhausted(broker, actor, message, used, limit)
            return
        delay_ms = self._delay_ms(actor, message, exception, policy)
        message.outcome = Outcome(
            RETRYING,
            f"attempt {message.attempt} failed, next in {delay_ms / 1000:g} s",
            error,
            trace,
            delay_ms,
        )

    def _policy(self, actor: Any) -> RetryPolicy:
        policy: RetryPolicy = actor.options.get("retry_policy") or self.policy
        return policy

    def _max_retries(self, actor: Any, run: Run) -> int | None:
        if actor.options.get("retry_when") is not None:
            return None
        for options in (run.options, actor.options):
            if "max_retries" in options:
                limit: int | None = options["max_retries"]
                return limit
        return self._policy(actor).limit

    def _delay_ms(self, actor: Any, run: Run, exception: BaseException, policy: RetryPolicy) -> int:
        asked: int | None = getattr(exception, "delay", None) if isinstance(exception, Retry) else None
        if asked is not None:
            return asked
        shortest = run.options.get("min_backoff", actor.options.get("min_backoff"))
        longest = run.options.get("max_backoff", actor.options.get("max_backoff"))
        if shortest is not None or longest is not None:
            first = 15.0 if shortest is None else shortest / 1000
            limit = LONGEST_DELAY if longest is None else min(longest / 1000, LONGEST_DELAY)
            policy = RetryPolicy(first=min(first, LONGEST_DELAY), longest=limit, jitter=0.5)
        return int(policy.delay(run.attempt) * 1000)

    def _tell_exhausted(self, broker: Any, actor: Any, run: Run, used: int, limit: int | None) -> None:
        target = run.options.get("on_retry_exhausted") or actor.options.get("on_retry_exhausted")
        if target:
            broker.get_actor(target).send(run.asdict(), {"retries": used, "max_retries": limit})
