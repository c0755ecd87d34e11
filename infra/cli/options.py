"""The options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.output import Mode


def _answer_in_json(wanted: bool) -> bool:
    Mode.json = wanted
    return wanted


Json = Annotated[
    bool, typer.Option("--json", help="Answer with one JSON object.", callback=_answer_in_json, is_eager=True)
]
Service = Annotated[
    str | None, typer.Option("--service", metavar="NAME", help="Only this service (default: JOBS_SERVICES).")
]
State = Annotated[
    list[str] | None,
    typer.Option(
        "--state", metavar="STATE", help="Only jobs in this state, such as Failed; may be repeated."
    ),
]
ActorName = Annotated[str | None, typer.Option("--actor", metavar="NAME", help="Only jobs of this actor.")]
Queue = Annotated[str | None, typer.Option("--queue", metavar="NAME", help="Only jobs in this queue.")]
Older = Annotated[
    str | None, typer.Option("--older", metavar="AGE", help="Enqueued at least so long ago, e.g. 10m.")
]
Newer = Annotated[
    str | None, typer.Option("--newer", metavar="AGE", help="Enqueued at most so long ago, e.g. 2h.")
]
Argument = Annotated[
    list[str] | None,
    typer.Option("--arg", metavar="NAME=VALUE", help="Only jobs with this argument; may be repeated."),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many jobs.")]
All = Annotated[bool, typer.Option("--all", help="All jobs that the filters mean, instead of ids.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Kept in the history.")]
Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="Job ids, or their first 4 characters or more.")
]
KeywordArguments = Annotated[
    list[str] | None,
    typer.Option("--kwarg", "-k", metavar="NAME=VALUE", help="An argument by name; may be repeated."),
]
