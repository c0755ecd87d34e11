"""Enqueue: messages enter a service's queue, one by one, in bulk, or within the caller's own transaction."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from dramatiq import Message, get_broker
from psycopg2.errors import InvalidSchemaName, UndefinedFunction, UndefinedTable

from infra.queue import transaction as caller
from infra.queue.errors import StoreNotMigrated, StoreUnavailable
from infra.queue.message import Envelope, seal
from infra.settings import settings
from infra.store.connections import DISCONNECTED, Store, shown, statement_at_fault
from infra.store.sql import load

CHUNK = 2_000
"""Messages a statement. More would not be faster, only larger."""


MISSING = (UndefinedFunction, UndefinedTable, InvalidSchemaName)
"""What Postgres says of a store that was never migrated."""


def not_migrated(store: Store) -> StoreNotMigrated:
    return StoreNotMigrated(
        f"the job store {store.schema} on {shown(store.url)} is not there: run `dhanman-jobs migrate`"
    )


def put(cursor: Any, schema: str, envelopes: Sequence[Envelope]) -> dict[str, str | None]:
    """Inserts messages with one round trip a chunk. Returns, for each that was not inserted, the id of the waiting job
    with its unique key, or None where its own id is known already.
    """
    if len(envelopes) <= CHUNK:
        cursor.execute(load("infra.queue").bind(schema).put, _columns(envelopes))
        return dict(cursor.fetchall())
    chunks = (envelopes[start : start + CHUNK] for start in range(0, len(envelopes), CHUNK))
    return put_chunks(cursor, schema, chunks)


def put_chunks(cursor: Any, schema: str, chunks: Iterable[Sequence[Envelope]]) -> dict[str, str | None]:
    """`put` for many chunks: while the server inserts one, the next one is made and put into words."""
    statement = load("infra.queue").bind(schema).put
    refused: dict[str, str | None] = {}

    def write(query: bytes) -> None:
        cursor.execute(query)
        refused.update(cursor.fetchall())

    with cursor.connection.cursor() as wording, ThreadPoolExecutor(1, "enqueue") as writer:
        writing: Future[None] | None = None
        for chunk in chunks:
            query = wording.mogrify(statement, _columns(chunk))
            if writing is not None:
                writing.result()
            writing = writer.submit(write, query)
        if writing is not None:
            writing.result()
    return refused


def _columns(envelopes: Sequence[Envelope]) -> dict[str, Any]:
    messages = [e.message for e in envelopes]
    unique_keys = [e.unique_key for e in envelopes]
    return {
        "message_ids": [m.message_id for m in messages],
        "queues": _once_if_same([m.queue_name for m in messages]),
        "actors": _once_if_same([m.actor_name for m in messages]),
        "priorities": _once_if_same([e.priority for e in envelopes]),
        "delays": _once_if_same([e.delay_ms for e in envelopes]),
        "etas": _once_if_same([e.eta for e in envelopes]),
        "unique_keys": _none_if_none(unique_keys),
        "unique_runnings": _once_if_same([e.unique_running for e in envelopes]),
        "messages": [e.text for e in envelopes],
        "sent_at": _timestamp(
            min((e.message.message_timestamp for e in envelopes if e.sent_before), default=None)
        ),
        "limit_keys": _none_if_none([e.limit_key for e in envelopes]),
        "workflow_ids": _once_if_same([e.workflow_id for e in envelopes]),
        "awaitings": _once_if_same([e.awaiting for e in envelopes]),
        "followed_ins": _none_if_none([e.followed_in for e in envelopes]),
    }


def _once_if_same(values: list[Any]) -> list[Any]:
    """put() takes a single value for all: half of a bulk's text is spared."""
    return values[:1] if values.count(values[0]) == len(values) else values


def _none_if_none(values: list[str | None]) -> list[str | None]:
    return values if any(values) else [None]


def _timestamp(milliseconds: float | None) -> str | None:
    if milliseconds is None:
        return None
    return time.strftime("%Y-%m-%d %H:%M:%S+00", time.gmtime(milliseconds / 1000))


