"""Tasks of the Windows Task Scheduler, as it exports them: one task a file, or all of `schtasks /query /xml`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import PureWindowsPath
from xml.etree.ElementTree import Element

from infra.scheduling.importing.found import Found, Legacy, Unreadable, attempt
from infra.scheduling.importing.task_triggers import translate
from infra.scheduling.importing.texts import child, documents, local, said

NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"

OVERLAP = {"Parallel": "allow", "IgnoreNew": "skip", "Queue": "queue"}
"""By MultipleInstancesPolicy; what is missing is IgnoreNew. StopExisting has no counterpart."""


def read(text: str, zone: str, now: datetime, file_name: str = "task") -> Legacy:
    """The triggers of all tasks in the file. Raises Unreadable.

    Parameters:
      zone: that of the machine, for times without an offset.
      file_name: names a task that does not name itself.
    """
    found: list[Found] = []
    for root in documents(text):
        for name, task in _tasks(root, file_name):
            found += _triggers(name, task, zone, now)
    return Legacy(tuple(found))


def _tasks(root: Element, file_name: str) -> Iterator[tuple[str, Element]]:
    """Each task with its path. An export of several has the path in a comment before each."""
    if local(root) == "Task":
        yield said(root, "RegistrationInfo", "URI") or file_name, root
        return
    if local(root) != "Tasks":
        raise Unreadable(f"the file's root is <{local(root)}>, not <Task> or <Tasks> of {NAMESPACE}")
    comment = ""
    for element in root:
        if not local(element):
            comment = (element.text or "").strip()
        elif local(element) == "Task":
            yield said(element, "RegistrationInfo", "URI") or comment or file_name, element
            comment = ""


def _triggers(path: str, task: Element, zone: str, now: datetime) -> Iterator[Found]:
    name = PureWindowsPath(path).name
    triggers = [trigger for trigger in child(task, "Triggers") or () if local(trigger)]
    command, remarks = _command(task)
    overlap = said(task, "Settings", "MultipleInstancesPolicy") or "IgnoreNew"
    if overlap == "StopExisting":
        remarks += ("StopExisting has no counterpart: an older run goes on",)
    enabled = said(task, "Settings", "Enabled").lower() != "false"
    missed = "once" if said(task, "Settings", "StartWhenAvailable").lower() == "true" else "skip"
    task_itself = Found(
        where=f"task {name}",
        source="",
        jobs=(name, path),
        command=command,
        why_not="it has no trigger: it is started by hand",
        remarks=remarks,
        missed=missed,
        overlap=OVERLAP.get(overlap),
    )
    if not triggers:
        yield task_itself
    for number, trigger in enumerate(triggers, 1):
        when, why_not = attempt(partial(translate, trigger, zone, now))
        paused = None
        if not enabled:
            paused = "the task was disabled in the Task Scheduler"
        elif said(trigger, "Enabled").lower() == "false":
            paused = "the trigger was disabled in the Task Scheduler"
        yield replace(
            task_itself,
            where=f"task {name}" + (f", trigger {number}" if len(triggers) > 1 else ""),
            source=_source(trigger),
            number=number if len(triggers) > 1 else 0,
            when=when,
            why_not=why_not,
            paused_reason=paused,
        )


def _command(task: Element) -> tuple[str, tuple[str, ...]]:
    """What it runs, in one line."""
    actions = [action for action in child(task, "Actions") or () if local(action)]
    commands = [
        f"{_quoted(said(action, 'Command'))} {said(action, 'Arguments')}".strip()
        for action in actions
        if local(action) == "Exec"
    ]
    others = [local(action) for action in actions if local(action) != "Exec"]
    remarks = tuple(f"its action {other} is no command" for other in others)
    if len(commands) > 1:
        remarks += (f"it runs {len(commands)} commands, one after the other",)
    return " && ".join(commands), remarks


def _quoted(program: str) -> str:
    return f'"{program}"' if " " in program and not program.startswith('"') else program


def _source(trigger: Element) -> str:
    """Such as `CalendarTrigger ScheduleByWeek from 2026-01-05T06:00:00, every PT15M`."""
    schedule = next((local(part) for part in trigger if local(part).startswith("ScheduleBy")), "")
    words = [local(trigger), schedule]
    if start := said(trigger, "StartBoundary"):
        words.append(f"from {start}")
    if every := said(trigger, "Repetition", "Interval"):
        words.append(f"every {every}")
    return " ".join(word for word in words if word)
