"""The five fields of a crontab line, as Vixie's cron and its kin read them, where ours would refuse them.

A step beyond the field leaves the first value only. A range that runs backwards goes around the dial: so BusyBox reads
it; Debian's cron refuses the line, so it can only be meant so.
"""

from __future__ import annotations

import re

from infra.scheduling.importing.fields import spelled
from infra.scheduling.importing.found import CannotBe
from infra.scheduling.spec import DAY, FIELDS, WEEKDAY, Field

_ITEM = re.compile(r"(\*|(\w+)(?:-(\w+))?)(?:/(\d+))?")


def fields_of(words: list[str]) -> tuple[str, tuple[str, ...]]:
    """The spec, and what is to be known about it. Raises CannotBe. What is wrong otherwise is refused later."""
    remarks: list[str] = []
    texts = []
    for field, text in zip(FIELDS, words, strict=True):
        items = []
        for item in text.lower().split(","):
            read, remark = _item(field, item)
            items.append(read)
            remarks += [f"{field.name}: {remark}"] if remark else []
        texts.append(",".join(items))
    return " ".join(texts), tuple(remarks)


def _item(field: Field, item: str) -> tuple[str, str]:
    if "~" in item:
        raise CannotBe(f"{field.name}: {item!r} is another value on each day, by chance; choose one")
    parts = _ITEM.fullmatch(item)
    if parts is None:
        return item, ""
    span, start, end, by = parts.groups()
    step = int(by) if by else 1
    first = _value(field, start) if start else None
    last = _value(field, end) if end else None
    if first is not None and last is not None and last < first and not (field is WEEKDAY and end == "sun"):
        return _around(field, item, first, last, step)
    if step > field.high:
        only = span.partition("-")[0]
        if span == "*":
            # Of the days, a star must stay one: it says that day of month and day of week must both agree.
            only = "*/31" if field is DAY else "*/7" if field is WEEKDAY else str(field.low)
        return only, f"{item} is its first value only, as cron reads a step beyond the field"
    return item, ""


def _around(field: Field, item: str, first: int, last: int, step: int) -> tuple[str, str]:
    if field is WEEKDAY and first == 7:
        first = 0
    size = 7 if field is WEEKDAY else field.high - field.low + 1
    if field is DAY and step > 1:
        raise CannotBe(f"{field.name}: {item!r} goes in steps over the end of the month; name the days")
    if last < first:
        last += size
    values = {(value - field.low) % size + field.low for value in range(first, last + 1, step)}
    read = spelled(field, values)
    return read, f"{item} runs backwards, read as {read}"


def _value(field: Field, text: str) -> int | None:
    if text in field.names:
        return field.names[text]
    return int(text) if text.isdigit() and text.isascii() and int(text) <= field.high else None
