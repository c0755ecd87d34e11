"""Sales: bills of members, their postings, letters and reminders. These names are what other rooms may import."""

from actors.sales.actors import (
    create_invoice,
    generate_invoice_for_resident,
    send_bulk_generation_summary,
    send_invoice_created_notification,
    send_invoice_notification,
    send_invoice_reminder,
    update_ledger,
)

__all__ = [
    "create_invoice",
    "generate_invoice_for_resident",
    "send_bulk_generation_summary",
    "send_invoice_created_notification",
    "send_invoice_notification",
    "send_invoice_reminder",
    "update_ledger",
]
