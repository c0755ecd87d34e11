"""A workflow as a tree in the terminal: below each step those that wait for it."""

from __future__ import annotations

from typing import Any

from rich.text import Text
from rich.tree import Tree

from infra.cli.composed import figures
from infra.cli.output import COLOURS, ago, plain, short

INDENT = 4
ROOM = 56
"""Columns that a step needs beside what is drawn to its left."""


def tree_of(graph: Any, width: int) -> Tree:
    """The whole, to be printed without wrapping."""
    return _Drawing(graph, width).tree()


class _Drawing:
    def __init__(self, graph: Any, width: int) -> None:
        self.graph = graph
        self.deepest = max(3, (width - ROOM) // INDENT)
        self.after: dict[str, list[Any]] = {}
        self.before: dict[str, list[Any]] = {}
        for link in graph.links:
            self.after.setdefault(link.before, []).append(link)
            self.before.setdefault(link.after, []).append(link)
        self.seen: set[str] = set()

    def tree(self) -> Tree:
        graph, whole = self.graph, self.graph.workflow
        root = Tree(_headline(whole, graph.held_up_by), guide_style="dim")
        for id_ in (*graph.jobs, *graph.nested):
            if not self.before.get(id_):
                self._add(root, id_, Text())
        if graph.others:
            self._sum_up(root)
        if graph.more_nested:
            root.add(Text("… and more nested workflows", style="dim"))
        for link in graph.links:
            if link.callback and link.before == whole.id:
                self._add(root, link.after, _lead(link))
        return root

    def _add(self, root: Tree, first: str, lead: Text) -> None:
        """A step with all that waits for it, and so on; without recursion, because chains may be long."""
        left = [(root, first, lead, 1)]
        while left:
            place, id_, lead, depth = left.pop()
            if id_ in self.seen:
                place.add(Text.assemble(lead, self._name(id_), (" ↳ see above", "dim")))
                continue
            self.seen.add(id_)
            branch = place.add(Text.assemble(lead, self._line(id_)))
            for link in reversed(self.after.get(id_, [])):
                if depth < self.deepest:
                    left.append((branch, link.after, _lead(link), depth + 1))
                else:  # no room to the right: what follows stands below
                    left.append((place, link.after, Text.assemble(("→ ", "dim"), _lead(link)), depth))

    def _name(self, id_: str) -> Text:
        if id_ in self.graph.nested:
            inner = self.graph.nested[id_]
            return Text(f"{inner.kind} {plain(inner.name)} {id_[:8]}")
        job = self.graph.jobs[id_]
        return Text(f"{job.actor or 'job'} {id_[:8]}")

    def _line(self, id_: str) -> Text:
        if id_ in self.graph.nested:
            inner = self.graph.nested[id_]
            return Text.assemble(self._name(id_), "  ", _state(inner.state), f"  {figures(inner.progress)}")
        return Text.assemble(self._name(id_), "  ", _state_of(self.graph.jobs[id_]))

    def _sum_up(self, root: Tree) -> None:
        by_actor: dict[str | None, list[Any]] = {}
        for count in self.graph.others:
            by_actor.setdefault(count.actor, []).append(count)
        whole = self.graph.workflow.id
        apart = "other " if any(job.workflow == whole for job in self.graph.jobs.values()) else ""
        for actor, counts in by_actor.items():
            jobs = sum(count.jobs for count in counts)
            line = Text(f"{jobs:,} {apart}{actor or 'members'}  ")
            for place, count in enumerate(counts):
                line.append(", " if place else "")
                line.append(f"{count.jobs:,} {count.state}", style=COLOURS.get(count.state, ""))
            branch = root.add(line)
            failed = [job for job in self.graph.failed if actor in (None, job.actor)]
            for job in failed:
                who = "" if actor else f"{job.actor} "
                arguments = plain(short(job.arguments, 40))
                branch.add(Text.assemble(f"{who}{job.id[:8]} {arguments}  ", _state_of(job)))
            left = sum(count.jobs for count in counts if count.state in ("Failed", "Deleted")) - len(failed)
            if failed and left > 0:
                branch.add(Text(f"… and {left:,} more that failed", style="dim"))


def _lead(link: Any) -> Text:
    """What stands before a step that does not simply wait for success."""
    if link.callback:
        return Text("on success: " if link.condition == "success" else "on complete: ", style="bold")
    return Text("whatever the outcome: " if link.condition == "finished" else "", style="dim")


def _headline(whole: Any, held_up_by: list[Any]) -> Text:
    from infra.queue.waiting import reason_of

    line = Text.assemble((plain(whole.name), "bold"), f"\n{whole.kind} {whole.id}\n", _state(whole.state))
    line.append(f", {ago(whole.age)} old")
    if whole.progress.total:
        line.append(f", {figures(whole.progress)}")
    why = whole.reason or reason_of(held_up_by)
    return line.append(f"\n{plain(why)}") if why else line


def _state(state: str) -> Text:
    return Text(state or "expired", style=COLOURS.get(state, "dim"))


def _state_of(job: Any) -> Text:
    line = _state(job.state)
    if job.attempts > 1:
        line.append(f" after {job.attempts} attempts", style="")
    why = (job.error or job.reason) if job.state in ("Failed", "Deleted", "Cancelled", "Retrying") else None
    if why:
        line.append(f": {plain(why.strip().partition(chr(10))[0])}", style="default")
    return line
