"""Operate: what people may do to jobs, whether from the command line or the dashboard.

Each function takes many ids, is one transaction, and answers for each id: done, or refused and why. Who did it stands
in the job's history.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from infra.queue.cancel import cancel as ask_to_cancel
from infra.queue.finish import bound
from infra.queue.states import NAMES
from infra.store.connections import Store


@dataclass(frozen=True)
class Change:
    """What became of one job.

    Parameters:
      done: whether the job was changed.
      what: what was done, or why it was not.
      new_id: the job that was sent instead.
    """

    id: str
    done: bool
    what: str
    new_id: str | None = None


def retry(
    store: Store, message_ids: Sequence[str], *, by: str, reason: str | None = None, again: bool = False
) -> list[Change]:
    """Failed, Deleted and Cancelled jobs are queued with all their attempts; Retrying and Scheduled ones run now.

    A Succeeded job is refused; with `again` its work is sent as a new job.
    """
    note = _note("retried", by, reason)

    def change(cursor: Any, sql: Any) -> list[Change]:
        changes = []
        parameters = {"message_ids": list(message_ids), "reason": note, "channel": store.schema}
        cursor.execute(sql.revive, parameters)
        for message_id, clash, key, existing, _, _, _, _ in cursor.fetchall():
            changes.append(
                Change(message_id, False, _clash(key, existing))
                if clash
                else Change(message_id, True, "queued again")
            )
        cursor.execute(sql.run_now, parameters)
        changes += [Change(row[0], True, "runs now") for row in cursor.fetchall()]
        if again:
            new_ids = [str(uuid.uuid4()) for _ in message_ids]
            cursor.execute(sql.send_again, {**parameters, "new_ids": new_ids})
            for message_id, new_id, clash, existing, key in cursor.fetchall():
                changes.append(
                    Change(message_id, False, _clash(key, existing))
                    if clash
                    else Change(message_id, True, f"sent again as {new_id}", new_id)
                )
        return changes

    refusals = {
        "queued": "it is Enqueued already",
        "consumed": "it runs now",
        "awaiting": "it waits for another job to finish",
        "done": "it Succeeded; --again sends its work as a new job",
    }
    return _changed(store, message_ids, change, refusals)


def delete(store: Store, message_ids: Sequence[str], *, by: str, reason: str | None = None) -> list[Change]:
    """Waiting and Failed jobs become Deleted; they stay visible, and can be retried, until they expire."""
    parameters = {"message_ids": list(message_ids), "reason": _note("deleted", by, reason)}

    def change(cursor: Any, sql: Any) -> list[Change]:
        changes = []
        for statement in (sql.delete_failed, sql.delete_waiting):
            cursor.execute(statement, parameters)
            changes += [Change(row[0], True, "deleted") for row in cursor.fetchall()]
        return changes

    refusals = {
        "consumed": "it runs now: cancel it",
        "done": "it Succeeded; it expires by itself",
        "rejected": "it is Deleted already",
        "cancelled": "it was Cancelled; it expires by itself",
    }
    return _changed(store, message_ids, change, refusals)


def cancel(store: Store, message_ids: Sequence[str], *, by: str, reason: str | None = None) -> list[Change]:
    """Waiting jobs become Cancelled; running ones are asked to stop."""
    words = {"cancelled": "cancelled", "asked": "asked to stop"}
    changes = [
        Change(message_id, True, words[done])
        for message_id, done in ask_to_cancel(store, message_ids, by=by, reason=reason).items()
    ]
    refusals = {
        state: f"it is {NAMES[state]} already" for state in ("done", "rejected", "failed", "cancelled")
    }
    return _changed(store, message_ids, lambda _cursor, _sql: changes, refusals)


def _changed(
    store: Store,
    message_ids: Sequence[str],
    change: Callable[[Any, Any], list[Change]],
    refusals: dict[str, str],
) -> list[Change]:
    """Makes the change, and explains every id that it did not reach, in the order of the ids."""
    sql = bound(store.schema)
    with store.pool.borrowed() as conn:
        conn.autocommit = False
        with conn, conn.cursor() as cursor:
            changes = {c.id: c for c in change(cursor, sql)}
            left = [i for i in message_ids if i not in changes]
            if left:
                cursor.execute(sql.states_of, {"message_ids": left})
                states = dict(cursor.fetchall())
                for i in left:
                    state = states.get(i)
                    why = (
                        "there is no such job"
                        if state is None
                        else refusals.get(state, f"it is {NAMES[state]}")
                    )
                    changes[i] = Change(i, False, why)
    return [changes[i] for i in message_ids]


def _note(verb: str, by: str, reason: str | None) -> str:
    return f"{verb} by {by}" + (f": {reason}" if reason else "")


def _clash(key: str | None, existing: str | None) -> str:
    job = f"job {existing}" if existing else "another waiting job"
    return f"{job} has its unique key {key!r} and will do the work" if key else f"{job} has its id"
