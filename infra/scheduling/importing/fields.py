"""Values of a field, spelled as a cron spec has them."""

from __future__ import annotations

from collections.abc import Iterable

from infra.scheduling.importing.found import CannotBe
from infra.scheduling.spec import HOUR, MINUTE, WEEKDAY, Field


def spelled(field: Field, values: Iterable[int]) -> str:
    """As `*`, `*/15`, `8-20/2` or `1-5,9`. Days never begin with a star unless they are all, as that has a meaning."""
    ordered = sorted(set(values))
    high = 6 if field is WEEKDAY else field.high
    if len(ordered) == high - field.low + 1:
        return "*"
    step = ordered[1] - ordered[0] if len(ordered) > 2 else 1
    if step > 1 and ordered == list(range(ordered[0], ordered[-1] + 1, step)):
        if field in (MINUTE, HOUR) and ordered[0] == field.low and ordered[-1] + step > high:
            return f"*/{step}"
        return f"{ordered[0]}-{ordered[-1]}/{step}"
    runs: list[list[int]] = []
    for value in ordered:
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return ",".join(_run(run) for run in runs)


def _run(run: list[int]) -> str:
    if len(run) > 2:
        return f"{run[0]}-{run[-1]}"
    return ",".join(map(str, run))


def clock(minutes_of_day: Iterable[int]) -> str:
    """The fields of minute and hour that mean these minutes of the day, from 0 to 1439. Raises CannotBe where two
    fields cannot say it.
    """
    times = set(minutes_of_day)
    minutes, hours = {time % 60 for time in times}, {time // 60 for time in times}
    if len(times) != len(minutes) * len(hours):
        first, last = min(times), max(times)
        raise CannotBe(
            f"{len(times)} times a day between {first // 60:02}:{first % 60:02} and {last // 60:02}:{last % 60:02} "
            "that are not the same minutes of each hour: one schedule cannot say it; add several by hand"
        )
    return f"{spelled(MINUTE, minutes)} {spelled(HOUR, hours)}"
