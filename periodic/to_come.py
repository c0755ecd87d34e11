"""Jobs whose day is fixed, and whose work is still to come."""

from __future__ import annotations

from typing import NoReturn

from infra.middleware.retries import RetryPolicy


class NotBuiltYet(NotImplementedError):
    """The job runs by its calendar, but there is nothing yet that it could do."""


FAILS_AT_ONCE = RetryPolicy(give_up_on=(NotBuiltYet,), at_end="fail")
"""Failed, for everyone to see: a job that does nothing must not look as if it had done its work."""


def not_built_yet(what: str) -> NoReturn:
    raise NotBuiltYet(f"not built yet: {what}")
