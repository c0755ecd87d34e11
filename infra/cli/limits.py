"""`dhanman-jobs limits`."""

from __future__ import annotations

import typer

from infra.cli.options import Json, Service
from infra.cli.output import answer, plain, say, table

app = typer.Typer(invoke_without_command=True)


@app.callback()
def default(context: typer.Context, service: Service = None, json: Json = False) -> None:
    """Limits: what runs, waits and started under each. Without a further word: list.

    \b
    Examples:
      dhanman-jobs limits
      dhanman-jobs limits list --service sales --json
    """  # noqa: D301
    if context.invoked_subcommand is None:
        show(service, json)


@app.command("list")
def show(service: Service = None, json: Json = False) -> None:
    """Show each limit that an actor sets on its jobs: how many run, wait, and started within the time of its rate.

    Limits for each value of an argument (max_running_per) are shown while something happens under them.

    \b
    Examples:
      dhanman-jobs limits list
      dhanman-jobs limits list --json | jq '.limits[] | select(.waiting > 100)'
    """  # noqa: D301
    from infra.cli.stores import stores
    from infra.queue.overview import MOST_UNDER_A_LIMIT, limits

    found = [limit for store in stores(service) for limit in limits(store)]
    if answer({"limits": found}):
        return
    if not found:
        say("no actor limits its jobs, and none waits under a limit")
        return
    table(
        ("service", "limit", "running", "waiting", "started"),
        [
            (
                limit.service,
                plain(limit.name),
                _of(limit.running, limit.max_running),
                f"{limit.waiting:,}" + ("+" if limit.waiting >= MOST_UNDER_A_LIMIT else ""),
                "" if limit.rate is None else f"{limit.started:,} of {limit.rate}",
            )
            for limit in found
        ],
        right=("running", "waiting", "started"),
    )


def _of(number: int, most: int | None) -> str:
    return f"{number:,}" if most is None else f"{number:,} of {most:,}"
