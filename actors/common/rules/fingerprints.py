"""Fingerprints of errors: what differs from case to case is left out, so that like failures are counted together."""

from __future__ import annotations

import re

LONGEST = 160
_WHAT_DIFFERS = (
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+"), "<address>"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "<n>"),
    (re.compile(r"'[^']*'|\"[^\"]*\""), "<…>"),
    (re.compile(r"\d+([.,:-]\d+)*"), "<n>"),
)


def fingerprint(error: str) -> str:
    """The first line of an error without ids, addresses, quoted values and numbers.

    `UnknownUnit: no flat has the id 6f1d6f0e-…` → `UnknownUnit: no flat has the id <id>`. So no address and no amount
    of a person gets into a report.
    """
    line = error.strip().partition("\n")[0]
    for pattern, instead in _WHAT_DIFFERS:
        line = pattern.sub(instead, line)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
