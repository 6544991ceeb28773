"""The CSV file that a teacher fills in: its columns, how it is written, and how its cards are recognized again.

UTF-8 with a byte-order mark, so that Excel shows Korean. The sheet's own words are of CP949, in which Excel's plain "CSV" saves, and a cell
that a spreadsheet would run as a formula begins with an apostrophe.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from feedback.mapping import POSITIONS, label_of
from feedback.words import details_of, name_of
from prefopt.controls import shown
from prefopt.domain import DomainSettings
from prefopt.io.files import PRIVATE, replacing
from prefopt.io.spreadsheet import write_cells
from prefopt.project.conclusions import shown_reason
from prefopt.protocols import Question
from prefopt.records import Ranking, Slate
from prefopt.taxonomy import Taxonomy
from prefopt.texts.folded import visible

TEMPLATE = "slates.csv"
LETTERS = POSITIONS.upper()
BEST = "best"
"""Column of sheets that ask for the best card: its letter, or both letters where a slate has two cards and they are level."""
ANSWERS = ("none_right", "right_label", "discard", "comment")
MARKS = "O=yes(예) X=no(아니오)"
"""The last column: it has no cells. Its name says what O and X mean; sheets of earlier versions, which asked for an x, lack it."""


def columns(slates: Sequence[Slate], question: Question = "ranking") -> list[str]:
    """Names of the columns for these slates, in order: one for the letter of the best card, or one for the rank of each."""
    letters = LETTERS[: max(len(slate.candidates) for slate in slates)]
    return ["slate", "problem", *letters, *answer_columns(letters, question), *ANSWERS, MARKS]


def answer_columns(letters: Sequence[str], question: Question) -> list[str]:
    """Names of the columns in which cards are judged."""
    return [BEST] if question == "best" else [f"rank_{letter}" for letter in letters]


@dataclass(frozen=True)
class Cards:
    """What the cards of a sheet show."""

    taxonomy: Taxonomy
    domain: DomainSettings = DomainSettings()  # noqa: RUF009 - frozen
    """Language of names and details."""
    card_fields: tuple[str, ...] = ()
    """What cards show besides label and reason."""
    every_reason: bool = False
    """Whether a reason is shown that concludes for another label than its card's, as in sheets of earlier versions."""


def question_cells(slate: Slate, cards: Cards) -> dict[str, str]:
    """The cells that show a slate: its id, the problem, and a text for each card, without control characters."""
    cells = {"slate": slate.id, "problem": slate.problem.text + figure_line(slate, cards.domain)}
    for letter, candidate in zip(LETTERS, slate.shown, strict=False):
        label = label_of(slate, candidate, cards.taxonomy)
        answer = candidate.answer
        reason = answer.reason or "" if cards.every_reason else shown_reason(answer, cards.taxonomy, cards.domain)
        details = details_of(answer, cards.domain, cards.card_fields)
        lines = [f"{label.id} {name_of(label, cards.domain)}", " > ".join(label.groups), reason, details]
        cells[letter] = "\n".join(line for line in lines if line)
    return {name: shown(one_newline(text)) for name, text in cells.items()}


def figure_line(slate: Slate, domain: DomainSettings) -> str:
    """What stands below a problem that has an image: where the image is, and what it shows; empty without one."""
    if slate.figure is None:
        return ""
    said = f" {slate.figure.alt}" if slate.figure.alt else ""
    return f"\n[{'figure' if domain.language == 'en' else '그림'}: {figure_name(slate)}]{said}"


def figure_name(slate: Slate) -> str:
    """The name of a slate's image in the folder of images."""
    suffix = {"image/png": "png", "image/jpeg": "jpg", "image/svg+xml": "svg"}[slate.figure.type] if slate.figure else ""
    return f"{re.sub(r'[^A-Za-z0-9_-]', '_', slate.id)}.{suffix}"


