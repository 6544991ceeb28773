"""What prefopt writes outside of stages and reads later is refused where it was changed, cut or emptied, with the file's name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from prefopt.errors import PrefoptError
from prefopt.io.chunks import chunks_in
from prefopt.io.sealed import read_sealed_rows, write_sealed_rows
from prefopt.project.project import Round, open_project
from prefopt.project.round_toml import freeze_round
from prefopt.rankings import answers, last_reading
from prefopt.rankings.last_reading import LastReading, read_last, write_last
from prefopt.records import Problem, Ranking, Receipt
from prefopt.rounds import looks
from prefopt.rounds.artifacts import RECEIPTS, SLATES
from prefopt.rounds.looks import Comparisons, record_comparison
from prefopt.rounds.reading import Reader
from prefopt.rounds.teachers import published, published_slates
from tests.stages import NOON, finish_stage
from tests.unit.rankings_cases import slate


@pytest.fixture
def rnd(tmp_path: Path) -> Round:
    (tmp_path / "taxonomy.csv").write_text("code,name\na,A\nb,B\n", encoding="utf-8")
    (tmp_path / "prefopt.toml").write_text('[feedback]\nsource = "file"\n', encoding="utf-8")
    return freeze_round(open_project(tmp_path), 1, {"round": 1, "recipe": "dpo", "parent": 0})


def compared(rnd: Round) -> tuple[Path, Callable[[], object]]:
    for other in (0, 1):
        record_comparison(rnd.project, 2, other)
    return rnd.project.rounds_folder / looks.FILE, lambda: Comparisons().load(Reader(rnd))


def answered(rnd: Round) -> tuple[Path, Callable[[], object]]:
    for teacher in ("kim", "lee"):
        answers.keep(rnd.folder, [Ranking(slate_id="s", teacher=teacher, kind="ranked", ranks={"x": 1, "y": 2})])
    return rnd.folder / answers.FILE, lambda: answers.latest(rnd.folder / answers.FILE)


def read_before(rnd: Round) -> tuple[Path, Callable[[], object]]:
    write_last(rnd.folder, LastReading(at=NOON, deleted=("s1",)))
    return rnd.folder / last_reading.FILE, lambda: read_last(rnd.folder)


def opened(rnd: Round) -> tuple[Path, Callable[[], object]]:
    path = rnd.project.rounds_folder / "audit-1.jsonl"
    write_sealed_rows(path, [Problem(id=f"p{i}", text="문제 1", label="a") for i in range(2)])
    return path, lambda: read_sealed_rows(path, Problem)


KINDS = [compared, answered, read_before, opened]
CHANGES = {
    "a digit": lambda text: text.replace("1", "7", 1) if '"digest": "' not in text[:12] else text[:90] + text[90:].replace("1", "7", 1),
    "a key": lambda text: text.replace('"at"', '"as"', 1) if '"at"' in text else text.replace('"label"', '"lable"', 1),
}


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_refused_with_the_files_name_and_a_hint(rnd, make, change):
    path, reads = make(rnd)
    reads()
    whole = path.read_text(encoding="utf-8")
    path.write_text(changed := CHANGES[change](whole), encoding="utf-8")
    assert changed != whole
    with pytest.raises(PrefoptError) as error:
        reads()
    assert path.name in str(error.value)
    assert error.value.hint
    path.write_text(whole, encoding="utf-8")
    reads()


@pytest.mark.parametrize("make", [compared, opened])
@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_file_of_rows_that_lost_its_end_is_refused(rnd, make, kept):
    path, reads = make(rnd)
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:kept]), encoding="utf-8")
    with pytest.raises(PrefoptError, match=path.name):
        reads()


@pytest.mark.parametrize("make", KINDS)
def test_files_of_earlier_versions_have_no_digest_and_are_read(rnd, make):
    path, reads = make(rnd)
    expected, lines = reads(), path.read_text(encoding="utf-8").splitlines()
    if make is read_before:
        values = json.loads("\n".join(lines))
        del values["digest"]
        lines = [json.dumps(values)]
    else:
        rows = [{key: value for key, value in json.loads(line).items() if key != "digest"} for line in lines]
        lines = [json.dumps(row) for row in rows if row]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert reads() == expected


def test_a_changed_chunk_of_an_interrupted_run_is_made_again(tmp_path):
    with chunks_in(tmp_path / "work", {"model": "x"}, ".jsonl") as chunks:
        for number in range(2):
            chunks.unfinished(number).write_text(f"row {number}")
            chunks.keep(number)
    with chunks_in(tmp_path / "work", {"model": "x"}, ".jsonl") as chunks:
        assert [number in chunks for number in range(3)] == [True, True, False]
        chunks.path(1).write_text("row 2")
        assert [number in chunks for number in range(2)] == [True, False]


@pytest.mark.parametrize("ids", [[], ["s1"], ["s2", "s1"], ["s1", "s2", "s3"]])
@pytest.mark.parametrize("reads", [published, published_slates])
def test_receipts_that_are_not_those_of_the_slates_are_refused(rnd, reads, ids):
    finish_stage(rnd, {SLATES: [slate("s1"), slate("s2")]})
    finish_stage(rnd, {RECEIPTS: [Receipt(slate_id=name, source="file", dataset="mathclass-001", record=name) for name in ids]})
    with pytest.raises(PrefoptError, match=r"publish/receipts\.jsonl") as error:
        reads(rnd)
    assert "restore" in error.value.hint


def test_a_round_without_slates_is_refused(rnd):
    finish_stage(rnd, {SLATES: []})
    finish_stage(rnd, {RECEIPTS: []})
    with pytest.raises(PrefoptError, match=r"slates\.jsonl: has no rows"):
        published_slates(rnd)
