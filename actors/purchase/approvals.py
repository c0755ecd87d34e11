"""Letters to approvers: orders that began to wait for them, at once; what waits for more than a day, once a day.

The job runs every two hours. From 08:00 to 20:00 each run tells an approver of the orders that are new to them, each
once for each amount that it had. The first run from 09:00 on sends the day's digest of orders that wait for more than
24 hours: with that schedule at 10:00. In the quiet hours, 21:00-08:00, nobody is written to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from actors.common import letters
from actors.common.reference import Society
from actors.common.rules.money import ZERO, rupees
from actors.purchase import orders, store
from actors.purchase.orders import Order
from actors.purchase.rules.approval import (
    LADDER,
    Approver,
    belongs_in_digest,
    is_time_for_digest,
    may_write,
)
from actors.purchase.store import SERVICE
from infra.gateways.mail import MailRefused

ROLE_NAMES = {role: role.capitalize() if role != "COMMITTEE" else "Managing committee" for role in LADDER}


@dataclass(frozen=True)
class Sent:
    """What one run sent.

    Parameters:
      without_approver: numbers of orders that nobody in office may approve.
      refused: what the mail server said of addresses that it will never take.
    """

    digests: int = 0
    news: int = 0
    orders_waiting: int = 0
    without_approver: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def send(community_id: str | UUID, moment: datetime) -> Sent:
    """Write to the approvers of a society. The same moment again sends nothing twice.

    Raises MailError when the mail server is away or a mailbox is full; who got theirs does not get it again.
    """
    with store.transaction() as purchase:
        office = store.office(purchase, community_id)
        waiting = orders.waiting(purchase, office.society, moment, office.rates)
        officers = orders.approving_officers(purchase, office.society, moment.date())
        digested = letters.sent(
            purchase, SERVICE, [_digest_key(office.society, one.email, moment) for one in officers]
        )
    people = {officer.email: officer for officer in officers}
    nobodys = tuple(
        order.number for order in waiting if not any(order.steps_of(email, officers) for email in people)
    )
    if not may_write(moment):
        return Sent(orders_waiting=len(waiting), without_approver=nobodys)
    digests = sent = 0
    refused: list[str] = []
    for approver in people.values():
        own = [order for order in waiting if order.steps_of(approver.email, officers)]
        digest: list[Order] = []
        key = _digest_key(office.society, approver.email, moment)
        if is_time_for_digest(moment) and key not in digested:
            digest = [order for order in own if belongs_in_digest(order.waiting_since, moment)]
        news = [order for order in own if order not in digest and approver.email not in order.told]
        try:
            if digest:
                digests += _write(office.society, approver, officers, digest, key, moment)
            if news:
                key = f"purchase/approval-news/{office.society.id}/{approver.email}/{moment.isoformat()}"
                sent += _write(office.society, approver, officers, news, key, moment, new=True)
        except MailRefused as refusal:
            refused.append(str(refusal))
    return Sent(digests, sent, len(waiting), nobodys, tuple(refused))


def _digest_key(society: Society, approver: str, moment: datetime) -> str:
    return f"purchase/approval-digest/{society.id}/{approver}/{moment:%Y-%m-%d}"


def _write(
    society: Society,
    approver: Approver,
    officers: Sequence[Approver],
    listed: Sequence[Order],
    key: str,
    moment: datetime,
    *,
    new: bool = False,
) -> bool:
    """One letter, and that its orders were told of, in one transaction. Returns whether it went out now."""
    one = len(listed) == 1
    many = "1 order waits" if one else f"{len(listed)} orders wait"
    have_waited = "1 order has waited" if one else f"{len(listed)} orders have waited"
    total = rupees(sum((order.amount for order in listed), ZERO))
    with store.transaction() as purchase:
        went_out = letters.send_once(
            purchase,
            SERVICE,
            key,
            to=approver.email,
            name=approver.name,
            subject=f"{many} for your approval: {total}"
            + ("" if new else f", since {listed[0].waiting_since:%d %b}"),
            template="approvals",
            society=society,
            headline=f"{many} for your approval."
            if new
            else f"{have_waited} for your approval for more than a day.",
            rows=[_row(order, approver, officers, moment) for order in listed],
            total=total,
        )
        orders.note_told(purchase, approver.email, listed, moment)
    return went_out


def _row(order: Order, approver: Approver, officers: Sequence[Approver], moment: datetime) -> dict[str, str]:
    """One line of the letter's table."""
    return {
        "number": order.number,
        "subject": order.subject,
        "vendor": order.vendor,
        "amount": rupees(order.amount),
        "since": f"{order.waiting_since:%d %b %Y, %H:%M}",
        "waited": _in_words(int((moment - order.waiting_since).total_seconds() // 3600)),
        "step": ", ".join(ROLE_NAMES[role] for role in order.steps_of(approver.email, officers)),
        "missing": _missing(order, approver, officers),
    }


def _missing(order: Order, approver: Approver, officers: Sequence[Approver]) -> str:
    """What the order lacks beside this approver's word."""
    lacks = []
    if order.missing_quotes:
        lacks.append(f"{order.missing_quotes} of {order.needed.quotes} quotes")
    own = order.steps_of(approver.email, officers)[:1]
    lacks += [
        f"approval of the {ROLE_NAMES[role].lower()}" for role in order.missing_roles if role not in own
    ]
    return "; ".join(lacks) or "nothing else"


def _in_words(hours: int) -> str:
    if hours < 48:
        return f"{hours} h" if hours else "less than 1 h"
    return f"{hours // 24} days"
