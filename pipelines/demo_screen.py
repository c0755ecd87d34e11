"""What the demo shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from actors.common.rules.money import rupees
from actors.sales.report import MonthSummary
from actors.sales.seed import SeededSociety
from actors.sales.summary import Summary
from infra.cli.tree import tree_of
from infra.composition.graph import graph
from infra.settings import settings
from infra.store.connections import store_of

COMMAND = ".venv/bin/dhanman-jobs"


def tell_society(console: Console, society: SeededSociety, period: str) -> None:
    state = "seeded" if society.rows_inserted else "as it was left"
    console.print(f"[bold]{society.name}[/bold]: {len(society.unit_ids)} flats, month {period}, {state}")


def tell_summary(console: Console, told: Summary) -> None:
    """The batch's outcome, the flats that failed, and the mail about them."""
    console.print(f"Batch {told.run.batch_id}: [bold]{told.headline}[/bold]")
    for flat in told.failed:
        console.print(f"  [red]{flat.label}[/red] ({escape(flat.member)}): {escape(flat.why)}")
    mailed = "mailed" if told.run.told_unbilled == told.unbilled else "[yellow]not mailed yet[/yellow]"
    console.print(f'  {mailed} to {told.run.treasurer}: "{told.subject}"')


def summary(month: MonthSummary) -> Table:
    """What a treasurer wants to see."""
    table = Table(title=f"Maintenance bills of {month.period}", show_header=False, title_justify="left")
    table.add_column()
    table.add_column(justify="right")
    table.add_row("Bills", f"{month.bills} ({month.tax_invoices} with GST)")
    table.add_row("Total billed", rupees(month.total))
    table.add_row("of it CGST + SGST", f"{rupees(month.cgst)} + {rupees(month.sgst)}")
    table.add_row("Arrears shown apart", rupees(month.arrears))
    table.add_row("Ledger debit = credit", f"{rupees(month.debit)} = {rupees(month.credit)}")
    table.add_row(
        "Members owe what was billed", "yes" if month.receivable_equals_invoices else "[red]no[/red]"
    )
    table.add_row("Letters sent", str(month.letters))
    table.add_row("Reminders waiting for their day", str(month.reminders_ahead))
    return table


def samples(month: MonthSummary) -> Table:
    table = Table(title="Three of them", title_justify="left")
    for name in ("Number", "Flat", "Bill to", "Kind"):
        table.add_column(name, no_wrap=True)
    table.add_column("Total", justify="right")
    table.add_column("Arrears", justify="right")
    for bill in month.samples:
        kind = bill.kind.value.replace("_", " ").lower()
        table.add_row(
            bill.number, bill.unit_label, bill.bill_to, kind, rupees(bill.total), rupees(bill.arrears)
        )
    return table


def tell_workflows(console: Console, workflows: dict[str, str]) -> None:
    """The flats that went step by step, as `dhanman-jobs workflows show` draws them."""
    for flow, workflow_id in workflows.items():
        drawn = graph(store_of("sales"), store_of, workflow_id)
        console.print(f"[bold]{flow}[/bold], again by: {COMMAND} workflows show {workflow_id[:8]}")
        if drawn is not None:
            console.print(tree_of(drawn, console.width), no_wrap=True, overflow="ellipsis")


def tell_work(
    console: Console, before: MonthSummary, after: MonthSummary, jobs: int, opened: float, took: float
) -> None:
    """What this run did to the books and the post."""
    bills, letters = after.bills - before.bills, after.letters - before.letters
    same_books = replace(before, letters=0, reminders_ahead=0) == replace(after, letters=0, reminders_ahead=0)
    if bills:
        console.print(
            f"{bills} {'bill' if bills == 1 else 'bills'} by a batch of {jobs} jobs, "
            f"opened in {opened * 1000:.0f} ms; with {letters} letters and PDFs {took:.1f} s, "
            f"{(bills + letters) / took:.0f} jobs/s."
        )
    elif not same_books:
        console.print("[red]No bill is new, yet the books changed![/red]")
    elif letters:
        console.print(
            f"All {jobs} jobs found their bills; {letters} letters were sent now. The books did not change."
        )
    else:
        console.print(f"All {jobs} jobs ran again and found their bills: nothing changed.")


def tell_failures(console: Console, failures: list[tuple[Any, ...]]) -> int:
    """Names the first failed jobs and what to do; returns how many there are."""
    for message_id, actor_name, error in failures[:3]:
        console.print(f"[red]{actor_name}[/red] failed: {escape(str(error))}")
        console.print(f"  mend it, then: {COMMAND} jobs retry {message_id}")
    if len(failures) > 3:
        console.print(f"  and {len(failures) - 3} more: {COMMAND} jobs list --state failed")
    return len(failures)


def tell_where(console: Console, elapsed: float) -> None:
    var = settings().home / "var"
    smtp = settings().smtp_url
    mails = f"go to {smtp.split('@')[-1]}" if smtp else f"are in {var / 'mail'}"
    console.print(
        f"Mails {mails}, PDFs are in {var / 'invoices'}, the workers' log is {var / 'log/demo-worker.log'}."
    )
    console.print(f"All of it took {elapsed:.1f} s.")
