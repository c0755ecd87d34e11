"""The benchmark's arithmetic: ratios by round, verdicts, what the table and the JSON say."""

import io

import pytest
from rich.console import Console

from bench.figures import GROUPS, QUICK, TARGETS, WHOLE
from bench.report import (
    Sample,
    Target,
    as_json,
    judge,
    median,
    paired_ratio,
    samples_table,
    targets_table,
    values,
)

AGAINST_STUB = Target("drain", ("drain", "ours"), 0.7, against=("drain", "stub_broker"), unit="/s")
LATENCY = Target("pick-up", ("pick-up", "ours"), 3, at_most=True, unit="ms")
AS_FAST_AS_A_PEER = Target("bulk", ("bulk", "ours"), 1.0, against=("bulk", "peer"))
BULK = Target("bulk", ("bulk", "ours"), 40_000, unit="/s", alternative=AS_FAST_AS_A_PEER)


def samples(figure: str, contender: str, *numbers: float) -> list[Sample]:
    return [Sample(figure, contender, number, "jobs/s") for number in numbers]


def printed(renderable: object) -> str:
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(renderable)
    return console.export_text()


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    # The machine halved its speed in the third round; every round's ratio is the same 0.8.
    assert paired_ratio([80, 80, 40], [100, 100, 50]) == pytest.approx(0.8)
    # The medians' ratio would be 0.9.
    assert paired_ratio([90, 50, 99], [100, 100, 90]) == pytest.approx(0.9)


def test_a_ratio_leaves_out_rounds_that_only_one_side_ran() -> None:
    assert paired_ratio([80, 90], [100]) == pytest.approx(0.8)
    assert paired_ratio([], [100]) is None
    assert paired_ratio([1.0], [0.0]) is None


def test_the_median_of_nothing_is_nothing() -> None:
    assert median([]) is None
    assert median([3, 1, 2]) == 2


def test_values_are_one_contenders_alone() -> None:
    both = samples("drain", "ours", 1, 2) + samples("drain", "peer", 3) + samples("bulk", "ours", 4)
    assert values(both, "drain", "ours") == [1, 2]


@pytest.mark.parametrize(("ours", "verdict"), [(70, "pass"), (69.9, "short"), (140, "pass")])
def test_a_ratio_at_its_target_passes(ours: float, verdict: str) -> None:
    row = judge(samples("drain", "ours", ours) + samples("drain", "stub_broker", 100), AGAINST_STUB)
    assert (row.verdict, row.measured, row.reference) == (verdict, ours, 100)
    assert row.ratio == pytest.approx(ours / 100)


def test_a_ratio_without_its_other_half_is_not_judged() -> None:
    row = judge(samples("drain", "ours", 70), AGAINST_STUB)
    assert (row.verdict, row.ratio, row.measured) == ("–", None, 70)


@pytest.mark.parametrize(("milliseconds", "verdict"), [(3, "pass"), (3.1, "short"), (0.4, "pass")])
def test_a_target_at_most_passes_below(milliseconds: float, verdict: str) -> None:
    assert judge(samples("pick-up", "ours", milliseconds), LATENCY).verdict == verdict


@pytest.mark.parametrize(
    ("ours", "peer", "verdict"),
    [(50_000, 60_000, "pass"), (30_000, 20_000, "pass"), (30_000, 60_000, "short"), (30_000, None, "short")],
)
def test_either_way_of_a_target_is_enough(ours: float, peer: float | None, verdict: str) -> None:
    theirs = samples("bulk", "peer", peer) if peer else []
    assert judge(samples("bulk", "ours", ours) + theirs, BULK).verdict == verdict


def test_nothing_measured_is_never_a_pass() -> None:
    assert {judge([], target).verdict for target in TARGETS} == {"–"}


def test_promises_read_as_in_the_issue() -> None:
    assert AGAINST_STUB.promise() == "≥ 0.7 × stub_broker"
    assert LATENCY.promise() == "≤ 3 ms"
    assert BULK.promise() == "≥ 40,000 /s or ≥ 1 × peer"


def test_tables_show_the_median_the_ratio_and_the_verdict() -> None:
    measured = samples("drain", "ours", 25_000, 26_000, 24_000)
    measured += samples("drain", "stub_broker", 33_000, 36_000, 31_000)
    table = printed(targets_table([judge(measured, AGAINST_STUB)]))
    assert all(text in table for text in ("25,000 /s", "33,000", "0.76", "≥ 0.7 × stub_broker", "pass"))
    assert all(text in printed(samples_table(measured)) for text in ("24,000", "26,000", "36,000"))


def test_json_carries_every_sample_and_its_detail() -> None:
    sample = Sample("drain", "ours", 70.0, "jobs/s", {"middleware": "bare"})
    answer = as_json([judge([sample], AGAINST_STUB)], [sample], python="3.11")
    assert answer["python"] == "3.11"
    assert answer["samples"] == [
        {"figure": "drain", "contender": "ours", "value": 70.0, "unit": "jobs/s", "middleware": "bare"}
    ]
    assert answer["targets"] == [
        {"name": "drain", "target": "≥ 0.7 × stub_broker", "measured": 70.0, "reference": None, "ratio": None,
         "verdict": "not measured"}
    ]  # fmt: skip


def test_every_group_has_a_promise_of_its_own_and_the_quick_run_is_smaller() -> None:
    assert len(TARGETS) >= len(GROUPS)
    assert all(
        getattr(QUICK, name) <= getattr(WHOLE, name) for name in ("rounds", "jobs", "large", "memory", "idle")
    )
