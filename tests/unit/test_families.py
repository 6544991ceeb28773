"""Groups of problems, and the doors: nothing of a held-out or sealed problem's group reaches training or teachers."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefopt.cli.data_options import project_parts
from prefopt.curricula.generator.problem_generator import generate
from prefopt.data.checks.check_files import Rules, check_data
from prefopt.data.checks.check_types import Checked
from prefopt.errors import DataError
from prefopt.project import near_duplicates
from prefopt.project.families import CACHED_FROM, components, kin, likeness_of
from prefopt.project.near_duplicates import THRESHOLD, likeness
from prefopt.project.project import Project, Round
from prefopt.project.round_toml import freeze_round
from prefopt.records import Pair, Problem, Slate
from prefopt.rounds.reading import Reader
from prefopt.rounds.reads import Data, GoldQuestions
from prefopt.rounds.stages.pair import pair
from prefopt.taxonomy import read_taxonomy
from prefopt.texts.same_text import key
from prefopt.training.job import training_job
from tests.command_line import CommandLine
from tests.unit.leak_cases import KIN, TEXT, WHY, pool, problems, project, with_kin, write_rows
from tests.unit.rankings_cases import slate


def checked(found: Project) -> Checked:
    """`prefopt data check` on a project, without lengths."""
    config = found.config.data
    rules = Rules(language=None, holdout=None if config.holdout_file else config.holdout_share, rounds=found.rounds_folder)
    return check_data(project_parts(found, []), read_taxonomy(found.root / config.taxonomy), rules)


def errors(found: Project) -> set[tuple[str, str, int]]:
    """Kind, file and line of every error."""
    return {(f.kind, f.path.name, f.line) for f in checked(found).findings if f.severity == "error"}


def started(found: Project) -> Round:
    return freeze_round(found, 1, {"recipe": "dpo", "parent": 0})


KINDS = {"family": {"leak-family"}, "variant": {"leak-family"}, "near": {"leak-near-held"}, "text": {"leak"}}


def test_families_and_near_duplicates_join_in_a_chain_whatever_the_order():
    a = Problem(id="a", text=TEXT.format(1), family="f")
    b = Problem(id="b", text="구슬이 9개 있습니다.", family="f")
    c = Problem(id="c", text="구슬이  9개 있습니다!")
    d = Problem(id="d", text="전혀 다른 문제: 넓이를 구하시오.", family="c")  # a variant of c
    e = Problem(id="e", text="둘레를 구하시오.")
    everyone = [a, b, c, d, e]
    for seed in range(10):
        shuffled = random.Random(seed).sample(everyone, 5)
        found = dict(zip((p.id for p in shuffled), components(shuffled), strict=True))
        assert found == {"a": "c", "b": "c", "c": "c", "d": "c", "e": "e"}
    among = [p.id != "b" for p in everyone]
    assert components(everyone, among=among) == ["f", "f", "c", "c", "e"]


def test_every_near_duplicate_of_a_text_is_found_and_not_only_the_first():
    base = "하준이는 과일 가게에서 사과와 배를 샀습니다. 과일은 모두 몇 개입니까?"
    first, second = "가을 소풍을 앞둔 날, " + base, "나무 상자를 들고서, " + base  # both alike to `base`, and not to each other
    found = likeness([base, first, second])
    assert {(a, b) for a, b, _ in found.near} == {(0, 1), (0, 2)}
    assert [k.guarded for k in kin([Problem(id="h", text=second)], [Problem(id="t", text=first), Problem(id="q", text=base)])] == [0]
    drawn = [p.text for p in generate(6, 3, ["[2수01-06]", "[2수03-09]", "[4수02-01]"])]
    texts = [*drawn, *(t.replace("하", "히", 1) for t in drawn[::3])]
    near = likeness(texts)
    order = random.Random(1).sample(range(len(texts)), len(texts))
    again = likeness([texts[i] for i in order])
    pairs = {frozenset((key(texts[a]), key(texts[b]))) for a, b, _ in near.near}
    assert pairs == {frozenset((key(texts[order[a]]), key(texts[order[b]]))) for a, b, _ in again.near}
    assert all(s >= THRESHOLD for _, _, s in near.near)


def test_a_part_of_what_was_compared_is_what_comparing_the_part_gives():
    texts = [TEXT.format(1), TEXT.format(1) + "!", TEXT.format(1).replace("모두", "다"), TEXT.format(2), ""]
    whole = likeness(texts)
    for positions in ([1, 2, 3], [4, 2, 0], [0, 1], [3, 4]):
        assert whole.among(positions) == likeness([texts[i] for i in positions])


def test_a_clean_project_gives_nothing(tmp_path):
    found = project(tmp_path, gold=problems("g", 40), questions=problems("k", 6), audit=problems("a", 12))
    data = started(found).load(with_pool=True)
    assert (len(data.train), len(data.holdout), len(data.pool), len(data.audit), data.left_out) == (28, 12, 3, 12, ())
    assert data.holdout_groups == [p.family for p in data.holdout]
    assert len(GoldQuestions().load(Reader(started(found)))) == 6
    assert errors(found) == set()
    assert [f.kind for f in checked(found).findings] == []


@pytest.mark.parametrize("kind", KIN)
def test_the_pool_is_refused_and_named_by_the_check(tmp_path, kind):
    found = project(tmp_path, holdout=problems("h", 12), pool=with_kin(pool(), kind))
    with pytest.raises(DataError) as error:
        Data(with_pool=True).load(Reader(started(found)))
    assert str(error.value).startswith(f"{tmp_path}/data/pool.jsonl:4: problem 'kin' of the pool is of one group with 'h7' of the hold-out")
    assert f"data/holdout.jsonl:8): {WHY[kind]}" in str(error.value)
    assert "remove it from the pool" in error.value.hint
    assert errors(found) == {
        (kind_, "pool.jsonl" if kind_ != "leak" else "holdout.jsonl", 4 if kind_ != "leak" else 8) for kind_ in KINDS[kind]
    }


@pytest.mark.parametrize("kind", KIN)
def test_the_pool_is_compared_with_the_default_hold_out(tmp_path, kind):
    gold = [*problems("g", 20), *problems("h", 12)]
    held = started(project(tmp_path, gold=gold)).load().holdout[0]
    row = {key: str(value).replace("fruit-7", str(held.family)) for key, value in KIN[kind].items()}
    if kind in ("near", "text"):
        number = held.text.split("사과 ")[1].split("개")[0]
        row["text"] = row["text"].replace("사과 7", f"사과 {number}").replace("사과  ７", f"사과  {number}")
    found = project(tmp_path, gold=gold, pool=[*pool(), row])
    same_group = f"problem 'kin' of the pool is of one group with {held.id!r} of the hold-out"
    with pytest.raises(DataError, match=rf"pool\.jsonl:4: {same_group}"):
        started(found).load(with_pool=True)
    assert {(k, line) for k, file, line in errors(found) if file == "pool.jsonl"} == {(k, 4) for k in KINDS[kind]}
    trained = next(p for p in started(found).load().train if p.family)
    row = {"id": "kin", "text": "지우개는 얼마입니까?", "family": trained.family}
    assert started(project(tmp_path, gold=gold, pool=[*pool(), row])).load(with_pool=True).pool  # kin of what is trained on may be asked


@pytest.mark.parametrize("kind", KIN)
def test_gold_questions_are_refused_and_named_by_the_check(tmp_path, kind):
    found = project(tmp_path, holdout=problems("h", 12), questions=with_kin(problems("k", 6), kind))
    with pytest.raises(
        DataError, match=r"questions\.jsonl:7: problem 'kin' of the gold questions is of one group with 'h7' of the hold-out"
    ):
        GoldQuestions().load(Reader(started(found)))
    assert errors(found) == {(k, "questions.jsonl", 7) for k in KINDS[kind]}


@pytest.mark.parametrize("kind", KIN)
def test_augmented_and_imported_rows_of_the_training_part_are_refused(tmp_path, kind):
    found = project(tmp_path, holdout=problems("h", 12), gold=with_kin(problems("g", 20), kind))
    with pytest.raises(DataError, match=r"gold\.jsonl:21: problem 'kin' of the gold file is of one group with 'h7' of the hold-out"):
        started(found).load()
    assert {(k, line) for k, file, line in errors(found) if k != "leak"} == {(k, 21) for k in KINDS[kind] - {"leak"}}
    assert {k for k, _, _ in errors(found)} == KINDS[kind]


@pytest.mark.parametrize("where", ["gold", "holdout", "pool", "questions"])
@pytest.mark.parametrize("kind", KIN)
def test_the_audit_has_a_door_on_every_side(tmp_path, kind, where):
    rows = {"gold": problems("g", 20), "holdout": problems("a", 12), "pool": pool(), "questions": problems("k", 6)}
    rows[where] = with_kin(rows[where], kind)
    found = project(tmp_path, **rows, audit=problems("h", 12))
    reader = Reader(started(found))
    with pytest.raises(DataError) as error:  # noqa: PT012  either read refuses, as in the stage that makes both
        Data(with_pool=True).load(reader)
        GoldQuestions().load(reader)
    assert "'h7' of the audit" in str(error.value) or (kind == "variant" and where == "holdout")
    assert f"{where}.jsonl:{len(rows[where])}: " in str(error.value)
    assert {k for k, _, _ in errors(found)} == KINDS[kind] | ({"holdout-variant"} if kind == "variant" and where == "holdout" else set())


def slates_with(kind: str) -> list[Slate]:
    shown = [Problem(**row) for row in [*pool(), KIN[kind]]]
    return [slate(f"s{i}").model_copy(update={"problem": problem}) for i, problem in enumerate(shown)]


@pytest.mark.parametrize("kind", KIN)
def test_slates_whose_answers_come_from_files_are_refused_when_preferences_are_made(tmp_path, kind):
    rnd = started(project(tmp_path, holdout=problems("h", 12)))
    where = r"rounds/001/sample/slates\.jsonl:4: problem 'kin' of the slates is of one group with 'h7' of the hold-out"
    with pytest.raises(DataError, match=where):
        pair.function(rnd.load(), slates_with(kind), [], rnd.config, rnd.key)
    assert pair.function(rnd.load(), slates_with(kind)[:3], [], rnd.config, rnd.key).outcome.pairs == 0


@pytest.mark.parametrize("kind", KIN)
def test_rows_and_earlier_preferences_are_refused_at_training(tmp_path, kind):
    from recipes.dpo import recipe

    rnd = started(project(tmp_path, holdout=problems("h", 12)))
    rows = [
        Pair(problem=s.problem, chosen=s.candidates[0].answer, rejected=s.candidates[1].answer, weight=1.0, slate_id=s.id, origin="votes")
        for s in slates_with(kind)
    ]
    options = {"number": 1, "seed": 1, "folder": tmp_path, "cache": tmp_path, "parent": tmp_path}
    with pytest.raises(
        DataError, match=r"rounds/001/pair/preferences\.jsonl:4: problem 'kin' of the preferences is of one group with 'h7'"
    ):
        training_job(recipe, rnd.config, rnd.load(), preferences=rows, **options)
    with pytest.raises(DataError, match=r"problem 'kin' of the preferences of earlier rounds \(slate s3\) is of one group with 'h7'"):
        training_job(recipe, rnd.config, rnd.load(), preferences=rows[:3], earlier=rows, **options)
    assert len(training_job(recipe, rnd.config, rnd.load(), preferences=rows[:3], earlier=rows[:3], **options).data) == 3


row = st.tuples(st.sampled_from([3, 4, 5]), st.sampled_from(["", "!", " 다", " 풀이"]), st.sampled_from(["f", "g", None]))
place = st.tuples(st.sampled_from(["gold", "pool", "holdout", "questions", "audit"]), row)


@settings(max_examples=150, deadline=None)
@given(st.lists(place, min_size=2, max_size=8))
def test_declaring_a_family_never_makes_a_check_quieter(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("p")
    found = {}
    for declared in (True, False):
        files = {"gold": problems("g", 2), "pool": pool(), "holdout": [], "questions": problems("k", 1), "audit": []}
        for i, (role, (number, end, family)) in enumerate(rows):
            made = {"id": f"r{i}", "text": TEXT.format(number) + end} | ({"family": family} if declared and family else {})
            files[role] = [*files[role], made | ({} if role == "pool" else {"label": "a"})]
        found[declared] = {(f.kind, f.path.name, f.line) for f in checked(project(folder, **files)).findings if f.kind.startswith("leak")}
    assert found[False] <= found[True]


def test_many_problems_are_compared_once(tmp_path, monkeypatch):
    compared = []
    monkeypatch.setattr(near_duplicates, "likeness", lambda texts, _compare=near_duplicates.likeness: compared.append(1) or _compare(texts))
    drawn = [
        Problem(id=f"p{i}", text=f"{TEXT.format(i)} {random.Random(i).choice('가나다라마바사')}", label="a") for i in range(CACHED_FROM + 8)
    ]
    first = likeness_of(drawn, tmp_path)
    (stored,) = tmp_path.iterdir()
    at = stored.stat().st_mtime_ns
    assert likeness_of(drawn, tmp_path) == first
    assert (len(compared), stored.stat().st_mtime_ns) == (1, at)
    stored.write_text(stored.read_text()[:40], encoding="utf-8")  # cut off by a crash of the machine
    assert likeness_of(drawn, tmp_path) == first
    assert len(compared) == 2
    for i in range(8):
        likeness_of(drawn[i + 1 :], tmp_path)
    assert len(list(tmp_path.iterdir())) == 6


def test_a_leak_is_found_for_every_problem_it_concerns():
    held = [Problem(id="h", text=TEXT.format(1), family="f"), Problem(id="i", text=TEXT.format(2))]
    used = [Problem(id="a", text="하나", family="f"), Problem(id="b", text="둘", family="i"), Problem(id="c", text="셋"), held[1]]
    assert [(k.guarded, k.used, k.why) for k in kin(held, used)] == [(0, 0, "family"), (1, 1, "family"), (1, 3, "id"), (1, 3, "text")]
    assert list(kin([], used)) == []


def test_the_check_compares_another_pool_with_the_hold_out_of_the_project(tmp_path, monkeypatch, capsys):
    project(tmp_path, holdout=problems("h", 12))
    write_rows(tmp_path / "new.jsonl", [{"id": "n0", "text": TEXT.format(900)}, KIN["family"]])
    prefopt = CommandLine(tmp_path, monkeypatch, capsys)
    found = json.loads(prefopt("data", "check", "--pool", "new.jsonl", "--json", code=1))
    (leak,) = [f for f in found["findings"] if f["severity"] == "error"]
    assert (leak["kind"], leak["line"], leak["path"].endswith("new.jsonl")) == ("leak-family", 2, True)
    assert prefopt("data", "check", "--pool", "new.jsonl", "--holdout", "data/gold.jsonl", "--page", "en", code=1)  # all gold is held out
    prefopt("data", "check")
