"""The files of a round: whose each one is, what counts of them, and what does not."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from feedback import sheet_words as words
from feedback.row_answers import CellFault, Judgment, Published, judged
from feedback.sheet import ANSWERS, LETTERS, TEMPLATE, answer_columns
from feedback.sheet_reader import READ, WORKBOOKS, Sheet, SheetRow, read_sheet
from feedback.sheet_words import Words
from feedback.teacher_list import FILE
from feedback.teacher_names import Registry, belongs_to_nobody, readable, stem_of
from prefopt.errors import DataError, FeedbackError, PrefoptError
from prefopt.io.hashing import hash_path
from prefopt.protocols import Question
from prefopt.records import SIMULATED, Uncounted

ASKED = "asked_again.txt"
"""The list of slates that want another teacher, written by prefopt."""
JUNK = (".DS_Store", "Thumbs.db", "desktop.ini")
"""Files that operating systems put into every folder."""
OWN = re.compile(r"\..+\.[0-9a-f-]+\.tmp")
"""What a prefopt that was killed while it wrote a file left of it (prefopt/io/files.py)."""


@dataclass(frozen=True)
class _Entry:
    """What one row of one file says of a slate; without a judgment, its cells are at fault."""

    row: SheetRow
    judgment: Judgment | None


@dataclass
class AnswerFiles:
    """Reads all files of a round once.

    Args:
        folder: of the round's files.
        project: the project's folder, to which the named files are relative.
        registry: the teachers.
        published: what they were shown.
        question: what they were asked.
    """

    folder: Path
    project: Path
    registry: Registry
    published: Published
    question: Question = "ranking"
    uncounted: list[Uncounted] = field(default_factory=list)
    """Filled by `read`."""

    @property
    def _columns(self) -> tuple[str, ...]:
        """Columns of the published sheet."""
        letters = [letter for letter in LETTERS if any(letter in cells for cells in self.published.questions.values())]
        return ("slate", "problem", *letters, *answer_columns(letters, self.question), *ANSWERS)

    def read(self) -> dict[str, dict[str, Judgment]]:
        """User name -> slate id -> the one judgment that counts.

        Raises:
            FeedbackError: no teacher is known, and somebody has answered.
        """
        files = self._by_teacher()
        return {teacher: self._answers(teacher, paths) for teacher, paths in sorted(files.items())}

    def _by_teacher(self) -> dict[str, list[Path]]:
        """User name -> files, the one that is named exactly after them first. The others are named."""
        found: dict[str, list[Path]] = defaultdict(list)
        unknown: list[Path] = []
        for path in sorted(self.folder.iterdir()):
            stem = stem_of(path)
            if path.name in (*JUNK, TEMPLATE, ASKED) or OWN.fullmatch(path.name):
                continue
            if path.is_dir() or path.name.startswith((".", "~")) or path.suffix.lower().strip() not in READ:
                self._say(words.not_read(path.name), path)
            elif (teacher := self.registry.user_of(stem)) is not None:
                found[teacher].append(path)
            elif belongs_to_nobody(stem):
                self._template(path)
            else:
                unknown.append(path)
        if (self.folder / TEMPLATE).exists():
            self._template(self.folder / TEMPLATE)
        self._strangers(unknown)
        self._outside()
        self._one_workbook(found)
        for teacher, paths in found.items():
            paths.sort(key=lambda path: (path.stem != teacher, path.suffix.lower() != ".csv", path.name))
        return found

    def _one_workbook(self, found: Mapping[str, list[Path]]) -> None:
        """Take out workbooks that are another teacher's, byte for byte: a workbook that was saved has its own times in it."""
        seen: dict[str, tuple[str, Path]] = {}
        for teacher, paths in sorted(found.items()):
            for path in [path for path in paths if path.suffix.lower().strip() in WORKBOOKS and path.is_file()]:
                try:
                    first, named = seen.setdefault(hash_path(path), (teacher, path))
                    is_copy = first != teacher and read_sheet(path).is_filled
                except (PrefoptError, OSError):  # it is named when its answers are read
                    continue
                if is_copy:
                    paths.remove(path)
                    self._say(words.same_workbook(first, readable(named.name)), path, teacher=teacher)

    def _strangers(self, unknown: Sequence[Path]) -> None:
        known = list(self.registry.people)
        if unknown and not known:
            proposed: dict[str, str] = {}
            for path in unknown:
                if Registry(proposed).user_of(stem_of(path)) is None and (name := Registry(proposed).proposed(stem_of(path))):
                    proposed[name] = ""
            listed = self._named(self.folder.parent / FILE)
            raise FeedbackError(
                f"no teacher is known yet, and {self._named(self.folder)} holds {', '.join(readable(path.name) for path in unknown)}",
                hint=f"prefopt teachers add {' '.join(proposed) or 'NAME'} (or list the teachers in {listed}, columns user,name)",
            )
        for path in unknown:
            self._say(
                words.unknown_teacher(self._named(self.folder.parent / FILE), self.registry.proposed(stem_of(path)), known),
                path,
                teacher=stem_of(path),
            )

    def _outside(self) -> None:
        """Files that were saved one folder too high."""
        if self.folder.parent == self.project:
            return
        for path in sorted(self.folder.parent.iterdir()):
            if path.suffix.lower() in READ and path.name != FILE and path.is_file() and not path.name.startswith((".", "~")):
                self._say(words.not_read(path.name), path)

    def _template(self, path: Path) -> None:
        """Answers in the sheet that belongs to nobody; one without answers is what it should be."""
        sheet = self._sheet(path, "")
        rows = sheet.rows if sheet else ()
        first = next((row for row in rows if row.filled and self.published.slate_of(row) is not None), None)
        if first is not None:
            known = [name for name in self.registry.people if not name.startswith(SIMULATED)]
            self._say(words.answers_in_template(known), path, line=first.line, teacher=stem_of(path))

    def _answers(self, teacher: str, paths: Sequence[Path]) -> dict[str, Judgment]:
        sheets = [self._sheet(path, teacher) for path in paths]
        self._names(teacher, [path for path, sheet in zip(paths, sheets, strict=True) if sheet is None or sheet.is_filled])
        entries: dict[str, list[_Entry]] = defaultdict(list)
        for sheet in sheets:
            for slate_id, entry in self._entries(sheet, teacher) if sheet else ():
                entries[slate_id].append(entry)
        counted = {}
        for slate_id, own in entries.items():
            judgment = self._one(teacher, slate_id, own)
            if judgment is not None:
                counted[slate_id] = judgment
        return counted

    def _names(self, teacher: str, filled: Sequence[Path]) -> None:
        """Name the further files of a teacher, and the one file that has another name than theirs; empty sheets are nothing to speak of."""
        for path in filled:
            stem = unicodedata.normalize("NFC", stem_of(path))
            if path != filled[0]:
                self._say(words.second_file(teacher, readable(filled[0].name)), path, teacher=stem if stem != teacher else "")
            elif stem != teacher:
                self._say(words.other_name(teacher), path, teacher=stem)

    def _sheet(self, path: Path, teacher: str) -> Sheet | None:
        try:
            sheet = read_sheet(path, self._columns)
        except DataError as error:
            self._say(words.unreadable(self._without_path(str(error), path)), path, line=error.line, teacher=teacher)
            return None
        except OSError as error:
            self._say(words.unreadable(error.strerror or str(error)), path, teacher=teacher)
            return None
        for kind, detail in sheet.beside:
            self._say(words.beside(kind, detail), path)
        for line, why in sheet.faults:
            self._say(words.bad_line(why), path, line=line, teacher=teacher)
        if sheet.missing:
            self._say(words.columns_gone(sheet.missing), path, column=", ".join(sheet.missing))
        if sheet.extra:
            self._say(words.columns_extra(sheet.extra), path, column=", ".join(sheet.extra))
        return sheet

    def _entries(self, sheet: Sheet, teacher: str) -> Iterator[tuple[str, _Entry]]:
        """(slate id, entry) of every row that is judged or at fault. Faults, and rows of no slate, are named."""
        cross_is_yes = False if sheet.has_marks else self.published.cross_is_yes
        shown = Published(self.published.questions, self.published.taxonomy, cross_is_yes)
        for row in sheet.rows:
            slate_id = shown.slate_of(row)
            if slate_id is None:
                said = row.slate_id or next((text for text in row.cells.values() if text.strip()), "")
                if said:
                    self._say(words.no_slate(said), row.path, line=row.line, found=said)
                continue
            result = judged(row, shown, slate_id, has_problem="problem" not in sheet.missing)
            if isinstance(result, list):
                self._faults(result, row, teacher, slate_id)
                yield slate_id, _Entry(row, None)
            elif result is not None:
                yield slate_id, _Entry(row, result)
            elif comment := row.cells["comment"]:
                self._faults([CellFault(words.comment_alone(), "comment", comment)], row, teacher, slate_id)

    def _faults(self, faults: Sequence[CellFault], row: SheetRow, teacher: str, slate_id: str) -> None:
        for fault in faults:
            self._say(fault.words, row.path, line=row.line, column=fault.column, found=fault.found, teacher=teacher, slate_id=slate_id)

    def _one(self, teacher: str, slate_id: str, entries: Sequence[_Entry]) -> Judgment | None:
        """The judgment on which all rows of a teacher agree, with all their comments; None where a row is at fault or they differ."""
        judgments = [entry.judgment for entry in entries if entry.judgment is not None]
        if len(judgments) < len(entries):
            return None
        first = judgments[0]
        if any(j.said != first.said for j in judgments):
            places = [f"{readable(entry.row.path.name)}:{entry.row.line}" for entry in entries]
            self._say(words.answers_differ(places), entries[0].row.path, line=entries[0].row.line, teacher=teacher, slate_id=slate_id)
            return None
        comments = dict.fromkeys(judgment.comment for judgment in judgments if judgment.comment)
        return replace(first, comment="\n".join(comments))

    def _say(
        self,
        said: Words,
        path: Path,
        *,
        line: int | None = None,
        column: str = "",
        found: str = "",
        teacher: str = "",
        slate_id: str = "",
    ) -> None:
        self.uncounted.append(
            Uncounted(
                kind=said.kind,
                ko=said.ko,
                en=said.en,
                teacher=teacher,
                slate_id=slate_id,
                path=self._named(path),
                line=line,
                column=column,
                found=found,
            )
        )

    def _named(self, path: Path) -> str:
        return readable(path.relative_to(self.project).as_posix() if path.is_relative_to(self.project) else str(path))

    def _without_path(self, text: str, path: Path) -> str:
        """An error's text in one line, without the file, which is printed next to it."""
        return " ".join(text.replace(str(path), readable(path.name)).split())