def insert(
    store: Store, envelopes: Sequence[Envelope], *, patience: float | None = None
) -> dict[str, str | None]:
    """`put` in the caller's transaction when one is open, else in one of its own, tried again while the database is
    away until `patience` seconds (JOBS_SEND_TIMEOUT) are over. Raises StoreUnavailable or StoreNotMigrated.
    """
    outer = caller.cursor_for(store)
    if outer is not None:
        return put(outer, store.schema, envelopes)
    if patience is None:
        patience = settings().jobs_send_timeout.total_seconds()
    deadline = time.monotonic() + patience
    pause = 0.05
    while True:  # a second round must ask whether the first one's job has finished by now
        try:
            with store.pool.borrowed() as conn, conn.cursor() as cursor:
                if len(envelopes) <= CHUNK:
                    return put(cursor, store.schema, envelopes)
                conn.autocommit = False
                with conn:
                    return put(cursor, store.schema, envelopes)
        except MISSING:
            raise not_migrated(store) from None
        except DISCONNECTED as error:
            if statement_at_fault(error):
                raise
            # The message id makes a second insert a no-op, so trying again is safe even if the first one committed.
            store.pool.clear()
            envelopes = [e._replace(sent_before=True) for e in envelopes]
            if time.monotonic() + pause > deadline:
                raise StoreUnavailable(
                    f"the job store {store.schema} on {shown(store.url)} did not answer within "
                    f"{patience:g} s, the job was not enqueued: {str(error).strip()}"
                ) from None
            time.sleep(pause)
            pause = min(pause * 2, 1.0)


def enqueue_many(messages: Iterable[Message[Any]], *, delay: int | None = None) -> list[Message[Any]]:
    """Enqueues many messages, all of a service or none: one transaction for each service. Pipelines among
    them go one by one; a Batch takes them all at once.

    Returns them in order; one whose unique key is taken is returned under the waiting job's id.
    Raises JobRefused for the first bad one, StoreUnavailable.
    """
    broker: Any = get_broker()
    messages = list(messages)
    if any(message.options.get("pipe_target") is not None for message in messages):
        return [broker.enqueue(message, delay=delay) for message in messages]
    store = _only_store(broker, messages)
    if store is not None:
        envelopes, refused = _insert_while_sealing(broker, store, messages, delay)
    else:
        envelopes = _seal_all(broker, messages, delay)
        refused = _write(broker, envelopes)
    if broker.hears("after_enqueue"):
        for envelope in envelopes:
            broker.emit_after("enqueue", envelope.message, envelope.delay_ms)
    if not refused:
        return [envelope.message for envelope in envelopes]
    return [under_its_id(envelope.message, refused) for envelope in envelopes]


def _seal_all(broker: Any, messages: Sequence[Message[Any]], delay: int | None) -> list[Envelope]:
    envelopes = [seal(message, delay, broker) for message in messages]
    if broker.hears("before_enqueue"):
        for envelope in envelopes:
            broker.emit_before("enqueue", envelope.message, envelope.delay_ms)
    return envelopes


def _only_store(broker: Any, messages: Sequence[Message[Any]]) -> Store | None:
    """The store of a bulk that fills a transaction of its own; None for a small one, one of several services, one in
    the caller's transaction, one that follows a job, or one with an unknown actor.
    """
    if len(messages) <= CHUNK or broker.staging() is not None or caller.is_open():
        return None
    actors = {message.actor_name for message in messages}
    services = {broker.service_of(broker.actors[name]) for name in actors if name in broker.actors}
    return broker.store(services.pop()) if len(services) == 1 and actors <= broker.actors.keys() else None


def _insert_while_sealing(
    broker: Any, store: Store, messages: Sequence[Message[Any]], delay: int | None
) -> tuple[list[Envelope], dict[str, str | None]]:
    """Checks one chunk while the server inserts the one before it. A refusal rolls all of them back."""
    envelopes: list[Envelope] = []

    def chunks() -> Iterator[list[Envelope]]:
        for start in range(0, len(messages), CHUNK):
            chunk = _seal_all(broker, messages[start : start + CHUNK], delay)
            envelopes.extend(chunk)
            yield chunk

    try:
        with store.transaction() as cursor:
            return envelopes, put_chunks(cursor, store.schema, chunks())
    except DISCONNECTED:  # from the beginning, with patience; what was sealed already may have been committed
        again = [envelope._replace(sent_before=True) for envelope in envelopes]
        rest = _seal_all(broker, messages[len(again) :], delay)
        return [*again, *rest], insert(store, [*again, *rest])
    except MISSING:
        raise not_migrated(store) from None


def _write(broker: Any, envelopes: list[Envelope]) -> dict[str, str | None]:
    if (run := broker.staging()) is not None:
        for envelope in envelopes:
            run.stage(envelope)
        return {}
    by_service: dict[str, list[Envelope]] = {}
    for envelope in envelopes:
        by_service.setdefault(envelope.service, []).append(envelope)
    refused: dict[str, str | None] = {}
    for service, group in by_service.items():
        refused.update(insert(broker.store(service), group))
    return refused


def under_its_id(message: Message[Any], refused: dict[str, str | None]) -> Message[Any]:
    existing = refused.get(message.message_id)
    return message.copy(message_id=existing) if existing else message


__all__ = ["enqueue_many", "insert", "put"]
