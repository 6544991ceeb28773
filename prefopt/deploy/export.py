"""Export a round's adapter: which one, and the problems that it is compared on."""

from __future__ import annotations

from pathlib import Path

from prefopt.model.chat import renderer_for
from prefopt.model.export import Exported, Layout, export_adapter
from prefopt.model.load import model_folder
from prefopt.model.tokenizer import read_tokenizer
from prefopt.project.project import Round
from prefopt.protocols import OnStep, ignore_steps
from prefopt.rounds.artifacts import ADAPTER
from prefopt.rounds.frozen import refuse_edited
from prefopt.rounds.reading import locate

PROBLEMS = 8
"""Of the hold-out, on whose prompts parity is measured."""


def export_round(rnd: Round, out: Path, *, layout: Layout, check: bool, on_step: OnStep = ignore_steps) -> Exported:
    """Write the adapter of a round for other programs; see `export_adapter`.

    Raises:
        ProjectError: the adapter is not the one that the round trained.
        ModelError: see export_adapter.
    """
    refuse_edited(rnd)
    adapter = locate(rnd, ADAPTER, content=True)
    config = rnd.config
    prompts: list[list[int]] = []
    if check:
        data = rnd.load()
        renderer = renderer_for(read_tokenizer(model_folder(config.model.path)), config.prompt, config.answer, data.taxonomy)
        prompts = [[*renderer.prompt(problem, with_reason=False), *renderer.label_opening] for problem in data.holdout[:PROBLEMS]]
    return export_adapter(config.model, adapter, out, layout=layout, prompts=prompts, on_step=on_step)
