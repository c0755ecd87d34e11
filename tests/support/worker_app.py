"""What `dramatiq tests.support.worker_app` runs: the project's own broker with the sample actors."""

from __future__ import annotations

from typing import Any

from dramatiq.middleware import Middleware

from infra.app import broker
from tests.support.faults import die_where_told
from tests.support.sample_actors import declare_on


class SaysThatItIsUp(Middleware):
    """Whatever the log level is."""

    def after_worker_boot(self, broker: Any, worker: Any) -> None:
        print("the worker is up", flush=True)


declare_on(broker)
die_where_told()
broker.add_middleware(SaysThatItIsUp())
