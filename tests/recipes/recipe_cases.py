"""Records, options and a tokenizer that the tests of recipes share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from prefopt.io.jsonl import write_rows
from prefopt.project.project import Round, open_project
from prefopt.project.round_toml import freeze_round
from prefopt.protocols import TrainingJob
from prefopt.records import Answer, Judged, Pair, Problem
from prefopt.rounds.artifacts import ADAPTER, DROPPED, METRICS, PREFERENCES
from tests.stages import finish_stage
from tools.tiny_gpt_oss.train_tokenizer import CONTROL

LABELS = ("[2수01-01]", "[2수01-02]", "[4수02-01]", "[6수03-05]")


def write_tokenizer(path: Path) -> None:
    """256 bytes and the Harmony tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|startoftext|>", eos_token="<|return|>", pad_token="<|endoftext|>"
    )
    fast.add_special_tokens({"additional_special_tokens": list(CONTROL)})
    fast.save_pretrained(path)


def problem(i: int, *, label: str | None = None, reason: str | None = "더하기이다.") -> Problem:
    return Problem(
        id=f"p{i}",
        text=f"{i} + {i + 1} = ?",
        label=label or LABELS[i % 4],
        reason=reason,
        level="B",
        difficulty=1 + i % 5,
        concepts=("덧셈",),
    )


def answer(i: int, *, reason: str | None = None, **fields: Any) -> Answer:
    return Answer(**({"label": LABELS[i % 4], "level": "B", "difficulty": 1, "concepts": ("덧셈",), "reason": reason} | fields))


def pair(i: int, *, weight: float = 1.0) -> Pair:
    return Pair(problem=problem(i), chosen=answer(i), rejected=answer(i + 1), weight=weight, slate_id=f"s{i}", origin="votes")


def judged(i: int, *, desirable: bool, weight: float = 1.0) -> Judged:
    return Judged(
        problem=problem(i), answer=answer(i if desirable else i + 2), desirable=desirable, weight=weight, slate_id=f"s{i}", origin="votes"
    )


MakeJob = Callable[..., TrainingJob]


SMALL = {
    "batch_size": 4,
    "gradient_accumulation_steps": 1,
    "gradient_checkpointing": False,
    "learning_rate": 5e-3,
    "warmup_ratio": 0.0,
    "num_train_epochs": 1.0,
}


def write_project(folder: Path, base: Path, more: str = "") -> Path:
    """A project on a base, with 11 labeled problems p100 to p110 and what `more` adds to its prefopt.toml."""
    (folder / "data").mkdir(parents=True)
    rows = "".join(f"{label},이름 {i},A|B|C,1-2학년군\n" for i, label in enumerate(LABELS))
    (folder / "taxonomy.csv").write_text(f"code,name,levels,band\n{rows}")
    write_rows(folder / "data" / "gold.jsonl", [problem(i) for i in range(100, 111)])
    (folder / "prefopt.toml").write_text(
        f'[model]\npath = "{base}"\ndevice = "cpu"\n[adapter]\nrank = 4\nalpha = 8\n[data]\nholdout_share = 0.3\n{more}\n'
    )
    return folder


def put_round(folder: Path, number: int, recipe: str, *, parent: int = 0, adapter: Path | None = None, rows: Sequence[Any] = ()) -> Round:
    """A round of the project, with an adapter already trained, or with preferences to train on."""
    start = {"round": number, "recipe": recipe} | ({"parent": parent} if number else {})
    rnd = freeze_round(open_project(folder), number, start)
    if adapter:
        finish_stage(rnd, {ADAPTER: adapter, METRICS: ""})
    if rows:
        finish_stage(rnd, {PREFERENCES: rows, DROPPED: []})
    return rnd
