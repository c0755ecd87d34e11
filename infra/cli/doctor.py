"""`dhanman-jobs doctor`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from infra.cli.options import Json, KeywordArguments, Service
from infra.cli.output import FAILED, answer, say
from infra.cli.send import Values

MARKS = {"ok": "✓", "warning": "!", "error": "✗"}
STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}
MANY = 2
"""More findings that say the same of as many schemas are shown as one."""


def doctor(
    values: Values = None,
    attempt: Annotated[
        str | None,
        typer.Option("--try", metavar="ACTOR", help="Also check a send of this actor with [ARG]..."),
    ] = None,
    kwarg: KeywordArguments = None,
    args: Annotated[
        str | None, typer.Option("--args", metavar="JSON", help="With --try: a JSON list or object.")
    ] = None,
    service: Service = None,
    json: Json = False,
) -> None:
    """Look for every known trouble and say what to do about it.

    No database, not migrated, clock skew, missing index or partition, no worker, wrong queue, no threads, unknown
    actors, retries exhausted, paused queues, jobs that wait too long, claims of dead workers. With --try a call is
    checked as send would, without sending: unknown actor, wrong arguments, arguments that do not serialise.
    Exit code 1 when an error was found; warnings do not count.

    \b
    Examples:
      dhanman-jobs doctor
      dhanman-jobs doctor --json | jq '.findings[] | select(.level != "ok")'
      dhanman-jobs doctor --try sales.create_invoice --args '{"unit_id": "A-101"}'
    """  # noqa: D301
    from infra.cli.actors import loaded_broker
    from infra.cli.stores import stores
    from infra.maintenance.checkup import Finding, examine
    from infra.settings import settings

    broker = loaded_broker()
    findings = examine(stores(service), settings(), broker)
    if attempt is not None:
        findings.append(_tried(Finding, broker, attempt, values, kwarg, args))
    healthy = all(f.level != "error" for f in findings)
    if not answer({"ok": healthy, "findings": findings}):
        _tell(findings)
    if not healthy:
        raise typer.Exit(FAILED)


def _tried(
    finding: Any, broker: Any, actor: str, values: list[str] | None, kwarg: list[str] | None, args: str | None
) -> Any:
    from infra.cli.send import message_of
    from infra.queue.errors import JobRefused
    from infra.queue.message import seal

    try:
        seal(message_of(broker, actor, values, kwarg, args), None, broker)
    except JobRefused as error:
        return finding("send", "error", actor, f"would be refused: {error}", "correct the call")
    return finding("send", "ok", actor, "would be accepted")


def _tell(findings: list[Any]) -> None:
    from rich.text import Text

    from infra.cli.output import console

    out = console()
    alike: dict[tuple[str, str, str, str], list[str]] = {}
    for f in findings:
        alike.setdefault((f.check, f.level, f.what, f.advice), []).append(f.where)
    for (check, level, what, advice), where in alike.items():
        place = ", ".join(where) if len(where) <= MANY or level != "ok" else f"{len(where)} schemas"
        line = Text.assemble(
            (f"{MARKS[level]} ", STYLES[level]), (f"{check:<13} ", "bold"), f"{place}: {what}"
        )
        out.print(line, soft_wrap=True)
        if advice:
            out.print(Text(f"    → {advice}"), soft_wrap=True)
    count = {level: sum(f.level == level for f in findings) for level in MARKS}
    say("", f"{count['error']} errors, {count['warning']} warnings, {count['ok']} checks well")
