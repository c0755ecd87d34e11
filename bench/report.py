"""What the samples say: ratios, targets met or missed, a table for people and a dictionary for JSON. No I/O."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rich.table import Table

Verdict = Literal["pass", "short", "–"]


@dataclass(frozen=True)
class Sample:
    """One measurement: a figure ("drain"), whose ("pgqueuer"), its value and unit."""

    figure: str
    contender: str
    value: float
    unit: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """A promise: `measured` stays at or above (or, with `at_most`, at or below) `bound`.

    With `against`, what is compared is the ratio of `measured` to it; otherwise the measured value itself.
    Both are (figure, contender).
    """

    name: str
    measured: tuple[str, str]
    bound: float
    against: tuple[str, str] | None = None
    at_most: bool = False
    unit: str = ""
    # What the table calls `against`; otherwise its contender.
    reference: str = ""
    # Another way to keep the same promise: either is enough.
    alternative: "Target | None" = None

    def promise(self) -> str:
        mine = f"{'≤' if self.at_most else '≥'} {self.bound:,g}"
        mine += f" × {self.reference or self.against[1]}" if self.against else f" {self.unit}".rstrip()
        return f"{mine} or {self.alternative.promise()}" if self.alternative else mine


@dataclass(frozen=True)
class Row:
    """A target beside what was measured."""

    target: Target
    measured: float | None
    reference: float | None
    ratio: float | None
    verdict: Verdict


def values(samples: Iterable[Sample], figure: str, contender: str) -> list[float]:
    return [sample.value for sample in samples if (sample.figure, sample.contender) == (figure, contender)]


def median(numbers: Sequence[float]) -> float | None:
    return statistics.median(numbers) if numbers else None


def paired_ratio(measured: Sequence[float], against: Sequence[float]) -> float | None:
    """The median of the rounds' own ratios: a round ran back to back, so the machine's mood cancels."""
    return median([mine / theirs for mine, theirs in zip(measured, against, strict=False) if theirs])


def judge(samples: Sequence[Sample], target: Target) -> Row:
    measured = values(samples, *target.measured)
    against = values(samples, *target.against) if target.against else []
    ratio = paired_ratio(measured, against) if target.against else None
    compared = ratio if target.against else median(measured)
    verdict = _verdict(compared, target)
    if verdict != "pass" and target.alternative:
        verdict = _better(verdict, judge(samples, target.alternative).verdict)
        if ratio is None and target.alternative.against:
            against = values(samples, *target.alternative.against)
            ratio = paired_ratio(measured, against)
    return Row(target, median(measured), median(against), ratio, verdict)


def _verdict(compared: float | None, target: Target) -> Verdict:
    if compared is None:
        return "–"
    kept = compared <= target.bound if target.at_most else compared >= target.bound
    return "pass" if kept else "short"


def _better(one: Verdict, other: Verdict) -> Verdict:
    return min(one, other, key=("pass", "short", "–").index)


def targets_table(rows: Iterable[Row]) -> Table:
    table = Table(title="What it must reach", title_justify="left")
    for heading in ("figure", "ours", "against", "ratio", "target", ""):
        table.add_column(heading, justify="left" if heading in ("figure", "target") else "right")
    colours = {"pass": "green", "short": "red", "–": "dim"}
    for row in rows:
        table.add_row(
            row.target.name,
            _number(row.measured, row.target.unit),
            _number(row.reference),
            f"{row.ratio:.2f}" if row.ratio is not None else "–",
            row.target.promise(),
            f"[{colours[row.verdict]}]{row.verdict}[/]",
        )
    return table


def samples_table(samples: Sequence[Sample]) -> Table:
    table = Table(title="All that was measured", title_justify="left")
    for heading in ("figure", "contender", "median", "lowest", "highest", "runs", "unit"):
        table.add_column(heading, justify="left" if heading in ("figure", "contender", "unit") else "right")
    for figure, contender, unit in dict.fromkeys((s.figure, s.contender, s.unit) for s in samples):
        numbers = values(samples, figure, contender)
        cells = (_number(median(numbers)), _number(min(numbers)), _number(max(numbers)), str(len(numbers)))
        table.add_row(figure, contender, *cells, unit)
    return table


def as_json(rows: Iterable[Row], samples: Iterable[Sample], **about: object) -> dict[str, object]:
    return {
        **about,
        "targets": [
            {
                "name": row.target.name,
                "target": row.target.promise(),
                "measured": row.measured,
                "reference": row.reference,
                "ratio": row.ratio,
                "verdict": {"–": "not measured"}.get(row.verdict, row.verdict),
            }
            for row in rows
        ],
        "samples": [
            {"figure": s.figure, "contender": s.contender, "value": s.value, "unit": s.unit, **s.detail}
            for s in samples
        ],
    }


def _number(number: float | None, unit: str = "") -> str:
    if number is None:
        return "–"
    digits = 0 if abs(number) >= 1000 else 1 if abs(number) >= 100 else 2
    return f"{number:,.{digits}f} {unit}".rstrip()
