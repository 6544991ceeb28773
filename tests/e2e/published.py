"""A project with three rounds, made without training: 000 promoted, 001 held, 002 (from 000) promoted; names and texts are planted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants

from prefopt.calibration.evaluate import evaluate
from prefopt.calibration.posteriors import StoredPosteriors
from prefopt.config import ModelSettings
from prefopt.grounds import Clause
from prefopt.project.project import Round, open_project
from prefopt.project.round_toml import freeze_round
from prefopt.records import Decision, Outcome, Ranking
from prefopt.rounds.artifacts import ADAPTER, CALIBRATION, DECISION, METRICS, POSTERIORS, RANKINGS, REPORT, SLATES
from prefopt.rounds.promotion import follow_rule
from prefopt.rounds.reading import locate
from tests.e2e.small import SETTINGS, write_small_project
from tests.stages import finish_stage
from tests.unit.posteriors import normalized
from tests.unit.rankings_cases import ranked, slate
from tests.writing_hub import TOKEN, WritingHub

TEACHER, COMMENT, ASKED = "kim-minseo", "전화 010-1234-5678로 물어보세요", "비밀스러운 문제: 사과 3개와 배 2개"
REPORT_TEXT = "<html>report of kim-minseo</html>"
CLAUSES: dict[Outcome, str] = {"promoted": "beats_majority", "held": "majority_cannot_tell"}


def make_published(folder: Path) -> Path:
    """The project."""
    write_small_project(folder, SETTINGS + '\n[push]\nlicense = "apache-2.0"\n')
    adapters = _adapters(folder.parent / "adapters")
    for number, (outcome, parent) in enumerate((("promoted", None), ("held", 0), ("promoted", 0))):
        _round(folder, number, parent, adapters[number], outcome)
    follow_rule(open_project(folder))
    return folder


def _adapters(folder: Path) -> list[Path]:
    """Three untrained adapters of the tiny model with different weights."""
    import torch

    from prefopt.model.adapter_card import AdapterCard, adapter_id
    from prefopt.model.adapters import fresh_adapter, save_adapter
    from prefopt.model.hub import base_name
    from prefopt.model.load import load_base

    base = load_base(ModelSettings())
    settings = open_project(folder.parent / "small").config.adapter
    model = fresh_adapter(base, settings, 0)
    model.peft_config["default"].base_model_name_or_path, _ = base_name("tiny")
    common = {"base": base.fingerprint, "base_parts": base.identity.parts, "rank": settings.rank, "alpha": settings.alpha, "experts": True}
    made: list[Path] = []
    for number in range(3):
        with torch.no_grad():
            for name, value in model.named_parameters():
                if "lora_B" in name:
                    value.copy_(torch.randn(value.shape, generator=torch.Generator().manual_seed(number)) * 0.01)
        parent = adapter_id(made[0]) if number else None
        card = AdapterCard(parent=parent, recipe="dpo" if number else "sft", round=number, seed=7000 + number, **common)
        save_adapter(model, folder / str(number), card)
        made.append(folder / str(number))
    return made


def _round(folder: Path, number: int, parent: int | None, adapter: Path, outcome: Outcome) -> None:
    project = open_project(folder)
    start = {"round": number, "recipe": "dpo" if number else "sft"} | ({"parent": parent} if parent is not None else {})
    rnd = freeze_round(project, number, start)
    if number:
        problem = slate("s").problem.model_copy(update={"text": ASKED})
        finish_stage(rnd, {SLATES: [slate("s").model_copy(update={"problem": problem})]}, outcome=_SAMPLED)
        answer: Ranking = ranked("s", TEACHER, "123", comment=COMMENT)
        finish_stage(rnd, {RANKINGS: [answer]})
    finish_stage(rnd, {ADAPTER: adapter, METRICS: ""})
    _judge(rnd, outcome)


_SAMPLED = {"slates": 1, "candidates": 3, "random": 1, "gold": 0, "repeats": 0, "without_reason": 0, "rewritten": 0, "pool": 9}


def _judge(rnd: Round, outcome: Outcome) -> None:
    """Posteriors over the hold-out by a seed, and everything that follows from them."""
    data = rnd.load()
    gold = np.array([data.taxonomy.index(str(p.label)) for p in data.holdout])
    logits = np.random.default_rng(rnd.number).normal(size=(len(gold), len(data.taxonomy)))
    logits[np.arange(len(gold)), gold] += 2.0
    ids = [p.id for p in data.holdout]
    stored = StoredPosteriors(tuple(ids), data.taxonomy.ids, normalized(logits), gold, np.ones(len(gold)))
    found = evaluate(stored.log_probs, gold, ids, data.taxonomy, rnd.config.calibrate, 7)
    files = {"taxonomy": rnd.data_file("taxonomy"), "gold": rnd.data_file("gold")}
    finish_stage(rnd, {POSTERIORS: stored, CALIBRATION: found}, inputs=files, outcome=_CALIBRATED)
    finish_stage(rnd, {DECISION: Decision(outcome=outcome, grounds=(Clause(code=CLAUSES[outcome]),), rule="decision-5")})
    finish_stage(rnd, {REPORT: REPORT_TEXT})


_CALIBRATED = {"problems": 24, "accuracy": 0.5, "accuracy_low": 0.4, "accuracy_high": 0.6, "brier": 0.5, "ece_debiased": 0.1}


def adapter_of(folder: Path, number: int) -> Path:
    """The adapter of a round."""
    return locate(open_project(folder).round(number), ADAPTER)


@contextmanager
def asked(hub: WritingHub, cache: Path) -> Iterator[None]:
    """huggingface_hub in this process speaks to the server, with a token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "ENDPOINT", hub.url)
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}")
        patch.setattr(constants, "HF_HUB_CACHE", str(cache))
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        patch.setenv("HF_TOKEN", TOKEN)
        yield


def environment(hub: WritingHub, home: Path) -> dict[str, str]:
    """The same for a process."""
    said = {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": TOKEN}
    return {**os.environ, **said}
