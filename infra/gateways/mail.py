"""Mail: over SMTP when SMTP_URL is set, else kept as `.eml` files that any mail program opens.

A letter's Message-ID comes from its idempotency key, so a letter sent again after a crash is the same letter: mail
programs show it once, and as a file it replaces itself.
"""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from infra.gateways.files import keep_file
from infra.settings import settings

TIMEOUT = 20.0
"""Seconds a mail server may be silent."""


class MailError(Exception):
    """The letter was not taken; trying again may help. The message names the server, never the password."""


class MailRefused(MailError):
    """The server refuses this letter for good: a wrong address, a wrong password."""


class AddressRefused(MailRefused):
    """The server takes letters, but none for this address."""


@dataclass(frozen=True)
class Attachment:
    """A file of a letter, such as `GV-2627-000123.pdf` of type `application/pdf`."""

    name: str
    content: bytes
    mime_type: str


def compose(
    *,
    key: str,
    to: str,
    name: str,
    subject: str,
    text: str,
    html: str,
    attachments: tuple[Attachment, ...] = (),
    copies: tuple[tuple[str, str], ...] = (),
) -> EmailMessage:
    """A letter of text and HTML, ready for `send`.

    Parameters:
      key: What the letter is about (`sales/invoice/…/created`); the same key gives the same Message-ID.
      copies: Who gets it too, as all can see: (name, address) each.
    """
    sender_name, sender = parseaddr(settings().mail_from)
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(sender_name, addr_spec=sender)
    message["To"] = Address(name, addr_spec=to)
    if copies:
        message["Cc"] = [Address(other, addr_spec=address) for other, address in copies]
    message["Subject"] = subject
    message["Message-ID"] = message_id(key)
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    for attachment in attachments:
        main, _, sub = attachment.mime_type.partition("/")
        message.add_attachment(attachment.content, maintype=main, subtype=sub, filename=attachment.name)
    return message


def message_id(key: str) -> str:
    """The Message-ID header for an idempotency key."""
    domain = parseaddr(settings().mail_from)[1].rpartition("@")[2] or "localhost"
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{domain}>"


def send(message: EmailMessage) -> None:
    """Hand the letter to the mail server, or keep it as a file.

    Raises MailRefused when trying again cannot help, MailError when it may.
    """
    url = settings().smtp_url
    if url is None:
        keep(message, settings().mail_folder)
    else:
        _deliver(message, url)


def keep(message: EmailMessage, folder: Path) -> Path:
    """Write the letter into `folder`; under its Message-ID, so that writing twice leaves one file."""
    name = message["Message-ID"].strip("<>").partition("@")[0]
    return keep_file(folder / f"{name}.eml", message.as_bytes(), mode=0o600)


def _deliver(message: EmailMessage, url: str) -> None:
    address = urlsplit(url)
    server = f"{address.hostname}:{address.port or _default_port(address)}"
    try:
        with _connected(address) as connection:
            refused = connection.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        code, reason = next(iter(error.recipients.values()))
        raise _refusal(server, message, code, reason) from error
    except smtplib.SMTPResponseException as error:
        raise _failure(f"mail server {server}", error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailError(f"mail server {server}: {str(error) or type(error).__name__}") from error
    recipient = message["To"].addresses[0].addr_spec
    if recipient in refused:  # only copies were taken
        raise _refusal(server, message, *refused[recipient])


def _connected(address: SplitResult) -> smtplib.SMTP:
    """A session with the server of an SMTP URL, encrypted and logged in as the URL says."""
    if address.scheme not in ("smtp", "smtps") or not address.hostname:
        raise MailError("SMTP_URL is not smtp://user:password@host:port or smtps://…")
    host, port = address.hostname, address.port or _default_port(address)
    context = ssl.create_default_context()
    connection: smtplib.SMTP
    if address.scheme == "smtps":
        connection = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=context)
    else:
        connection = smtplib.SMTP(host, port, timeout=TIMEOUT)
    try:
        if "starttls" in parse_qs(address.query, keep_blank_values=True):
            connection.starttls(context=context)
        if address.username:
            connection.login(unquote(address.username), unquote(address.password or ""))
    except BaseException:
        connection.close()
        raise
    return connection


def _default_port(address: SplitResult) -> int:
    if address.scheme == "smtps":
        return 465
    return 587 if address.username else 25


def _refusal(server: str, message: EmailMessage, code: int, reason: bytes | str) -> MailError:
    error = _failure(f"mail server {server} refused {message['To']}", code, reason)
    return AddressRefused(str(error)) if isinstance(error, MailRefused) else error


def _failure(where: str, code: int, reason: bytes | str) -> MailError:
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
    kind = MailRefused if 500 <= code < 600 else MailError
    return kind(f"{where}: {code} {text}")
