"""overlap = "adaptive" with both sources: single slates are shown to a second and a third teacher, and nothing waits for nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from feedback.argilla import ArgillaConfig, ArgillaSource
from feedback.client import ArgillaClient, find_server, sign_in
from feedback.file import FileConfig, FileSource
from prefopt.protocols import FeedbackSource
from prefopt.rankings.overlap import Overlap
from prefopt.records import Receipt, Slate, content_id
from prefopt.rounds.published import Published
from tests.contract.desks import ArgillaDesk, Desk, FileDesk, confident_slates

OPEN = [
    {"type": "terms", "scope": {"entity": "response", "property": "status"}, "values": ["pending"]},
    {"type": "terms", "scope": {"entity": "record", "property": "status"}, "values": ["pending"]},
]
"""What Argilla's page asks for when it shows a teacher's queue."""


@dataclass
class School:
    """A published round, its teachers, and which slates each of them is asked."""

    desk: Desk
    make_source: Callable[[], FeedbackSource]
    hire: Callable[[str], None]
    asked: Callable[[str], list[str]]
    slates: list[Slate]
    receipts: list[Receipt]
    folder: Path
    drawn: frozenset[str] = frozenset()

    def complete(self) -> int:
        """Slates that are complete, by a new reading."""
        overlap = Overlap("adaptive", self.drawn)
        published = Published("001", self.make_source(), self.slates, self.receipts, overlap, self.folder)
        progress, reading = published.progress()
        assert reading is not None
        self.missing, self.again = published.pace(reading).missing, published.asked_again(reading)
        return progress.complete

    def rank(self, teacher: str, number: int, best: int) -> None:
        """Put candidate `best` first and the others level."""
        slate = self.slates[number]
        self.desk.rank(teacher, slate, self.receipts[number], "".join("1" if i == best else "2" for i in slate.order))


@pytest.fixture(params=["file", "argilla"])
def school(request: pytest.FixtureRequest, tmp_path: Path) -> School:
    slates, log = confident_slates(5), tmp_path / "log"
    log.mkdir()
    if request.param == "file":
        desk: Desk = FileDesk(tmp_path, "mathclass-001")
        people = ["kim", "lee"]
        context = replace(desk.context(1), asks_more=True)
        path = tmp_path / "feedback" / desk.name / "asked_again.txt"

        def listed(teacher: str) -> list[str]:
            parts = path.read_text(encoding="utf-8").split("\n\n")[1:] if path.exists() else []
            lines = [part.splitlines() for part in parts]
            return [row.split()[0] for name, *rows in lines if name == teacher for row in rows]

        def source() -> FeedbackSource:
            return FileSource(FileConfig(teachers=tuple(people)), context)

        return School(desk, source, people.append, listed, slates, source().publish(slates), log)
    project: Path = request.getfixturevalue("argilla_project")
    url, key = find_server(project)
    owner = ArgillaClient(url, key=key)
    name = f"adaptive-{content_id(request.node.nodeid)}"
    workspace = owner.ensure_workspace(name)  # of its own: other tests hire teachers, too
    clients: dict[str, ArgillaClient] = {}

    def hire(teacher: str) -> None:
        owner.add_teacher(teacher, teacher, workspace, "teacher-pass-1")
        clients[teacher] = sign_in(url, teacher, "teacher-pass-1")

    for teacher in ("kim", "lee"):
        hire(teacher)
    argilla = ArgillaDesk(project, name, clients)
    board = ArgillaSource(ArgillaConfig(workspace=name), replace(argilla.context(1), asks_more=True))
    receipts = board.publish(slates)
    dataset = str((owner.dataset(name, workspace) or {})["id"])

    def queue(teacher: str) -> list[str]:
        found = clients[teacher].request("POST", f"/me/datasets/{dataset}/records/search", json={"filters": {"and": OPEN}})
        assert all("teachers" not in (item["record"].get("metadata") or {}) for item in found["items"]), "hidden from teachers"
        return sorted(item["record"]["external_id"] for item in found["items"])

    return School(argilla, lambda: board, hire, queue, slates, receipts, log)


def test_a_second_and_a_third_teacher_are_asked_where_answers_leave_doubt(school: School) -> None:
    ids = [slate.id for slate in school.slates]
    assert school.complete() == 0
    school.rank("kim", 0, 0)  # with the model
    school.rank("kim", 1, 2)  # against it
    school.desk.discard("kim", school.slates[2], school.receipts[2])
    school.desk.none_right("kim", school.slates[3], school.receipts[3])
    school.rank("kim", 4, 1)
    assert (school.complete(), school.missing, school.again) == (1, 4, 4)
    assert school.asked("lee") == ids[1:]
    assert school.asked("kim") == [], "nobody is asked twice"
    school.rank("kim", 4, 0)  # corrected: no longer against the model
    assert school.complete() == 2
    assert school.asked("lee") == ids[1:4]
    school.rank("lee", 1, 0)  # disagrees, but there is no third teacher
    school.rank("lee", 2, 0)
    school.rank("lee", 3, 0)
    assert (school.complete(), school.missing) == (5, 0)
    assert school.asked("lee") == []
    school.hire("park")
    assert (school.complete(), school.missing) == (4, 1)
    assert school.asked("park") == [ids[1]]
    school.rank("park", 1, 0)
    assert (school.complete(), school.missing) == (5, 0)
    assert [school.asked(name) for name in ("kim", "lee", "park")] == [[], [], []]


def test_the_slates_drawn_for_two_are_open_from_the_start_and_reading_again_changes_nothing(school: School) -> None:
    ids = [slate.id for slate in school.slates]
    school.drawn = frozenset(ids[1:2])
    assert school.complete() == 0
    for number in range(5):
        school.rank("kim", number, 0)
    if isinstance(school.desk, ArgillaDesk):
        assert school.asked("lee") == ids[1:2], "before the next reading"
    assert [school.complete(), school.complete()] == [4, 4]
    assert school.asked("lee") == ids[1:2]
    assert school.make_source().publish(school.slates) == school.receipts
    school.rank("lee", 1, 0)
    assert school.complete() == 5
