"""Whose answers they are: the teachers of a project, the names of files, two files of one person, and files that are not read."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from feedback.file import FileConfig, FileSource
from feedback.teacher_names import Registry
from prefopt.errors import ConfigError, DataError, FeedbackError
from prefopt.plugins import options
from prefopt.rankings.answers import keep, latest
from prefopt.records import Ranking
from tests.unit.sheet_cases import SLATES, collect, file_source, fill, kinds, rank_all, read, rows_of, save

OF_KIM = """
kim|Kim|KIM|ｋｉｍ|kim |kim\u200b|kim.csv|kim.CSV.csv|kim.xlsx|kim (1)|kim(1)|kim  (2)|kim （1）|kim_(1)|kim+(1)|kim%20(1)|
kim.csv (1)|kim-1|kim 2|kim - 복사본|kim - 복사본 (2)|kim 사본|kim의 사본|복사본 kim|사본 - kim|kim-copy|kim copy|kim copy 2|
Kim - Copy|Kim - Copy (3)|Copy of kim|copy (2) of kim|kim (lee's conflicted copy 2026-11-27)|kim_최종|kim최종|(최종)kim|
최종_kim|kim[최종]|[제출] kim|kim_최종_진짜최종2|kim_최종최종|kim_제출용_최종|kim 답안|kim_수정|kim_final|kim_v2|kim v2|
kim_1127|kim_2026.11.27|kim 2026-11-27|20261127_kim|1. kim|1_kim|slates_kim|slates - kim|kim slates|새 kim|
김민수|김민수 선생님|김민수선생님|김 민수|김민수쌤|김민수(최종)|김민수_1|김민수최종|최종김민수|김민수의 사본
"""
OF_NOBODY_KNOWN = (
    "park|kim2|kimm|akim|kim_lee|lee kim|kim_민수|kim (3학년)|kims|김|김수정|최수정|최복사|slates2|kim-lee (1)|의kim|1|(1)|최종"
)
PEOPLE = {"kim": "김민수 선생님", "lee": "", "박지영": "", "choi": "최 선생님"}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("stem", [stem.strip("\n") for stem in OF_KIM.split("|")])
def test_the_name_of_a_file_in_the_spellings_of_mail_browsers_systems_and_people(stem: str, form: str) -> None:
    assert Registry(PEOPLE).user_of(unicodedata.normalize(form, stem)) == "kim"


@pytest.mark.parametrize("stem", OF_NOBODY_KNOWN.split("|"))
def test_another_name_is_nobodys(stem: str) -> None:
    assert Registry(PEOPLE).user_of(stem) is None


def test_exact_names_come_first_and_what_could_be_two_is_nobodys() -> None:
    both = Registry({"kim": "", "kim-2": "", "park1": "박 선생님", "park2": "박 선생님"})
    assert [both.user_of(stem) for stem in ("kim", "kim-2", "kim-2 (1)", "kim_3")] == ["kim", "kim-2", None, "kim"]
    assert both.user_of("박 선생님") is None
    assert both.user_of("simulated-3") == "simulated-3"
    assert both.user_of("simulated-3 (1)") == "simulated-3"


@pytest.mark.parametrize("copy", ["kim-copy", "kim_최종", "kim-v2", "복사본-kim"])
def test_a_user_name_that_reads_as_a_copy_of_another_is_refused(copy: str) -> None:
    with pytest.raises(ConfigError, match="reads as a copy of 'kim'"):
        Registry({"kim": "", copy: ""})
    assert Registry({"kim": "", "kim-2": "", "lee": ""}).people


def test_a_name_in_the_bytes_of_korean_windows_is_read_and_printed(source: FileSource) -> None:
    path = rank_all(source, "kim.csv", "123", "213", "321")
    path.rename(source.folder / os.fsdecode("kim_최종.csv".encode("cp949")))
    stranger = source.folder / os.fsdecode("박지영.csv".encode("cp949"))
    stranger.write_bytes(b"")
    rankings, uncounted = read(source)
    assert {r.teacher for r in rankings} == {"kim"}
    assert [(found.kind, found.path) for found in uncounted] == [
        ("unknown-teacher", "feedback/m-001/박지영.csv"),
        ("file-name", "feedback/m-001/kim_최종.csv"),
    ]
    assert "prefopt teachers add 박지영" in uncounted[0].en


def test_one_name_in_two_spellings_is_refused() -> None:
    with pytest.raises(ConfigError, match="'KIM' and 'kim' have one name"):
        Registry({"kim": "", "KIM": ""})
    with pytest.raises(ConfigError, match="belongs to nobody"):
        Registry({"slates": ""})


@pytest.fixture
def source(tmp_path: Path) -> FileSource:
    made = file_source(tmp_path, "kim", "lee", overlap=2)
    made.publish(SLATES)
    return made


@pytest.mark.parametrize("copy", ["kim (1).csv", "kim - 복사본.csv", "kim.xlsx", "(최종)kim.xlsx", "KIM.CSV.csv", "kim_최종.csv"])
def test_two_files_of_one_person_count_once(source: FileSource, copy: str) -> None:
    (source.folder / "kim.csv").unlink()
    rank_all(source, copy, "123", "213", "321")
    rank_all(source, "kim.csv", "123", "213", "321")
    receipts = source.publish(SLATES)
    rankings, uncounted = source.read(SLATES, receipts)
    assert [(r.slate_id, r.teacher) for r in rankings] == [("s-1", "kim"), ("s-2", "kim"), ("s-3", "kim")]
    assert source.progress(receipts).complete == 0
    (found,) = uncounted
    assert (found.kind, found.path) == ("second-file", f"feedback/m-001/{copy}")
    assert "kim.csv" in found.en


def test_the_empty_sheet_beside_the_filled_one_is_no_second_file(source: FileSource) -> None:
    rank_all(source, "kim (1).csv", "123", "213", "321")
    rank_all(source, "lee.xlsx", "123", "213", "321")
    rankings, uncounted = read(source)
    assert len(rankings) == 6
    assert [(found.kind, found.path) for found in uncounted] == [("file-name", "feedback/m-001/kim (1).csv")]


def test_where_two_files_of_one_person_differ_neither_counts(source: FileSource) -> None:
    rank_all(source, "kim.csv", "123", "213", "321", comment="가")
    rows = rows_of(rank_all(source, "kim (1).csv", "123", "231", "321", comment="나"))
    rows[2] |= {"rank_A": "", "rank_B": "", "rank_C": "", "comment": ""}
    save(source.folder / "kim (1).csv", rows)
    rankings, uncounted = read(source)
    assert [(r.slate_id, r.comment) for r in rankings] == [("s-1", "가\n나"), ("s-3", "가")], "nothing that was said is lost"
    differ = next(found for found in uncounted if found.kind == "answers-differ")
    assert (differ.slate_id, differ.teacher) == ("s-2", "kim")
    for place in ("kim.csv:", "kim (1).csv:"):
        assert place in differ.en
        assert place in differ.ko


def test_a_bad_cell_in_one_of_two_files_does_not_let_the_other_decide(source: FileSource) -> None:
    rank_all(source, "kim.csv", "123", "213", "321")
    rank_all(source, "kim (1).csv", "123", "219", "321")
    rankings, uncounted = read(source)
    assert [r.slate_id for r in rankings] == ["s-1", "s-3"]
    assert sorted(kinds(uncounted)) == ["rank", "second-file"]


def test_a_file_of_no_known_teacher_is_named_and_does_not_count(source: FileSource) -> None:
    rank_all(source, "kim.csv", "123", "213", "321")
    rank_all(source, "park (1).csv", "123", "213", "321")
    rankings, uncounted = read(source)
    assert {r.teacher for r in rankings} == {"kim"}
    (found,) = uncounted
    assert (found.kind, found.path) == ("unknown-teacher", "feedback/m-001/park (1).csv")
    assert "kim, lee" in found.en
    assert "prefopt teachers add park" in found.en


def test_without_teachers_nobody_is_invented(tmp_path: Path) -> None:
    source = file_source(tmp_path)
    receipts = source.publish(SLATES)
    assert source.read(SLATES, receipts) == ([], [])
    for name in ("kim.csv", "kim (1).csv", "lee.xlsx"):
        rank_all(source, name, "123", "213", "321")
    for ask in (lambda: source.read(SLATES, receipts), lambda: source.progress(receipts)):
        with pytest.raises(FeedbackError, match=r"kim \(1\)\.csv, kim\.csv, lee\.xlsx") as error:
            ask()
        assert "prefopt teachers add kim lee" in error.value.hint
        assert "feedback/teachers.csv" in error.value.hint


def test_the_list_of_teachers_is_a_file_that_people_edit(tmp_path: Path) -> None:
    source = file_source(tmp_path)
    source.publish(SLATES)
    for name in ("김민수_최종.csv", "lee.csv"):
        rank_all(source, name, "123", "213", "321")
    (tmp_path / "feedback" / "teachers.csv").write_text("아이디,이름,학교\nkim,김민수 선생님,가\nlee,,나\n", encoding="utf-8")
    rankings, uncounted = read(source)
    assert {r.teacher for r in rankings} == {"kim", "lee"} == set(source.teachers())
    assert [(found.kind, found.path) for found in uncounted] == [("file-name", "feedback/m-001/김민수_최종.csv")]
    (tmp_path / "feedback" / "teachers.csv").write_text("user\nkim\nKIM\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="two spellings"):
        collect(source)
    (tmp_path / "feedback" / "teachers.csv").write_text("name\nkim\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"teachers\.csv:1"):
        collect(source)


def test_everything_that_is_not_read_is_named(source: FileSource) -> None:
    rank_all(source, "kim.csv", "123", "213", "321")
    names = ["~$kim.xlsx", ".~lock.lee.csv#", "kim.txt", "kim.hwp", "kim.pdf", "kim.zip", "kim.tsv", "kim.ods", "메모.docx"]
    for name in names:
        (source.folder / name).write_bytes(b"\x00\xff")
    (source.folder / "답안").mkdir()
    (source.folder.parent / "lee.csv").write_bytes(b"")
    (source.folder / ".DS_Store").write_bytes(b"")
    (source.folder / ".kim.csv.68372c71.tmp").write_bytes(b"of a command that was killed")
    rankings, uncounted = read(source)
    assert len(rankings) == 3
    assert {found.path for found in uncounted} == {f"feedback/m-001/{name}" for name in (*names, "답안")} | {"feedback/lee.csv"}
    assert {found.kind for found in uncounted if "~" in found.path} == {"open-elsewhere"}
    assert all(not found.teacher for found in uncounted)


@pytest.mark.parametrize("name", ["slates.csv", "slates (1).csv", "slates.xlsx", "slates - 복사본.csv"])
def test_answers_under_the_name_of_the_empty_sheet_belong_to_nobody(source: FileSource, name: str) -> None:
    path = rank_all(source, name, "123", "213", "321")
    rankings, uncounted = read(source)
    assert (rankings, kinds(uncounted)) == ([], ["no-name"])
    path.replace(source.folder / f"lee{path.suffix}")
    assert {r.teacher for r in source.collect(SLATES, [])} <= {"lee"}


def test_an_empty_copy_of_the_sheet_needs_no_word(source: FileSource) -> None:
    save(source.folder / "slates (1).csv", rows_of(source.folder / "slates.csv"))
    assert read(source) == ([], [])


def test_a_name_in_the_settings_is_checked() -> None:
    with pytest.raises(ConfigError):
        options(FileConfig, {"teachers": ["a b"]}, "[feedback.options]")


class TestLog:
    """answers.jsonl keeps a good answer when the cell turns bad, and does not count it until the cell is good again."""

    def keep(self, source: FileSource, folder: Path) -> list[Ranking]:
        rankings, uncounted = read(source)
        return keep(folder, rankings, uncounted)[0]

    def test_a_bad_cell_neither_overwrites_nor_withdraws_a_good_answer(self, source: FileSource, tmp_path: Path) -> None:
        rank_all(source, "kim.csv", "123", "213", "321")
        assert len(self.keep(source, tmp_path)) == 3
        fill(source, rank_A="1?")
        assert [r.slate_id for r in self.keep(source, tmp_path)] == ["s-2", "s-3"]
        assert len(latest(tmp_path / "answers.jsonl")) == 3
        lines = (tmp_path / "answers.jsonl").read_text(encoding="utf-8").splitlines()
        assert self.keep(source, tmp_path)
        fill(source, rank_A="1")
        assert len(self.keep(source, tmp_path)) == 3
        assert (tmp_path / "answers.jsonl").read_text(encoding="utf-8").splitlines() == lines

    def test_a_file_that_cannot_be_read_for_a_while(self, source: FileSource, tmp_path: Path) -> None:
        path = rank_all(source, "kim.csv", "123", "213", "321")
        whole = path.read_bytes()
        self.keep(source, tmp_path)
        path.write_bytes(b'slate,"broken\n')
        assert self.keep(source, tmp_path) == []
        path.write_bytes(whole)
        assert len(self.keep(source, tmp_path)) == 3
        assert len((tmp_path / "answers.jsonl").read_text(encoding="utf-8").splitlines()) == 3

    def test_a_copy_that_an_earlier_version_counted_as_a_person_counts_no_longer(self, source: FileSource, tmp_path: Path) -> None:
        rank_all(source, "kim.csv", "123", "213", "321")
        rank_all(source, "kim (1).csv", "123", "213", "321")
        mine = collect(source)
        keep(tmp_path, [*mine, *(r.model_copy(update={"teacher": "kim (1)"}) for r in mine)])
        assert {r.teacher for r in self.keep(source, tmp_path)} == {"kim"}

    def test_a_cleared_answer_is_withdrawn_as_before(self, source: FileSource, tmp_path: Path) -> None:
        rank_all(source, "kim.csv", "123", "213", "321")
        self.keep(source, tmp_path)
        fill(source, rank_A="", rank_B="", rank_C="")
        assert [r.slate_id for r in self.keep(source, tmp_path)] == ["s-2", "s-3"]
        assert len(latest(tmp_path / "answers.jsonl")) == 2


TWO_ALIKE = {"kim": "김민수", "kim2": "김민지", "lee": "이수진", "park01": "박지영", "park02": "박지영"}


@pytest.mark.parametrize(
    ("stem", "user"),
    [
        *(
            (stem, "kim")
            for stem in ("kim 김민수", "김민수_kim", "kim(김민수)", "김민수(kim) (1)", "kim_김민수 선생님_최종", "김민수T", "김민수님")
        ),
        *(
            (stem, "kim")
            for stem in ("kim 11월 27일", "kim 2차", "kim_검토완료", "답장_ kim", "KakaoTalk_20261127_101112345_kim", "kim!", "★kim")
        ),
        *((stem, "kim2") for stem in ("kim2", "kim2 (1)", "김민지", "kim2 김민지")),
        *((stem, None) for stem in ("kim_2", "kim-2", "kim 2", "kim 이수진", "kim과 lee", "lee(김민수)", "박지영")),
        ("park01 박지영", "park01"),
        ("박지영(park02)", "park02"),
    ],
)
def test_user_name_and_shown_name_together_are_one_person_and_what_may_be_two_is_nobodys(stem: str, user: str | None) -> None:
    for form in ("NFC", "NFD"):
        assert Registry(TWO_ALIKE).user_of(unicodedata.normalize(form, stem)) == user


@pytest.mark.parametrize(
    "stem", ["park", "한지우 (3반)", "최종 han.j", "HAN  지우", "kimm", "2026 han_ji", "○○초_한지우", "park01", "jo (2)"]
)
def test_a_proposed_name_makes_the_file_count(stem: str) -> None:
    proposed = Registry(PEOPLE).proposed(stem)
    assert proposed
    assert Registry({**PEOPLE, proposed: ""}).user_of(stem) == proposed


@pytest.mark.parametrize(
    "stem", ["kim_복구됨", "kim (3학년)", "lee kim", "1반 kim", "김민수(초등)", "kim-DESKTOP-1", "최 선생님 한국초", "slates (1)"]
)
def test_a_known_teacher_is_never_proposed_a_second_time(stem: str) -> None:
    assert Registry(PEOPLE).proposed(stem) == ""


@pytest.mark.parametrize(
    "raw",
    [
        unicodedata.normalize("NFD", "user,name\n박지영,박 선생님\n").encode(),
        "아이디;성명\r\n박지영;박 선생님\r\n\r\n".encode("cp949"),
        '\ufeff"번호","성명","아이디"\r\n"1","박 선생님","박지영"\r\n" ","",""\r\n'.encode(),
        "ID\tName\r\n박지영\u200b\t박 선생님\r\n".encode("utf-16"),
    ],
    ids=["NFD", "CP949 and semicolons", "quotes, BOM and a further column", "UTF-16"],
)
def test_the_list_of_teachers_in_the_spellings_of_spreadsheet_programs(tmp_path: Path, raw: bytes) -> None:
    source = file_source(tmp_path)
    source.folder.parent.mkdir()
    (source.folder.parent / "teachers.csv").write_bytes(raw)
    assert source.teachers() == ["박지영"]
    source.publish(SLATES)
    rank_all(source, "박 선생님.csv", "123", "213", "321")
    assert {ranking.teacher for ranking in collect(source)} == {"박지영"}


@pytest.mark.parametrize("text", ["", "user,name\n", "아이디\n\n"])
def test_an_empty_list_of_teachers_names_nobody(tmp_path: Path, text: str) -> None:
    source = file_source(tmp_path)
    source.folder.parent.mkdir()
    (source.folder.parent / "teachers.csv").write_text(text, encoding="utf-8")
    source.publish(SLATES)
    rank_all(source, "kim_2.csv", "123", "213", "321")
    with pytest.raises(FeedbackError, match="no teacher is known yet") as error:
        collect(source)
    assert "prefopt teachers add kim" in str(error.value)
    (source.folder.parent / "teachers.csv").write_text("user\nkim\n", encoding="utf-8")
    assert {ranking.teacher for ranking in collect(source)} == {"kim"}
