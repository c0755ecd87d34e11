"""The treasurer's summary of a billing run: what was billed, what was not and why; the same news is mailed once."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.rules.money import rupees
from actors.sales import runs
from actors.sales.bills import REFUSALS
from actors.sales.runs import BillingRun, Flat, RunOutcome
from actors.sales.wording import HEAD_NAMES
from infra.composition import Batch, Failure, Progress
from infra.gateways import mail
from infra.gateways.templates import text_and_html

SHOWN = 50
"""Flats named in each list of a letter; the rest are counted."""

_PLAIN = {error.__name__ for error in REFUSALS} | {"RestrictViolation", "CheckViolation"}
"""Errors whose text speaks to people: our refusals, and what the tables refuse."""


@dataclass(frozen=True)
class FailedFlat:
    """A flat that could not be billed, and why, in words for the committee."""

    label: str
    member: str
    why: str


@dataclass(frozen=True)
class Tally:
    """A run counted in flats: billed, failed, cancelled, under way; together the total."""

    total: int
    succeeded: int
    failed: int
    cancelled: int
    under_way: int


@dataclass(frozen=True)
class Summary:
    """A run as the treasurer is told of it; of the failed flats the first ones."""

    run: BillingRun
    progress: Tally
    outcome: RunOutcome
    failed: tuple[FailedFlat, ...]

    @property
    def unbilled(self) -> int:
        """Flats of the run without a bill: failed, cancelled, or under way again."""
        return self.progress.total - self.progress.succeeded

    @property
    def headline(self) -> str:
        """What became of the run, in a sentence."""
        done, total, told = self.progress, self.progress.total, self.run.told_unbilled
        if self.unbilled:
            rest = [
                (done.failed, "could not be billed"),
                (done.cancelled, "not begun when the run was cancelled"),
                (done.under_way, "under way again"),
            ]
            said = ", ".join(f"{many} {what}" for many, what in rest if many)
            return f"{done.succeeded} of {total} flats are billed; {said}."
        if told:
            left = "one that was" if told == 1 else f"{told} that were"
            return f"All {total} flats are billed now, also the {left} left."
        if not self.outcome.new_bills:
            return f"All {total} flats were billed before; this run changed nothing."
        return f"All {total} flats are billed."

    @property
    def subject(self) -> str:
        done = self.progress
        said = f"all {done.total} flats billed, {rupees(self.outcome.month.total)}"
        if self.unbilled:
            rest = f"{done.failed} failed" if done.failed else f"{self.unbilled} not"
            said = f"{done.succeeded} of {done.total} flats billed, {rest}"
        return f"Bills of {self.run.period.label}: {said}"

    @property
    def charges(self) -> list[tuple[str, str]]:
        """Head by head, with what leads from their sum to the total."""
        month = self.outcome.month
        tax = [("CGST", month.cgst), ("SGST", month.sgst), ("Round-off", month.round_off)]
        heads = [(HEAD_NAMES[head], amount) for head, amount in self.outcome.heads.items()]
        return [(name, rupees(amount)) for name, amount in (*heads, *tax)]

    @property
    def figures(self) -> list[tuple[str, str]]:
        """The bills and their letters, counted."""
        outcome, month = self.outcome, self.outcome.month
        rows = [
            ("Bills", f"{month.bills} ({month.tax_invoices} with GST)"),
            ("New since the run began", str(outcome.new_bills)),
        ]
        if month.drafts:
            rows.append(("Of them not posted yet", str(month.drafts)))
        rows += [
            ("Arrears, shown apart on the bills", rupees(month.arrears)),
            ("Ledger debit = credit, members owe the total", "yes" if month.balanced else "NO: please check"),
            ("Letters sent", str(outcome.letters)),
        ]
        if outcome.letters_ahead:
            rows.append(("Letters on their way", str(outcome.letters_ahead)))
        if outcome.without_address:
            rows.append(("Members without a mail address", str(len(outcome.without_address))))
        return rows


def summary_of(connection: Connection, batch_id: str) -> Summary:
    """Raises UnknownRun; UnknownWorkflow when the batch has expired."""
    run = runs.run(connection, batch_id)
    batch = Batch.get(batch_id)
    outcome = runs.outcome(connection, run)
    return Summary(
        run=run,
        progress=tally(run, batch.progress(), outcome),
        outcome=outcome,
        failed=failed_flats(connection, batch.failures(SHOWN)),
    )


def tally(run: BillingRun, jobs: Progress, outcome: RunOutcome) -> Tally:
    """Where each flat is a job, its jobs; else the bills, and the jobs tell what became of the rest."""
    under_way = jobs.waiting + jobs.running
    if run.flats is None:
        return Tally(jobs.total, jobs.succeeded, jobs.failed, jobs.cancelled, under_way)
    billed = min(run.flats, outcome.billed)
    rest = run.flats - billed
    if not jobs.cancelled and not under_way:
        return Tally(run.flats, billed, rest, 0, 0)
    failed = min(rest, jobs.failed)
    if jobs.cancelled:
        return Tally(run.flats, billed, failed, rest - failed, 0)
    return Tally(run.flats, billed, failed, 0, rest - failed)


def failed_flats(connection: Connection, failures: list[Failure]) -> tuple[FailedFlat, ...]:
    """The flats that failed jobs were to bill, as one walks through the towers."""
    by_unit = {unit_id: failure for failure in failures for unit_id in _units_of(failure)}
    known = runs.flats(connection, by_unit)
    flats = {**known, **{unit_id: Flat(unit_id, None) for unit_id in by_unit.keys() - known.keys()}}
    return tuple(
        FailedFlat(flat.label, flat.member or "no owner", in_plain_words(by_unit[unit_id], flat.label))
        for unit_id, flat in flats.items()
    )


def _units_of(failure: Failure) -> list[str]:
    """The flats that a failed job was to bill: one, or a page of them."""
    flats = failure.args[0]
    return [str(flat) for flat in flats] if isinstance(flats, list) else [str(flats)]


def in_plain_words(failure: Failure, label: str) -> str:
    """Why a flat failed, without naming it again: `has no tariff for 2026-12`."""
    if failure.error is None:
        return f"the job did not end: {failure.reason}"
    kind, _, text = failure.error.partition(": ")
    said = next(iter(text.splitlines()), "")
    if kind not in _PLAIN:
        return f"an error of the system, {kind}: {said}"
    return said.removeprefix(f"flat {label}").lstrip(": ")


def summary_letter(summary: Summary) -> EmailMessage:
    """For the treasurer; the same news makes the same letter."""
    run, without = summary.run, summary.outcome.without_address
    text, html = text_and_html(
        "actors.sales",
        "bulk_summary",
        summary=summary,
        society=run.supplier,
        subject=summary.subject,
        total=rupees(summary.outcome.month.total),
        more_failed=summary.progress.failed - len(summary.failed),
        without_address=", ".join(without[:SHOWN]),
        more_without=len(without[SHOWN:]),
        begun=f"{run.opened_at:%d %b %Y, %H:%M} IST",
    )
    return mail.compose(
        key=f"sales/billing-run/{run.batch_id}/{summary.unbilled}",
        to=run.treasurer,
        name=f"Treasurer, {run.name}",
        subject=summary.subject,
        text=text,
        html=html,
    )


def send_once(connection: Connection, summary: Summary) -> bool:
    """Mail a summary unless its news was mailed before; as `letters.send_once` does."""
    letter = summary_letter(summary)
    if not runs.claim_summary(
        connection, summary.run.batch_id, summary.unbilled, summary.run.treasurer, letter["Message-ID"]
    ):
        return False
    mail.send(letter)
    return True
