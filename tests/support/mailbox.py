"""A real mail server of the test's own."""

from __future__ import annotations

import email
import socket
from email.policy import default

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from infra.settings import settings


class Mailbox:
    """A mail server that keeps what it takes and refuses one address."""

    def __init__(self):
        self.letters = []

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - aiosmtpd's name
        if address.startswith("unknown"):
            return "550 no such mailbox"
        if address.startswith("full"):
            return "452 mailbox full, try later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd's name
        self.letters.append(email.message_from_bytes(envelope.content, policy=default))
        return "250 taken"


@pytest.fixture
def mailbox(monkeypatch):
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=port,
        auth_required=True,
        auth_require_tls=False,
        authenticator=lambda *_: AuthResult(success=_[-1].password == b"s3cret@", handled=False),
    )
    controller.start()
    monkeypatch.setenv("SMTP_URL", f"smtp://post:s3cret%40@127.0.0.1:{port}")
    settings.cache_clear()
    box.port = port
    yield box
    controller.stop()
    settings.cache_clear()
