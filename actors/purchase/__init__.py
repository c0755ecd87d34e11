"""Purchase: approval of orders, the three-way match, payments to vendors. These names other rooms may import."""

from actors.purchase.actors import (
    deposit_tds,
    for_every_society,
    list_due_payments,
    match_vendor_bills,
    record_vendor_payment,
    remind_all_week,
    remind_of_payments,
    send_approval_requests,
)

__all__ = [
    "deposit_tds",
    "for_every_society",
    "list_due_payments",
    "match_vendor_bills",
    "record_vendor_payment",
    "remind_all_week",
    "remind_of_payments",
    "send_approval_requests",
]
