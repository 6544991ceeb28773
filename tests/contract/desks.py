"""Both feedback sources behind one small interface. Answers are given as teachers give them, not through the code under test."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feedback.argilla import ArgillaConfig, ArgillaSource
from feedback.client import ArgillaClient
from feedback.file import FileConfig, FileSource
from prefopt.protocols import FeedbackContext, FeedbackSource
from prefopt.records import Answer, Candidate, Problem, Receipt, Slate
from prefopt.taxonomy import parse_taxonomy

TAXONOMY = """code,name,band,domain
[2수01-01],네 자리 이하의 수,초1-2,수와 연산
[2수01-05],덧셈과 뺄셈,초1-2,수와 연산
[2수03-01],도형의 모양,초1-2,도형과 측정
[4수01-03],"세 자리 수의 덧셈, 뺄셈",초3-4,수와 연산
[4수03-02],각도,초3-4,도형과 측정
[6수04-01],평균,초5-6,자료와 가능성
"""


def make_slates(count: int, candidates: int = 4, prefix: str = "s") -> list[Slate]:
    """Slates with shuffled cards; the texts contain what could break a page or a spreadsheet."""
    taxonomy = parse_taxonomy(TAXONOMY, "taxonomy.csv")
    orders = [(2, 0, 3, 1), (0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)]
    slates = []
    for number in range(count):
        shown = [i for i in orders[number % 4] if i < candidates]
        slates.append(
            Slate(
                id=f"{prefix}-{number:03d}",
                problem=Problem(
                    id=f"p-{number:03d}", text=f"=1+{number}은 얼마입니까?\n<b>$&</b> </script><script>parent.hacked=1</script>"
                ),
                candidates=tuple(
                    Candidate(
                        id=f"c{i}",
                        answer=Answer(label=taxonomy.ids[i], reason='덧셈 <이유>,\n"따옴표" $\''),
                        probability=0.2,
                        adapter="base",
                    )
                    for i in range(candidates)
                ),
                order=tuple(shown),
                purpose="margin",
                top2_gap=0.1,
            )
        )
    return slates


def confident_slates(count: int) -> list[Slate]:
    """As make_slates; the model is sure of the first candidate."""
    shares = (0.9, 0.06, 0.03, 0.01)
    made = make_slates(count)
    cards = [tuple(c.model_copy(update={"probability": p}) for c, p in zip(s.candidates, shares, strict=True)) for s in made]
    return [slate.model_copy(update={"candidates": own}) for slate, own in zip(made, cards, strict=True)]


@dataclass
class Desk:
    """Makes a source, and gives answers as a teacher does, not through the code under test."""

    project: Path
    name: str

    def context(self, overlap: int = 2) -> FeedbackContext:
        return FeedbackContext(project=self.project, name=self.name, taxonomy=parse_taxonomy(TAXONOMY, "taxonomy.csv"), overlap=overlap)

    def source(self, overlap: int = 2) -> FeedbackSource:
        raise NotImplementedError

    def rank(self, teacher: str, slate: Slate, receipt: Receipt, ranks: str, comment: str = "") -> None:
        """`ranks`: one digit a card, in the order of the cards A, B, C, D."""
        raise NotImplementedError

    def none_right(self, teacher: str, slate: Slate, receipt: Receipt, label: str | None = None) -> None:
        raise NotImplementedError

    def discard(self, teacher: str, slate: Slate, receipt: Receipt) -> None:
        raise NotImplementedError

    def draft(self, teacher: str, slate: Slate, receipt: Receipt) -> None:
        """Save a draft, without submitting."""
        raise NotImplementedError


@dataclass
class FileDesk(Desk):
    def source(self, overlap: int = 2) -> FeedbackSource:
        return FileSource(FileConfig(teachers=("kim", "lee")), self.context(overlap))

    def rank(self, teacher: str, slate: Slate, receipt: Receipt, ranks: str, comment: str = "") -> None:
        self._fill(teacher, slate, {f"rank_{letter}": rank for letter, rank in zip("ABCD", ranks, strict=False)} | {"comment": comment})

    def none_right(self, teacher: str, slate: Slate, receipt: Receipt, label: str | None = None) -> None:
        self._fill(teacher, slate, {"none_right": "O", "right_label": label or ""})

    def discard(self, teacher: str, slate: Slate, receipt: Receipt) -> None:
        self._fill(teacher, slate, {"discard": "O"})

    def draft(self, teacher: str, slate: Slate, receipt: Receipt) -> None:
        self._fill(teacher, slate, {"comment": "나중에"})

    def _fill(self, teacher: str, slate: Slate, cells: dict[str, str]) -> None:
        """Change one row as a spreadsheet program does: read the file, change the row, write the file."""
        folder = self.project / "feedback" / self.name
        path = folder / f"{teacher}.csv"
        text = (path if path.exists() else folder / "slates.csv").read_text(encoding="utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        row = next(row for row in rows if row["slate"] == slate.id)
        row.update({name: "" for name in row if name.startswith("rank_") or name in ("none_right", "right_label", "discard", "comment")})
        row.update(cells)
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


@dataclass
class ArgillaDesk(Desk):
    teachers: dict[str, ArgillaClient]
    url: str = ""
    """URL of an Argilla other than the project's own; its key comes from the environment."""

    def source(self, overlap: int = 2) -> FeedbackSource:
        return ArgillaSource(ArgillaConfig(url=self.url), self.context(overlap))

    def rank(self, teacher: str, slate: Slate, receipt: Receipt, ranks: str, comment: str = "") -> None:
        values: dict[str, Any] = {"comment": {"value": comment}} if comment else {}
        if len(ranks) == 2:
            values["verdict"] = {"value": {"12": "a", "21": "b", "11": "equal"}[ranks]}
        else:
            values["verdict"] = {"value": "some"}
            values["ranking"] = {"value": [{"value": key, "rank": int(rank)} for key, rank in zip("abcd", ranks, strict=False)]}
        self.respond(teacher, receipt, "submitted", values)

    def none_right(self, teacher: str, slate: Slate, receipt: Receipt, label: str | None = None) -> None:
        values = {"verdict": {"value": "none"}} | ({"right_label": {"value": label}} if label else {})
        self.respond(teacher, receipt, "submitted", values)

    def discard(self, teacher: str, slate: Slate, receipt: Receipt) -> None:
        self.respond(teacher, receipt, "discarded", None)

    def draft(self, teacher: str, slate: Slate, receipt: Receipt) -> None:
        self.respond(teacher, receipt, "draft", {"verdict": {"value": "none"}})

    def respond(self, teacher: str, receipt: Receipt, status: str, values: dict[str, Any] | None) -> None:
        item = {"record_id": receipt.record, "status": status, **({"values": values} if values else {})}
        reply = self.teachers[teacher].request("POST", "/me/responses/bulk", json={"items": [item]})
        assert reply["items"][0].get("error") is None, reply
