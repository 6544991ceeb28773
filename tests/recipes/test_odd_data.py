"""Edge cases of rankings, from the pair stage to the train stage, and their messages."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from prefopt.errors import DataError, ModelError, TrainingError
from prefopt.project.project import Round, open_project
from prefopt.records import Candidate, Ranking, Slate
from prefopt.rounds.artifacts import ADAPTER, METRICS, RANKINGS, SLATES
from prefopt.rounds.machine import run_stage
from tests.recipes.recipe_cases import answer, pair, problem, put_round, write_project
from tests.stages import finish_stage

SMALL_RUN = "learning_rate = 5e-3\nrehearse_examples = 0\nnum_train_epochs = 1\n"
TRAIN = f"[recipes.dpo]\n{SMALL_RUN}[recipes.orpo]\n{SMALL_RUN}"


@pytest.fixture
def project(tmp_path: Path, base_path: Path, parent: Path) -> Path:
    folder = write_project(tmp_path / "a", base_path, TRAIN)
    put_round(folder, 0, "sft", adapter=parent)
    return folder


def slate(i: int) -> Slate:
    cards = tuple(Candidate(id=f"s{i}-{k}", answer=answer(i + k), probability=0.3, adapter="0" * 12) for k in range(2))
    return Slate(id=f"s{i}", problem=problem(i), candidates=cards, order=(0, 1), purpose="margin", top2_gap=0.1)


def ranked(folder: Path, *rankings: dict[str, Any], recipe: str = "dpo") -> Round:
    """Round 1 after its pair stage; slate i has the i-th ranking."""
    rnd = put_round(folder, 1, recipe)
    finish_stage(rnd, {SLATES: [slate(i) for i in range(len(rankings))]})
    answers = [Ranking.model_validate({"slate_id": f"s{i}", "teacher": "t1"} | r) for i, r in enumerate(rankings)]
    finish_stage(rnd, {RANKINGS: answers})
    run_stage(rnd, "pair")
    return rnd


def train(rnd: Round) -> Any:
    return run_stage(rnd, "train").outcome.model_dump()


def better(i: int) -> dict[str, Any]:
    return {"kind": "ranked", "ranks": {f"s{i}-0": 1, f"s{i}-1": 2}}


def level(i: int) -> dict[str, Any]:
    return {"kind": "ranked", "ranks": {f"s{i}-0": 1, f"s{i}-1": 1}}


@pytest.mark.parametrize("recipe", ["dpo", "orpo"])
def test_one_pair_is_one_update(recipe: str, project: Path) -> None:
    facts = train(ranked(project, better(0), recipe=recipe))
    assert (facts["examples"], facts["steps"]) == (1, 1)


def test_rankings_that_are_all_level_give_no_pair(project: Path) -> None:
    with pytest.raises(
        TrainingError, match=r"recipe 'dpo' needs pairs, and the rankings of round 001 gave none: see .*dropped\.jsonl"
    ) as raised:
        train(ranked(project, level(0), level(1)))
    assert raised.value.hint == (
        "use another recipe: prefopt round --recipe kto; or, when more teachers have answered: prefopt round branch 1 --at collect"
    )


def test_discarded_slates_give_no_judged_answer(project: Path) -> None:
    rnd = ranked(project, {"kind": "discarded"}, {"kind": "discarded"}, recipe="kto")
    with pytest.raises(TrainingError, match="recipe 'kto' needs judged, and the rankings of round 001 gave none"):
        train(rnd)
    dropped = [json.loads(line) for line in (rnd.stage("pair") / "dropped.jsonl").read_text().splitlines()]
    assert [(row["cause"], row["detail"]) for row in dropped] == [("discarded", "1 teachers passed")] * 2


def test_a_pair_of_equal_answers_is_refused(project: Path) -> None:
    same = pair(0).model_copy(update={"rejected": pair(0).chosen})
    with pytest.raises(
        TrainingError, match=r"problem p0 \(slate s0\): the chosen and the rejected answer are the same, \[2수01-01\]"
    ) as raised:
        train(put_round(project, 1, "dpo", rows=[same, pair(1)]))
    assert raised.value.hint == "make the pairs again: prefopt round branch 1 --at pair"


def test_a_row_longer_than_the_context_is_refused(project: Path) -> None:
    long = pair(5).model_copy(update={"problem": problem(5).model_copy(update={"text": "가" * 1000})})
    with pytest.raises(
        TrainingError, match=r"1 of \d+ rows do not fit into 2048 tokens: p5 has \d{4} tokens \(prompt \d+, answer \d+\)"
    ) as raised:
        train(put_round(project, 1, "orpo", rows=[pair(0), long]))
    assert "raise max_tokens under [prompt]" in raised.value.hint


def test_a_weight_of_zero_is_refused(project: Path) -> None:
    rnd = put_round(project, 1, "dpo", rows=[pair(i).model_copy(update={"weight": 0.0}) for i in (0, 1)])
    with pytest.raises(DataError, match=r"preferences\.jsonl:1: .*weight.*greater than 0"):
        train(rnd)


def test_a_parent_with_nan_is_refused(project: Path, parent: Path) -> None:
    broken = shutil.copytree(parent, project / "broken")
    weights = load_file(broken / "adapter_model.safetensors")
    name = next(iter(weights))
    weights[name][0, 0] = float("nan")
    save_file(weights, broken / "adapter_model.safetensors", metadata={"format": "pt"})
    shutil.rmtree(project / "rounds" / "000" / "train")
    finish_stage(open_project(project).round(0), {ADAPTER: broken, METRICS: ""})
    with pytest.raises(ModelError, match=rf"{name} holds values that are not finite") as raised:
        train(put_round(project, 1, "dpo", rows=[pair(0)]))
    assert "lower learning_rate" in raised.value.hint


def test_pairs_that_are_nearly_the_same_are_counted(project: Path) -> None:
    """Answers that differ in the label alone share all else; longer ones share more."""
    near = pair(0).model_copy(
        update={"chosen": answer(0, concepts=("덧셈",) * 9), "rejected": answer(0, concepts=("덧셈",) * 9, difficulty=2)}
    )
    far = pair(1).model_copy(update={"rejected": answer(2, level="C", difficulty=5, concepts=("곱셈", "나눗셈"))})
    metrics = train(put_round(project, 1, "dpo", rows=[near, far]))["metrics"]
    assert metrics["pairs/near_identical"] == 1
    assert 0.5 < metrics["pairs/shared_tokens"] < 0.95


def test_a_pair_in_two_formats_is_refused() -> None:
    from recipes.tokenization import refuse_other_channels, similarity_metrics

    row = {"id": "p1", "prompt_ids": [1], "chosen_ids": [900, 5, 6, 901], "rejected_ids": [900, 5, 901, 900, 6, 901]}
    with pytest.raises(
        TrainingError, match=r"problem p1: the chosen answer has the control tokens \[900, 901\] and the rejected one \[900, 901, 900"
    ):
        refuse_other_channels(row, {900, 901})
    refuse_other_channels(row | {"rejected_ids": [900, 7, 901]}, {900, 901})
    # begins [900, 5] and ends [6, 901] alike, of six; nothing counts twice where one answer is the other's beginning and end
    assert similarity_metrics([row])["pairs/shared_tokens"] == pytest.approx(4 / 6)
    assert similarity_metrics([row | {"chosen_ids": [5, 5], "rejected_ids": [5, 5, 5]}])["pairs/shared_tokens"] == pytest.approx(2 / 3)
