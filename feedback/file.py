"""The feedback source "file": one file per teacher, <project>/feedback/<round>/<teacher>.csv (or .xlsx), copied from slates.csv.

It satisfies the same contract as the Argilla source and needs no server. A teacher's answers are never overwritten.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BaseModel, Field

from feedback import sheet_words as words
from feedback.answer_files import ASKED, AnswerFiles
from feedback.people import NAME
from feedback.row_answers import Published
from feedback.sheet import (
    LETTERS,
    MARKS,
    TEMPLATE,
    Cards,
    answer_cells,
    columns,
    figure_name,
    published_cells,
    question_cells,
    shows_all,
    write_sheet,
)
from feedback.sheet_reader import Sheet, read_sheet
from feedback.teacher_list import registry
from feedback.teacher_names import Registry, stem_of
from prefopt.errors import FeedbackError, PrefoptError
from prefopt.frozen import Frozen
from prefopt.io.files import write_bytes, write_text
from prefopt.protocols import FeedbackContext
from prefopt.records import Progress, Ranking, Receipt, Slate, Uncounted, content_id

TeacherName = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]


class FileConfig(Frozen):
    """[feedback.options] of the source "file"."""

    teachers: tuple[TeacherName, ...] = ()
    """Teachers of the project, besides those of teachers.csv in the folder; a file is created for each of them."""
    folder: str = "feedback"
    """Directory below the project."""


class FileSource:
    """FeedbackSource over files. Nothing is read or written before a method is called."""

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
        """Write slates.csv and a copy for each known teacher; existing files stay.

        Raises:
            FeedbackError: the directory holds the slates of another round, or cannot be written.
            DataError: an existing slates.csv, or the list of teachers, cannot be read.
            ConfigError: two teachers have one name in two spellings.
        """
        if not slates:
            raise FeedbackError("no slates to publish")
        questions = {slate.id: question_cells(slate, self._cards) for slate in slates}
        template = self.folder / TEMPLATE
        known = self._registry()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            have = {known.user_of(stem_of(path)) for path in self.folder.iterdir() if path.name != TEMPLATE}
            for path in (template, *(self.folder / f"{teacher}.csv" for teacher in known.people if teacher not in have)):
                if not path.exists():
                    write_sheet(path, columns(slates, self._context.question), questions)
            self._write_figures(slates)
        except OSError as error:
            raise FeedbackError(f"cannot write {error.filename or self.folder}: {error.strerror or error}") from None
        rows = {row.slate_id: row.cells for row in read_sheet(template).rows}
        questions = {slate.id: published_cells(slate, self._cards, rows.get(slate.id)) for slate in slates}
        if rows.keys() != questions.keys() or not all(shows_all(rows[slate_id], cells) for slate_id, cells in questions.items()):
            raise FeedbackError(
                f"{template} holds the slates of another round",
                hint=f"give this project another name ([project] name), or move {self.folder} elsewhere",
            )
        shown_as = f"{self._config.folder}/{self._context.name}/{TEMPLATE}"
        return [Receipt(slate_id=slate.id, source=self.name, dataset=self._context.name, record=slate.id, url=shown_as) for slate in slates]

    def _write_figures(self, slates: Sequence[Slate]) -> None:
        """Write the images of problems into a folder beside that of the sheets, under the names that the sheets give."""
        folder = self.folder.with_name(f"{self._context.name}-figures")
        for slate in slates:
            if slate.figure is not None:
                folder.mkdir(parents=True, exist_ok=True)
                write_bytes(folder / figure_name(slate), base64.b64decode(slate.figure.data))

    def collect(self, slates: Sequence[Slate], receipts: Sequence[Receipt]) -> list[Ranking]:
        """Every judgment that counts, once per teacher and slate. Raises as `read`."""
        return self.read(slates, receipts)[0]

    def read(self, slates: Sequence[Slate], receipts: Sequence[Receipt]) -> tuple[list[Ranking], list[Uncounted]]:
        """Every judgment that counts, once per teacher and slate, and what does not count: faulty cells, second and unknown files.

        Raises:
            FeedbackError: the directory is missing, or holds answers while no teacher is known.
            DataError, ConfigError: the list of teachers cannot be read, or has one name in two spellings.
        """
        by_id = {slate.id: slate for slate in slates}
        published = [slate_id for slate_id in self._published(receipts) if slate_id in by_id]
        questions = self._questions([by_id[slate_id] for slate_id in published], receipts)
        files = self._files(receipts, questions)
        answers = files.read()
        rankings = [judgment.ranking(by_id[slate_id], teacher) for teacher, own in answers.items() for slate_id, judgment in own.items()]
        return sorted(rankings, key=lambda ranking: (ranking.slate_id, ranking.teacher)), files.uncounted

    def ask_more(
        self, slates: Sequence[Slate], receipts: Sequence[Receipt], answers: Sequence[Ranking], missing: Mapping[str, int]
    ) -> None:
        """Write which slates want another teacher, and whom, into asked_again.txt beside the teachers' files; without any, remove it.

        Raises:
            FeedbackError: the list cannot be written.
        """
        asked: dict[str, list[tuple[str, str]]] = {name: [] for name in self.teachers()}
        for slate in slates:
            own = {answer.teacher for answer in answers if answer.slate_id == slate.id}
            if own and slate.id in missing:  # one without an answer is open to all
                others = sorted(asked.keys() - own, key=lambda name: content_id(slate.id, name))
                for name in others[: missing[slate.id]]:
                    asked[name].append((slate.id, slate.problem.text))
        path = self._folder_of(receipts) / ASKED
        try:
            if any(asked.values()):
                write_text(path, words.asked_again(asked, self._context.domain))
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise FeedbackError(f"cannot write {path}: {error.strerror or error}") from None

    def progress(self, receipts: Sequence[Receipt]) -> Progress:
        """Count the judgments that count, by Progress.of. Raises as `read`."""
        template = self._template(receipts)
        shown = {row.slate_id: row.cells for row in template.rows} if template else {}
        names = ("slate", "problem", *LETTERS)
        questions = {
            slate_id: {name: shown[slate_id][name] for name in names if shown[slate_id][name]}
            for slate_id in self._published(receipts)
            if slate_id in shown
        }
        answers = self._files(receipts, questions).read()
        answered = [(slate_id, teacher) for teacher, own in answers.items() for slate_id in own]
        return Progress.of(self._published(receipts), answered, self._context.overlap)

    def teachers(self) -> list[str]:
        """The teachers of the project, with or without answers."""
        return list(self._registry().people)

    def gone(self, teacher: str, count: int) -> Uncounted:
        """That the answers of a teacher were deleted, or moved to a file of another name; they do not count as a second person's."""
        said = words.answers_gone(teacher, count)
        shown = f"{self._config.folder}/{self._context.name}/{teacher}.csv"
        return Uncounted(kind=said.kind, ko=said.ko, en=said.en, teacher=teacher, path=shown)

    def enter_answers(
        self, slates: Sequence[Slate], receipts: Sequence[Receipt], answers: Mapping[str, Sequence[Ranking]]
    ) -> dict[str, list[Ranking]]:
        """Fill in the files of simulated teachers; rows that are judged already stay."""
        folder = self._folder_of(receipts)
        questions = self._questions(slates, receipts)
        by_id = {slate.id: slate for slate in slates}
        entered: dict[str, list[Ranking]] = {}
        for done, (teacher, own) in enumerate(answers.items(), 1):
            path = folder / f"{teacher}.csv"
            sheet = read_sheet(path) if path.exists() else None
            asks_for_o = sheet is None or sheet.has_marks
            kept = {row.slate_id: {**row.filled, "comment": row.cells["comment"]} for row in (sheet.rows if sheet else ()) if row.filled}
            entered[teacher] = [ranking for ranking in own if ranking.slate_id not in kept]
            yes = "O" if asks_for_o else "x"
            question = sheet.question if sheet else self._context.question
            filled = kept | {r.slate_id: answer_cells(by_id[r.slate_id], r, yes, question) for r in entered[teacher]}
            write_sheet(path, [name for name in columns(slates, question) if asks_for_o or name != MARKS], questions, filled)
            self._context.on_step(done, len(answers), teacher)
        return entered

    @property
    def _cards(self) -> Cards:
        return Cards(self._context.taxonomy, self._context.domain, self._context.card_fields)

    def _questions(self, slates: Sequence[Slate], receipts: Sequence[Receipt]) -> dict[str, dict[str, str]]:
        """Slate id -> the cells that show it in the published sheet."""
        template = self._template(receipts)
        rows = {row.slate_id: row.cells for row in template.rows} if template else {}
        return {slate.id: published_cells(slate, self._cards, rows.get(slate.id)) for slate in slates}

    def _registry(self) -> Registry:
        return registry(self._context.project / self._config.folder, self._config.teachers)

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

    def _template(self, receipts: Sequence[Receipt]) -> Sheet | None:
        """The published sheet; None where it was deleted or cannot be read."""
        folder = self._folder_of(receipts)
        if not folder.is_dir():
            raise FeedbackError(f"{folder} is missing", hint="restore the directory with the teachers' files")
        try:
            return read_sheet(folder / TEMPLATE)
        except (PrefoptError, OSError):
            return None

    def _files(self, receipts: Sequence[Receipt], questions: Mapping[str, Mapping[str, str]]) -> AnswerFiles:
        template = self._template(receipts)
        return AnswerFiles(
            folder=self._folder_of(receipts),
            project=self._context.project,
            registry=self._registry(),
            published=Published(questions, self._context.taxonomy, None if template is None else not template.has_marks),
            question=self._context.question if template is None else template.question,
        )
