"""The CSV file that a teacher fills in: its columns, how it is written, and how a filled row becomes a Ranking.

UTF-8 with a byte-order mark, so that Excel shows Korean; a cell that a spreadsheet would run as a formula begins with an apostrophe.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from feedback.mapping import POSITIONS, label_of
from prefopt.errors import DataError
from prefopt.io.files import replacing
from prefopt.io.spreadsheet import escape_formula, unescape_formula
from prefopt.readers.csv_reader import read_csv
from prefopt.records import Ranking, Slate
from prefopt.taxonomy import Taxonomy

TEMPLATE = "slates.csv"
LETTERS = POSITIONS.upper()
YES = {"1", "x", "o", "v", "y", "yes", "예", "네", "true"}
NO = {"", "0", "n", "no", "아니오", "아니요", "false"}
ANSWERS = ("none_right", "right_label", "discard", "comment")


@dataclass(frozen=True)
class Row:
    """One row of a teacher's file."""

    path: Path
    line: int
    cells: Mapping[str, str]

    @property
    def slate_id(self) -> str:
        """Id of the slate that the row shows."""
        return self.cells["slate"]

    @property
    def ranks(self) -> dict[str, str]:
        """Letter -> text of its rank cell, for the cards of the slate."""
        return {letter: self.cells.get(f"rank_{letter}", "") for letter in LETTERS if self.cells.get(letter)}

    @property
    def is_judged(self) -> bool:
        """Whether any cell but the comment is filled in."""
        return any([*self.ranks.values(), self.cells["right_label"], self._is_filled("none_right"), self._is_filled("discard")])

    @property
    def is_complete(self) -> bool:
        """Whether the filled cells make up an answer; they may still contradict each other (see to_ranking)."""
        return self._is_filled("discard") or self._is_filled("none_right") or bool(self.cells["right_label"]) or all(self.ranks.values())

    def _is_filled(self, column: str) -> bool:
        return self.cells[column].lower() not in NO

    def is_checked(self, column: str) -> bool:
        """The value of a yes-or-no cell. Raises DataError for any other text."""
        text = self.cells[column].lower()
        if text not in YES | NO:
            raise self.fault(f"{column} = {self.cells[column]!r}", "write x for yes, or clear the cell")
        return text in YES

    def fault(self, message: str, hint: str) -> DataError:
        """An error that names the file, the line and the slate."""
        return DataError(f"slate {self.slate_id}: {message}", path=self.path, line=self.line, hint=hint)


def columns(slates: Sequence[Slate]) -> list[str]:
    """Names of the columns for these slates, in order."""
    letters = LETTERS[: max(len(slate.candidates) for slate in slates)]
    return ["slate", "problem", *letters, *(f"rank_{letter}" for letter in letters), *ANSWERS]


def question_cells(slate: Slate, taxonomy: Taxonomy) -> dict[str, str]:
    """The cells that show a slate: its id, the problem, and a text for each card. Formulas are escaped."""
    cells = {"slate": slate.id, "problem": slate.problem.text}
    for letter, candidate in zip(LETTERS, slate.shown, strict=False):
        label = label_of(slate, candidate, taxonomy)
        lines = [f"{label.id} {label.name}", " › ".join(label.groups), candidate.answer.reason or ""]
        cells[letter] = "\n".join(line for line in lines if line)
    return {name: escape_formula(_one_newline(text)) for name, text in cells.items()}


def answer_cells(slate: Slate, ranking: Ranking) -> dict[str, str]:
    """The cells that a teacher fills in for a Ranking; the inverse of to_ranking."""
    cells = {"comment": escape_formula(ranking.comment)}
    if ranking.kind == "discarded":
        cells["discard"] = "x"
    elif ranking.kind == "none_right":
        cells |= {"none_right": "x", "right_label": ranking.right_label or ""}
    else:
        cells |= {f"rank_{letter}": str(ranking.ranks[c.id]) for letter, c in zip(LETTERS, slate.shown, strict=False)}
    return cells


def refuse_other_cards(row: Row, published: Mapping[str, str]) -> None:
    """Raise DataError if the row's cards differ from the published ones, spaces aside: its ranks would be about other cards."""
    changed = [name for name, text in published.items() if name in LETTERS and _bare(row.cells.get(name, "")) != _bare(text)]
    if row.is_judged and changed:
        raise row.fault(
            f"{', '.join(changed)} no longer shows the published card",
            f"copy the row from {TEMPLATE} again; when sorting, sort whole rows",
        )


