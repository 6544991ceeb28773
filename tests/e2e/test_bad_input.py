"""Every fault is reported in words, with file and line, and nothing is lost."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from prefopt.model.tiny import checkpoint_path
from tests.e2e.small import run, simulate


def refused(folder: Path, *words: str) -> str:
    """stderr of a command that must end with 1, short and without a traceback."""
    error = run(folder, *words, expect=1).stderr
    assert "Traceback" not in error
    assert "→" in error
    return error


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_no_project_here(tmp_path):
    assert "prefopt init" in refused(tmp_path, "round")


def test_unknown_key(small_project):
    edit(small_project / "prefopt.toml", "slates = 12", "slats = 12")
    error = refused(small_project, "check")
    assert "prefopt.toml:8: unknown key 'sample.slats'" in error
    assert "did you mean 'slates'?" in error


def test_unknown_option_of_a_recipe(small_project):
    edit(small_project / "prefopt.toml", "save_steps = 2", "save_step = 2")
    error = refused(small_project, "check")
    assert "[recipes.dpo]" in error
    assert "did you mean 'save_steps'?" in error


def test_unknown_recipe(small_project):
    edit(small_project / "prefopt.toml", '"orpo"', '"ppo"')
    assert "there is no recipe 'ppo'" in refused(small_project, "check")


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("gold", {"id": "x", "text": "1+1", "label": "[9수99-99]"}, "label '[9수99-99]' of problem 'x' is not in the taxonomy"),
        ("gold", {"id": "x", "text": " ", "label": "[2수01-01]"}, "is empty"),
        ("gold", {"id": "x", "text": "가" * 400_000, "label": "[2수01-01]"}, "at most 20000 characters"),
        ("gold", "{", "not JSON"),
        ("pool", {"id": "pool-000", "text": "또 다른 문제"}, "problem id 'pool-000' again; first on line 1"),
    ],
)
def test_a_bad_row_is_named(small_project, name, row, message):
    path = small_project / "data" / f"{name}.jsonl"
    lines = len(path.read_text(encoding="utf-8").splitlines())
    with path.open("a", encoding="utf-8") as file:
        file.write((row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n")
    error = refused(small_project, "check")
    assert f"{path}:{lines + 1}: " in error
    assert message in error


def test_a_problem_in_pool_and_holdout(small_project):
    gold = (small_project / "data" / "gold.jsonl").read_text(encoding="utf-8").splitlines()
    row = json.loads(gold[4])
    with (small_project / "data" / "pool.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"id": row["id"], "text": row["text"]}, ensure_ascii=False) + "\n")
    error = refused(small_project, "check")
    assert "gold.jsonl:5" in error
    assert "keep it in one of the two files" in error


def test_a_byte_order_mark_is_accepted(small_project):
    path = small_project / "data" / "gold.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    run(small_project, "check")


def test_sft_comes_first(small_project):
    assert "prefopt sft" in refused(small_project, "round")


def test_no_slate_answered(asked_project):
    error = refused(asked_project, "round", "--collect-now")
    assert "no slate of round 001 has been answered" in error
    simulate(asked_project, 1)
    assert run(asked_project, "round", "status", "--json").returncode == 0


def test_a_changed_file_breaks_the_round_and_is_named(asked_project):
    edit(asked_project / "rounds/001/sample/slates.jsonl", '"purpose"', '"purpose" ')
    error = refused(asked_project, "round")
    assert "stage sample of round 001 is broken: changed since: slates.jsonl" in error
    assert "prefopt round branch 1 --at sample" in error


def test_an_adapter_of_another_base_is_refused(trained_project):
    other = Path(shutil.copytree(checkpoint_path(), trained_project / "other"))
    tensors = load_file(other / "model.safetensors")
    scaled = {name: tensor * 1.5 if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    save_file(scaled, other / "model.safetensors", metadata={"format": "pt"})
    card = json.loads((trained_project / "rounds/000/train/adapter/prefopt.json").read_text(encoding="utf-8"))
    with (trained_project / "prefopt.toml").open("a") as file:
        file.write('\n[model]\npath = "other"\n')
    error = refused(trained_project, "round")
    assert "since the adapter was trained" in error
    assert card["base"][:12] in error


def test_argilla_that_does_not_answer(trained_project):
    edit(trained_project / "prefopt.toml", 'source = "file"', 'source = "argilla"')
    with (trained_project / "prefopt.toml").open("a") as file:
        file.write('\n[feedback.options]\nurl = "http://127.0.0.1:9"\n')
    error = run(trained_project, "round", expect=1, env={"PREFOPT_ARGILLA_API_KEY": "owner.secret"}).stderr
    assert "http://127.0.0.1:9" in error
    assert "Traceback" not in error
    assert "owner.secret" not in error
    assert (trained_project / "rounds/001/sample/slates.jsonl").exists()


@pytest.mark.parametrize(
    ("limit", "what", "hint"),
    [(1000, "rounds/001/round.toml cannot be written", "type the command again"), (8000, "stage sample of round 001", "prefopt round")],
)
def test_a_full_disk_is_said_and_nothing_is_lost(trained_project, limit, what, hint):
    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    result = subprocess.run(
        [sys.executable, "-m", "prefopt", "round"], cwd=trained_project, capture_output=True, text=True, preexec_fn=small_files, check=False
    )  # fmt: skip
    assert result.returncode == 1
    assert what in result.stderr
    assert hint in result.stderr
    assert "Traceback" not in result.stderr
    assert not (trained_project / "rounds/001/sample").exists()
    run(trained_project, "round", expect=3)
