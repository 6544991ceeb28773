"""For each error that training can raise: the hint is followed as its text says, and the run then succeeds, in round 000 and later."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from prefopt.cli.advancing import WAITING
from prefopt.project.project import REPLACED, open_project
from prefopt.records import Judged, Pair
from prefopt.rounds.promotion import promotions
from prefopt.rounds.states import is_finished
from tests.command_line import CommandLine
from tests.e2e.small import write_small_project
from tests.recipes.hint_cases import FIRST, LATER
from tests.recipes.hint_projects import SETTINGS, Edited, answer, finish_base, start_pairs
from tests.recipes.hint_steps import Case, preferences
from tests.recipes.recipe_cases import write_tokenizer


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the projects that are made once and copied."""
    return tmp_path_factory.mktemp("made")


@pytest.fixture(scope="module")
def wide_path(base_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base with its experts in bfloat16."""
    import torch
    from transformers import GptOssConfig, GptOssForCausalLM

    path = tmp_path_factory.mktemp("wide")
    config = GptOssConfig.from_pretrained(base_path)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    torch.manual_seed(0)
    GptOssForCausalLM(config).to(torch.bfloat16).save_pretrained(path)
    write_tokenizer(path)
    return path


@pytest.fixture(scope="module")
def hybrid_path(llama_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base of convolutions and attention."""
    import torch
    from transformers import Lfm2Config, Lfm2ForCausalLM, LlamaConfig

    path = tmp_path_factory.mktemp("hybrid")
    like = LlamaConfig.from_pretrained(llama_path)
    names = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
    torch.manual_seed(0)
    sizes = {name: getattr(like, name) for name in names}
    Lfm2ForCausalLM(Lfm2Config(**sizes, layer_types=["conv", "full_attention"], initializer_range=0.1)).save_pretrained(path)
    write_tokenizer(path)
    return path


@pytest.fixture(scope="module")
def bases(base_path: Path, llama_path: Path, wide_path: Path, hybrid_path: Path) -> dict[str, Path]:
    """The base of the projects, and others."""
    return {"own": base_path, "dense": llama_path, "wide": wide_path, "hybrid": hybrid_path}


@pytest.fixture
def initial(
    bases: dict[str, Path], made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Edited:
    """A project in which nothing has run."""
    if not (made / "initial").exists():
        write_small_project(made / "initial", SETTINGS.format(base=bases["own"]))
    folder = shutil.copytree(made / "initial", tmp_path / "small")
    project = Edited(CommandLine(folder, monkeypatch, capsys))
    project.bases = bases
    return project


@pytest.fixture
def paired(initial: Edited, made: Path) -> Edited:
    """A project with round 000, and with the pairs of round 001."""
    if not (made / "paired").exists():
        finish_base(initial)
        start_pairs(initial)
        shutil.copytree(initial.folder, made / "paired", symlinks=True)
        return initial
    shutil.rmtree(initial.folder)
    shutil.copytree(made / "paired", initial.folder, symlinks=True)
    return initial


def follow(project: Edited, case: Case, command: tuple[str, ...]) -> None:
    """Provoke the error, and do what each hint says until the round is finished."""
    case.provoke(project)
    words = case.words or command
    for step in case.steps:
        project.command(*words, code=1)
        project.shown = project.command.errors
        message, _, hint = project.shown.partition("→")
        assert re.search(step.message, message), project.shown
        assert re.search(step.hint, hint), project.shown
        step.follow(project)
        words = step.then or command
    project.command(*words, code=WAITING if case.asks else 0)
    if case.asks:
        answer(project, open_project(project.folder).rounds()[-1].number)
    if case.asks or "branch" in words:
        project.command(*command)
    last = open_project(project.folder).rounds()[-1]
    assert is_finished(last)


@pytest.mark.parametrize("case", FIRST, ids=[case.name for case in FIRST])
def test_a_hint_in_round_000_is_followed_to_success(case: Case, initial: Edited) -> None:
    follow(initial, case, ("sft",))


@pytest.mark.parametrize("case", LATER, ids=[case.name for case in LATER])
def test_a_hint_in_a_later_round_is_followed_to_success(case: Case, paired: Edited) -> None:
    follow(paired, case, ("round",))


def test_what_tune_prints_for_round_000_is_used_by_sft_again(initial: Edited) -> None:
    initial.set("recipes.sft", answer_share=0.5)
    initial.command("sft")
    before = len(promotions(open_project(initial.folder)).events)
    printed = initial.command("tune", "0", "--trials", "2", "--subset", "0.3")
    toml, _, then = printed.partition("For prefopt.toml:\n\n")[2].partition("\nthen: ")
    assert then.strip() == "prefopt sft --again"
    initial.set("recipes.sft", learning_rate=0.1)
    initial.paste(toml)
    shown = initial.command("sft")
    assert "made with other settings" in shown or initial.round(0).config == initial.settings(), shown
    again = initial.command("sft", "--again")
    (old,) = (initial.folder / "rounds" / REPLACED).iterdir()
    assert f"the earlier round 000 is now {old}" in again
    assert (old / "train" / "adapter").is_dir()
    assert initial.round(0).config == initial.settings()
    assert is_finished(initial.round(0))
    known = promotions(open_project(initial.folder))
    assert (len(known.replaced), len(known.events)) == (before, 1)


def first_problems(count: int) -> Callable[[list[Pair], list[Judged]], list[Pair]]:
    """Keep the pairs of so many problems."""

    def keep(pairs: list[Pair], _: list[Judged]) -> list[Pair]:
        kept = sorted({pair.problem.id for pair in pairs})[:count]
        return [pair for pair in pairs if pair.problem.id in kept]

    return keep


def test_few_pairs_are_refused_with_a_way_on(paired: Edited) -> None:
    shown = paired.command("tune", "1", "--trials", "1", code=1)
    command = re.search(r"use more of them: prefopt (tune 1 --subset [\d.]+)", shown)
    assert command, shown
    printed = paired.command(*command[1].split(), "--trials", "1")
    toml, _, then = printed.partition("For prefopt.toml:\n\n")[2].partition("\nthen: ")
    assert then.strip() == "prefopt round"
    preferences(first_problems(5))(paired)
    shown = paired.command("tune", "1", "--subset", "1", code=1)
    assert "5 problems with training data are 5; to compare settings takes 6" in shown
    assert "train with the settings as they are: prefopt round" in shown
    paired.paste(toml)
    paired.command("round")
    assert is_finished(paired.round(1))