def _bare(text: str) -> str:
    return "".join(unicodedata.normalize("NFC", text).split())


def to_ranking(row: Row, slate: Slate, teacher: str, taxonomy: Taxonomy) -> Ranking | None:
    """The Ranking of a filled row; None for a row that is empty or has a comment alone.

    Raises:
        DataError: with file and line, if it is half filled in, contradicts itself or names an unknown label.
    """
    if not row.is_judged:
        return None
    given = {letter: text for letter, text in row.ranks.items() if text}
    discard, none_right = row.is_checked("discard"), row.is_checked("none_right") or bool(row.cells["right_label"])
    comment = row.cells["comment"]
    if discard + none_right + bool(given) > 1:
        raise row.fault("ranks, none_right and discard contradict each other", "fill in only one of them")
    if discard:
        return Ranking(slate_id=slate.id, teacher=teacher, kind="discarded", comment=comment)
    if none_right:
        return Ranking(slate_id=slate.id, teacher=teacher, kind="none_right", right_label=_label(row, taxonomy), comment=comment)
    count = len(slate.candidates)
    if len(given) < count:
        missing = ", ".join(f"rank_{letter}" for letter in LETTERS[:count] if letter not in given)
        raise row.fault(f"{missing} is empty", "rank every card (equal ranks are allowed), or clear the ranks")
    ranks = {candidate.id: _rank(row, letter, count) for letter, candidate in zip(LETTERS, slate.shown, strict=False)}
    return Ranking(slate_id=slate.id, teacher=teacher, kind="ranked", ranks=ranks, comment=comment)


def _label(row: Row, taxonomy: Taxonomy) -> str | None:
    text = row.cells["right_label"]
    if not text:
        return None
    label = taxonomy.find(text)
    if label is None:
        near = ", ".join(taxonomy.nearest(text)) or f"a code of {taxonomy.source or 'the taxonomy'}"
        raise row.fault(f"right_label = {text!r} is not a label of the taxonomy", f"write e.g. {near}")
    return label.id


def _rank(row: Row, letter: str, count: int) -> int:
    text = row.ranks[letter]
    rank = text.removesuffix(".0")  # some spreadsheets write whole numbers this way
    if not rank.isdecimal() or not 1 <= int(rank) <= count:
        raise row.fault(f"rank_{letter} = {text!r}", f"write a whole number from 1 to {count}; 1 is best")
    return int(rank)


def read_sheet(path: Path) -> list[Row]:
    """Read a teacher's file.

    Raises:
        DataError: with file and line, for another encoding, a file that is not CSV, a missing column, or a slate that occurs twice.
    """
    table = read_csv(path, hint=f"copy {TEMPLATE}", pad=True)
    missing = [name for name in ("slate", "problem", "A", "B", "rank_A", "rank_B", *ANSWERS) if name not in table.columns]
    if missing:
        raise DataError(f"no column {', '.join(missing)}", path=path, line=1, hint=f"copy {TEMPLATE} again and keep its first line")
    rows: dict[str, Row] = {}
    for parsed in table.rows:
        row = Row(path, parsed.line, {name: _read_cell(name, value) for name, value in parsed.values.items()})
        if row.slate_id in rows:
            raise row.fault(f"duplicate; first on line {rows[row.slate_id].line}", "delete one of the two rows")
        rows[row.slate_id] = row
    return list(rows.values())


def _read_cell(name: str, value: str) -> str:
    if name in ("slate", "problem", *LETTERS):
        return _one_newline(value)
    text = unicodedata.normalize("NFC", value).strip()
    if name == "comment":
        return unescape_formula(text)
    return unicodedata.normalize("NFKC", text)


def write_sheet(
    path: Path, names: Sequence[str], questions: Mapping[str, Mapping[str, str]], answers: Mapping[str, Mapping[str, str]] | None = None
) -> None:
    """Write a teacher's file atomically.

    Args:
        path: the file; an existing one is replaced.
        names: the columns, in order.
        questions: slate id -> cells that show the slate.
        answers: slate id -> filled cells; None writes an empty form.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(names), restval="")
        writer.writeheader()
        for slate_id, cells in questions.items():
            writer.writerow({**cells, **(answers or {}).get(slate_id, {})})


def _one_newline(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
