"""What a filled row says: a judgment, or every fault of its cells."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from feedback import sheet_words as words
from feedback.cell_values import answer_of, best_of, is_cross, label_of_text, rank_of
from feedback.sheet import BEST, LETTERS, shows
from feedback.sheet_reader import SheetRow
from feedback.sheet_words import Words
from prefopt.records import Ranking, Slate
from prefopt.taxonomy import Taxonomy
from prefopt.texts.kept_text import without_halves
from prefopt.texts.same_text import name_key


@dataclass(frozen=True)
class Judgment:
    """An answer in the terms of the sheet: ranks by the letter of the card."""

    kind: Literal["ranked", "none_right", "discarded"]
    ranks: tuple[tuple[str, int], ...] = ()
    right_label: str | None = None
    comment: str = ""
    best_only: bool = False
    """The best card was named, and no order of the others."""

    @property
    def said(self) -> tuple[str, tuple[tuple[str, int], ...], str | None]:
        """The judgment without its comment."""
        return self.kind, self.ranks, self.right_label

    def ranking(self, slate: Slate, teacher: str) -> Ranking:
        """As the answer of a teacher to the slate that the row shows."""
        ids = dict(zip(LETTERS, (candidate.id for candidate in slate.shown), strict=False))
        ranks = {ids[letter]: rank for letter, rank in self.ranks}
        return Ranking(
            slate_id=slate.id,
            teacher=teacher,
            kind=self.kind,
            ranks=ranks,
            best_only=self.best_only,
            right_label=self.right_label,
            comment=without_halves(self.comment),
        )


@dataclass(frozen=True)
class CellFault:
    """A fault of one row."""

    words: Words
    column: str = ""
    found: str = ""


@dataclass(frozen=True)
class Published:
    """What the teachers were shown."""

    questions: Mapping[str, Mapping[str, str]]
    """Slate id -> the cells that show the slate."""
    taxonomy: Taxonomy
    cross_is_yes: bool | None
    """Whether the sheet asks for an x to say yes, as those of earlier versions do; None where it is not known."""

    def slate_of(self, row: SheetRow) -> str | None:
        """The published slate that a row is about: by its id, or where a spreadsheet changed the id by problem and cards; None if none."""
        if row.slate_id in self.questions:
            return row.slate_id
        same = self._by_key.get(name_key(row.slate_id), [])
        alike = self._by_words.get(_words(row.cells), []) if row.cells["A"] else []
        shown = same or [slate_id for slate_id in alike if not self.changed(row, slate_id)]
        return shown[0] if len(shown) == 1 else None

    @cached_property
    def _by_words(self) -> dict[str, list[str]]:
        """Letters and digits of problem and cards -> the slates that show them."""
        found: dict[str, list[str]] = defaultdict(list)
        for slate_id, cells in self.questions.items():
            found[_words(cells)].append(slate_id)
        return dict(found)

    @cached_property
    def _by_key(self) -> dict[str, list[str]]:
        """Key of an id -> the slates that have it in some spelling."""
        found: dict[str, list[str]] = defaultdict(list)
        for slate_id in self.questions:
            found[name_key(slate_id)].append(slate_id)
        return dict(found)

    def changed(self, row: SheetRow, slate_id: str) -> list[str]:
        """Columns that no longer show the published problem or card."""
        cells = {name: text for name, text in self.questions[slate_id].items() if name != "slate"}
        return [name for name, text in cells.items() if not shows(row.cells[name], text)]


def _words(cells: Mapping[str, str]) -> str:
    """What no spreadsheet program changes in the cells that show a slate: letters of Hangul and ASCII, and digits."""
    return re.sub(r"[^0-9A-Za-z가-힣]", "", unicodedata.normalize("NFC", "".join(cells.get(name, "") for name in ("problem", *LETTERS))))


def judged(row: SheetRow, published: Published, slate_id: str, *, has_problem: bool = True) -> Judgment | list[CellFault] | None:
    """The judgment of a row; None where it has none (empty, or with a comment alone); otherwise all its faults.

    Args:
        row: the row.
        published: what was shown.
        slate_id: the slate that the row is about.
        has_problem: the file has the column with the problem.
    """
    filled, faults = row.filled, []
    said: dict[str, bool] = {}
    for column in ("none_right", "discard"):
        answer = answer_of(row.cells[column], cross_is_yes=published.cross_is_yes)
        if answer is None:
            faults.append(CellFault(words.bad_mark(row.cells[column], published.cross_is_yes), column, row.cells[column]))
        said[column] = bool(answer)
    given = [name for name in filled if name.startswith("rank_") or name in (BEST, "right_label") or said.get(name)]
    changed = [name for name in published.changed(row, slate_id) if has_problem or name != "problem"]
    if not given and not faults:
        crossed = [name for name in said if is_cross(row.cells[name])]
        faults = [CellFault(words.crossed_out(crossed), ", ".join(crossed))] if crossed else []
        written = [name for name in changed if row.cells[name].strip() not in ("", "-")]
        return [*faults, CellFault(words.written_into(written), ", ".join(written))] if written else faults or None
    if changed:
        faults.append(CellFault(words.other_question(changed), ", ".join(changed)))
    letters = [letter for letter in LETTERS if letter in published.questions[slate_id]]
    ranks, wrong = _ranks(row, letters)
    best, not_best = _best(row, letters)
    faults += [*wrong, *not_best]
    label = _label(row, published.taxonomy, faults)
    ranked = [name for name in given if name.startswith("rank_") or name == BEST]
    none_right = said["none_right"] or bool(row.cells["right_label"])
    is_denied = published.cross_is_yes is False and bool(row.cells["none_right"]) and not said["none_right"]
    denied = ["none_right"] if is_denied and row.cells["right_label"] and not faults else []
    if said["discard"] + none_right + (BEST in ranked) + any(name != BEST for name in ranked) > 1 or denied:
        columns = [*ranked, *(name for name in given if name not in ranked), *denied]
        faults.append(CellFault(words.contradiction(columns), ", ".join(columns)))
    if faults:
        return faults
    comment = row.cells["comment"]
    if said["discard"]:
        return Judgment("discarded", comment=comment)
    if none_right:
        return Judgment("none_right", right_label=label, comment=comment)
    if best:
        return Judgment("ranked", tuple(best.items()), comment=comment, best_only=len(letters) > 2)
    return Judgment("ranked", tuple(ranks.items()), comment=comment)


def _best(row: SheetRow, letters: list[str]) -> tuple[dict[str, int], list[CellFault]]:
    """Ranks by letter from the cell that names the best card, and the fault of that cell."""
    text = row.cells[BEST]
    named = best_of(text, letters)
    if not text or named:
        return {letter: 1 if letter in named else 2 for letter in letters if named}, []
    return {}, [CellFault(words.bad_best(text, letters), BEST, text)]


def _ranks(row: SheetRow, letters: list[str]) -> tuple[dict[str, int], list[CellFault]]:
    """Ranks by letter, and the faults of the rank cells; none of either where no rank is given."""
    ranks: dict[str, int] = {}
    faults = []
    empty = []
    for letter in LETTERS:
        column = f"rank_{letter}"
        text = row.cells[column]
        if letter not in letters:
            if text:
                faults.append(CellFault(words.no_card(letter), column, text))
        elif not text:
            empty.append(column)
        elif (rank := rank_of(text, len(letters))) is None:
            faults.append(CellFault(words.bad_rank(text, len(letters)), column, text))
        else:
            ranks[letter] = rank
    if empty and len(empty) < len(letters):
        faults.append(CellFault(words.half_ranked(empty), ", ".join(empty)))
    return ranks, faults


def _label(row: SheetRow, taxonomy: Taxonomy, faults: list[CellFault]) -> str | None:
    text = row.cells["right_label"]
    if not text:
        return None
    label = label_of_text(text, taxonomy)
    if label is None:
        faults.append(CellFault(words.unknown_label(text, taxonomy.nearest(text)), "right_label", text))
        return None
    return label.id
