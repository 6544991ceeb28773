"""README.md and docs/quickstart.md, typed line by line: every command of their blocks runs, or has a reason here why it does not."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from prefopt.io.jsonl import write_rows
from prefopt.readers.problem_rows import read_problems_of
from prefopt.taxonomy import builtin_taxonomy
from tests.command_line import CommandLine
from tests.e2e.small import write_small_project
from tests.notebook import NOTEBOOK, cells

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/quickstart.md")
NOT_TYPED = {
    "pip install -c constraints.txt -e .": "the environment that runs this test; tests/unit/test_public_api.py builds the wheel",
    "git clone <this repository> && cd prefopt": "the checkout that runs this test",
    "make demo": "tests/e2e/test_whole_loop.py",
    "prefopt demo": "20 minutes",
    "prefopt serve": "tests/e2e/test_serve.py: it runs until it is stopped",
    "prefopt argilla up": "tests/contract: a server of its own",
    "prefopt adapter show out/adapter": "tests/model/test_adapter_import.py",
    "prefopt adapter import out/adapter": "tests/e2e/test_imported_adapter.py",
    "prefopt export out/merged --layout bfloat16": "tests/model/test_model_export.py",
}
"""Line -> why it is not typed here."""
CODES = {"prefopt round": (0, 3)}
"""Exit codes of a line, where it is not 0 alone."""


def blocks(page: str) -> list[str]:
    """The indented blocks of a page, without their indentation."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"(?:^(?:    .*)?\n)+", re.sub(r"^\s*- .*$", "", text, flags=re.MULTILINE), flags=re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE).strip("\n") for block in found if block.strip()]


def is_shell(block: str) -> bool:
    return bool(re.match(r"(prefopt|pip|git|make|cd) ", block))


def typed(block: str) -> list[str]:
    """The lines of a block of commands, without comments."""
    return [line for line in (re.sub(r"\s+#.*", "", line).strip() for line in block.splitlines()) if line]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    return CommandLine(tmp_path, monkeypatch, capsys)


def type_line(run: CommandLine, line: str) -> None:
    if line.startswith("cd "):
        run.folder = run.folder / line.removeprefix("cd ")
        return
    words = shlex.split(line)
    assert words[0] == "prefopt", line
    run(*words[1:], code=None)
    said = run.errors
    codes = CODES.get(line, (0,))
    run(*words[1:3], "-h")  # the command is there whatever it said
    assert "✗" not in said or codes != (0,), f"{line}\n{said}"


def put_problems(folder: Path, made: Path) -> None:
    """What the pages ask for: labeled problems in gold.jsonl, others in pool.jsonl; fewer slates and epochs, for the time of the test."""
    for name in ("gold.jsonl", "pool.jsonl", "truth.jsonl"):
        (folder / "data" / name).write_bytes((made / "data" / name).read_bytes())
    settings = folder / "prefopt.toml"
    text = settings.read_text(encoding="utf-8")
    text = (
        text.replace("slates = 150", "slates = 8")
        .replace('source = "argilla"', 'source = "file"')
        .replace("candidates = 4", "candidates = 3")
    )
    settings.write_text(text + "\n[calibrate]\nbootstrap = 200\n[recipes.sft]\nnum_train_epochs = 3\n", encoding="utf-8")
    write_rows(folder / "problems.jsonl", list(read_problems_of(folder / "data" / "pool.jsonl"))[:3])


@pytest.mark.parametrize("page", PAGES)
def test_every_line_is_typed_or_has_a_reason(page):
    lines = [line for block in blocks(page) if is_shell(block) for line in typed(block)]
    assert len(lines) >= 7
    assert [line for line in lines if not re.match(r"(prefopt|cd) ", line) and line not in NOT_TYPED] == []


def test_the_problems_that_the_quickstart_shows_are_read(tmp_path):
    (shown,) = [block for block in blocks("docs/quickstart.md") if block.startswith('{"id"')]
    gold, pool = [json.loads(line) for line in shown.splitlines()]
    (tmp_path / "gold.jsonl").write_text(json.dumps(gold, ensure_ascii=False), encoding="utf-8")
    (problem,) = read_problems_of(tmp_path / "gold.jsonl")
    assert problem.label in builtin_taxonomy()
    assert "label" not in pool


@pytest.mark.timeout(1500)
def test_the_quickstart_runs_as_it_is_written(run, tmp_path, monkeypatch):
    """One project through round 000, a round with simulated teachers, predict and export; then README's Python and the notebook on it."""
    made = write_small_project(tmp_path / "made")
    for block in (block for block in blocks("docs/quickstart.md") if is_shell(block)):
        for line in typed(block):
            if line in NOT_TYPED:
                continue
            if line == "prefopt predict problems.jsonl":
                run("round", "decide", "0", "--promote", "--because", "for the rest of the page")
            type_line(run, line)
            if line.startswith("cd "):
                put_problems(run.folder, made)
    assert (run.folder / "problems.predictions.jsonl").exists()
    (python,) = [block for block in blocks("README.md") if "Predictor.open(" in block]
    monkeypatch.chdir(run.folder.parent)
    exec(compile(python, "README.md", "exec"), {})  # noqa: S102  # the page's own lines
    monkeypatch.chdir(run.folder)
    shown: dict[str, object] = {}
    for cell in cells():
        exec(compile(cell, NOTEBOOK, "exec"), shown)  # noqa: S102  # the notebook's own cells
    assert shown["table"].shape == (len(shown["project"].rounds), 11)
