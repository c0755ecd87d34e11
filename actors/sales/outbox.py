"""What happened in sales, put down for other systems in the transaction of the caller."""

from __future__ import annotations

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.sales.store import statements
from infra.store.rows import checked_id, one_row

INVOICE_ISSUED = "invoice.issued"
RECEIPT_ISSUED = "receipt.issued"
RECEIPT_REVERSED = "receipt.reversed"

_TELL = {
    INVOICE_ISSUED: statements.tell_invoice,
    RECEIPT_ISSUED: statements.tell_receipt,
    RECEIPT_REVERSED: statements.tell_receipt,
}


class UnknownEvent(LookupError):
    """No such event, or it has not happened."""


def tell_once(connection: Connection, event: str, subject_id: str) -> bool:
    """Write an event with the facts that the books have of it. Returns whether it is new.

    Raises UnknownEvent for a kind of event that is not told, and for one that has not happened.
    """
    if event not in _TELL:
        raise UnknownEvent(f"event {event!r} is none of {', '.join(_TELL)}")
    parameters = {"event": event, "subject_id": checked_id(subject_id, "bill or receipt", UnknownEvent)}
    if one_row(connection, _TELL[event], **parameters):
        return True
    if one_row(connection, statements.was_told, **parameters) is None:
        raise UnknownEvent(f"{event} of {subject_id} has not happened")
    return False
