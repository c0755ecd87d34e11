"""What every test may ask for."""

from __future__ import annotations

pytest_plugins = [
    "tests.support.postgres",
    "tests.support.queue",
    "tests.support.job_store",
    "tests.support.worker",
    "tests.support.society",
    "tests.support.members",
    "tests.support.reminding",
    "tests.support.mailbox",
    "tests.support.auth0",
]
