"""What an operator's order to a recurring job may be refused for. Every message says what was wrong, and what to do."""

from __future__ import annotations


class RecurringRefused(ValueError):
    """The order does not fit what the store or the code has; nothing was changed."""


class WrongRecurring(RecurringRefused):
    """The order itself cannot be meant so: a wrong name, schedule, zone, policy, actor or argument."""
