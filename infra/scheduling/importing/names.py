"""Names for recurring jobs, made of what stood in the old schedule."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PureWindowsPath
from urllib.parse import urlsplit

LONGEST = 100

STARTERS = re.compile(
    r"(?:python|php|perl|ruby|node|java|dotnet|bash|sh|zsh|dash|env|nice|ionice|flock|timeout|sudo|uv|run|cd|exec|test|"
    r"powershell|pwsh|cmd|cscript|wscript|curl|wget)[\d.]*(?:\.exe)?",
    re.IGNORECASE,
)
"""Programs that start others: the job is what they start."""


def valid(text: str) -> str:
    """Small letters, digits and dashes, of any text: `BackupDatabase (nightly)` is `backup-database-nightly`. May be
    empty.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", plain)
    return re.sub(r"[^a-z0-9]+", "-", parted.lower()).strip("-")[:LONGEST].strip("-")


def of_command(command: str) -> str:
    """The name of what is run: `/usr/bin/python3 /srv/send_reminders.py --all` is `send-reminders`."""
    words = [word for word in re.split(r"[\s;&|()\[\]]+", command) if word]
    words = [word for word in words if not word.startswith("-") and "=" not in word.partition("?")[0]]
    for place, word in enumerate(words):
        stem = _stem(word.strip("\"'"))
        if STARTERS.fullmatch(stem) or (place and words[place - 1] == "cd") or not valid(stem):
            continue
        following = words[place + 1] if place + 1 < len(words) else ""
        return valid(f"{stem} {following}" if re.fullmatch(r"[a-z][a-z:_-]+", following) else stem)
    return ""


def _stem(word: str) -> str:
    if "://" in word:
        word = urlsplit(word).path.rstrip("/")
    return PureWindowsPath(word).stem  # which reads slashes of both kinds


def unique(names: Iterable[str]) -> list[str]:
    """The names in order; one that was there before gets a number."""
    used: set[str] = set()
    result = []
    for name in names:
        free, number = name, 1
        while free in used:
            number += 1
            free = f"{name[: LONGEST - 1 - len(str(number))]}-{number}"
        used.add(free)
        result.append(free)
    return result
