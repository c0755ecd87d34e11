"""Double entry: a posting as a value that cannot be made unbalanced."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from actors.common.rules.money import ZERO


class UnbalancedEntry(ValueError):
    """Debits and credits differ, or a line has two sides, none, or a negative amount."""


@dataclass(frozen=True)
class EntryLine:
    """One side of an entry, in rupees.

    Parameters:
      account: Five digits, of the chart of accounts.
      party: The member, vendor, employee or item whose balance this is part of.
    """

    account: str
    debit: Decimal = ZERO
    credit: Decimal = ZERO
    party: UUID | None = None

    def __post_init__(self) -> None:
        if min(self.debit, self.credit) != 0 or max(self.debit, self.credit) <= 0:
            raise UnbalancedEntry(f"account {self.account}: debit {self.debit}, credit {self.credit}")


@dataclass(frozen=True)
class Entry:
    """A balanced entry; an unbalanced one cannot be made."""

    lines: tuple[EntryLine, ...]

    def __post_init__(self) -> None:
        if self.debit != self.credit or not self.lines:
            raise UnbalancedEntry(f"debit {self.debit} is not credit {self.credit}")

    @classmethod
    def of(cls, *amounts: tuple[str, Decimal] | tuple[str, Decimal, UUID | None]) -> Entry:
        """Of signed amounts: a debit for a positive one, a credit for a negative one, no line for nothing.

        Each is (account, rupees) or (account, rupees, party).
        """
        return cls(tuple(_line(*amount) for amount in amounts if amount[1]))

    @property
    def debit(self) -> Decimal:
        return sum((line.debit for line in self.lines), ZERO)

    @property
    def credit(self) -> Decimal:
        return sum((line.credit for line in self.lines), ZERO)


def _line(account: str, amount: Decimal, party: UUID | None = None) -> EntryLine:
    if amount > 0:
        return EntryLine(account, debit=amount, party=party)
    return EntryLine(account, credit=-amount, party=party)
