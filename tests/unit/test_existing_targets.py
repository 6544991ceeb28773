"""No command replaces a file that is there unless --force says so; found by walking the commands, so that a new one is noticed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from prefopt.cli.app import app
from prefopt.curricula.generator.problem_generator import generate
from prefopt.errors import ConfigError
from prefopt.io.jsonl import write_rows
from prefopt.io.targets import refuse_taken
from tests.command_line import CommandLine

READ = {
    " folder",
    "init taxonomy",
    "predict problems",
    "adapter import folder",
    "adapter show folder",
    "argilla down home",
    "argilla logs home",
    "argilla owner home",
    "argilla repair home",
    "argilla restore home",
    "argilla status home",
    "argilla backup home",
    "argilla up home",
    "data augment answers",
    "data augment source",
    "data check accepted",
    "data check files",
    "data check holdout",
    "data check pool",
    "data convert source",
    "data mask source",
    "data sft source",
    "data split file",
    "data taxonomy file",
    "data taxonomy statements",
    "teachers add csv",
    "teachers simulate truth",
}
"""Parameters with a path that is read, or a folder that is added to; `data check --accept` adds to --accepted."""
AUGMENT = ("--url", "http://127.0.0.1:9", "--model", "m")
GENERATE = ("--standards", "2수01-01", "--per-standard", "1")
WRITTEN: dict[str, tuple[str, ...]] = {
    "data convert target": ("data", "convert", "gold.jsonl", "TARGET", "--to", "problems"),
    "data mask target": ("data", "mask", "gold.jsonl", "TARGET"),
    "data sft target": ("data", "sft", "gold.jsonl", "TARGET"),
    "data sft refused": ("data", "sft", "gold.jsonl", "new.jsonl", "--refused", "TARGET"),
    "data augment target": ("data", "augment", "gold.jsonl", "TARGET", *AUGMENT),
    "data augment refused": ("data", "augment", "gold.jsonl", "new.jsonl", "--refused", "TARGET", *AUGMENT),
    "data generate out": ("data", "generate", "--out", "TARGET", *GENERATE),
    "data generate answers": ("data", "generate", "--out", "new.jsonl", "--answers", "TARGET", *GENERATE),
    "data taxonomy out": ("data", "taxonomy", "--statements", "statements.csv", "--out", "TARGET"),
}
"""Parameters whose file is written, with a command in which TARGET stands for it."""
NEW_ONLY = {
    "adapter import out": "tests/model/test_adapter_import.py",
    "argilla backup folder": "tests/contract/test_argilla_backups.py",
    "demo folder": "goes on with the project that is there",
    "export out": "tests/model/test_model_export.py",
    "init folder": "below",
    "predict out": "tests/unit/test_predictions.py",
    "rankings export target": "tests/e2e/test_feedback.py",
    "recipes copy target": "below",
    "report queue": "below",
    "serve report out": "tests/e2e/test_serve.py",
    "data split out": "below",
}
"""Parameters whose file or folder must be new, or is kept, and where that is tested."""


def paths() -> Iterator[str]:
    """Every parameter with a path: command and name."""

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[str]:
        if hasattr(command, "list_commands"):
            context = typer.Context(command)
            for name in command.list_commands(context):
                yield from walk(command.get_command(context, name), (*words, name))
        for parameter in command.params:
            if "Path" in repr(getattr(parameter, "type_descriptor", None) or parameter.type):
                yield f"{' '.join(words)} {parameter.name}"

    yield from walk(get_command(app), ())


def test_every_path_of_every_command_is_known():
    found = set(paths())
    assert len(found) > 20, "the walk finds paths"
    assert found == READ | set(WRITTEN) | set(NEW_ONLY)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    write_rows(tmp_path / "gold.jsonl", generate(1, 7, ["[2수01-01]", "[2수01-03]"]))
    (tmp_path / "statements.csv").write_text("code,statement\n2수01-01,a\n", encoding="utf-8")
    return CommandLine(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize("parameter", WRITTEN)
def test_a_file_that_is_there_stays(run, parameter):
    command = WRITTEN[parameter]
    precious = run.folder / "precious.jsonl"
    precious.write_text("precious")
    words = ["precious.jsonl" if word == "TARGET" else word for word in command]
    assert "precious.jsonl exists already" in run(*words, code=1)
    assert "add --force to replace it" in run.errors
    (run.folder / "link.jsonl").symlink_to("nowhere")
    assert "exists already" in run(*("link.jsonl" if word == "TARGET" else word for word in command), code=1)
    (run.folder / "folder.jsonl").mkdir()
    for more in ([], ["--force"]):
        assert "is a directory" in run(*("folder.jsonl" if word == "TARGET" else word for word in command), *more, code=1)
    assert "is not a directory" in run(*("precious.jsonl/a.jsonl" if word == "TARGET" else word for word in command), code=1)
    assert precious.read_text() == "precious"
    assert not (run.folder / "new.jsonl").exists()


@pytest.mark.parametrize("parameter", ["data convert target", "data mask target", "data generate out"])
def test_force_replaces_a_file(run, parameter):
    (run.folder / "precious.jsonl").write_text("precious")
    run(*("precious.jsonl" if word == "TARGET" else word for word in WRITTEN[parameter]), "--force")
    assert json.loads((run.folder / "precious.jsonl").read_text(encoding="utf-8").splitlines()[0])["text"]


@pytest.mark.parametrize("parameter", [name for name, words in WRITTEN.items() if "gold.jsonl" in words])
def test_the_source_is_never_the_target(run, parameter):
    before = (run.folder / "gold.jsonl").read_bytes()
    os.link(run.folder / "gold.jsonl", run.folder / "same.jsonl")
    for name in ("gold.jsonl", "./gold.jsonl", "same.jsonl"):
        words = [name if word == "TARGET" else word for word in WRITTEN[parameter]]
        for more in ([], ["--force"]):
            assert "would replace the source" in run(*words, *more, code=1)
    assert (run.folder / "gold.jsonl").read_bytes() == before


def test_two_outputs_are_two_files(run):
    words = ("data", "generate", "--out", "a.jsonl", "--answers", "./a.jsonl", *GENERATE)
    assert "is given for two files" in run(*words, "--force", code=1)


def test_a_missing_folder_is_made(run):
    run("data", "mask", "gold.jsonl", "new/deep/masked.jsonl")
    assert (run.folder / "new" / "deep" / "masked.jsonl").exists()


def test_a_split_keeps_what_its_parts_say(run):
    run("data", "split", "gold.jsonl", "--out", "parts", "--shares", "50/50")
    run("data", "split", "gold.jsonl", "--out", "parts", "--shares", "50/50")
    part = next(path for path in (run.folder / "parts").iterdir() if path.stat().st_size)
    row = json.loads(part.read_text(encoding="utf-8").splitlines()[0])
    edited = json.dumps({**row, "reason": "mine"}, ensure_ascii=False)
    text = part.read_text(encoding="utf-8").splitlines()
    part.write_text("\n".join([edited, *text[1:]]) + "\n", encoding="utf-8")
    before = part.read_bytes()
    assert "differs in the file" in run("data", "split", "gold.jsonl", "--out", "parts", "--shares", "50/50", code=1)
    assert part.read_bytes() == before
    run("data", "split", "gold.jsonl", "--out", "parts", "--shares", "50/50", "--force")
    assert part.read_bytes() != before
    (run.folder / "train.jsonl").write_bytes((run.folder / "gold.jsonl").read_bytes())
    assert "would replace the source" in run("data", "split", "train.jsonl", "--out", ".", "--shares", "50/50", code=1)


def test_init_keeps_a_taxonomy_that_is_there_and_goes_on_after_an_interruption(run):
    (run.folder / "mine").mkdir()
    (run.folder / "mine" / "taxonomy.csv").write_text("precious")
    assert "taxonomy.csv exists already" in run("init", "mine", code=1)
    assert (run.folder / "mine" / "taxonomy.csv").read_text() == "precious"
    run("init", "other")
    (run.folder / "other" / "prefopt.toml").unlink()
    run("init", "other")


def test_a_recipe_and_a_queue_are_new_files(run):
    (run.folder / "mine.py").write_text("precious")
    assert "exists" in run("recipes", "copy", "dpo", "mine.py", code=1)
    (run.folder / "link.py").symlink_to("nowhere.py")
    assert "exists" in run("recipes", "copy", "dpo", "link.py", code=1)
    assert (run.folder / "mine.py").read_text() == "precious"
    from prefopt.cli.reported import _copy_queue

    (run.folder / "q.csv").write_text("precious")
    with pytest.raises(ConfigError, match="exists already"):
        _copy_queue(run.folder / "gold.jsonl", run.folder / "q.csv")
    assert (run.folder / "q.csv").read_text() == "precious"


def test_targets_that_are_free_pass(tmp_path):
    refuse_taken([tmp_path / "a", tmp_path / "b" / "c"], sources=[tmp_path / "gone"])
