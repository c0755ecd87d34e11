"""Common: what concerns every service, such as letters to users. These names are what other rooms may import."""

from actors.common.actors import send_daily_reports, send_notification, send_welcome_email, update_analytics

__all__ = ["send_daily_reports", "send_notification", "send_welcome_email", "update_analytics"]
