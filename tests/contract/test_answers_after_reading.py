"""After answers were read: edits, removed and deleted accounts, a branch of the round."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from feedback.accounts import add_teachers, list_teachers, remove_teachers, reset_passwords
from feedback.client import ArgillaClient, find_server, sign_in
from feedback.people import read_people
from prefopt.errors import DataError, FeedbackError
from prefopt.rankings.answers import Changes, keep
from prefopt.records import Receipt, Slate
from tests.contract.desks import ArgillaDesk, Desk, FileDesk, make_slates
from tests.contract.test_simulated_teachers import publish_round, simulate, truth_of


def owner_of(project: Path) -> ArgillaClient:
    url, key = find_server(project)
    return ArgillaClient(url, key=key)


def one_round(desk: Desk, count: int = 3) -> tuple[list[Slate], list[Receipt]]:
    slates = make_slates(count)
    return slates, desk.source().publish(slates)


def test_an_edit_after_reading_is_detected_and_kept_next_to_the_first_answer(desk: Desk, tmp_path: Path) -> None:
    slates, receipts = one_round(desk)
    desk.rank("kim", slates[0], receipts[0], "1234")
    desk.rank("kim", slates[1], receipts[1], "1234")
    first, changes = keep(tmp_path, desk.source().collect(slates, receipts))
    assert changes.new == (("s-000", "kim"), ("s-001", "kim"))
    desk.rank("kim", slates[0], receipts[0], "4321")
    second, changes = keep(tmp_path, desk.source().collect(slates, receipts))
    assert changes == Changes(changed=(("s-000", "kim"),))
    assert len(first) == len(second) == 2
    lines = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["what"] for line in lines] == ["new", "new", "changed"]


def test_a_removed_teacher_is_locked_out_and_their_answers_stay(argilla_desk: ArgillaDesk) -> None:
    project = argilla_desk.project
    prepare_project(project)
    _, (made,) = add_teachers(project, ["choi"], shown={"choi": "최 선생님"})
    assert {"name": "choi", "first_name": "최 선생님"} in list_teachers(project)
    url = owner_of(project).url
    argilla_desk.teachers["choi"] = sign_in(url, "choi", made.password)
    slates, receipts = one_round(argilla_desk)
    argilla_desk.rank("choi", slates[0], receipts[0], "1234")
    remove_teachers(project, ["choi"])
    assert "choi" not in {teacher["name"] for teacher in list_teachers(project)}
    with pytest.raises(FeedbackError, match="401"):
        sign_in(url, "choi", made.password)
    assert [r.teacher for r in argilla_desk.source().collect(slates, receipts)] == ["choi"]
    with pytest.raises(FeedbackError, match="no teacher 'choi'"):
        reset_passwords(project, ["choi"])
    _, (back,) = add_teachers(project, ["choi"])
    assert sign_in(url, "choi", back.password).get("/me")["username"] == "choi"
    _, (again,) = reset_passwords(project, ["choi"])
    assert again.password != back.password
    assert again.password not in repr(again)
    remove_teachers(project, ["choi"])


def prepare_project(project: Path) -> None:
    """The settings that the account commands read."""
    (project / "prefopt.toml").write_text('[feedback]\nsource = "argilla"\n', encoding="utf-8")


def test_an_account_in_another_spelling_of_a_name_is_refused(argilla_desk: ArgillaDesk) -> None:
    prepare_project(argilla_desk.project)
    with pytest.raises(FeedbackError, match="'KIM' is the name 'kim' in another spelling") as error:
        add_teachers(argilla_desk.project, ["KIM"])
    assert "prefopt teachers reset kim" in error.value.hint
    assert "KIM" not in {teacher["name"] for teacher in list_teachers(argilla_desk.project)}


def test_answers_of_an_account_that_was_deleted_on_the_server_still_count(argilla_desk: ArgillaDesk, tmp_path: Path) -> None:
    owner = owner_of(argilla_desk.project)
    owner.add_teacher("moon", "moon", owner.ensure_workspace("prefopt"), "teacher-pass-1")
    argilla_desk.teachers["moon"] = sign_in(owner.url, "moon", "teacher-pass-1")
    slates, receipts = one_round(argilla_desk)
    argilla_desk.rank("moon", slates[0], receipts[0], "1234")
    argilla_desk.rank("kim", slates[0], receipts[0], "4321")
    before, _ = keep(tmp_path, argilla_desk.source().collect(slates, receipts))
    user = next(user["id"] for user in owner.get("/users")["items"] if user["username"] == "moon")
    owner.request("DELETE", f"/users/{user}")
    after, changes = keep(tmp_path, argilla_desk.source().collect(slates, receipts))
    assert changes.removed_teachers == ("moon",)
    assert after == before
    assert [r.teacher for r in after] == ["kim", "moon"]


def test_a_branch_reads_what_the_first_round_published(desk: Desk) -> None:
    slates, receipts = one_round(desk)
    desk.rank("kim", slates[0], receipts[0], "1234")
    branch = type(desk)(**{**vars(desk), "name": f"{desk.name}-branch"})
    assert branch.source().collect(slates, receipts) == desk.source().collect(slates, receipts) != []
    assert branch.source().progress(receipts).rankings == {"kim": 1}


def test_the_time_of_an_answer_is_known_if_it_follows_another(argilla_desk: ArgillaDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    slates, receipts = one_round(argilla_desk)
    started = datetime.now(UTC)
    argilla_desk.rank("kim", slates[0], receipts[0], "1234")
    time.sleep(1.3)
    argilla_desk.rank("kim", slates[1], receipts[1], "1234")
    argilla_desk.rank("lee", slates[1], receipts[1], "1234")
    argilla_desk.draft("kim", slates[2], receipts[2])
    time.sleep(1.1)
    argilla_desk.rank("kim", slates[2], receipts[2], "1234")
    seconds = {(r.slate_id, r.teacher): r.seconds for r in argilla_desk.source().collect(slates, receipts)}
    second = seconds.pop(("s-001", "kim"))
    assert second is not None
    assert 1.3 <= second <= (datetime.now(UTC) - started).total_seconds()
    assert set(seconds.values()) == {None}, "the first of a sitting, and what lay as a draft, tell nothing"


def test_teachers_are_known_before_they_answer(argilla_desk: ArgillaDesk, tmp_path: Path) -> None:
    assert {"kim", "lee"} <= set(argilla_desk.source().teachers())
    assert FileDesk(tmp_path, "x").source().teachers() == ["kim", "lee"]


def test_gold_slates_are_answered_by_simulated_teachers_without_a_truth_file(tmp_path: Path) -> None:
    slates = make_slates(2)
    right = slates[0].candidates[1].answer.label
    gold = slates[0].model_copy(update={"purpose": "gold", "problem": slates[0].problem.model_copy(update={"label": right})})
    source, receipts = publish_round(tmp_path, 1, "file", 1, [gold, slates[1]])
    simulate(tmp_path, 1, {slates[1].problem.id: truth_of(slates)[slates[1].problem.id]}, teachers=1, error_rate=0, disagreement=0)
    first = source.collect([gold, slates[1]], receipts)[0]
    assert first.ranks[gold.candidates[1].id] == 1


class TestSpreadsheet:
    def test_a_column_sorted_on_its_own_does_not_count(self, tmp_path: Path) -> None:
        desk = FileDesk(tmp_path, "mathclass-001")
        slates, receipts = one_round(desk)
        desk.rank("kim", slates[0], receipts[0], "1234")
        desk.rank("kim", slates[1], receipts[1], "1234")
        path = tmp_path / "feedback" / "mathclass-001" / "kim.csv"
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
        rows[0]["A"], rows[1]["A"] = rows[1]["A"], rows[0]["A"]
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        assert desk.source().collect(slates, receipts) == []

    def test_sorted_rows_and_other_line_ends_are_accepted(self, tmp_path: Path) -> None:
        desk = FileDesk(tmp_path, "mathclass-001")
        slates, receipts = one_round(desk)
        desk.rank("kim", slates[2], receipts[2], "4321")
        path = tmp_path / "feedback" / "mathclass-001" / "kim.csv"
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\r\n")
            writer.writeheader()
            writer.writerows({k: v.replace("\n", "\r\n") for k, v in row.items()} for row in reversed(rows))
        (ranking,) = desk.source().collect(slates, receipts)
        assert ranking.slate_id == "s-002"


class TestPeopleFile:
    def test_names_in_both_languages_and_blank_lines(self, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_text("\ufeff아이디,이름,학교\nkim,김 선생님,가\n,,\nlee,,나\n", encoding="utf-8")
        assert read_people(path) == {"kim": "김 선생님", "lee": ""}

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("name\nkim\n", r"t\.csv:1: no column user"),
            ("user\nkim\nkim\n", r"t\.csv:3: 'kim' is a duplicate; first on line 2"),
            ("user,name\nkim lee,x\n", r"t\.csv:2: 'kim lee' is not a valid user name"),
            ("user,name\nkim,x\n,y\n", r"t\.csv:3: a user name is empty"),
            ("user\nsimulated-1\n", r"t\.csv:2: 'simulated-1' is reserved for simulated teachers"),
            ("user,name\n", r"t\.csv: no teacher in the file"),
        ],
    )
    def test_faults_are_reported_with_file_and_line(self, tmp_path: Path, text: str, fault: str) -> None:
        path = tmp_path / "t.csv"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=fault):
            read_people(path)
