"""Operate: what people may do to jobs, whether from the command line or the dashboard.

Each function takes many ids, is one transaction, and answers for each id: done, or refused and why. Who did it stands
in the job's history.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from infra.queue.cancel import cancel as ask_to_cancel
from infra.queue.operation import Operation, operation
from infra.queue.states import NAMES
from infra.queue.successors import count, reopen
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

    def change(moving: Operation) -> list[Change]:
        changes = []
        parameters = {"message_ids": list(message_ids), "reason": note, "channel": store.schema}
        revived: dict[str, list[str]] = {}
        for message_id, clash, key, existing, _, state, was, workflow_id in moving.fetch(
            "revive", parameters
        ):
            if clash:
                changes.append(Change(message_id, False, _clash(key, existing)))
                continue
            awaits = state == "awaiting"
            changes.append(Change(message_id, True, "waits again" if awaits else "queued again"))
            if workflow_id:
                revived.setdefault(workflow_id, []).append(was)
        _uncount(moving, revived)
        changes += [Change(row[0], True, "runs now") for row in moving.fetch("run_now", parameters)]
        if again:
            new_ids = [str(uuid.uuid4()) for _ in message_ids]
            for message_id, new_id, clash, existing, key in moving.fetch(
                "send_again", {**parameters, "new_ids": new_ids}
            ):
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

    def change(moving: Operation) -> list[Change]:
        waiting = moving.fetch("delete_waiting", parameters)
        moving.ended("rejected", [(row[0], row[1], row[2]) for row in waiting])
        failed = moving.fetch("delete_failed", parameters)
        return [Change(row[0], True, "deleted") for row in (*failed, *waiting)]

    refusals = {
        "consumed": "it runs now: cancel it",
        "done": "it Succeeded; it expires by itself",
        "rejected": "it is Deleted already",
        "cancelled": "it was Cancelled; it expires by itself",
    }
    return _changed(store, message_ids, change, refusals)


def cancel(store: Store, message_ids: Sequence[str], *, by: str, reason: str | None = None) -> list[Change]:
    """Waiting jobs become Cancelled, running ones are asked to stop, and what waits for their success is cancelled;
    this also where they have failed already.
    """
    words = {"cancelled": "cancelled", "asked": "asked to stop"}
    changes = [
        Change(message_id, True, words[done])
        for message_id, done in ask_to_cancel(store, message_ids, by=by, reason=reason).items()
    ]
    refusals = {
        state: f"it is {NAMES[state]} already" for state in ("done", "rejected", "failed", "cancelled")
    }
    parameters = {"message_ids": list(message_ids), "reason": _note("cancelled", by, reason)}

    def change(moving: Operation) -> list[Change]:
        given_up = moving.fetch("cancel_ended", parameters)
        moving.ended("cancelled", [(row[0], None, row[2]) for row in given_up])
        moving.touched |= {(store.service, row[1]) for row in given_up if row[1]}
        return [*changes, *(Change(row[0], True, "cancelled, with what waits for it") for row in given_up)]

    return _changed(store, message_ids, change, refusals)


def _changed(
    store: Store,
    message_ids: Sequence[str],
    change: Callable[[Operation], list[Change]],
    refusals: dict[str, str],
) -> list[Change]:
    """Makes the change, and explains every id that it did not reach, in the order of the ids."""
    with operation(store) as moving:
        changes = {c.id: c for c in change(moving)}
        left = [i for i in message_ids if i not in changes]
        if left:
            states = dict(moving.fetch("states_of", {"message_ids": left}))
            for i in left:
                state = states.get(i)
                why = (
                    "there is no such job" if state is None else refusals.get(state, f"it is {NAMES[state]}")
                )
                changes[i] = Change(i, False, why)
    return [changes[i] for i in message_ids]


def _uncount(moving: Operation, revived: dict[str, list[str]]) -> None:
    """Members that are retried have not ended after all, so their workflows are not complete."""
    service = moving.store.service
    reopen(moving.reach, service, revived)
    for workflow_id, states in sorted(revived.items()):
        cancelled = states.count("cancelled")
        count(moving.reach, service, workflow_id, failed=cancelled - len(states), cancelled=-cancelled)


def _note(verb: str, by: str, reason: str | None) -> str:
    return f"{verb} by {by}" + (f": {reason}" if reason else "")


def _clash(key: str | None, existing: str | None) -> str:
    job = f"job {existing}" if existing else "another waiting job"
    return f"{job} has its unique key {key!r} and will do the work" if key else f"{job} has its id"
