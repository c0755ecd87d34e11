"""`workflows`: list them, and draw one as a tree or for Graphviz."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import dramatiq
import pytest

from infra.composition import Batch, Workflow
from tests.cli.conftest import Desk
from tests.support.job_store import JobStore
from tests.support.queue import working
from tests.support.waiting import wait_for

NASTY = 'close "the" [red]month[/red]\n\x1b[31m\\N'


def message(job_store: JobStore, actor: str, *args: Any) -> dramatiq.Message[Any]:
    return job_store.broker.get_actor(actor).message(*args)


def completed(job_store: JobStore, made: Any) -> None:
    with working(job_store.broker):
        wait_for(lambda: made.progress().complete, "it is complete")


@pytest.fixture
def diamond(desk: Desk, job_store: JobStore) -> Workflow:
    """One step, two that wait for it, of which one fails, one that waits for both; a step apart; a nested batch."""
    flow = Workflow(NASTY, broker=job_store.broker, on_complete=message(job_store, "common.greet"))
    top = flow.add(message(job_store, "common.greet", "Asha"))
    left = flow.add(message(job_store, "common.breaks", 7), after=top)
    right = flow.add(message(job_store, "common.naps", 0), after=top)
    flow.add(message(job_store, "sales.ran"), after=[left, right])
    flow.add(message(job_store, "common.nothing"), after=left, on="finished")
    flow.add(message(job_store, "common.chatters", 1))
    letters = Batch("letters", broker=job_store.broker)
    letters.add_many(message(job_store, "common.nothing") for _ in range(3))
    flow.add(letters, after=right)
    flow.run()
    return flow


def shape(text: str) -> list[str]:
    """The lines of a tree without the ids."""
    return [re.sub(r" [0-9a-f]{8}(?= |$)", "", line).rstrip() for line in text.splitlines()]


def test_a_workflow_is_drawn_as_a_tree_with_the_state_of_each_step(
    desk: Desk, job_store: JobStore, diamond: Workflow
) -> None:
    completed(job_store, diamond)

    answer = desk.run("workflows", "show", diamond.id[:8])

    assert answer.code == 0
    head, tree = shape(answer.out)[:3], shape(answer.out)[3:]
    assert head[0] == 'close "the" [red]month[/red]\\n\\x1b[31m\\N'
    assert head[1] == f"workflow {diamond.id}"
    assert re.fullmatch(r"Failed, .* old, 9 members: 7 succeeded, 1 failed, 1 waiting", head[2])
    drawn = "\n".join(tree)
    assert "├── common.greet  Succeeded\n" in drawn
    assert "common.breaks  Failed: RuntimeError: number 7 is broken\n" in drawn
    assert "whatever the outcome: common.nothing  Succeeded\n" in drawn
    assert "batch letters  Complete  3 members: 3 succeeded\n" in drawn
    assert "├── common.chatters  Succeeded\n" in drawn
    assert re.search(r"^└── on complete: common.greet  \w+", drawn, re.MULTILINE)
    assert sorted(line.split("── ")[1] for line in tree if "sales.ran" in line) == [
        "sales.ran  Awaiting",
        "sales.ran ↳ see above",
    ]


def test_a_long_chain_does_not_run_out_of_a_narrow_terminal(
    desk: Desk, job_store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    chain = [message(job_store, "common.gives", *([] if n else [1])) for n in range(30)]
    dramatiq.pipeline(chain, broker=job_store.broker).run()

    lines = desk.run("workflows", "show", chain[0].message_id).out.splitlines()

    assert max(map(len, lines)) <= 80
    shown = re.findall(r"common\.gives ([0-9a-f]{8})  (\w+)", "\n".join(lines))
    assert [id_ for id_, _ in shown] == [step.message_id[:8] for step in chain]
    assert [state for _, state in shown] == ["Enqueued", *["Awaiting"] * 29]


def test_many_members_are_summed_up_and_failed_ones_named(desk: Desk, job_store: JobStore) -> None:
    many = Batch("many", broker=job_store.broker)
    many.add_many(message(job_store, "common.greet", f"[b]{n}") for n in range(40))
    many.add_many(message(job_store, "common.breaks", n) for n in range(25))
    many.run()
    completed(job_store, many)

    lines = shape(desk.run("workflows", "show", many.id).out)

    assert "├── 25 common.breaks  25 Failed" in lines
    named = [
        line for line in lines if re.search(r"number=(\d+)  Failed: RuntimeError: number \1 is broken$", line)
    ]
    assert len(named) == 20
    assert "│   └── … and 5 more that failed" in lines
    assert "└── 40 common.greet  40 Succeeded" in lines


def test_the_graph_is_valid_for_graphviz_whatever_the_names(
    desk: Desk, job_store: JobStore, diamond: Workflow
) -> None:
    text = desk.run("workflows", "show", diamond.id, "--dot").out

    nodes, edges = parsed(text)
    assert len(nodes) == 9  # six jobs, the nested batch, the callback and the workflow itself
    assert any('close "the" [red]month[/red]' in label for label in nodes.values())
    assert any(label.startswith("common.breaks") for label in nodes.values())
    assert {(before, after) for before, after in edges} <= {(a, b) for a in nodes for b in nodes}
    assert len(edges) == 7
    if shutil.which("dot"):
        drawn = subprocess.run(["dot", "-Tplain"], input=text, capture_output=True, text=True, check=True)
        assert drawn.stdout.count("\nnode ") == 9


STRING = r'"((?:[^"\\]|\\.)*)"'


def parsed(text: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The labels of the nodes, and the edges; every line must be one of those known."""
    nodes, edges = {}, []
    first, *lines, last = text.rstrip().splitlines()
    assert re.fullmatch(rf"digraph {STRING} {{", first)
    assert last == "}"
    value = rf"(?:{STRING}|\w+)"
    attributes = rf"\[\w+={value}(?:, \w+={value})*\]"
    for line in lines:
        if node := re.fullmatch(rf"  {STRING} {attributes};", line):
            label = re.search(rf"label={STRING}", line)
            assert label
            nodes[node[1]] = label[1].replace('\\"', '"').replace("\\\\", "\\")
        elif edge := re.fullmatch(rf"  {STRING} -> {STRING} {attributes};", line):
            edges.append((edge[1], edge[2]))
        else:
            assert re.fullmatch(r'  (rankdir=LR; )?(node|edge) \[[\w="#, ]+\];', line), line
    return nodes, edges


