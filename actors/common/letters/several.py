"""One piece of news for several people: a letter each, and a wrong address keeps nobody else waiting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from actors.common.letters import send_once
from actors.common.reference import Officer
from infra.gateways.mail import Attachment, MailRefused
from infra.store import connections


@dataclass(frozen=True)
class Told:
    """Who got a letter.

    Parameters:
      sent: how many went out now; those that were sent before are not among them.
      refused: what the mail server said of addresses that it does not take.
    """

    sent: int
    refused: tuple[str, ...]


def send_to_each(
    service: str,
    recipients: Iterable[Officer],
    key: str,
    *,
    subject: str,
    template: str,
    attachments: Sequence[Attachment] = (),
    **values: Any,
) -> Told:
    """Send each recipient the letter once, each in a transaction of its own. The key is told apart by the address.

    Raises MailError when the mail server is away: those who got theirs do not get it again.
    """
    sent = 0
    refused: list[str] = []
    for address, recipient in {recipient.email: recipient for recipient in recipients}.items():
        try:
            with connections.transaction(service) as connection:
                sent += send_once(
                    connection,
                    service,
                    f"{key}/{address}",
                    to=address,
                    name=recipient.name,
                    subject=subject,
                    template=template,
                    attachments=attachments,
                    **values,
                )
        except MailRefused as error:
            refused.append(str(error))
    return Told(sent, tuple(refused))
