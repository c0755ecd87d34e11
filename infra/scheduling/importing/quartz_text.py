"""Quartz expressions in a text file: `name = expression`, or an expression a line; a zone may stand behind it."""

from __future__ import annotations

import re

from infra.scheduling.importing.found import Found, Legacy, When, attempt
from infra.scheduling.importing.quartz_cron import translate
from infra.scheduling.importing.windows_zones import iana

_YEAR = re.compile(r"[\d*,/?-]+")


def read(text: str, zone: str) -> Legacy:
    """The lines of such a file; `#` begins a comment where it begins the line.

    Parameters:
      zone: for lines that name none.
    """
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, rest = line.partition("=")
        words = (rest if equals else line).strip().strip("\"'").split()
        fields = 7 if len(words) > 6 and _YEAR.fullmatch(words[6]) else 6
        found.append(
            _line(number, name.strip() if equals else "", words[:fields], " ".join(words[fields:]), zone)
        )
    return Legacy(tuple(found))


def _line(number: int, name: str, fields: list[str], named_zone: str, zone: str) -> Found:
    expression = " ".join(fields)

    def translated() -> When:
        spec, remarks = translate(expression)
        return When(spec, iana(named_zone.strip("\"'")) if named_zone else zone, remarks)

    when, why_not = attempt(translated)
    jobs = (name,) if name else (f"line {number}", expression)
    return Found(f"line {number}", expression, jobs=jobs, when=when, why_not=why_not)
