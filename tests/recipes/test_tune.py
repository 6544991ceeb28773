"""`prefopt tune` on a tiny model: what is tried, on which rows, what is given up early, what is printed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from prefopt.cli.app import app
from prefopt.errors import ConfigError, PluginError, TrainingError
from prefopt.project.project import open_project
from prefopt.rounds.jobs import round_job
from prefopt.training.tune import tunable_options, tune
from tests.recipes.recipe_cases import judged, pair, put_round, write_project

OPTIONS = "batch_size = 2\ngradient_accumulation_steps = 1\nnum_train_epochs = 2.0\ngradient_checkpointing = false\nlearning_rate = 0.02\n"


@pytest.fixture
def project(tmp_path: Path, base_path: Path, parent: Path) -> Path:
    folder = write_project(
        tmp_path / "a", base_path, f"[recipes.sft]\n{OPTIONS}reason_share = 0\nexplain_share = 0\n[recipes.dpo]\n{OPTIONS}"
    )
    put_round(folder, 0, "sft", adapter=parent)
    return folder


def test_learning_rate_and_beta_on_part_of_the_pairs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rnd = put_round(project, 1, "dpo", rows=[pair(i // 2) for i in range(24)])
    monkeypatch.chdir(project)
    shown = CliRunner().invoke(app, ["tune", "--trials", "5", "--subset", "0.7", "--json"], catch_exceptions=False)
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.stdout[shown.stdout.index("{") :])
    assert (found["recipe"], found["measure"], found["rows"]) == ("dpo", "eval_preference/nll", 16)
    assert found["trials"][0]["parameters"] == {"learning_rate": 0.02, "beta": 1.0}
    assert len({tuple(trial["parameters"].items()) for trial in found["trials"]}) == 5
    assert all(0.002 <= trial["parameters"]["learning_rate"] <= 0.2 for trial in found["trials"])
    ended = {trial["ended"]: trial["checkpoints"] for trial in found["trials"]}
    assert set(ended) == {"complete", "early"}
    assert ended["early"] < ended["complete"] <= 6
    assert json.loads((project / ".cache" / "tune" / "001" / "dpo.json").read_text())["trials"] == found["trials"]
    assert sorted(path.name for path in (project / ".cache" / "tune" / "001").iterdir()) == ["dpo.json"]
    assert not rnd.stage("train").exists()


def test_rank_and_learning_rate_of_the_base_stage(project: Path) -> None:
    rnd = open_project(project).round(0)
    recipe, options = tunable_options(rnd, None)
    found = tune(*round_job(rnd, rnd.project.cache / "tune" / rnd.name, recipe=(recipe, options)), trials=2, subset=1.0)
    assert found.trials[0].parameters == {"learning_rate": 0.02, "rank": 4}
    assert found.measure == "eval_loss"
    best = found.best.parameters
    assert found.toml.startswith(f"[adapter]\nrank = {best['rank']}\nalpha = {2 * best['rank']}\n\n[recipes.sft]\nlearning_rate = ")


def test_few_problems_are_searched_whole(project: Path) -> None:
    """Half of ten problems are too few to compare settings; the hint is followed."""
    rnd = put_round(project, 1, "dpo", rows=[pair(i // 2) for i in range(20)])
    recipe, options = tunable_options(rnd, None)
    given = recipe, options
    with pytest.raises(TrainingError, match=r"0\.5 of the 10 problems with training data are 5; to compare settings takes 6") as raised:
        tune(*round_job(rnd, project / "tuned", recipe=given), trials=1, subset=0.5)
    assert raised.value.hint == "use more of them: prefopt tune 1 --subset 0.6"
    assert tune(*round_job(rnd, project / "tuned", recipe=given), trials=1, subset=0.6).best.value is not None


def test_the_search_stays_within_the_bounds_of_the_options(project: Path) -> None:
    """A rate near its bound, and a schedule without a warm-up, which the default share of one does not contradict."""
    (project / "prefopt.toml").write_text(
        (project / "prefopt.toml").read_text().replace("learning_rate = 0.02\n", 'learning_rate = 0.5\nlr_scheduler_type = "constant"\n')
    )
    rnd = put_round(project, 1, "dpo", rows=[pair(i // 2) for i in range(24)])
    given = tunable_options(rnd, None)
    found = tune(*round_job(rnd, project / "tuned", recipe=given), trials=4, subset=0.7)
    rates = [trial.parameters["learning_rate"] for trial in found.trials]
    assert len(set(rates)) == 4
    assert all(0.05 <= rate <= 1 for rate in rates)


def test_what_cannot_be_tuned_is_said(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rnd = put_round(project, 1, "kto", rows=[judged(i, desirable=i % 2 == 0) for i in range(4)])
    with pytest.raises(ConfigError, match="recipe 'kto' cannot be tuned"):
        tunable_options(rnd, None)
    monkeypatch.setitem(sys.modules, "optuna", None)
    base = rnd.project.round(0)
    with pytest.raises(PluginError, match="Optuna, which is not installed") as raised:
        tune(*round_job(base, rnd.project.cache / "tune"))
    assert raised.value.hint == 'pip install "prefopt[tune]"'
