"""Sales: bills of members, payments, postings, letters and reminders. These names are what other rooms may import."""

from actors.sales.actors import (
    create_invoice,
    generate_invoice_for_resident,
    generate_invoices_for_residents,
    send_bulk_generation_summary,
    send_invoice_created_notification,
    send_invoice_notification,
    update_ledger,
)
from actors.sales.payment_actors import (
    process_payment,
    reverse_receipt,
    send_receipt,
    update_related_systems,
)
from actors.sales.reminder_actors import (
    remind,
    report_unreached_members,
    send_invoice_reminder,
    send_reminder_letter,
)

__all__ = [
    "create_invoice",
    "generate_invoice_for_resident",
    "generate_invoices_for_residents",
    "process_payment",
    "remind",
    "report_unreached_members",
    "reverse_receipt",
    "send_bulk_generation_summary",
    "send_invoice_created_notification",
    "send_invoice_notification",
    "send_invoice_reminder",
    "send_receipt",
    "send_reminder_letter",
    "update_ledger",
    "update_related_systems",
]
