"""Follow a batch on the terminal: a bar where somebody looks, else a line whenever its figures have changed."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

from infra.cli.composed import ends_in, figures, opened
from infra.cli.output import COLOURS, Mode, ago, answer, console, plain, say, speed
from infra.queue.states import WORKFLOW_NAMES
from infra.store.connections import DISCONNECTED

EVERY = 0.5
"""Seconds between two looks."""
LINE_EVERY = 1.0
PATIENCE = 60.0
"""Seconds for which the database may be away."""


def follow(facts: Any) -> bool:
    """Until it is complete. Returns whether all succeeded."""
    if Mode.json:
        for progress in _looks(facts):
            last = progress
        answer({"id": facts.id, "name": facts.name, "state": _state(last), "progress": last})
    elif sys.stdout.isatty():
        last = _draw(facts)
    else:
        last = _tell(facts)
    return bool(last.outcome == "done")


def _looks(facts: Any) -> Iterator[Any]:
    """Its progress, again and again until it is complete."""
    handle = opened(facts)
    seen_at = time.monotonic()
    while True:
        try:
            progress = handle.progress()
        except DISCONNECTED:
            if time.monotonic() - seen_at > PATIENCE:
                raise
            time.sleep(EVERY)
            continue
        seen_at = time.monotonic()
        yield progress
        if progress.complete:
            return
        time.sleep(EVERY)


def _tell(facts: Any) -> Any:
    said, said_at = "", float("-inf")
    for progress in _looks(facts):
        line = figures(progress)
        if progress.complete:
            say(f"{_state(progress)}: {line}")
        elif line != said and time.monotonic() - said_at >= LINE_EVERY:
            said, said_at = line, time.monotonic()
            say(", ".join(part for part in (line, speed(progress.rate), ends_in(progress)) if part))
        sys.stdout.flush()
    return progress


def _draw(facts: Any) -> Any:
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.text import Text

    started = time.monotonic()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[counted]}", justify="right"),
    )
    with Progress(*columns, console=console(), expand=True, auto_refresh=False) as bar:
        name = Text(plain(facts.name), overflow="ellipsis", no_wrap=True)
        name.truncate(max(10, bar.console.width // 4), overflow="ellipsis")
        task = bar.add_task(name.plain, total=None, counted="")
        for progress in _looks(facts):
            counted = _counted(progress)
            bar.update(
                task, total=max(progress.total, 1), completed=progress.finished, counted=counted.markup
            )
            bar.refresh()
    lasted = time.monotonic() - started
    end = Text(_state(progress), style=COLOURS.get(_state(progress), ""))
    console().print(end + Text((f" after {ago(lasted)}" if lasted >= 1 else "") + f": {figures(progress)}"))
    return progress


def _counted(progress: Any) -> Any:
    from rich.text import Text

    text = Text(f"{progress.finished:,} of {progress.total:,}")
    if progress.failed:
        text.append(f"  {progress.failed:,} failed", style="red")
    if progress.cancelled:
        text.append(f"  {progress.cancelled:,} cancelled", style="magenta")
    for part in (
        f"{progress.running:,} running" if progress.running else "",
        speed(progress.rate),
        ends_in(progress),
    ):
        if part:
            text.append(f"  {part}")
    return text


def _state(progress: Any) -> str:
    return WORKFLOW_NAMES[f"complete {progress.outcome}"] if progress.outcome else "Open"
