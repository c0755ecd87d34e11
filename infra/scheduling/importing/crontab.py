"""Crontabs: a user's, as `crontab -l` prints it, and the system's, where a user stands before the command."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infra.scheduling.importing.crontab_fields import fields_of
from infra.scheduling.importing.found import CannotBe, Found, Legacy, When, attempt
from infra.scheduling.spec import NAMED

_SETTING = re.compile(r"""("[^"]*"|'[^']*'|[^\s="']+)\s*=\s*(.*)""")
_PERCENT = re.compile(r"(?<!\\)%")

OF_CRON = {"MAILTO", "MAILFROM", "SHELL", "PATH", "HOME", "LOGNAME", "USER", "CRON_TZ", "TZ"}
"""Settings that are cron's own business, or for the shell that it starts."""

SURE = {"root", "www-data", "nobody", "daemon"}
"""Where each line has one of these before its command, it is no command."""

FIVE = 5


@dataclass(frozen=True)
class _Zone:
    name: str
    remark: tuple[str, ...] = ()


def read(text: str, zone: str, system: bool | None = None) -> Legacy:
    """The lines of a crontab.

    Parameters:
      zone: that of the machine, for lines without CRON_TZ.
      system: whether a user stands before each command; None: only where that is certain.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    sixth = [_split(line)[1].split(None, 1) for _, line in lines if not _SETTING.fullmatch(line)]
    notes = []
    if system is None:
        users = [words[0] in SURE and len(words) == 2 for words in sixth if words]
        system = bool(users) and all(users)
        if not system and any(users):
            notes.append(
                "some lines have a user before the command: if this is a system crontab, give --system"
            )
    found = []
    machine = here = _Zone(zone)
    cron_tz = False
    for number, line in lines:
        if setting := _SETTING.fullmatch(line):
            name, value = (_unquoted(part) for part in setting.groups())
            if name == "CRON_TZ":
                here, cron_tz = (_Zone(value.removeprefix(":")), True) if value else (machine, False)
            elif name == "TZ":
                here = here if cron_tz else _by_tz(value.removeprefix(":"), machine)
            elif name not in OF_CRON:
                notes.append(f"line {number}: {name} is not carried over: jobs have the workers' environment")
            continue
        found.append(_line(number, line, here, system))
    return Legacy(tuple(found), tuple(notes))


def _by_tz(value: str, machine: _Zone) -> _Zone:
    if not value or value == machine.name:
        return machine
    return _Zone(
        value, (f"TZ={value} read as the schedule's zone; where it was for the command only, take it out",)
    )


def _line(number: int, line: str, zone: _Zone, system: bool) -> Found:
    schedule, rest = _split(line)
    if system:
        rest = "".join(rest.split(None, 1)[1:])
    command, *stdin = _PERCENT.split(rest, maxsplit=1)
    command = command.replace("\\%", "%").strip()
    remarks = ("what cron gave it as standard input (after %) is not carried over",) if stdin else ()

    def translated() -> When:
        spec, known = _spec(schedule)
        if not command:
            raise CannotBe("nothing stands behind the schedule")
        return When(spec, zone.name, known + zone.remark)

    when, why_not = attempt(translated)
    return Found(
        f"line {number}", line, command=command, when=when, why_not=why_not, remarks=remarks, missed="skip"
    )


def _split(line: str) -> tuple[str, str]:
    """The schedule, and what stands behind it."""
    line = line.removeprefix("-")  # cronie's "do not log this one"
    count = 1 if line.startswith("@") else FIVE
    words = line.split(None, count)
    return " ".join(words[:count]), "".join(words[count:])


def _spec(schedule: str) -> tuple[str, tuple[str, ...]]:
    if schedule.lower() == "@reboot":
        raise CannotBe("@reboot is no time: start it with the machine, or with the workers")
    if schedule.lower() == "@every_minute":
        return "* * * * *", ()
    if schedule.startswith("@"):
        return NAMED.get(schedule.lower(), schedule), ()
    words = schedule.split()
    if len(words) < FIVE:
        raise CannotBe(f"no line of a crontab: it has {len(words)} fields, five and a command are needed")
    return fields_of(words)


def _unquoted(text: str) -> str:
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text