def test_the_graph_comes_as_json_too(desk: Desk, diamond: Workflow) -> None:
    found = desk.run("workflows", "show", diamond.id, "--json").json

    assert found["workflow"]["id"] == diamond.id
    assert len(found["jobs"]) == 7
    assert [inner["name"] for inner in found["nested"]] == ["letters"]
    assert sum(edge["callback"] for edge in found["edges"]) == 1


def test_all_kinds_are_listed_and_found_by_kind(desk: Desk, job_store: JobStore, diamond: Workflow) -> None:
    chain = [message(job_store, "common.gives", 1), message(job_store, "common.gives")]
    dramatiq.pipeline(chain, broker=job_store.broker).run()

    def kinds(*filters: str) -> list[str]:
        return [
            found["kind"] for found in desk.run("workflows", "list", "--json", *filters).json["workflows"]
        ]

    assert kinds() == ["pipeline", "workflow"]
    assert kinds("--nested") == ["pipeline", "batch", "workflow"]
    assert kinds("--kind", "pipeline") == ["pipeline"]
    wrong = desk.run("workflows", "list", "--kind", "pipline")
    assert (wrong.code, "did you mean 'pipeline'" in wrong.err) == (2, True)


def test_an_unknown_workflow_is_said_in_one_line(desk: Desk) -> None:
    answer = desk.run("workflows", "show", "11111111", "--dot")

    assert (answer.code, answer.out, len(answer.err.splitlines())) == (1, "", 1)
    assert "no batch or workflow 11111111" in answer.err


def test_colours_are_for_terminals_alone(desk: Desk, diamond: Workflow) -> None:
    assert "\x1b" not in desk.run("workflows", "show", diamond.id).out
