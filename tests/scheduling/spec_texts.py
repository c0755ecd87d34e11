"""Spec texts for property tests: all that docs/scheduling.md allows, in any mixture."""

from __future__ import annotations

from hypothesis import strategies as st

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

ZONES = (
    "Asia/Kolkata",
    "UTC",
    "America/New_York",
    "Europe/Paris",
    "Australia/Lord_Howe",  # half an hour
    "Africa/Casablanca",  # back for Ramadan, twice a year and never on the same days
    "America/Santiago",  # at midnight: a day that starts at 01:00, an hour that belongs to two days
    "Pacific/Apia",  # no 30 December 2011
)


@st.composite
def items(draw: st.DrawFn, low: int, high: int, names: tuple[str, ...] = (), first_name: int = 0) -> str:
    def spelled(value: int) -> str:
        if names and draw(st.booleans()) and value - first_name < len(names):
            name = names[value - first_name]
            return name.upper() if draw(st.booleans()) else name
        return str(value)

    kind = draw(st.sampled_from(("one", "one", "range", "star", "from")))
    step = f"/{draw(st.integers(1, high))}" if draw(st.booleans()) else ""
    start = draw(st.integers(low, high))
    if kind == "one":
        return spelled(start)
    if kind == "star":
        return f"*{step}"
    if kind == "from":
        return f"{start}{step}"
    return f"{spelled(start)}-{spelled(draw(st.integers(start, high)))}{step}"


def lists(item: st.SearchStrategy[str], most: int) -> st.SearchStrategy[str]:
    return st.lists(item, min_size=1, max_size=most).map(",".join)


def weekdays(low: int = 0) -> st.SearchStrategy[str]:
    return st.integers(low, 7).map(str) | st.sampled_from(WEEKDAYS)


MINUTES = st.just("*") | lists(items(0, 59), 3)
HOURS = st.just("*") | lists(items(0, 23), 3)
DAYS = st.just("*") | lists(
    items(1, 31)
    | st.sampled_from(("L", "LW", "l-1", "L-3"))
    | st.integers(1, 30).map(lambda offset: f"L-{offset}"),
    3,
)
MONTHS_FIELD = st.just("*") | lists(items(1, 12, MONTHS, 1), 2)
NTH = st.builds(lambda day, which: f"{day}#{which}", weekdays(), st.integers(1, 5))
LAST = weekdays().map(lambda day: f"{day}L")
WEEKDAYS_FIELD = st.just("*") | lists(items(0, 7, WEEKDAYS) | NTH | LAST, 3)

SPECS = st.tuples(MINUTES, HOURS, DAYS, MONTHS_FIELD, WEEKDAYS_FIELD).map(" ".join)

DAILY_SPECS = st.tuples(st.just("30"), st.just("2"), DAYS, MONTHS_FIELD, WEEKDAYS_FIELD).map(" ".join)
"""One time a day, at an hour at which clocks are set: so that all days of 50 years can be compared."""


def undisputed(low: int, high: int) -> st.SearchStrategy[str]:
    """What both libraries understand alike; for the rest see "Where libraries disagree" in docs/scheduling.md."""
    number = st.integers(low, high).map(str)
    span = st.lists(st.integers(low, high), min_size=2, max_size=2, unique=True).map(
        lambda ends: f"{min(ends)}-{max(ends)}"
    )
    step = st.integers(1, high)
    stepped = st.builds(lambda ends, by: f"{ends}/{by}", span, step)
    star = st.just("*") | step.map(lambda by: f"*/{by}")
    return star | lists(number | span | stepped, 3)


UNDISPUTED_SPECS = st.tuples(
    undisputed(0, 59),
    undisputed(0, 23),
    undisputed(1, 31) | st.just("L"),
    undisputed(1, 12),
    undisputed(0, 7),
).map(" ".join)
