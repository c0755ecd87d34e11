"""House-keeping: what is past its time goes, piece by piece, so that nobody waits for it."""

from actors.common.housekeeping.old_logs import clean_up_old_logs
from actors.common.housekeeping.tokens import delete_expired_tokens

__all__ = ["clean_up_old_logs", "delete_expired_tokens"]
