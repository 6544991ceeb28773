"""`prefopt check` finds what cannot run, in a project of one's own: 12 labels of history in tables."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from prefopt.io.jsonl import write_rows
from prefopt.presets import TINY_BYTES
from prefopt.project.project import open_project
from prefopt.readers.problem_rows import read_problems_of
from prefopt.rounds.advice import weights_on_disk
from prefopt.rounds.starting import refuse_bad_plugins
from tests.command_line import CommandLine
from tests.history import write_tables


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    write_tables(folder)
    return folder


@pytest.fixture
def run(tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    line = CommandLine(tmp_path, monkeypatch, capsys)
    line("init", "hist", "--taxonomy", str(tables / "hist.csv"))
    line.folder = tmp_path / "hist"
    edit(line, 'gold = "data/gold.jsonl"', f'gold = "{tables / "gold.csv"}"')
    edit(line, 'pool = "data/pool.jsonl"', f'pool = "{tables / "pool.xlsx"}"')
    edit(line, "slates = 150", "slates = 24")
    edit(line, 'source = "argilla"', 'source = "file"')
    return line


def edit(run: CommandLine, old: str, new: str) -> None:
    path = run.folder / "prefopt.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_tables_of_a_school_are_read_as_they_are(run):
    found = json.loads(run("check", "--json"))
    assert (found["gold to train on"] + found["gold held out"], found["pool"], found["taxonomy"]) == (108, 72, "12 labels, groups 시대")
    assert found["feedback"] == "file, 1 to 3 teachers per slate, as the answers need (adaptive, 10% of the slates by two in any case)"
    assert "settings" not in found


@pytest.mark.parametrize(
    ("old", "new", "said", "hint"),
    [
        ('path = "tiny"', 'path = "/nope"', "/nope: no such model folder", "set model.path"),
        ('path = "tiny"', 'path = "nope"', "nope: no such model folder", 'or to "tiny"'),
        ('path = "tiny"', 'path = "data"', "no *.safetensors", ""),
        ("slates = 24", "slates = 2000", "sample.slates is 2000, and 72 problems of ", "set slates = 72 under [sample]"),
        ("pool.xlsx", "poool.xlsx", "poool.xlsx: no such file", ""),
        ('pool = "', '# pool = "', "data/pool.jsonl", None),
        (
            "[sample]",
            '[read]\ncolumns = "text=nope"\n[sample]',
            "[read] names a column 'nope', and no file of the project has it",
            "correct the name",
        ),
        ("[sample]", "[recipes.zzz]\n[sample]", "[recipes.zzz] is read by no recipe", "remove the table"),
        ('source = "file"', 'source = "./mine.py"', "no such feedback source file", "give the path"),
        ('preset = "tiny"', 'preset = "gpu99"', "train.preset = 'gpu99'", "edit train.preset"),
    ],
)
def test_what_cannot_run_is_found_and_said(run, old, new, said, hint):
    edit(run, old, new)
    if hint is None:
        assert json.loads(run("check", "--json"))["pool"] == 0  # allowed before the first round
        return
    assert said in run("check", code=1)
    assert hint in run.errors
    if hint.startswith("set slates"):  # followed to the letter
        edit(run, new, "slates = 72")
        run("check")


def test_a_project_without_problems_says_what_to_write(run, tmp_path):
    run("init", "empty", folder=tmp_path)
    said = run("check", folder=tmp_path / "empty", code=1)
    assert "gold.jsonl: there are no labeled problems yet" in said
    assert '{"id": "g1", "text": "…", "label": "[2수01-01]"}' in said


def test_a_server_that_does_not_answer_is_found(run):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    edit(run, 'path = "tiny"', f'path = "tiny"\nserver = "http://127.0.0.1:{port}"')
    assert f"127.0.0.1:{port}" in run("check", code=1)
    assert 'set model.server = ""' in run.errors


def test_a_source_that_could_not_publish_says_so_before_a_round(run):
    edit(run, 'source = "file"', 'source = "argilla"')
    found = json.loads(run("check", "--json"))["feedback"]
    assert found.startswith(
        "argilla, 1 to 3 teachers per slate, as the answers need (adaptive, 10% of the slates by two in any case); "
        "not ready to publish: this project has no Argilla server: run `prefopt argilla up`"
    )


def test_labels_that_the_model_cannot_write_are_found(run):
    taxonomy = run.folder / "taxonomy.csv"
    text = taxonomy.read_text(encoding="utf-8")
    taxonomy.write_text(text.replace("H12,", "H12\u200dx,"), encoding="utf-8")
    said = run("check", code=1)
    assert "H12" in said


def test_the_preset_of_the_tiny_model_is_refused_for_a_large_one(run, tmp_path):
    large = tmp_path / "large"
    large.mkdir()
    with (large / "model.safetensors").open("wb") as file:
        file.truncate(TINY_BYTES + 1)
    edit(run, 'path = "tiny"', f'path = "{large}"')
    assert weights_on_disk(open_project(run.folder).config.model) == TINY_BYTES + 1
    assert "the preset tiny would destroy a model as large" in run("check", code=1)
    edit(run, 'preset = "tiny"', 'preset = ""')
    refuse_bad_plugins(open_project(run.folder), ["sft"])


def test_a_small_model_without_its_settings_is_told_so(run):
    edit(run, 'preset = "tiny"', 'preset = ""')
    said = json.loads(run("check", "--json"))["settings"]
    assert 'set preset = "tiny" under [train]' in said


def test_figures_are_read_and_said_to_be_unseen_by_the_model(run, tables):
    problems = list(read_problems_of(tables / "pool.xlsx"))
    pool = run.folder / "data" / "pool.jsonl"
    edit(run, f'pool = "{tables / "pool.xlsx"}"', 'pool = "data/pool.jsonl"')
    figure = {"figure": "figures/a.png"}
    write_rows(pool, [p.model_copy(update=figure if i < 2 else {}) for i, p in enumerate(problems)])
    assert "the figure of problem" in run("check", code=1)
    (run.folder / "data" / "figures").mkdir()
    (run.folder / "data" / "figures" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    found = json.loads(run("check", "--json"))["figures"]
    assert found.startswith("2 problems have one that teachers see and the model does not")
    assert "2 have no figure_alt" in found
