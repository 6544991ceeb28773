"""What the pages show: every command of a block can be typed, and the feedback source of docs/plugins.md works as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from prefopt.cli.app import app
from prefopt.io.jsonl import write_rows
from prefopt.plugins import find_source
from prefopt.project.project import open_project
from prefopt.protocols import FeedbackContext
from prefopt.rounds.frozen import check_source
from prefopt.taxonomy import builtin_taxonomy
from tests.unit.hints import refuse_command
from tests.unit.rankings_cases import ranked, slate

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
HISTORY = ("CHANGELOG.md", "LOG.md", "changelog.md")


def commands_of(page: Path) -> list[str]:
    """Lines of the page's blocks that begin with prefopt, without their comments."""
    lines = re.findall(r"^    (prefopt .*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [re.sub(r"\s+(#|&&|\|).*", "", line).strip() for line in lines if "─" not in line and not line.startswith("prefopt/")]


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in HISTORY], ids=lambda page: page.name)
def test_every_command_of_a_block_can_be_typed(page):
    faults = [why for line in commands_of(page) if not re.match(r"prefopt {2,}", line) and (why := refuse_command(app, line))]
    assert not faults, "\n".join(faults)


def test_the_pages_have_commands():
    assert sum(len(commands_of(page)) for page in PAGES) > 60


def test_the_feedback_source_of_the_page_works(tmp_path):
    text = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^    from pathlib import Path\n(?:(?:    .*)?\n)+?    source = Board\n", text, flags=re.MULTILINE)
    (tmp_path / "board.py").write_text(re.sub(r"^    ", "", code, flags=re.MULTILINE))
    (tmp_path / "prefopt.toml").write_text('[feedback]\nsource = "board.py"\n')
    check_source(open_project(tmp_path))
    found = find_source("board.py", tmp_path)
    context = FeedbackContext(project=tmp_path, name="p-001", taxonomy=builtin_taxonomy(), overlap=1)
    source, slates = found(found.Config(), context), [slate("s1"), slate("s2")]
    receipts = source.publish(slates)
    assert source.publish(slates) == receipts
    write_rows(tmp_path / "board" / "p-001" / "answers-kim.jsonl", [ranked("s2", "kim", "123"), ranked("s1", "kim", "213")])
    assert [(row.slate_id, row.teacher) for row in source.collect(slates, receipts)] == [("s1", "kim"), ("s2", "kim")]
    assert source.progress(receipts).done
