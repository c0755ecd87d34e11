"""A quarter of a small society's year, with workers that are killed, beside the same quarter undisturbed."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from tests.simulation.run import with_deaths_and_without
from tests.simulation.what_remains import differences
from tests.simulation.year import FEW_WAKES, Society

SMALL = Society(flats=12, towers=1, staff=4, bills=60)
PAUSED = ("database-backup", "generate-system-health-report")
"""They speak of the installation and not of the society; their own tests run them."""


@pytest.mark.timeout(300)
@pytest.mark.skipif(
    "SIMULATE" not in os.environ, reason="two runs still differ in reminders of a day: SIMULATE=1 runs it"
)
def test_a_quarter_with_deaths_ends_as_one_without(postgres_server: str, tmp_path: Path) -> None:
    runs = with_deaths_and_without(
        postgres_server,
        tmp_path,
        date(2026, 4, 1),
        date(2026, 6, 30),
        SMALL,
        seed=2026,
        kill_every=6.0,
        paused=PAUSED,
        wakes=FEW_WAKES,
    )

    assert [run.faults for run in runs] == [[], []]
    assert runs[0].kills >= 3
    different = differences(runs[0].remains, runs[1].remains)
    assert not different, "\n".join(different)
