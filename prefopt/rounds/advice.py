"""What to do after round 000 that is not promoted: what it is right on, what a simple method reaches, and what stands in the way."""

from __future__ import annotations

from pathlib import Path

from prefopt.config import ModelSettings
from prefopt.io.stage_folders import read_manifest
from prefopt.presets import TINY_BYTES
from prefopt.project.project import Project, Round
from prefopt.rounds.artifacts import CALIBRATION, DECISION
from prefopt.rounds.reading import is_done, read
from prefopt.rounds.states import outcome_of
from prefopt.training.job import ENOUGH_UPDATES

FEW_PER_LABEL = 20
"""Labeled problems of a label below which more of them are the first thing to try."""


def base_advice(rnd: Round) -> list[str]:
    """Sentences for the engineer after round 000 that is not promoted; none where it is, or where it is not decided."""
    if rnd.number or not is_done(rnd, DECISION.stage) or read(rnd, DECISION).outcome == "promoted":
        return []
    found = read(rnd, CALIBRATION)
    n, right, most = found.n, found.accuracy.value * found.n, found.majority.accuracy * found.n
    said = [f"It is right on {right:.0f} of {n} held-out problems; one label for all would be right on {most:.0f}."]
    settings, trained = rnd.config, None
    if (baseline := found.baseline) is not None:
        trained = baseline.trained_on
        also = baseline.accuracy.value * n
        said.append(f"TF-IDF with logistic regression, trained on the same {trained} problems, is right on {also:.0f}.")
        if also > right and baseline.mcnemar.p_value < settings.decide.alpha:
            said.append("So these labels can be learned from these problems, and this model has not learned them.")
    steps = getattr(outcome_of(read_manifest(rnd.stage("train"))), "steps", ENOUGH_UPDATES) if is_done(rnd, "train") else ENOUGH_UPDATES
    if is_small(settings.model):
        said.append(
            f"model.path = {settings.model.path!r} is a model of a few million weights, for trying prefopt out: set a real one "
            "(docs/quickstart.md, gpt-oss-20b), then prefopt sft --again."
        )
    elif steps < ENOUGH_UPDATES:
        said.append(f"It made {steps} updates: raise num_train_epochs under [recipes.sft], then prefopt sft --again.")
    labels = len({row.label for row in rnd.load().train})
    if trained is not None and labels and trained / labels < FEW_PER_LABEL:
        said.append(f"There are {trained / labels:.0f} labeled problems for each of {labels} labels to learn from: more of them help most.")
    return said


def is_small(settings: ModelSettings) -> bool:
    """Whether the weights are so few that the recipes' own defaults teach them nothing."""
    size = weights_on_disk(settings)
    return size is not None and size <= TINY_BYTES


def weights_on_disk(settings: ModelSettings) -> int | None:
    """Bytes of the weights of a model in a folder; None for one on the Hub."""
    from prefopt.model.tiny import checkpoint_path  # not without need

    folder = checkpoint_path() if settings.path == "tiny" else Path(settings.path).expanduser()
    return sum(path.stat().st_size for path in folder.glob("*.safetensors")) if folder.is_dir() else None


def settings_fit_model(project: Project) -> str:
    """What is wrong with the settings for a model as small as this one; empty where nothing is."""
    config = project.config
    if is_small(config.model) and config.train.preset != "tiny" and project.resolved.origin("recipes.sft.learning_rate") == "default":
        return f"{config.model.path} is a model of a few million weights, which the recipes' default learning rates teach little"
    return ""
