"""What `dramatiq tests.support.worker_app` runs: the project's own broker with the sample actors."""

from __future__ import annotations

from infra.app import broker
from tests.support.sample_actors import declare_on

declare_on(broker)
