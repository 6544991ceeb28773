"""The feedback source "file": one CSV file per teacher, <project>/feedback/<round>/<teacher>.csv, copied from slates.csv.

It satisfies the same contract as the Argilla source and needs no server. A teacher's answers are never overwritten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BaseModel, Field

from feedback.sheet import TEMPLATE, Row, answer_cells, columns, question_cells, read_sheet, refuse_other_cards, to_ranking, write_sheet
from prefopt.errors import DataError, FeedbackError
from prefopt.frozen import Frozen
from prefopt.protocols import FeedbackContext
from prefopt.records import Progress, Ranking, Receipt, Slate

TeacherName = Annotated[str, Field(pattern=r"^[^\s/\\.~][^\s/\\]*$", max_length=80)]


class FileConfig(Frozen):
    """[feedback.options] of the source "file"."""

    teachers: tuple[TeacherName, ...] = ()
    """Teachers for whom a file is created; others copy slates.csv to <user name>.csv."""
    folder: str = "feedback"
    """Directory below the project."""


class FileSource:
    """FeedbackSource over CSV files. Nothing is read or written before a method is called."""

    name: ClassVar[str] = "file"
    Config: ClassVar[type[BaseModel]] = FileConfig

    def __init__(self, config: FileConfig, context: FeedbackContext) -> None:
        self._config = config
        self._context = context

    @property
    def folder(self) -> Path:
        """Directory of this round's files."""
        return self._context.project / self._config.folder / self._context.name

    def publish(self, slates: Sequence[Slate]) -> list[Receipt]:
        """Write slates.csv and a copy for each configured teacher; existing files stay.

        Raises:
            FeedbackError: the directory holds the slates of another round, or cannot be written.
            DataError: an existing slates.csv cannot be read.
        """
        if not slates:
            raise FeedbackError("no slates to publish")
        questions = {slate.id: question_cells(slate, self._context.taxonomy) for slate in slates}
        template = self.folder / TEMPLATE
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for path in (template, *(self.folder / f"{teacher}.csv" for teacher in self._config.teachers)):
                if not path.exists():
                    write_sheet(path, columns(slates), questions)
        except OSError as error:
            raise FeedbackError(f"cannot write {error.filename or self.folder}: {error.strerror or error}") from None
        shown = {
            row.slate_id: {name: row.cells[name] for name in row.cells if name in questions.get(row.slate_id, {})}
            for row in read_sheet(template)
        }
        if shown != questions:
            raise FeedbackError(
                f"{template} holds the slates of another round",
                hint=f"give this project another name ([project] name), or move {self.folder} elsewhere",
            )
        shown_as = f"{self._config.folder}/{self._context.name}/{TEMPLATE}"
        return [Receipt(slate_id=slate.id, source=self.name, dataset=self._context.name, record=slate.id, url=shown_as) for slate in slates]

    def collect(self, slates: Sequence[Slate], receipts: Sequence[Receipt]) -> list[Ranking]:
        """Every judged row of every teacher's file. Rows without a judgment (empty, or with a comment alone) are skipped.

        Raises:
            DataError: with file and line, for a row that is half filled in, contradicts itself, or names an unknown slate or label.
            FeedbackError: the directory is missing.
        """
        by_id = {slate.id: slate for slate in slates}
        published = self._published(receipts)
        rankings = []
        for teacher, row in self._rows(receipts):
            if row.slate_id not in by_id or row.slate_id not in published:
                raise DataError(
                    f"slate {row.slate_id!r} was not published in this round", path=row.path, line=row.line, hint="delete the row"
                )
            refuse_other_cards(row, question_cells(by_id[row.slate_id], self._context.taxonomy))
            ranking = to_ranking(row, by_id[row.slate_id], teacher, self._context.taxonomy)
            if ranking is not None:
                rankings.append(ranking)
        return sorted(rankings, key=lambda ranking: (ranking.slate_id, ranking.teacher))

    def progress(self, receipts: Sequence[Receipt]) -> Progress:
        """Count the judged rows by Progress.of; half-filled rows do not count."""
        answered = [(row.slate_id, teacher) for teacher, row in self._rows(receipts) if row.is_complete]
        return Progress.of(self._published(receipts), answered, self._context.overlap)

    def teachers(self) -> list[str]:
        """Teachers for whom a file was created, with or without answers."""
        return sorted(self._config.teachers)

    def enter_answers(
        self, slates: Sequence[Slate], receipts: Sequence[Receipt], answers: Mapping[str, Sequence[Ranking]]
    ) -> dict[str, list[Ranking]]:
        """Fill in the files of simulated teachers; rows that are judged already stay."""
        folder = self._folder_of(receipts)
        questions = {slate.id: question_cells(slate, self._context.taxonomy) for slate in slates}
        by_id = {slate.id: slate for slate in slates}
        entered: dict[str, list[Ranking]] = {}
        for done, (teacher, own) in enumerate(answers.items(), 1):
            path = folder / f"{teacher}.csv"
            judged = {row.slate_id: row.cells for row in read_sheet(path) if row.is_judged} if path.exists() else {}
            entered[teacher] = [ranking for ranking in own if ranking.slate_id not in judged]
            filled = {
                slate_id: {name: cell for name, cell in cells.items() if name not in questions[slate_id]}
                for slate_id, cells in judged.items()
            }
            filled |= {ranking.slate_id: answer_cells(by_id[ranking.slate_id], ranking) for ranking in entered[teacher]}
            write_sheet(path, columns(slates), questions, filled)
            self._context.on_step(done, len(answers), teacher)
        return entered

    def _folder_of(self, receipts: Sequence[Receipt]) -> Path:
        """Folder of the published files; a branch of a round reads those of the round that published them."""
        return self.folder.with_name(receipts[0].dataset) if receipts else self.folder

    def _published(self, receipts: Sequence[Receipt]) -> list[str]:
        foreign = sorted({receipt.source for receipt in receipts} - {self.name})
        if foreign:
            raise FeedbackError(
                f"these slates were published by the source {', '.join(foreign)}, not by {self.name}", hint="restore source in [feedback]"
            )
        return [receipt.slate_id for receipt in receipts]

    def _rows(self, receipts: Sequence[Receipt]) -> Iterator[tuple[str, Row]]:
        """(teacher, row) for every row of every teacher's file."""
        folder = self._folder_of(receipts)
        if not folder.is_dir():
            raise FeedbackError(f"{folder} is missing", hint="restore the directory with the teachers' files")
        template = folder / TEMPLATE
        answered = next((row for row in read_sheet(template) if row.is_judged), None) if template.exists() else None
        if answered is not None:
            name = folder / "<teacher>.csv"
            raise DataError(
                "judgments in the template, which belongs to no teacher",
                path=template,
                line=answered.line,
                hint=f"rename the file to {name}",
            )
        for path in sorted(folder.glob("*.csv")):
            if path.name == TEMPLATE or path.name.startswith(("~", ".")):  # lock files of spreadsheet programs
                continue
            yield from ((path.stem, row) for row in read_sheet(path))
