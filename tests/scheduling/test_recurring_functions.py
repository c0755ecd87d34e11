"""Functions that a calendar cannot call are refused where they are declared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dramatiq
import pytest

from infra.queue.broker import JobBroker
from infra.scheduling import cron, recurring
from infra.scheduling.operate import WrongRecurring
from tests.support.recurring import added


def needs_more(society: str, scheduled_for: Any) -> None: ...
def needs_a_keyword(*, society: str) -> None: ...
def positional_only(scheduled_for: Any, /) -> None: ...
def gathers_the_moment(*scheduled_for: Any) -> None: ...
async def coroutine(scheduled_for: Any) -> None: ...
def generator(scheduled_for: Any) -> Any:
    yield scheduled_for


@pytest.mark.parametrize(
    ("fn", "said"),
    [
        (needs_more, "monthly: nothing gives needs_more its parameter 'society'"),
        (needs_a_keyword, "nothing gives needs_a_keyword its parameter 'society'"),
        (positional_only, "monthly: positional_only.* must take scheduled_for by its name"),
        (gathers_the_moment, "must take scheduled_for by its name"),
        (coroutine, "monthly: coroutine is async"),
        (generator, "monthly: generator is async or a generator"),
    ],
)
def test_a_function_that_could_never_run_is_refused_at_import(
    broker: JobBroker, fn: Callable[..., Any], said: str
) -> None:
    with pytest.raises(TypeError, match=said):
        recurring("monthly", cron("@monthly"), service="common")(fn)
    assert broker.actors == {}


def test_parameters_that_may_stay_empty_are_allowed(broker: JobBroker) -> None:
    @recurring("monthly", cron("@monthly"), service="common")
    def monthly(*names: str, copies: int = 1, **more: Any) -> None: ...

    @recurring("daily", cron("@daily"), service="common")
    def daily(scheduled_for: Any, copies: int = 1) -> None: ...

    assert set(broker.actors) == {"common.monthly", "common.daily"}


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"actor_name": "common.positional"}, "scheduled_for"),
        ({"actor_name": "common.twice", "args": ["towers"]}, "multiple values for argument 'scheduled_for'"),
        ({"actor_name": "common.generator"}, "generator: its body would not run"),
    ],
)
def test_an_actor_that_a_calendar_cannot_call_is_not_added(
    broker: JobBroker, other: dict[str, Any], said: str
) -> None:
    @dramatiq.actor(actor_name="common.positional", service="common")
    def positional(scheduled_for: str, /) -> None: ...

    @dramatiq.actor(actor_name="common.twice", service="common")
    def twice(scheduled_for: str) -> None: ...

    @dramatiq.actor(actor_name="common.generator", service="common")
    def generator(scheduled_for: str) -> Any:
        yield scheduled_for

    with pytest.raises(WrongRecurring, match=said):
        added(broker, **{"args": []} | other)


def test_an_actor_that_is_a_coroutine_is_added(broker: JobBroker) -> None:
    """Workers run these."""

    @dramatiq.actor(actor_name="common.bill", service="common")
    async def bill(society: str) -> None: ...

    assert added(broker) == "added"
