"""The section on the school's own problems, with numbers already as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from prefopt.calibration.wordings import WordingPart
from prefopt.report.contents import HistoryRow, SchoolSection
from prefopt.report.numbers import percent, percent_range, points, points_range
from prefopt.report.wording import school_section
from prefopt.report.wording.say import Say


class WordingRow(NamedTuple):
    """One part of the hold-out; "–" where a figure is not known."""

    name: Say
    problems: str
    accuracy: str
    parent: str
    change: str
    moved: str
    """Problems gained / lost."""


class SchoolView(NamedTuple):
    """What the template shows."""

    words: Mapping[str, Say]
    has_parent: bool
    wording_rows: tuple[WordingRow, ...]
    wording_sentence: Say
    pool_sentences: tuple[Say, ...]
    gold_sentences: tuple[Say, ...]


def view(school: SchoolSection, row: HistoryRow) -> SchoolView:
    """The section of one report. `row` is the round of the report."""
    words, parts = school_section.WORDS, school.wordings
    level = row.calibration.confidence_level
    return SchoolView(
        words={**words, "parent": school_section.parent_head(row.parent)},
        has_parent=row.parent is not None,
        wording_rows=(_row(words["new"], parts.new), _row(words["learned"], parts.learned)),
        wording_sentence=school_section.wording_sentence(parts, row.parent, level),
        pool_sentences=() if school.pool is None else school_section.pool_sentences(school.pool, level),
        gold_sentences=school_section.gold_sentences(school.gold, row.calibration.acceptance.agreed_error, level),
    )


def _row(name: Say, part: WordingPart) -> WordingRow:
    if 0 < part.problems < school_section.FEWEST_OF_WORDING and part.accuracy is not None:  # an interval from 0 to 100 helps nobody
        right = f"{round(part.accuracy.value * part.problems)} / {part.problems}"
        before = "–" if part.parent_accuracy is None else f"{round(part.parent_accuracy * part.compared)} / {part.compared}"
        moved = "–" if part.test is None else f"{part.test.gained} / {part.test.lost}"
        return WordingRow(name, f"{part.problems}", right, before, "", moved)
    return WordingRow(
        name=name,
        problems=f"{part.problems:,}",
        accuracy="–" if part.accuracy is None else f"{percent(part.accuracy.value)} ({percent_range(part.accuracy)})",
        parent="–" if part.parent_accuracy is None else percent(part.parent_accuracy),
        change="" if part.change is None else f"{points(part.change.value)} ({points_range(part.change)})",
        moved="–" if part.test is None else f"{part.test.gained:,} / {part.test.lost:,}",
    )
