"""SMS and push: one POST to a gateway that the settings describe.

A gateway that knows the header Idempotency-Key delivers a message once, also where our record of the first answer was
lost.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from infra.settings import Settings

TIMEOUT = 20.0
_PLACE = re.compile(r"\$(recipient|subject|body|key)\b")


class GatewayAway(Exception):
    """The gateway did not take the message now; it may later.

    Parameters:
      retry_after: seconds that it asked for; None where it did not say.
    """

    def __init__(self, said: str, retry_after: float | None = None) -> None:
        super().__init__(said)
        self.retry_after = retry_after


class MessageRefused(Exception):
    """The gateway will never take this message, or there is none for the channel."""


@dataclass(frozen=True)
class Message:
    """What goes out.

    Parameters:
      key: what it is about; the same key is the same message.
    """

    key: str
    recipient: str
    subject: str
    body: str


@dataclass(frozen=True)
class HttpGateway:
    """Where and how to POST. `template` is JSON in whose texts $recipient, $subject, $body and $key are filled in."""

    channel: str
    url: str
    header: tuple[str, str] | None
    template: dict[str, Any]

    def send(self, message: Message) -> None:
        """Raises MessageRefused for a 4xx, GatewayAway for 429, 408, 5xx and silence."""
        import httpx  # 0.1 s: only for who sends

        headers = {"Idempotency-Key": hashlib.sha256(message.key.encode()).hexdigest()[:32]}
        headers |= dict([self.header]) if self.header else {}
        try:
            response = httpx.post(
                self.url, json=filled(self.template, message), headers=headers, timeout=TIMEOUT
            )
        except httpx.HTTPError as error:
            raise GatewayAway(f"{self.channel} gateway: {type(error).__name__}: {error}") from None
        if response.is_success:
            return
        said = f"{self.channel} gateway: {response.status_code} {response.text.strip()[:200]}".strip()
        if response.status_code in (408, 425, 429) or response.status_code >= 500:
            asked = response.headers.get("Retry-After", "")
            raise GatewayAway(said, float(asked) if asked.isdigit() else None)
        raise MessageRefused(said)


def gateway(channel: str, config: Settings) -> HttpGateway:
    """The gateway of a channel, `sms` or `push`. Raises MessageRefused where the settings have none."""
    url = getattr(config, f"{channel}_url")
    if url is None:
        raise MessageRefused(f"there is no {channel} gateway: set {channel.upper()}_URL")
    secret = getattr(config, f"{channel}_auth_header")
    name, _, value = secret.get_secret_value().partition(":") if secret else ("", "", "")
    return HttpGateway(
        channel, url, (name, value.strip()) if secret else None, getattr(config, f"{channel}_body")
    )


def filled(template: Any, message: Message) -> Any:
    """The template with the message in its texts; what the message says is never read as JSON or as a place."""
    if isinstance(template, dict):
        return {name: filled(value, message) for name, value in template.items()}
    if isinstance(template, list):
        return [filled(value, message) for value in template]
    if isinstance(template, str):
        return _PLACE.sub(lambda place: str(getattr(message, place[1])), template)
    return template
