"""The public API: what `import prefopt` exports, what it loads, and what the wheel carries."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import prefopt
from tests.history import write_tables
from tests.requirements import missing

ROOT = Path(__file__).resolve().parents[2]

EXPORTED = [
    *("__version__", "Project", "ProjectConfig", "Round", "open_project", "Prediction", "Predictor"),
    *("HoldoutPrediction", "OpenProject", "OpenRound", "RoundSummary", "Rows", "StageSummary", "open"),
    *("ExtraInput", "FeedbackContext", "FeedbackSource", "OnStep", "Recipe", "TrainedAdapter", "TrainingJob"),
    *("AdapterSettings", "AnswerSettings", "ModelSettings", "PromptSettings"),
    *("Answer", "Candidate", "Decision", "Dropped", "Judged", "Pair", "Problem", "Progress", "Ranking", "Receipt", "Record", "Slate"),
    *("Label", "SlateVotes", "Taxonomy", "Vote", "read_taxonomy"),
    *("PrefoptError", "CalibrationError", "ConfigError", "DataError", "FeedbackError", "ModelError", "PluginError", "ProjectError"),
    "TrainingError",
]


def test_the_exported_names_are_these():
    assert sorted(prefopt.__all__) == sorted(EXPORTED)
    assert len(prefopt.__all__) == len(set(prefopt.__all__))
    assert set(EXPORTED) <= set(dir(prefopt))


@pytest.mark.parametrize("name", EXPORTED)
def test_an_exported_name_resolves_to_the_object_of_its_module(name):
    value = getattr(prefopt, name)
    home = getattr(value, "__module__", None)
    if home is not None and home.startswith("prefopt"):
        assert getattr(sys.modules[home], name) is value


def test_a_name_that_is_not_exported_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Projekt'"):
        prefopt.Projekt  # noqa: B018  # the access is what is tested


def test_type_checkers_see_the_names_that_are_exported_at_run_time():
    tree = ast.parse(Path(prefopt.__file__).read_text(encoding="utf-8"))
    (checked,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imported = {
        (node.module, alias.name) for node in checked.body if isinstance(node, ast.ImportFrom) and node.module for alias in node.names
    }
    assert imported == {(module, name) for module, names in prefopt._MODULES.items() for name in names}
    assert {name for _, name in imported} == set(prefopt.__all__) - {"__version__"}


def test_importing_prefopt_loads_no_third_party_package():
    code = """
import sys
before = set(sys.modules)
import prefopt
print(sorted({name.split(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "['prefopt']"


def test_the_whole_public_api_loads_without_torch():
    code = "import sys; from prefopt import *; print(sorted({'torch', 'transformers', 'trl', 'argilla'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_carries_every_file_of_the_packages_and_the_markers_for_type_checkers(wheel):
    listed = subprocess.run(["git", "ls-files", "prefopt", "recipes", "feedback"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        missing(f"git lists no files here: {listed.stderr}")
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert {"prefopt/py.typed", "recipes/py.typed", "feedback/py.typed"} <= shipped
    assert shipped == set(listed.stdout.splitlines())


def test_the_metadata_of_the_wheel_names_version_and_license(wheel):
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = wheel.read(name).decode().splitlines()
    assert f"Version: {prefopt.__version__}" in metadata
    assert "License-Expression: Apache-2.0" in metadata


def test_the_wheel_runs_away_from_the_checkout(wheel, tmp_path):
    """Unpacked as an installer does, and run from a folder of its own: the data that it needs is in it."""
    wheel.extractall(tmp_path / "site")
    code = """
import sys, prefopt
assert prefopt.__file__.startswith(sys.argv[1]), prefopt.__file__
from prefopt.__main__ import main
sys.argv = ["prefopt", *sys.argv[2:]]
main()
"""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "HF_HUB_OFFLINE": "1"}
    for words in (["init", "h", "--example", "--json"], ["-C", "h", "check", "--json"], ["recipes", "copy", "dpo", "mine.py", "--json"]):
        command = [sys.executable, "-c", code, str(tmp_path / "site"), *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)


def test_packages_of_the_projects_own_folder_shadow_none_of_ours(tmp_path):
    for name in ("recipes", "feedback", "torch", "venv"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('of the project')")
    for words in (["recipes", "list", "--json"], ["init", "h", "--json"]):
        command = [sys.executable, "-m", "prefopt", *words]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)


def test_a_wheel_in_an_environment_of_its_own_runs_the_first_round(wheel, tmp_path):
    """Installed by pip beside the packages of this interpreter, without the checkout: init, check and round 000 on the tiny model."""
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    site = next((tmp_path / "venv" / "lib").glob("python*")) / "site-packages"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(site), wheel.filename], check=True)
    (site / "parent.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")), encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")} | {"HF_HUB_OFFLINE": "1"}

    def run(*words: str, folder: Path = tmp_path) -> str:
        command = [str(python), "-c", "from prefopt.__main__ import main; main()", *words]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = subprocess.run(
        [str(python), "-c", "import prefopt, recipes, feedback; print(prefopt.__file__, recipes.__file__, feedback.__file__)"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert all(path.startswith(str(site)) for path in where), where
    write_tables(tmp_path)
    run("init", "h", "--taxonomy", "hist.csv")
    settings = tmp_path / "h" / "prefopt.toml"
    text = settings.read_text(encoding="utf-8").replace("data/gold.jsonl", "../gold.csv").replace("data/pool.jsonl", "../pool.xlsx")
    text = text.replace("slates = 150", "slates = 24").replace('source = "argilla"', 'source = "file"')
    settings.write_text(f"{text}\n[recipes.sft]\nnum_train_epochs = 1\n", encoding="utf-8")
    assert json.loads(run("check", "--json", folder=tmp_path / "h"))["taxonomy"] == "12 labels, groups 시대"
    assert json.loads(run("sft", "--json", folder=tmp_path / "h"))
    assert (tmp_path / "h" / "rounds" / "000" / "report" / "report.html").exists()
    assert "num_train_epochs" in run("recipes", "show", "sft")
