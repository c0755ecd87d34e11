"""`dhanman-jobs recurring import`: the schedules of a crontab, of Quartz, or of the Windows Task Scheduler."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.options import Json
from infra.cli.output import FAILED, USAGE, Stop, answer, plain, say, short, table


class Form(StrEnum):
    """Whose schedules they are."""

    crontab = "crontab"
    quartz = "quartz"
    windows_xml = "windows-xml"


SYSTEM_CRONTABS = ("/etc/crontab", "/etc/cron.d/")


def import_schedules(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The old schedules; - reads standard input.")],
    form: Annotated[Form, typer.Option("--from", help="Whose schedules they are.")],
    map_file: Annotated[
        Path | None, typer.Option("--map", metavar="FILE", help="TOML: which actor does what an old job did.")
    ] = None,
    map_template: Annotated[
        bool,
        typer.Option("--map-template", help="Print such a map for this file, to be filled in, and stop."),
    ] = False,
    zone: Annotated[
        str, typer.Option("--zone", metavar="ZONE", help="Of the old machine, where the file names none.")
    ] = "Asia/Kolkata",
    system: Annotated[
        bool | None,
        typer.Option(
            "--system/--user",
            help="Whether a crontab has users before its commands (default: by what is there).",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; say what would become.")] = False,
    all_or_nothing: Annotated[
        bool,
        typer.Option("--all-or-nothing", help="Write nothing unless each line or trigger can be imported."),
    ] = False,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Change jobs of the same name that were added with other values."),
    ] = False,
    json: Json = False,
) -> None:
    """Make recurring jobs of another scheduler's, and report what each became, or why it cannot.

    A second import of the same file changes nothing. Exit code 1: some cannot be imported.

    \b
    Examples:
      crontab -l | dhanman-jobs recurring import --from crontab --map-template - > map.toml
      dhanman-jobs recurring import --from crontab --map map.toml --dry-run /etc/crontab
      dhanman-jobs recurring import --from quartz --map map.toml quartz_jobs.xml
      dhanman-jobs recurring import --from windows-xml --map map.toml --all-or-nothing tasks.xml
    """  # noqa: D301
    from infra.scheduling.importing import actor_map
    from infra.scheduling.importing.bring import bring, suggested
    from infra.scheduling.importing.found import Unreadable

    try:
        legacy = _read(file, form, zone, system)
        entries = actor_map.load(_text(str(map_file))) if map_file else []
    except (Unreadable, actor_map.WrongMap) as error:
        raise Stop(f"{map_file if isinstance(error, actor_map.WrongMap) else file}: {error}", USAGE) from None
    if map_template:
        say(actor_map.template(suggested(legacy.found)))
        return
    from infra.cli.actors import loaded_broker
    from infra.cli.stores import by_whom

    outcomes = bring(
        legacy.found,
        entries,
        loaded_broker(),
        by=by_whom(),
        replace_others=replace,
        dry_run=dry_run,
        all_or_nothing=all_or_nothing,
    )
    counts: dict[str, int] = {
        result: sum(o.result == result for o in outcomes)
        for result in dict.fromkeys(o.result for o in outcomes)
    }
    machine = {
        "dry_run": dry_run,
        "counts": counts,
        "found": [_machine(outcome) for outcome in outcomes],
        "notes": legacy.notes,
    }
    if not answer(machine):
        _report(outcomes, legacy.notes, counts, dry_run=dry_run)
    if any(outcome.result in {"cannot", "held back"} for outcome in outcomes):
        raise typer.Exit(FAILED)


def _read(file: str, form: Form, zone: str, system: bool | None) -> Any:
    from datetime import UTC, datetime

    from infra.scheduling.importing import crontab, quartz_text, quartz_xml, task_scheduler
    from infra.scheduling.importing.windows_zones import iana
    from infra.scheduling.zones import UnknownZone

    try:
        zone = iana(zone)
    except UnknownZone as error:
        raise Stop(f"--zone: {error}", USAGE) from None
    text = _text(file)
    now = datetime.now(UTC)
    if form is Form.crontab:
        known = True if system is None and str(Path(file).resolve()).startswith(SYSTEM_CRONTABS) else system
        return crontab.read(text, zone, known)
    if form is Form.windows_xml:
        return task_scheduler.read(text, zone, now, Path(file).stem.strip("-") or "task")
    if text.lstrip().startswith("<"):
        return quartz_xml.read(text, zone, now)
    return quartz_text.read(text, zone)


def _text(file: str) -> str:
    from infra.scheduling.importing.texts import text_of

    try:
        return text_of(sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes())
    except OSError as error:
        raise Stop(f"{file}: {error.strerror}", USAGE) from None


def _machine(outcome: Any) -> dict[str, Any]:
    job, found = outcome.job, outcome.found
    return {
        "where": found.where,
        "source": found.source,
        "command": found.command,
        "result": outcome.result,
        "name": job and job.name,
        "service": outcome.service or None,
        "actor": job and job.actor_name,
        "spec": found.when and found.when.spec,
        "zone": found.when and found.when.zone,
        "words": outcome.schedule or None,
        "missed": job and job.missed,
        "overlap": job and job.overlap,
        "paused": found.paused_reason,
        "why_not": outcome.why_not or None,
        "remarks": outcome.remarks,
        "map": outcome.snippet or None,
    }


def _report(outcomes: Any, notes: Any, counts: dict[str, int], *, dry_run: bool) -> None:
    table(
        ("where", "what it was", "schedule", "becomes", "result", "remarks"),
        [
            (
                plain(o.found.where),
                short(plain(" ".join(o.found.source.split())), 44),
                o.schedule,
                f"{o.job.name}: {o.job.actor_name}" if o.job else "",
                o.result,
                plain("; ".join([o.why_not, *o.remarks] if o.why_not else o.remarks)),
            )
            for o in outcomes
        ],
        below=("remarks", "what it was", "schedule"),
    )
    for note in notes:
        say(plain(note))
    if missing := dict.fromkeys(o.snippet for o in outcomes if o.snippet):
        say(
            "",
            "add to the map (--map), with an actor such as sales.check_overdue_invoices:",
            "",
            "\n".join(missing),
        )
    summary = ", ".join(f"{count} {result}" for result, count in counts.items()) or "nothing is in the file"
    say(f"{summary}{' (a dry run: nothing is written)' if dry_run else ''}")
