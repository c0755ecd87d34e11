"""A workflow's graph in Graphviz's language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.cli.composed import figures
from infra.cli.output import plain, short

FILLS = {
    "Succeeded": "#cfe8cf",
    "Complete": "#cfe8cf",
    "Processing": "#cdeaf0",
    "Open": "#cdeaf0",
    "Enqueued": "#d6e0f5",
    "Scheduled": "#d6e0f5",
    "Awaiting": "#eeeeee",
    "Retrying": "#fbeec2",
    "Failed": "#f5cccc",
    "Deleted": "#f5cccc",
    "Cancelled": "#ead3ea",
    "Cancelling": "#ead3ea",
}


def dot_of(graph: Any) -> str:
    """Drawn through: a wait that is over; dashed: one that is not."""
    whole = graph.workflow
    return "\n".join(
        [
            f"digraph {_quoted(whole.name)} {{",
            '  rankdir=LR; node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11];',
            '  edge [fontname="Helvetica", fontsize=9];',
            *_whole(graph),
            *(
                _node(job.id, (job.actor or "job", job.id[:8], _state(job)), job.state)
                for job in graph.jobs.values()
            ),
            *(_node(w.id, _lines_of(w), w.state, shape="folder") for w in graph.nested.values()),
            *_summed_up(graph),
            *(_edge(link) for link in graph.links),
            "}",
        ]
    )


def _whole(graph: Any) -> Iterator[str]:
    """The workflow itself, where something waits for it."""
    whole = graph.workflow
    if any(link.callback and link.before == whole.id for link in graph.links):
        yield _node(whole.id, _lines_of(whole), whole.state, peripheries="2")


def _summed_up(graph: Any) -> Iterator[str]:
    if graph.others:
        lines = [f"{count.jobs:,} {count.actor or 'members'}: {count.state}" for count in graph.others]
        yield _node("others", ("members that are not drawn", *lines), "", shape="box3d")
    if graph.more_nested:
        yield _node("more nested", ("more nested workflows",), "", shape="folder")


def _lines_of(workflow: Any) -> tuple[str, ...]:
    return (f"{workflow.kind} {workflow.name}", workflow.id[:8], workflow.state, figures(workflow.progress))


def _state(job: Any) -> str:
    why = job.error if job.state in ("Failed", "Deleted", "Retrying") else None
    return (job.state or "expired") + (f": {short(why.strip().partition(chr(10))[0])}" if why else "")


def _node(name: str, lines: tuple[str, ...], state: str, **more: str) -> str:
    label = '"' + "\\n".join(_escaped(line) for line in lines) + '"'
    fill = _quoted(FILLS.get(state, "#ffffff"))
    return f"  {_quoted(name)} {_attributes({'fillcolor': fill, 'label': label, **more})};"


def _edge(link: Any) -> str:
    words = {"style": "solid" if link.met else "dashed"}
    if link.callback:
        words["label"] = _quoted("on success" if link.condition == "success" else "on complete")
    elif link.condition == "finished":
        words["label"] = _quoted("whatever the outcome")
    return f"  {_quoted(link.before)} -> {_quoted(link.after)} {_attributes(words)};"


def _attributes(values: Mapping[str, str]) -> str:
    return "[" + ", ".join(f"{name}={value}" for name, value in values.items()) + "]"


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return plain(text).replace("\\", "\\\\").replace('"', '\\"')
