"""A damaged database of the bundled server is repaired row by row, and what a repair cannot prove or find is named."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import uuid
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from feedback import repair_build
from feedback.repair import Plan, plan
from feedback.repair_build import repaired_copy
from feedback.repair_sources import BackupRows, Kept, kept_by_rounds
from feedback.server import digests
from prefopt.errors import FeedbackError
from prefopt.project.project import open_project
from prefopt.project.round_toml import freeze_round
from prefopt.rankings.answers import keep
from prefopt.records import Ranking, Receipt
from prefopt.rounds.artifacts import RECEIPTS
from prefopt.rounds.artifacts import SLATES as SLATES_FILE
from prefopt.taxonomy import parse_taxonomy
from tests.chaos.bit_flips import content
from tests.contract.desks import TAXONOMY, make_slates
from tests.stages import finish_stage
from tests.unit.argilla_rows import TEACHERS, answer, flip, make_database, uid, values

SLATES = {uid("record", number): slate for number, slate in enumerate(make_slates(40))}
LATER = "2026-11-28 10:00:00.000000"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_database(tmp_path_factory.mktemp("made") / "argilla.db")


@pytest.fixture
def database(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path / "argilla.db"))


def repaired(database: Path, backups: dict[str, Path] | None = None, rounds: list[Kept] | None = None) -> tuple[Plan, Path]:
    result = plan(database, BackupRows(list((backups or {}).items())), rounds or [])
    return result, repaired_copy(result, database.with_name("repaired.db"))


def kept(*answers: tuple[int, int, str]) -> Kept:
    """A round that has read answers: (number of the slate, number of the teacher, ranks of the cards)."""
    read = {}
    for number, teacher, ranks in answers:
        slate = SLATES[uid("record", number)]
        by_id = {card.id: int(rank) for card, rank in zip(slate.shown, ranks, strict=True)}
        read[uid("record", number), TEACHERS[teacher]] = Ranking(
            slate_id=slate.id, teacher=TEACHERS[teacher], kind="ranked", ranks=by_id, submitted_at=datetime(2026, 11, 28, 10, tzinfo=UTC)
        )
    return Kept("001", parse_taxonomy(TAXONOMY, "taxonomy.csv"), SLATES, read)


def answers(database: Path) -> dict[tuple[str, str], str]:
    """(external id, user name) -> form of the answer."""
    query = 'SELECT external_id, username, "values" FROM responses JOIN records r ON r.id = record_id JOIN users u ON u.id = user_id'
    with closing(sqlite3.connect(database)) as open_one:
        return {(row[0], row[1]): row[2] for row in open_one.execute(query)}


def blank(database: Path, text: bytes) -> None:
    """Overwrite the page that holds a text with zeros."""
    whole = bytearray(database.read_bytes())
    page = whole.index(text) // 4096
    whole[page * 4096 : (page + 1) * 4096] = bytes(4096)
    database.write_bytes(whole)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b'"rank": 2', "answer of (kim|lee) to s-0"),
        (b'{"problem": "', "record s-0"),
        (uid("response 0", 4).encode(), ""),
        (b"$2b$12", "user (kim|lee)"),
        (b"CREATE INDEX ix_records_status ON records (st", "definition of the index ix_records_status"),
    ],
)
def test_a_flipped_bit_is_put_back_and_proven_by_the_digest(database: Path, text: bytes, name: str) -> None:
    before = content(database)
    flip(database, text)
    result, whole = repaired(database)
    assert result.is_exact
    assert content(whole) == before
    assert not name or any(re.search(name, fix.what) for fix in result.fixes)


def test_what_a_lost_page_held_comes_from_a_backup_and_from_the_rounds(database: Path, tmp_path: Path) -> None:
    backup = Path(shutil.copy(database, tmp_path / "backup.db"))
    with closing(digests.connect(database)) as open_one:
        answer(open_one, 38, 0, "4321", LATER)  # changed after the backup
        answer(open_one, 37, 1, "3333", LATER)  # given after it
    before = answers(database)
    blank(database, uid("response 1", 37).encode() + b"{")
    result, whole = repaired(database, {"b": backup}, [kept((38, 0, "4321"), (37, 1, "3333"))])
    assert answers(whole) == before
    assert result.lost == []
    how = {fix.what: (fix.how, fix.exact) for fix in result.fixes}
    assert how["answer of kim to s-038"] == ("from the files of round 001", True), (
        "its row in the backup tells the rest, the digest proves it"
    )
    assert how["answer of lee to s-037"] == ("from the files of round 001", False)
    assert ("from the backup b", True) in how.values()


def test_what_is_found_nowhere_is_named_and_left_out(database: Path) -> None:
    before = answers(database)
    blank(database, uid("response 1", 38).encode() + b"{")
    result, whole = repaired(database)
    missing = before.keys() - answers(whole).keys()
    assert len(missing) == len([fix for fix in result.lost if fix.table == "responses"]) > 0
    assert digests.inspect(whole) == []
    assert f"{len(result.lost)} lost" in result.lines[-1]


def test_answers_whose_record_is_lost_are_named_with_it(database: Path) -> None:
    blank(database, b"s-000{")
    result, whole = repaired(database)
    assert any("(its record is lost)" in fix.what for fix in result.lost)
    assert digests.inspect(whole) == []


def test_a_record_is_taken_from_its_slate(database: Path) -> None:
    blank(database, b"s-000{")
    result, whole = repaired(database, rounds=[kept((0, 0, "2143"))])
    assert [fix.what for fix in result.lost if fix.table == "records"] == []
    with closing(sqlite3.connect(whole)) as open_one:
        fields = json.loads(open_one.execute("SELECT fields FROM records WHERE external_id = 's-000'").fetchone()[0])
    assert fields["problem"].startswith("=1+0은 얼마입니까?")


def test_a_schema_that_cannot_be_read_is_that_of_a_backup(database: Path, tmp_path: Path) -> None:
    backup, before = Path(shutil.copy(database, tmp_path / "backup.db")), content(database)
    flip(database, b"CREATE TABLE users (id CHAR(32) NOT NULL, ", 3)
    assert "malformed database schema" in digests.in_words(digests.inspect(database))
    result, whole = repaired(Path(shutil.copy(database, tmp_path / "alone.db")))
    assert content(whole) == before, "one bit is turned back"
    whole.unlink()
    flip(database, b"PRIMARY KEY (id), UNIQUE (us", 2)
    with pytest.raises(FeedbackError, match="cannot be repaired: malformed"):
        plan(Path(shutil.copy(database, tmp_path / "alone.db")), BackupRows([]), [])
    result, whole = repaired(database, {"b": backup})
    assert content(whole) == before
    assert result.lost == []


def test_without_digests_the_rounds_answers_are_added(database: Path) -> None:
    with closing(digests.connect(database)) as open_one:
        open_one.execute("DROP TABLE prefopt_digests")
    result, whole = repaired(database, rounds=[kept((1, 0, "2143"), (0, 0, "4321"))])
    assert not result.is_exact
    assert answers(whole)["s-001", "kim"] == values("2143")
    assert answers(whole)["s-000", "kim"] == values("2143"), "an answer that is there is not replaced"


def test_a_damaged_log_is_brought_in(made: Path, tmp_path: Path) -> None:
    database = Path(shutil.copy(made, tmp_path / "open.db"))
    with closing(digests.connect(database)) as open_one:
        open_one.execute("PRAGMA journal_mode = WAL")
        for number in range(6):
            answer(open_one, number * 2, 0, "4321", LATER)
        for ending in ("", "-wal"):
            shutil.copy(f"{database}{ending}", tmp_path / f"argilla.db{ending}")
    before = content(database)
    flip(tmp_path / "argilla.db-wal", b'"rank": 4', skip=32)
    assert "write-ahead log" in digests.in_words(digests.inspect(tmp_path / "argilla.db"))
    result, whole = repaired(tmp_path / "argilla.db")
    assert content(whole) == before
    assert result.is_exact


def test_the_damaged_data_is_kept_and_an_interrupted_repair_is_finished(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(database)
    flip(database, b'"rank": 2')
    damaged = database.read_bytes()
    (tmp_path / "argilla.db-wal").write_bytes(b"")
    assert repair_build.prepare(tmp_path, []).is_exact
    assert database.read_bytes() == damaged, "nothing has been changed yet"
    with monkeypatch.context() as patch:
        patch.setattr(repair_build.digests, "take_over", lambda new, old: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            repair_build.put_in_place(tmp_path)
    assert database.read_bytes() == damaged
    assert repair_build.prepare(tmp_path, []).damages == []
    assert content(database) == before
    (kept_aside,) = tmp_path.glob("replaced-*")
    assert (kept_aside / "argilla.db").read_bytes() == damaged


def test_what_the_rounds_of_a_project_know_is_read_from_their_files(tmp_path: Path) -> None:
    (tmp_path / "prefopt.toml").write_text("", encoding="utf-8")
    (tmp_path / "taxonomy.csv").write_text(TAXONOMY, encoding="utf-8")
    rnd = freeze_round(open_project(tmp_path), 1, {"round": 1, "recipe": "dpo"})
    slates = list(SLATES.values())[:3]
    receipts = [
        Receipt(slate_id=slate.id, source="argilla", dataset="mathclass-001", record=str(uuid.UUID(key)))
        for key, slate in zip(SLATES, slates, strict=False)
    ]
    finish_stage(rnd, {SLATES_FILE: slates})
    finish_stage(rnd, {RECEIPTS: receipts})
    first, second = (kept((number, 0, ranks)).answers[uid("record", number), "kim"] for number, ranks in ((0, "1234"), (1, "2143")))
    keep(rnd.folder, [first, second])
    changed = first.model_copy(update={"comment": "다시 보았습니다"})
    keep(rnd.folder, [changed])
    (found,) = kept_by_rounds(open_project(tmp_path))
    assert found.name == "001"
    assert {key: slate.id for key, slate in found.slates.items()} == {uid("record", number): f"s-{number:03d}" for number in range(3)}
    assert found.answers == {(uid("record", 0), "kim"): changed}, "the last answer, and none that was taken back"
