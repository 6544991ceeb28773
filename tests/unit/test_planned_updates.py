"""How many updates `prefopt check` says that a round will make, and how the report says what was made."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from prefopt.project.holdout import keep_placement
from prefopt.project.project import Round, open_project
from prefopt.project.round_toml import freeze_round
from prefopt.records import Answer, Judged, Pair, Problem
from prefopt.report import TrainingFacts
from prefopt.report.wording.sections import training_sentence
from prefopt.rounds.artifacts import DROPPED, METRICS, PREFERENCES
from prefopt.rounds.checks import check_project
from prefopt.rounds.stages.train import TrainOutcome
from tests.e2e.small import write_small_project
from tests.stages import finish_stage

FEW = "Fewer than 10 updates change an adapter little: more epochs, or fewer rows in each update, make more of them."


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_project(tmp_path_factory.mktemp("small") / "project")


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "project"))


def planned(folder: Path) -> dict[str, str]:
    found = check_project(open_project(folder))
    return {key.removeprefix("updates of round "): value for key, value in found.items() if key.startswith("updates")}


def pair(i: int, *, tie: bool = False) -> Pair:
    shown = {"problem": Problem(id=f"p{i}", text=f"{i * 37} x {i}"), "slate_id": f"s{i}", "origin": "votes", "weight": 1.0}
    return Pair.model_validate({**shown, "chosen": Answer(label="a"), "rejected": Answer(label="b"), "tie": tie})


def judged(i: int) -> Judged:
    shown = {"problem": Problem(id=f"p{i}", text=f"{i * 37} x {i}"), "slate_id": f"s{i}", "origin": "votes", "weight": 1.0}
    return Judged.model_validate({**shown, "answer": Answer(label="a"), "desirable": i % 2 == 0})


def start(folder: Path, number: int, recipe: str) -> Round:
    return freeze_round(open_project(folder), number, {"round": number, "recipe": recipe} | ({"parent": 0} if number else {}))


def test_before_the_first_round(folder: Path) -> None:
    found = planned(folder)
    assert found["000"] == "18 (from 72 labeled problems)"  # 72 answers and 22 explanations in batches of 16, three times
    # 12 slates of 3 cards, the best chosen: 24 pairs, four to an update; 36 judged answers, eight to an update
    assert found["001"] == f"about 6 (expected, if each of the 12 slates of sample.slates gives 2 pairs). {FEW}"
    assert found["002"] == found["001"]
    assert found["003"] == f"about 5 (expected, if each of the 12 slates of sample.slates gives 3 judged answers). {FEW}"


def test_an_open_round_with_preferences_is_counted_exactly(folder: Path) -> None:
    first = start(folder, 0, "sft")
    placed = first.load().placed
    assert placed is not None
    keep_placement(first.project.rounds_folder, placed)
    finish_stage(first, {METRICS: ""})
    rnd = start(folder, 1, "dpo")
    assert planned(folder)["001"].startswith("about 6 (expected")
    finish_stage(rnd, {PREFERENCES: [*(pair(i) for i in range(41)), *(pair(i, tie=True) for i in range(50, 55))], DROPPED: []})
    found = planned(folder)
    assert "000" not in found
    assert found["001"] == "12 (from 46 pairs)"  # soft votes learn from ties: 46 pairs, four to an update
    assert found["002"].startswith("about 6")
    finish_stage(rnd, {METRICS: ""})
    assert list(planned(folder)) == ["002", "003"]
    last = start(folder, 4, "kto")
    finish_stage(last, {PREFERENCES: [judged(i) for i in range(17)], DROPPED: []})
    found = planned(folder)
    assert list(found) == ["004", "005"]
    assert found["004"] == f"3 (from 17 judged answers). {FEW}"  # in groups of 7, 7 and 3: of 8, one row would be left alone


def test_rehearsal_and_validation_are_counted(folder: Path) -> None:
    head, _, kto = (folder / "prefopt.toml").read_text().partition("[recipes.kto]")
    (folder / "prefopt.toml").write_text(head + "[recipes.kto]" + kto.replace("rehearse_examples = 0\n", "rehearse_examples = 1.0\n"))
    assert planned(folder)["003"].startswith("about 17 (expected")  # 36 + 72 rows, eight to an update


def test_a_recipe_that_does_not_say_is_named(folder: Path) -> None:
    (folder / "own.py").write_text(
        "from pydantic import BaseModel\n"
        "class Options(BaseModel):\n    pass\n"
        "class Own:\n    name, needs, Config = 'own', 'pairs', Options\n    def train(self, job, config): ...\n"
        "    def extra_inputs(self, config): return frozenset()\nrecipe = Own()\n"
    )
    text = (folder / "prefopt.toml").read_text().replace('recipes = ["dpo", "orpo", "kto"]', 'recipes = ["own.py"]')
    (folder / "prefopt.toml").write_text(text)
    assert planned(folder)["001"] == "not known: the recipe own does not say"


def test_the_numbers_need_no_torch(folder: Path) -> None:
    code = "import sys\nfrom pathlib import Path\nfrom prefopt.project.project import load_data, open_project\n"
    code += "from prefopt.rounds.plans import planned_updates\nproject = open_project(Path.cwd())\n"
    code += "print(sorted(planned_updates(project, load_data(project.root, project.config, with_pool=True))))\n"
    code += "print(sorted({'torch', 'transformers', 'trl', 'peft'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()
    assert shown == ["[0, 1, 2, 3]", "[]"]


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"steps": 33, "planned": 33}, "dpo: 523 examples, 33 of 33 updates, loss 0.500"),
        ({"steps": 12, "planned": 33}, "dpo: 523 examples, 12 of 33 updates, loss 0.500"),
        ({"steps": 3, "planned": 3}, f"dpo: 523 examples, 3 of 3 updates, loss 0.500. {FEW}"),
        ({"steps": 40}, "dpo: 523 examples, 40 updates, loss 0.500"),
        ({"steps": 40, "metrics": {"loss": None}}, "dpo: 523 examples, 40 updates, loss ?"),
    ],
)
def test_the_line_of_the_train_stage(facts: dict[str, object], line: str) -> None:
    assert TrainOutcome.model_validate({"recipe": "dpo", "examples": 523, "metrics": {"loss": 0.5}} | facts).line() == line


def test_the_report_says_it_in_both_languages() -> None:
    said = training_sentence(TrainingFacts(11, 1, 1))
    assert said.en == f"1 of 1 planned updates on 11 rows. {FEW}"
    assert said.ko.startswith("학습 예 11개로, 계획한 갱신 1번 가운데 1번을 했습니다. 갱신이 10번보다 적으면")
    assert training_sentence(TrainingFacts(1200, 75, None)).en == "75 updates on 1,200 rows."
    assert training_sentence(TrainingFacts(1200, 75, None)).ko == "학습 예 1,200개로 75번 갱신했습니다."
