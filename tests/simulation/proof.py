"""What must be true at the end of a simulated time."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from infra.settings import SERVICES
from tests.simulation.installation import Installation

BOOKKEEPERS = ("sales", "purchase", "payroll", "inventory")
SCHEMAS = ["sales", "purchase", "payroll", "community", "inventory", "common"]
LEFT_OUT = {
    f"purchase.{table}": {"*"} for table in ("letter", "payment_reminder", "payment_run", "payment_run_item")
}
"""What the treasurer is told at 09:00 holds the bills that are matched at 09:00 or not, as it comes."""

CONTROL = {
    "members' balances are the receivable": """
        select (select coalesce(sum(debit - credit), 0) from sales.ledger_line where account_code = '11200'),
               (select coalesce(sum(total - paid_amount), 0) from sales.invoice
                where posted_at is not null and voided_at is null)
             + (select coalesce(sum(amount - paid_amount), 0) from sales.opening_arrears)
             - (select coalesce(sum(unallocated), 0) from sales.receipt where reversed_on is null)""",
    "vendors' balances are the payables": """
        select (select coalesce(sum(credit - debit), 0) from purchase.ledger_line where account_code = '21010'),
               (select coalesce(sum(to_pay - paid), 0) from purchase.payable where voided_on is null)""",
    "the stock's value is the inventory account": """
        select (select coalesce(sum(debit - credit), 0) from inventory.ledger_line where account_code = '11300'),
               (select coalesce(sum(value), 0) from inventory.item)""",
}


NUMBERED = ("sales.invoice", "sales.receipt")
GAPS = """
    select series, financial_year, max(sequence), count(*) from {table}
    where sequence is not null group by 1, 2 having max(sequence) <> count(*)
"""


def faults(installation: Installation) -> Iterator[str]:
    """What is not as it must be, as lines for people."""
    for service in BOOKKEEPERS:
        ((debit, credit),) = installation.ask(f"select sum(debit), sum(credit) from {service}.ledger_line")
        if not debit or debit != credit:
            yield f"{service}: the trial balance is {debit} against {credit}"
    for claim, question in CONTROL.items():
        ((books, rows),) = installation.ask(question)
        if Decimal(books) != Decimal(rows):
            yield f"{claim}: {books} in the books, {rows} in the rows"
    for table in NUMBERED:
        for series, year, last_number, many in installation.ask(GAPS.format(table=table)):
            yield f"{table}: {series}/{year} goes to {last_number}, and has {many}"
    for service in SERVICES:
        failed = installation.ask(
            f"select actor_name, error, count(*) from {service}_jobs.finished where state = 'failed' group by 1, 2"
        )
        yield from (f"{service}: {actor} failed {many} times: {error}" for actor, error, many in failed)
        doubled = installation.ask(
            f"""select t.name, t.due_at from {service}_jobs.tick t join {service}_jobs.finished f
                  on f.message_id = t.message_id where f.state = 'done' group by 1, 2 having count(*) > 1"""
        )
        yield from (f"{service}: {name} ran more than once for {due}" for name, due in doubled)
        lost = installation.ask(
            f"""select name, due_at from {service}_jobs.tick t where outcome in ('sent', 'triggered') and not exists (
                    select from {service}_jobs.finished f where f.message_id = t.message_id and f.state = 'done')"""
        )
        yield from (f"{service}: {name} did not run for {due}" for name, due in lost)
