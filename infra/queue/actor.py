"""`@actor`: dramatiq's decorator with Dhanman's names. The actor `sales.create_invoice` is `create_invoice` in
actors/sales; plain `@dramatiq.actor` works as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import dramatiq

P = ParamSpec("P")
R = TypeVar("R")


def actor(
    *, service: str, queue_name: str = "default", **options: Any
) -> Callable[[Callable[P, R]], dramatiq.Actor[P, R]]:
    """Declares `<service>.<function>` on the process's broker.

    Parameters:
      service: whose job store the jobs go to.
      options: any actor option: `priority`, `unique`, `retry_policy`, `time_limit`, …
    """

    def declare(fn: Callable[P, R]) -> dramatiq.Actor[P, R]:
        name = options.pop("actor_name", None) or f"{service}.{fn.__name__}"
        make = dramatiq.actor(actor_name=name, queue_name=queue_name, service=service, **options)
        made: dramatiq.Actor[P, R] = make(fn)
        return made

    return declare
