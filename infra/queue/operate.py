"""Operate: what people may do to jobs, whether from the command line or the dashboard.

Each function takes many ids, is one transaction, and answers for each id: done, or refused and why. Who did it stands
in the job's history.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from infra.queue.cancel import cancel as ask_to_cancel
from infra.queue.operation import Operation, operation
from infra.queue.states import NAMES
from infra.queue.successors import count, reopen
from infra.queue.waiting import STUCK, Node, blockers
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

    A Succeeded job is refused; with `again` its work is sent as a new job. An Awaiting one is refused with what it
    waits for.
    """
    note = _note("retried", by, reason)

    def change(moving: Operation) -> list[Change]:
        changes = []
        parameters = {"message_ids": list(message_ids), "reason": note, "channel": store.schema}
        revived: dict[str, list[str]] = {}
        awaiting: list[str] = []
        alone = False  # whether others were cancelled with one of these
        for message_id, clash, key, existing, _, state, was, workflow_id, followed_in in moving.fetch(
            "revive", parameters
        ):
            if clash:
                changes.append(Change(message_id, False, _clash(key, existing)))
                continue
            awaits = state == "awaiting"
            if awaits:
                awaiting.append(message_id)
            else:
                alone = alone or (was == "cancelled" and followed_in is not None)
                changes.append(Change(message_id, True, "queued again"))
            if workflow_id:
                revived.setdefault(workflow_id, []).append(was)
        if alone and not awaiting:
            changes = [replace(c, what=f"{c.what}; what was cancelled with it stays so") for c in changes]
        _uncount(moving, revived)
        moving.revived(awaiting)
        for message_id, state in moving.fetch("states_of", {"message_ids": awaiting}) if awaiting else ():
            changes.append(Change(message_id, True, "waits again" if state == "awaiting" else "queued again"))
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
        "awaiting": _AWAITS,
        "done": "it Succeeded; --again sends its work as a new job",
    }
    changes = _changed(store, message_ids, change, refusals)
    held_up = blockers(store, [c.id for c in changes if c.what == _AWAITS])
    return [replace(c, what=_awaits(held_up[c.id])) if c.id in held_up else c for c in changes]


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
        for workflow_id, many in sorted(Counter(row[1] for row in given_up if row[1]).items()):
            count(moving.reach, store.service, workflow_id, failed=-many, cancelled=many)
            moving.touched.add((store.service, workflow_id))
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
    moving.reopened |= reopen(moving.reach, service, revived)
    for workflow_id, states in sorted(revived.items()):
        cancelled = states.count("cancelled")
        count(moving.reach, service, workflow_id, failed=cancelled - len(states), cancelled=-cancelled)


def _note(verb: str, by: str, reason: str | None) -> str:
    return f"{verb} by {by}" + (f": {reason}" if reason else "")


_AWAITS = "it waits for another job to finish"


def _awaits(held_up_by: list[Node]) -> str:
    """What to retry instead."""
    stuck = [node for node in held_up_by if node.state in STUCK]
    if not stuck:
        return f"it waits for {held_up_by[0]}" if held_up_by else _AWAITS
    named = ", ".join(str(node) for node in stuck[:3]) + (" and others" if len(stuck) > 3 else "")
    return f"it waits for {named}: retry {'that' if len(stuck) == 1 else 'those'} instead"


def _clash(key: str | None, existing: str | None) -> str:
    job = f"job {existing}" if existing else "another waiting job"
    return f"{job} has its unique key {key!r} and will do the work" if key else f"{job} has its id"