def answer_cells(slate: Slate, ranking: Ranking, yes: str = "O", question: Question = "ranking") -> dict[str, str]:
    """The cells that a teacher fills in for a Ranking; `yes` is what stands for yes in this sheet, which asks this question."""
    cells = {"comment": ranking.comment}
    if ranking.kind == "discarded":
        cells["discard"] = yes
    elif ranking.kind == "none_right":
        cells |= {"none_right": yes, "right_label": ranking.right_label or ""}
    elif question == "best":
        best = min(ranking.ranks.values())
        cells[BEST] = "=".join(letter for letter, c in zip(LETTERS, slate.shown, strict=False) if ranking.ranks[c.id] == best)
    else:
        cells |= {f"rank_{letter}": str(ranking.ranks[c.id]) for letter, c in zip(LETTERS, slate.shown, strict=False)}
    return cells


def published_cells(slate: Slate, cards: Cards, row: Mapping[str, str] | None) -> dict[str, str]:
    """The cells that show a slate, as the row of the published sheet has them: a sheet of an earlier version shows every reason."""
    cells = question_cells(slate, cards)
    if row is None or shows_all(row, cells):
        return cells
    earlier = question_cells(slate, replace(cards, every_reason=True))
    return earlier if shows_all(row, earlier) else cells


def shows_all(row: Mapping[str, str], cells: Mapping[str, str]) -> bool:
    """Whether a row still shows all cells of a slate."""
    return all(shows(row[name], text) for name, text in cells.items())


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
    mode = None if answers is None else PRIVATE
    with replacing(path, mode=mode) as temporary, temporary.open("w", encoding="utf-8-sig", newline="") as file:
        write_cells(file, [names], line_end="\r\n")
        for slate_id, cells in questions.items():
            row = {**cells, **(answers or {}).get(slate_id, {})}
            write_cells(file, [[row.get(name, "") for name in names]], line_end="\r\n")


def shows(cell: str, published: str) -> bool:
    """Whether a cell still shows the published text: spaces, letters in pieces, a lost apostrophe and what CP949 cannot hold aside.

    Excel's plain "CSV" writes a question mark, or a character that looks alike, for each one that CP949 lacks.
    """
    seen = _bare(cell)
    wanted, kept, lost = _parts(published)
    if seen == wanted:
        return True
    if not kept <= len(seen) <= kept + 2 * lost:
        return False
    return _is_lossy(published, seen)


@lru_cache(maxsize=20_000)
def _parts(published: str) -> tuple[str, int, int]:
    """The published text as it is compared, and how many of its characters CP949 has and has not."""
    there = [kept for kept in map(_in_cp949, _earlier(published)) if kept is not None]
    return _bare(published), sum(there), len(there) - sum(there)


def _is_lossy(published: str, seen: str) -> bool:
    """Whether Excel may have made what is seen of the text: up to two other characters for each one that CP949 lacks.

    All positions to which the text so far can reach are followed at once, as bits: a regular expression would try them one by one.
    """
    places: dict[str, int] = {}
    for at, c in enumerate(seen):
        places[c] = places.get(c, 0) | 1 << at
    reached, all_places = 1, (1 << len(seen) + 1) - 1
    for c in _earlier(published):
        kept = _in_cp949(c)
        if kept is not None:
            reached = (reached & places.get(c, 0)) << 1 if kept else (reached | reached << 1 | reached << 2) & all_places
    return bool(reached >> len(seen))


def _earlier(published: str) -> str:
    """The text as earlier versions wrote it, with a sign between groups that CP949 does not have."""
    return published.lstrip("'").replace(" > ", " › ")


def _bare(text: str) -> str:
    return "".join(visible(text).lstrip("'").split())


@lru_cache(maxsize=5_000)
def _in_cp949(c: str) -> bool | None:
    """Whether CP949 has the character; None for the spaces that are not compared."""
    if c.isspace() and c.isascii():
        return None
    try:
        c.encode("cp949")
    except UnicodeEncodeError:
        return False
    return True


def one_newline(text: str) -> str:
    """The text with \\n at the end of its lines."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
