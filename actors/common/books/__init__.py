"""Books in double entry, kept by each service in its own database, in the transaction that does the business.

A service that keeps books includes `keep_books.sql` in its migrations, and puts its accounts into `ledger_account`.
"""

from actors.common.books.balances import AccountBalance, balances_of_parties, trial_balance
from actors.common.books.posting import NotPosted, Posting, post, reverse

__all__ = [
    "AccountBalance",
    "NotPosted",
    "Posting",
    "balances_of_parties",
    "post",
    "reverse",
    "trial_balance",
]
