"""The jobs of community. Each may run twice and does its work once.

What must happen at a moment (2 h before an event, 30 min after an emergency) is enqueued for that moment as soon as
it is known; the recurring jobs arrange the day's, and are the safety net for what nobody arranged.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from actors.common import reference
from actors.common.letters.several import send_to_each
from actors.common.rules.calendar import INDIA
from actors.community import complaints, events, passes, store
from actors.community.rules.events import Due, Step
from actors.community.rules.sla import MissingSla
from infra.middleware.retries import OVER_HOURS, RetryPolicy
from infra.queue import actor, current_job, enqueue_many, transaction

LETTERS = RetryPolicy(
    delays=OVER_HOURS,
    give_up_on=(store.UnknownEvent, store.UnknownPass, store.UnknownRequest, MissingSla),
    at_end="fail",
)
"""A mail server may be away for hours; what is not on record stays unknown."""
SHOWN = 50
"""So many refusals are named in a job's result."""


@actor(queue_name="default", service="community", retry_policy=LETTERS)
def arrange_reminders(event_id: str) -> int:
    """Arrange the reminders of an event that was made or moved today. Returns how many.

    Later ones are arranged by the daily run.
    """
    with store.transaction() as community, transaction(community):
        ahead = list(events.reminders_ahead(community, reference.now(community, "community"), event_id))
        _enqueue_reminders(ahead)
    return len(ahead)


@actor(queue_name="default", service="community", retry_policy=LETTERS)
def remind_of_event(event_id: str, starts_at: str, step: str) -> dict[str, Any]:
    """Mail one reminder of an event to all who come, each once; nobody when it was cancelled, moved or has begun.

    Returns counts, and what the mail server refused.
    """
    start, which = datetime.fromisoformat(starts_at), Step(step)
    sent, refused = 0, list[str]()
    while True:
        with store.transaction() as community:
            of = events.event(community, event_id)
            if stopped := events.reason_to_stop(of, start, reference.now(community, "community")):
                return {"sent": sent, "stopped": stopped}
            page = events.people_to_remind(community, of, which)
        for number, person in enumerate(page.people):
            if current_job().cancellation_requested():
                return {"sent": sent, "cancelled": True}
            current_job().progress(number, len(page.people))
            said = events.remind(of, which, person)
            sent += said == "sent"
            refused += [said] if said not in ("sent", "decided before") else []
        if page.last:
            return {"sent": sent, "refused": refused[:SHOWN]}


@actor(queue_name="default", service="community", retry_policy=LETTERS)
def send_overstay_alert(pass_id: str) -> dict[str, Any]:
    """Tell gate, manager and host, at once and once, of a visitor who is inside after their time.

    Returns how many letters went out, and who could not be told.
    """
    with store.transaction() as community:
        found = passes.overstay(community, pass_id)
    told = send_to_each(
        "community",
        found.told,
        f"community/overstay/{pass_id}",
        subject=found.subject,
        template="overstay",
        society=found.society,
        figures=found.figures,
    )
    missing = [f"{found.without_address}: no mail address"] if found.without_address else []
    return {"sent": told.sent, "refused": [*told.refused, *missing]}


@actor(queue_name="default", service="community", retry_policy=LETTERS)
def plan_escalation(request_id: str) -> dict[str, str]:
    """Reckon who hears of a new complaint and when, and arrange it. Returns the moment of each level.

    Raises MissingSla.
    """
    with store.transaction() as community, transaction(community):
        plans = complaints.plan(community, request_id=request_id)
        _enqueue_escalations(plans.planned, at_due=True)
    if plans.refused:
        raise MissingSla(plans.refused[0])
    return {str(step.level): step.due_at.astimezone(INDIA).isoformat() for step in plans.planned}


@actor(queue_name="default", service="community", retry_policy=LETTERS)
def escalate_request(request_id: str, level: int) -> dict[str, Any]:
    """Tell a level of a complaint that is open still; nothing when it was closed in time.

    A letter that is late waits for the end of the quiet hours, unless it is an emergency.
    """
    with store.transaction() as community, transaction(community):
        found = complaints.escalate(community, request_id, level)
        if found.outcome is None:
            _enqueue_escalations([complaints.Planned(request_id, level, found.not_before)], at_due=True)
    if found.outcome is None:
        return {"sent": 0, "put_off": found.not_before.astimezone(INDIA).isoformat()}
    if found.outcome == "NOT_NEEDED":
        return {"sent": 0, "closed": True}
    told = send_to_each(
        "community",
        found.told,
        f"community/escalation/{request_id}/{level}",
        subject=found.subject,
        template="escalation",
        society=found.society,
        figures=found.figures,
        level=level,
        priority=found.priority.value,
    )
    return {"sent": told.sent, "refused": list(told.refused)}


def arrange_reminders_of_the_day(at: datetime) -> int:
    """Arrange every reminder from a moment until the next day's run. Returns how many."""
    with store.transaction() as community, transaction(community):
        ahead = list(events.reminders_ahead(community, at))
        _enqueue_reminders(ahead)
    return len(ahead)


def expire_passes(at: datetime) -> dict[str, Any]:
    """Expire passes whose time is over, and have those told whose visitors are inside still. Returns counts."""
    expired = overstays = 0
    while True:
        if current_job().cancellation_requested():
            return {"expired": expired, "overstays": overstays, "cancelled": True}
        with store.transaction() as community, transaction(community):
            unused = passes.expire_unused(community, at)
            inside = passes.note_overstays(community, at)
            enqueue_many(
                send_overstay_alert.message_with_options(args=(pass_id,), unique_key=f"overstay/{pass_id}")
                for pass_id in inside
            )
        expired, overstays = expired + unused, overstays + len(inside)
        if max(unused, len(inside)) < store.PAGE:
            return {"expired": expired, "overstays": overstays}


def escalate_what_is_due(at: datetime) -> dict[str, Any]:
    """Plan complaints that nobody planned, and send what is due and was not sent.

    Returns counts, and complaints for which no time could be reckoned.
    """
    planned, refused, after = 0, list[str](), store.NO_ID
    while True:
        if current_job().cancellation_requested():
            return {"planned": planned, "cancelled": True}
        with store.transaction() as community, transaction(community):
            plans = complaints.plan(community, after)
            _enqueue_escalations(plans.planned, at_due=True)
        planned += len({step.request_id for step in plans.planned})
        refused += plans.refused
        if plans.last_id is None:
            break
        after = plans.last_id
    with store.transaction() as community, transaction(community):
        due = complaints.due_steps(community, at)
        _enqueue_escalations(due, at_due=False)
    return {"planned": planned, "due": len(due), "refused": refused[:SHOWN]}


def _enqueue_reminders(ahead: Iterable[tuple[str, datetime, Due]]) -> None:
    enqueue_many(
        remind_of_event.message_with_options(
            args=(event_id, starts_at.isoformat(), due.step.value),
            eta=due.at,
            unique_key=f"event/{event_id}/{starts_at.isoformat()}/{due.step}",
        )
        for event_id, starts_at, due in ahead
    )


def _enqueue_escalations(steps: Iterable[complaints.Planned], *, at_due: bool) -> None:
    """For their moment, or at once; a step that waits already keeps its job."""
    enqueue_many(
        escalate_request.message_with_options(
            args=(step.request_id, step.level),
            unique_key=f"escalation/{step.request_id}/{step.level}",
            eta=step.due_at if at_due else None,
        )
        for step in steps
    )
