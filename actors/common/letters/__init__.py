"""Letters that are sent once: the record commits with the transaction of the job that sends them.

A service that uses it includes `record_letters.sql` in its migrations.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from infra.gateways import mail
from infra.gateways.mail import Attachment
from infra.gateways.templates import text_and_html
from infra.store import sql


def send_once(
    connection: Connection,
    service: str,
    key: str,
    *,
    to: str,
    name: str,
    subject: str,
    template: str,
    attachments: Sequence[Attachment] = (),
    copies: Sequence[tuple[str, str]] = (),
    **values: object,
) -> bool:
    """Send a letter unless it was sent before. Returns whether it was sent now.

    A second run waits for the first, and finds its record. A crash between the mail server's receipt and the commit
    sends the letter again, under the same Message-ID, so that mail programs show it once.

    Parameters:
      connection: The transaction on the service's database with which the record commits.
      service: Whose letter it is; `actors/<service>/templates/<template>.txt` and `.html` are its text.
      key: What it is about, such as `purchase/approval-digest/<approver>/2026-04-10`.
      copies: Who gets it too, as all can see: (name, address) each.
      values: What the template is filled with, beside `name` and `subject`.

    Raises MailRefused when trying again cannot help, MailError when it may.
    """
    statements = sql.load("actors.common.letters").bind(service)
    record = {"key": key, "recipient": to, "subject": subject, "message_id": mail.message_id(key)}
    with connection.cursor() as cursor:
        cursor.execute(statements.claim_letter, record)
        if cursor.fetchone() is None:
            return False
    text, html = text_and_html(f"actors.{service}", template, name=name, subject=subject, **values)
    mail.send(
        mail.compose(
            key=key,
            to=to,
            name=name,
            subject=subject,
            text=text,
            html=html,
            attachments=tuple(attachments),
            copies=tuple(copies),
        )
    )
    return True


def sent(connection: Connection, service: str, keys: Sequence[str]) -> set[str]:
    """Those of these letters that were sent before."""
    with connection.cursor() as cursor:
        cursor.execute(sql.load("actors.common.letters").bind(service).letters_sent, {"keys": list(keys)})
        return {key for (key,) in cursor.fetchall()}


def forget(connection: Connection, service: str, before: datetime, most: int) -> int:
    """Forget letters that were sent before a moment, so many at most. Returns how many; 0 without the table."""
    statements = sql.load("actors.common.letters").bind(service)
    with connection.cursor() as cursor:
        cursor.execute(statements.letters_are_kept)
        if cursor.fetchone() != (True,):
            return 0
        cursor.execute(statements.forget_letters, {"before": before, "most": most})
        return int((cursor.fetchone() or (0,))[0])
