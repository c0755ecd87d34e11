"""The same order for many jobs: named by id, or all that a filter means, after asking."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from infra.cli.output import USAGE, Mode, Stop, console
from infra.cli.stores import jobs_named, stores
from infra.queue.find import Filter, find_ids
from infra.queue.operate import Change
from infra.queue.states import NAMES
from infra.store.connections import Store

CHUNK = 1_000
"""Jobs a transaction."""


@dataclass(frozen=True)
class Order:
    """What to do to jobs: a verb for people, and the function that does it."""

    verb: str
    do: Callable[[Store, list[str]], list[Change]]


def carry_out(
    order: Order, ids: list[str] | None, every: bool, wanted: Filter, service: str | None, yes: bool
) -> list[Change]:
    """Raises Stop where neither ids nor --all are given, or both."""
    if bool(ids) == every:
        raise Stop(f"say which jobs to {order.verb}: ids, or --all with filters", USAGE)
    among = stores(service)
    named = jobs_named(among, ids) if ids else {store: find_ids(store, wanted) for store in among}
    total = sum(map(len, named.values()))
    if every and total and not yes:
        ask(order.verb, f"{total:,} jobs ({', '.join(NAMES[state] for state in wanted.states)})")
    return [
        change for store, chunk in _drawn(order, _chunks(named), total) for change in order.do(store, chunk)
    ]


def ask(verb: str, what: str) -> None:
    """Raises Stop unless somebody says yes."""
    if Mode.json or not sys.stdin.isatty():
        raise Stop(f"{what} would be meant: add --yes to {verb} without asking", USAGE)
    sys.stderr.write(f"{verb} {what}? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Stop("nothing was changed")


def _chunks(named: dict[Store, list[str]]) -> Iterator[tuple[Store, list[str]]]:
    for store, ids in named.items():
        for start in range(0, len(ids), CHUNK):
            yield store, ids[start : start + CHUNK]


def _drawn(
    order: Order, chunks: Iterable[tuple[Store, list[str]]], total: int
) -> Iterator[tuple[Store, list[str]]]:
    """The chunks, with a progress bar on a terminal where there are several."""
    if total <= CHUNK or not sys.stderr.isatty():
        yield from chunks
        return
    from rich.progress import MofNCompleteColumn, Progress

    with Progress(
        *Progress.get_default_columns(), MofNCompleteColumn(), console=console(stderr=True)
    ) as progress:
        task = progress.add_task(order.verb, total=total)
        for store, chunk in chunks:
            yield store, chunk
            progress.advance(task, len(chunk))
