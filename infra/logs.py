"""How logs read. Code emits events with fields; this file alone decides their form, level and wording.

JSON, a line an event, or a coloured console line where stderr is a terminal (JOBS_LOG_FORMAT). What dramatiq and
libraries log through the standard library comes out in the same form.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, Processor

from infra.log_lines import LogLines
from infra.settings import Settings

LEVELS = {
    "job.started": "info",
    "job.finished": "info",
    "job.retrying": "warning",
    "job.failed": "error",
    "job.deleted": "error",
    "job.cancelled": "warning",
    "job.given_back": "info",
    "job.skipped": "info",
}
"""The events of a job's run and their levels."""

QUIET = {
    "dramatiq.worker.WorkerThread": logging.CRITICAL,  # job.failed says it, with the traceback
    "dramatiq.middleware.time_limit.TimeLimit": logging.WARNING,
    "dramatiq_abort.middleware.Abortable": logging.WARNING,
    "fontTools": logging.ERROR,
    "fpdf": logging.ERROR,
    "httpx": logging.WARNING,  # it would log every address asked, and a gateway's may hold its key
    "yoyo": logging.WARNING,
}


lines = LogLines()


def configure(config: Settings) -> None:
    """Sets structlog and the standard library's root logger up. May be called again, e.g. in a forked worker."""
    lines.start()
    as_json = config.jobs_log_format == "json" or (
        config.jobs_log_format == "auto" and not sys.stderr.isatty()
    )
    level = logging.getLevelNamesMapping()[config.jobs_log_level.upper()]
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    renderer = _json if as_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer]
        if as_json
        else [*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, _logger_name],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *([structlog.processors.format_exc_info] if as_json else []),
            renderer,
        ],
    )
    handler = logging.StreamHandler(lines)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, quiet_level in QUIET.items():
        logging.getLogger(name).setLevel(quiet_level)


def _json(_: Any, __: str, event: EventDict) -> str:
    return orjson.dumps(event, default=str).decode()


def _logger_name(_: Any, __: str, event: EventDict) -> EventDict:
    record = event.get("_record")
    if record is not None:
        event["logger"] = record.name
    return event
