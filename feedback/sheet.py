"""The CSV file that a teacher fills in: which columns it has, how it is written, and what a filled row means.

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
from prefopt.io.csv_reader import read_csv
from prefopt.io.files import replacing
from prefopt.io.spreadsheet import escape_formula, unescape_formula
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
        return self.cells["slate"]

    @property
    def ranks(self) -> dict[str, str]:
        """Letter -> what is written as its rank, for the cards that the slate has."""
        return {letter: self.cells.get(f"rank_{letter}", "") for letter in LETTERS if self.cells.get(letter)}

    @property
    def is_judged(self) -> bool:
        """Whether anything but a comment was filled in."""
        answers = [*self.ranks.values(), self.cells["right_label"], *(self._yes(name) for name in ("none_right", "discard"))]
        return any(answers)

    @property
    def is_complete(self) -> bool:
        return self._yes("discard") or self._yes("none_right") or bool(self.cells["right_label"]) or all(self.ranks.values())

    def _yes(self, column: str) -> bool:
        return self.cells[column].lower() not in NO

    def says(self, column: str) -> bool:
        """What a yes-or-no cell says. Raises DataError where it says neither."""
        text = self.cells[column].lower()
        if text not in YES | NO:
            raise self.fault(f"{column} = {self.cells[column]!r}", "write x for yes, or leave it empty")
        return text in YES

    def fault(self, message: str, hint: str) -> DataError:
        return DataError(f"slate {self.slate_id}: {message}", path=self.path, line=self.line, hint=hint)


def columns(slates: Sequence[Slate]) -> list[str]:
    """Names of the columns for these slates, in order."""
    letters = LETTERS[: max(len(slate.candidates) for slate in slates)]
    return ["slate", "problem", *letters, *(f"rank_{letter}" for letter in letters), *ANSWERS]


def question_cells(slate: Slate, taxonomy: Taxonomy) -> dict[str, str]:
    """The cells that ask: the slate's id, the problem, and a text for each card. Formulas are escaped."""
    cells = {"slate": slate.id, "problem": slate.problem.text}
    for letter, candidate in zip(LETTERS, slate.shown, strict=False):
        label = label_of(slate, candidate, taxonomy)
        lines = [f"{label.id} {label.name}", " › ".join(label.groups), candidate.answer.reason or ""]
        cells[letter] = "\n".join(line for line in lines if line)
    return {name: escape_formula(_one_newline(text)) for name, text in cells.items()}


def answer_cells(slate: Slate, ranking: Ranking) -> dict[str, str]:
    """The cells that a teacher fills in to say a Ranking; the reverse of to_ranking."""
    cells = {"comment": escape_formula(ranking.comment)}
    if ranking.kind == "discarded":
        cells["discard"] = "x"
    elif ranking.kind == "none_right":
        cells |= {"none_right": "x", "right_label": ranking.right_label or ""}
    else:
        cells |= {f"rank_{letter}": str(ranking.ranks[c.id]) for letter, c in zip(LETTERS, slate.shown, strict=False)}
    return cells


def refuse_other_cards(row: Row, asked: Mapping[str, str]) -> None:
    """Raise DataError where the row's cards are not those that were asked, spaces aside: its ranks would be about other cards."""
    changed = [name for name, text in asked.items() if name in LETTERS and _bare(row.cells.get(name, "")) != _bare(text)]
    if row.is_judged and changed:
        raise row.fault(
            f"{', '.join(changed)} no longer shows what was asked",
            f"copy the row from {TEMPLATE} again; sort whole rows, never single columns",
        )


def _bare(text: str) -> str:
    return "".join(unicodedata.normalize("NFC", text).split())


def to_ranking(row: Row, slate: Slate, teacher: str, taxonomy: Taxonomy) -> Ranking | None:
    """What a row says; None where it says nothing, or a comment alone.

    Raises:
        DataError: with file and line, where it is half filled in, contradicts itself or names an unknown label.
    """
    if not row.is_judged:
        return None
    given = {letter: text for letter, text in row.ranks.items() if text}
    discard, none_right = row.says("discard"), row.says("none_right") or bool(row.cells["right_label"])
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
        raise row.fault(f"right_label = {text!r} is no label of the taxonomy", f"write e.g. {near}")
    return label.id


def _rank(row: Row, letter: str, count: int) -> int:
    text = row.ranks[letter]
    rank = text.removesuffix(".0")  # what some spreadsheets make of a whole number
    if not rank.isdecimal() or not 1 <= int(rank) <= count:
        raise row.fault(f"rank_{letter} = {text!r}", f"write a whole number from 1 to {count}; 1 is best")
    return int(rank)


def read_sheet(path: Path) -> list[Row]:
    """Read a teacher's file.

    Raises:
        DataError: with file and line: another encoding, not CSV, a column is missing, or a slate is there twice.
    """
    table = read_csv(path, hint=f"copy {TEMPLATE}", pad=True)
    missing = [name for name in ("slate", "problem", "A", "B", "rank_A", "rank_B", *ANSWERS) if name not in table.columns]
    if missing:
        raise DataError(f"no column {', '.join(missing)}", path=path, line=1, hint=f"copy {TEMPLATE} again and keep its first line")
    rows: dict[str, Row] = {}
    for found in table.rows:
        row = Row(path, found.line, {name: _read_cell(name, value) for name, value in found.values.items()})
        if row.slate_id in rows:
            raise row.fault(f"again; first on line {rows[row.slate_id].line}", "remove one of the two rows")
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
    """Write a file whole or not at all.

    Args:
        path: the file; replaced where it is there.
        names: the columns.
        questions: slate id -> cells that ask.
        answers: slate id -> filled cells.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(names), restval="")
        writer.writeheader()
        for slate_id, cells in questions.items():
            writer.writerow({**cells, **(answers or {}).get(slate_id, {})})


def _one_newline(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
