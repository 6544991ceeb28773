"""`prefopt teachers` in a project whose teachers answer in files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import CommandLine


@pytest.fixture
def prefopt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    options = '[feedback]\nsource = "file"\n[feedback.options]\nteachers = ["choi"]\n'
    (tmp_path / "prefopt.toml").write_text(options, encoding="utf-8")
    return CommandLine(tmp_path, monkeypatch, capsys)


def known(prefopt: CommandLine) -> dict[str, str]:
    return {row["name"]: row["first_name"] for row in json.loads(prefopt("teachers", "list", "--json"))["teachers"]}


def test_add_list_and_remove(prefopt: CommandLine) -> None:
    assert "feedback/teachers.csv" in prefopt("teachers", "add", "kim", "--name", "김 선생님")
    prefopt("teachers", "add", "lee", "kim")
    assert known(prefopt) == {"choi": "", "kim": "김 선생님", "lee": ""}
    (prefopt.folder / "more.csv").write_text("아이디,이름\npark,박 선생님\nlee,이 선생님\n", encoding="utf-8")
    prefopt("teachers", "add", "--csv", "more.csv")
    assert known(prefopt) == {"choi": "", "kim": "김 선생님", "lee": "이 선생님", "park": "박 선생님"}
    prefopt("teachers", "remove", "park", "lee")
    assert known(prefopt) == {"choi": "", "kim": "김 선생님"}
    prefopt("teachers", "remove", "kim")
    assert known(prefopt) == {"choi": ""}


def test_what_people_wrote_into_the_list_stays(prefopt: CommandLine) -> None:
    path = prefopt.folder / "feedback" / "teachers.csv"
    path.parent.mkdir()
    path.write_text("학교,아이디\n가초,kim\n", encoding="utf-8")
    prefopt("teachers", "add", "lee", "--name", "이 선생님")
    assert path.read_text(encoding="utf-8-sig").splitlines() == ["학교,아이디,name", "가초,kim,", ",lee,이 선생님"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("add", "KIM"), "one name in two spellings"),
        (("add", "slates"), "belongs to nobody"),
        (("add", "simulated-1"), "reserved for simulated teachers"),
        (("add", "a b"), "not a valid user name"),
        (("add", "lee", "--reset-password"), "the file source has no passwords"),
        (("remove", "lee"), "no teacher 'lee'"),
        (("remove", "choi"), "is named in prefopt.toml"),
        (("reset", "kim"), "which has no accounts"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(prefopt: CommandLine, words: tuple[str, ...], message: str) -> None:
    prefopt("teachers", "add", "kim")
    before = (prefopt.folder / "feedback" / "teachers.csv").read_bytes()
    assert message in prefopt("teachers", *words, code=1)
    assert (prefopt.folder / "feedback" / "teachers.csv").read_bytes() == before
