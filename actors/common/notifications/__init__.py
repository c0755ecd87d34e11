"""Notifications: a short text to a person by mail, SMS or push; each once, and none that wakes people."""

from actors.common.notifications.delivery import UnknownRecipient, WrongNotification, deliver_once, may_go_out

__all__ = ["UnknownRecipient", "WrongNotification", "deliver_once", "may_go_out"]
