"""What `dramatiq` and `periodiq` run in tests of the calendar: the worker's app with the jobs that RECURRING lists."""

from __future__ import annotations

import json
import os

from infra.middleware import catch_up
from tests.support import worker_app
from tests.support.scheduler import Job, declare_actors

broker = worker_app.broker  # type: ignore[attr-defined]
catch_up.EVERY = float(os.environ["CATCH_UP_EVERY"])
declare_actors([Job(**told) for told in json.loads(os.environ["RECURRING"])])
