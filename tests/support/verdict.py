"""The verdict on a graph: what the stores and the outside table say of it, against what was foretold."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.support.fates import Fates
from tests.support.graphs import SERVICES, Opened, jobs_of

Ask = Callable[..., list[tuple[Any, ...]]]
"""(service, statement with {schema}, parameters) -> rows."""

RELEASED = "what it waited for is done"


class Records:
    """Everything that is known of the graphs whose names begin with `prefix`, read once."""

    def __init__(self, ask: Ask, prefix: str) -> None:
        like = f"{prefix}%"
        self.jobs: dict[str, list[tuple[str, str | None]]] = {}
        self.releases: Counter[str] = Counter()
        self.successes: Counter[str] = Counter()
        self.wholes: dict[str, tuple[str, str | None, bool]] = {}
        self.tallies: Counter[tuple[str, str]] = Counter()
        for service in SERVICES:
            for name, state, workflow_id in ask(
                service,
                "select message->'args'->>0, state::text, workflow_id::text from {schema}.job"
                " where message->'args'->>0 like %s",
                like,
            ):
                self.jobs.setdefault(name, []).append((state, workflow_id))
            for name, state, reason in ask(
                service,
                "select message->'args'->>0, h.state::text, h.reason from {schema}.history h join {schema}.job j"
                " using (message_id) where message->'args'->>0 like %s",
                like,
            ):
                self.releases[name] += reason == RELEASED
                self.successes[name] += state == "done"
            for name, id_, outcome, opened in ask(
                service,
                "select name, workflow_id::text, outcome::text, opened_at is not null from {schema}.workflow"
                " where home || '_jobs' = '{schema}' and name like %s",
                like,
            ):
                self.wholes[name] = (id_, outcome, opened)
            for id_, *figures in ask(
                service,
                "select workflow_id::text, sum(added)::int, sum(succeeded)::int, sum(failed)::int, sum(cancelled)::int"
                " from {schema}.tally group by 1",
            ):
                for what, figure in zip(("added", "succeeded", "failed", "cancelled"), figures, strict=True):
                    self.tallies[id_, what] += figure
        self.effects: dict[str, list[Any]] = {}
        for (what,) in ask("common", "select what from effect where what like %s", f'["{like}'):
            name, given = json.loads(what)
            self.effects.setdefault(name, []).append(given)


def deviations(
    records: Records, opened: Opened, fates: Fates, *, times: Counter[str] | None = None
) -> list[str]:
    """How a graph differs from what was foretold.

    Parameters:
      times: how often each job began, where that is known; else at least once.
    """
    found: list[str] = []

    def compare(what: str, is_: Any, foretold: Any) -> None:
        if is_ != foretold:
            found.append(f"{what}: is {is_}, foretold {foretold}")

    ids = opened.ids
    for job in jobs_of(opened.graph):
        name = job.name
        states = [state for state, _ in records.jobs.get(name, [])]
        compare(f"{name}: states", states, [fates.states[name]] if name in fates.states else [])
        if job.end != "is cancelled":  # what it waits for may have been done before the operator came
            compare(f"{name}: releases", records.releases[name], int(name in fates.waited))
        compare(f"{name}: successes", records.successes[name], int(fates.states.get(name) == "done"))
        effects = records.effects.get(name, [])
        if name not in fates.given:
            compare(f"{name}: effects", effects, [])
            continue
        given = [
            ids.get(g, g) if isinstance(g, str) and g in records.wholes else g for g in fates.given[name]
        ]
        if times is None:
            compare(f"{name}: whether it had an effect", bool(effects), True)
        else:
            compare(f"{name}: times", len(effects), times[name])
        compare(f"{name}: arguments", [e for e in effects if e != given], [])
    for name, members in fates.members.items():
        id_, outcome, started = records.wholes[name]
        compare(f"{name}: outcome", outcome, fates.outcomes[name])
        compare(f"{name}: started", started, fates.outcomes[name] is not None)
        ends = Counter(fates.states[member] for member in members)
        figures = {
            "added": len(members),
            "succeeded": ends["done"],
            "failed": ends["failed"] + ends["rejected"],
            "cancelled": ends["cancelled"],
        }
        compare(f"{name}: tally", {what: records.tallies[id_, what] for what in figures}, figures)
        rows = [state for name in members for state, w in records.jobs.get(name, []) if w == id_]
        compare(f"{name}: rows", len(rows), len(members))
    return found
