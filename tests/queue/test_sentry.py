"""Sentry: an event for each failed attempt, tagged, without arguments."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import dramatiq
import pytest
import sentry_sdk

from infra.middleware.retries import RetryPolicy
from infra.queue import cancel
from infra.queue.broker import JobBroker
from tests.support.queue import broker_on, wait_until, working
from tests.support.waiting import wait_for


class Inbox:
    """A server that takes what the SDK sends."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.raw = b""
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                import gzip

                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                inbox.raw += body
                for line in body.splitlines():
                    item = json.loads(line) if line.startswith(b"{") else {}
                    if "exception" in item:
                        inbox.events.append(item)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def dsn(self) -> str:
        return f"http://key@127.0.0.1:{self.server.server_port}/1"


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    made = Inbox()
    yield made
    sentry_sdk.init()  # without a DSN: nothing is sent any more
    made.server.shutdown()


@pytest.fixture
def reporting(store_url: str, inbox: Inbox) -> Iterator[JobBroker]:
    with broker_on(store_url, sentry_dsn=inbox.dsn) as broker:
        yield broker


def test_an_event_for_each_failed_attempt_and_no_arguments(reporting: JobBroker, inbox: Inbox) -> None:
    @dramatiq.actor(queue_name="critical", retry_policy=RetryPolicy(delays=(0.05,)))
    def fail(flat: str, secret: str) -> None:
        raise RuntimeError("no charge")

    with working(reporting):
        # made here, since an event quotes the source around the error
        flat, secret = uuid.uuid4().hex, uuid.uuid4().hex
        job = fail.send(flat, secret)
        wait_until(reporting, job, "Deleted")
    wait_for(lambda: len(inbox.events) >= 2, "two events")
    first, second = inbox.events
    for attempt, event in enumerate((first, second), start=1):
        assert event["exception"]["values"][0]["type"] == "RuntimeError"
        assert event["tags"]["actor"] == "fail"
        assert (event["tags"]["queue"], event["tags"]["service"]) == ("critical", "common")
        assert (event["contexts"]["job"]["id"], event["contexts"]["job"]["attempt"]) == (
            job.message_id,
            attempt,
        )
    assert (first["level"], second["level"]) == ("warning", "error")
    assert secret.encode() not in inbox.raw
    assert flat.encode() not in inbox.raw


def test_success_and_cancellation_are_not_reported_and_time_limits_are(
    reporting: JobBroker, inbox: Inbox
) -> None:
    @dramatiq.actor(time_limit=50, max_retries=0)
    def hang() -> None:
        while True:
            time.sleep(0.01)

    @dramatiq.actor
    def hold() -> None:
        while True:
            time.sleep(0.01)

    @dramatiq.actor
    def run() -> None:
        pass

    reporting.emit_after("process_boot")
    with working(reporting):
        held = hold.send()
        wait_until(reporting, held, "Processing")
        cancel(reporting.store("common"), [held.message_id], by="a test")
        wait_until(reporting, run.send(), "Succeeded")
        wait_until(reporting, hang.send(), "Deleted")
        wait_until(reporting, held, "Cancelled")
    wait_for(lambda: inbox.events, "an event")
    assert [event["exception"]["values"][0]["type"] for event in inbox.events] == ["TimeLimitExceeded"]


def test_without_a_dsn_the_sdk_has_no_place_in_the_list(broker: JobBroker) -> None:
    assert "Sentry" not in {type(link).__name__ for link in broker.middleware}
