"""A notification on its way: to whom, when, by which gateway, and the record that it went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import reference, users
from actors.common.rules.quiet_hours import outside_quiet_hours
from infra.gateways import mail
from infra.gateways.mail import MailRefused
from infra.gateways.messages import Message, MessageRefused, gateway
from infra.gateways.templates import text_and_html
from infra.settings import settings
from infra.store import connections
from infra.store.rows import one_row
from infra.store.sql import load

CHANNELS = ("email", "sms", "push")
PRIORITIES = ("URGENT", "NORMAL")
"""Only what is urgent, such as a one-time password or an alarm, goes out in the quiet hours."""


class WrongNotification(ValueError):
    """A notification that cannot be: an unknown channel or priority, no key, nothing to say."""


class UnknownRecipient(LookupError):
    """No user has this id, or it is no address that the channel reaches."""


@dataclass(frozen=True)
class _Recipient:
    address: str
    name: str | None = None


def may_go_out(key: str, channel: str, body: str, priority: str) -> datetime | None:
    """When it may go out; None for at once. Raises WrongNotification."""
    for what, value, known in (("channel", channel, CHANNELS), ("priority", priority, PRIORITIES)):
        if value not in known:
            raise WrongNotification(f"{what} {value!r} is none of {', '.join(known)}")
    if not key.strip() or not body.strip():
        raise WrongNotification(f"notification {key!r} needs a key and something to say")
    with connections.transaction("common") as common:
        now = reference.now(common, "common")
    then = outside_quiet_hours(now)
    return then if priority != "URGENT" and then > now else None


def deliver_once(key: str, recipient: str, channel: str, subject: str, body: str) -> bool:
    """Send it unless it was sent before; returns whether it was sent now. A refusal is on record, and raised.

    Raises UnknownRecipient, MessageRefused, MailRefused: for good. GatewayAway, MailError: for now.
    """
    record = {"key": key, "channel": channel, "recipient": recipient, "subject": " ".join(subject.split())}
    try:
        with connections.transaction("common") as common:
            if one_row(common, _statements().claim, **record) is None:
                return False
            _send(_recipient(common, channel, recipient), Message(key, "", record["subject"], body), channel)
    except (UnknownRecipient, MessageRefused, MailRefused) as error:
        with connections.transaction("common") as common, common.cursor() as cursor:
            cursor.execute(_statements().refuse, {**record, "reason": str(error)[:500]})
        raise
    return True


def refused_of_late(common: Connection) -> int:
    """How many were refused within a day."""
    return int(one_row(common, _statements().refused_of_late).refused)


def _recipient(common: Connection, channel: str, recipient: str) -> _Recipient:
    """An address or a telephone number as it stands; else the user of that id."""
    if channel == "email" and "@" in recipient and "|" not in recipient:
        return _Recipient(recipient.strip())
    if channel == "sms" and recipient.startswith("+"):
        return _Recipient("+" + "".join(filter(str.isdigit, recipient)))
    user = users.known_recipient(common, recipient)
    if user is None or user.deleted_at is not None:
        raise UnknownRecipient(f"{recipient!r} is no user, and no address for {channel}")
    if user.blocked:
        raise UnknownRecipient(f"user {recipient} is blocked")
    address = {"email": user.email, "sms": user.phone, "push": user.auth0_id}[channel]
    if address is None:
        raise UnknownRecipient(f"user {recipient} has no {'address' if channel == 'email' else 'telephone'}")
    return _Recipient(address, user.name)


def _send(to: _Recipient, message: Message, channel: str) -> None:
    if channel != "email":
        gateway(channel, settings()).send(Message(message.key, to.address, message.subject, message.body))
        return
    paragraphs = [part.splitlines() for part in message.body.strip().split("\n\n")]
    text, html = text_and_html(
        "actors.common", "notification", name=to.name, subject=message.subject, paragraphs=paragraphs
    )
    mail.send(
        mail.compose(
            key=f"common/notification/{message.key}",
            to=to.address,
            name=to.name or "",
            subject=message.subject,
            text=text,
            html=html,
        )
    )


def _statements() -> Any:
    return load("actors.common.notifications")
