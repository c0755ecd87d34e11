"""Documents that lead somewhere lead to what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_document_leads_to_a_file(document: Path) -> None:
    missing = [
        target
        for target in LINK.findall(document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]
    assert not missing


def test_the_walkthrough_names_the_five_files_of_a_jobs_way() -> None:
    text = (ROOT / "docs" / "walkthrough.md").read_text(encoding="utf-8")
    steps = re.findall(r"^\| (\d) \| \[([^\]]+)\]", text, re.MULTILINE)
    assert [int(number) for number, _ in steps] == [1, 2, 3, 4, 5]
    assert all((ROOT / file).is_file() for _, file in steps)


def test_the_readme_opens_with_its_two_commands() -> None:
    first_screen = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:12]
    assert any("make demo" in line for line in first_screen)
    assert any("make test" in line for line in first_screen)
