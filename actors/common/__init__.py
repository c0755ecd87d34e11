"""Common: what concerns every service, such as letters to users. These names are what other rooms may import."""

from actors.common.actors import send_welcome_email

__all__ = ["send_welcome_email"]
