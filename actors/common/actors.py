"""The jobs of common. Each may run twice and does its work once."""

from __future__ import annotations

from infra.gateways import mail
from infra.gateways.templates import text_and_html
from infra.middleware.retries import RetryPolicy
from infra.queue import actor


@actor(
    queue_name="default",
    service="common",
    retry_policy=RetryPolicy(give_up_on=(mail.MailRefused,), at_end="fail"),
)
def send_welcome_email(email: str, name: str) -> None:
    """Welcome a new user. A repetition is the same letter, by its Message-ID."""
    subject = "Welcome to Dhanman"
    text, html = text_and_html("actors.common", "welcome", name=name, subject=subject)
    mail.send(
        mail.compose(
            key=f"common/welcome/{email.strip().lower()}",
            to=email.strip(),
            name=name,
            subject=subject,
            text=text,
            html=html,
        )
    )
