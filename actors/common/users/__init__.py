"""Users: the mirror of what Auth0 has, for whoever needs a name or an address."""

from actors.common.users.mirror import TooManyMissing, known_recipient, sync

__all__ = ["TooManyMissing", "known_recipient", "sync"]
