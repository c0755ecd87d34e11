"""The map: which actor does what an old command or job did. A TOML file with a table `[[job]]` for each.

[[job]]
command = "/srv/legacy/send_reminders.py*"   # or: job = "SendReminders"; * stands for anything
actor = "sales.send_payment_reminders"
name = "send-reminders"                      # of the recurring job; else it is made of what it was called
args = []
kwargs = { society = "green-acres" }
service = "sales"                            # a check only: the actor has one
missed = "once"
overlap = "skip"

[[job]]
command = "*/certbot*"
leave_out = true
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from infra.queue.admission import did_you_mean
from infra.scheduling.importing.found import Found

KINDS: dict[str, type] = {
    "command": str,
    "job": str,
    "actor": str,
    "name": str,
    "args": list,
    "kwargs": dict,
    "service": str,
    "missed": str,
    "overlap": str,
    "leave_out": bool,
}


class WrongMap(ValueError):
    """The map cannot be read, or says something it cannot mean."""


@dataclass(frozen=True)
class Entry:
    """One `[[job]]`: what it is about, and what it becomes."""

    command: str | None = None
    job: str | None = None
    actor: str = ""
    name: str | None = None
    args: list[Any] | None = None
    kwargs: dict[str, Any] | None = None
    service: str | None = None
    missed: str | None = None
    overlap: str | None = None
    leave_out: bool = False

    def fits(self, found: Found) -> bool:
        """Whether it is about this line or trigger: by its command, and by one of its names."""
        if self.command is not None and not _like(found.command, self.command):
            return False
        return self.job is None or any(_like(job, self.job) for job in found.jobs)


def _like(text: str, pattern: str) -> bool:
    return text == pattern or fnmatchcase(text, pattern)


def load(text: str) -> list[Entry]:
    """The entries of a map, of which the first that fits counts. Raises WrongMap."""
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WrongMap(f"the map is no TOML: {error}") from None
    if unknown := [name for name in whole if name != "job"]:
        raise WrongMap(f"the map has {unknown[0]!r}; there are tables [[job]] only")
    tables = whole.get("job", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise WrongMap("the map's jobs are tables [[job]], with two brackets")
    return [_entry(number, table) for number, table in enumerate(tables, 1)]


def _entry(number: int, table: dict[str, Any]) -> Entry:
    for name, value in table.items():
        if name not in KINDS:
            raise WrongMap(f"job {number} of the map has {name!r}{did_you_mean(name, KINDS)}")
        if type(value) is not KINDS[name]:
            raise WrongMap(
                f"job {number} of the map: {name} must be of type {KINDS[name].__name__}, not {value!r}"
            )
    entry = Entry(**table)
    if entry.command is None and entry.job is None:
        raise WrongMap(f"job {number} of the map says neither command nor job: what is it about?")
    if not entry.actor and "actor" not in table and not entry.leave_out:
        raise WrongMap(
            f"job {number} of the map names no actor; for what is not to be imported there is leave_out = true"
        )
    return entry


def template(found: Iterable[tuple[Found, str]]) -> str:
    """A map for these, each with the name that was made for it, to be filled in. Triggers of one job are one table."""
    tables: dict[str, list[str]] = {}
    for one, name in found:
        tables.setdefault(snippet(one, name), []).append(_comment(f"{one.where}: {one.source}"))
    return "\n".join("\n".join([*lines, table]) for table, lines in tables.items())


def _comment(text: str) -> str:
    """One line, whatever stood in the old file."""
    return "# " + "".join(letter if letter.isprintable() else " " for letter in text)


def snippet(found: Found, name: str, actor: str = "") -> str:
    """The table that is missing in the map."""
    key = f"job = {_toml(found.jobs[-1])}" if found.jobs else f"command = {_toml(found.command)}"
    return f"[[job]]\n{key}\nactor = {_toml(actor)}\nname = {_toml(name)}\n"


def _toml(text: str) -> str:
    """A basic string: JSON's escapes are TOML's too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
