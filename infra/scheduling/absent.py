"""Stores that are away or not migrated: no reason to leave out the others, nor for a scheduler to end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from dramatiq.logging import get_logger

from infra.queue.enqueue import MISSING
from infra.store.connections import DISCONNECTED, Store

log = get_logger(__name__)


@contextmanager
def errors_logged(what: str, store: Store) -> Iterator[None]:
    """The block's errors are logged, and end the block only: the next look may find the store well."""
    try:
        yield
    except DISCONNECTED as error:
        log.warning("%s %s: %s", what, store.schema, str(error).strip().partition("\n")[0])
    except MISSING:
        log.warning("%s %s: it is not up to date. Run `dhanman-jobs migrate`.", what, store.schema)
    except (psycopg2.Error, ValueError, TypeError, LookupError):  # of one job, perhaps: not of the others
        log.exception("%s %s.", what, store.schema)
