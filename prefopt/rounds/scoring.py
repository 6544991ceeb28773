"""Score the hold-out and the general texts with an adapter, in chunks, so that an interrupted run takes up what it had scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prefopt.calibration.comparison import general_ability
from prefopt.calibration.posteriors import StoredPosteriors, joined, read_posteriors, write_posteriors
from prefopt.calibration.result import GeneralAbility
from prefopt.config import ProjectConfig
from prefopt.errors import DataError
from prefopt.io.chunks import chunks_in, cut
from prefopt.model.policy import Policy
from prefopt.model.posteriors import Posteriors
from prefopt.project.project import ProjectData
from prefopt.protocols import OnStep, ignore_steps
from prefopt.readers.problem_rows import read_problem_rows
from prefopt.records import GeneralScores, Problem
from prefopt.rounds.reads import Texts
from prefopt.rounds.stage import Workspace


def score_holdout(adapter: Path, data: ProjectData, settings: ProjectConfig, work: Workspace, name: str) -> StoredPosteriors:
    """Posteriors of an adapter on the hold-out, chunk by chunk in the folder `name` of the workspace."""
    parts, total = cut(data.holdout), len(data.holdout)
    with chunks_in(work.folder / name, {}, ".parquet") as chunks:  # the machine removes chunks that were made from other inputs
        missing = [number for number in range(len(parts)) if number not in chunks]
        if missing:
            policy = Policy.open(settings.model, adapter, settings.prompt, settings.answer, data.taxonomy)
        done = total - sum(len(parts[number]) for number in missing)
        for number in missing:
            step = _offset(work.on_step, done, total)
            found = _score_part(policy, settings, parts[number], settings.posterior.analyses, step)
            direct = _score_part(policy, settings, parts[number], 0, ignore_steps) if settings.posterior.analyses else None
            write_posteriors(chunks.unfinished(number), stored(data, parts[number], found, direct))
            chunks.keep(number)
            done += len(parts[number])
        return joined([read_posteriors(chunks.path(number)) for number in range(len(parts))])


def _score_part(policy: Policy, settings: ProjectConfig, problems: Sequence[Problem], analyses: int, on_step: OnStep) -> Posteriors:
    return policy.posterior(
        problems,
        analyses=analyses,
        batch_size=settings.posterior.batch_size,
        memory_mb=settings.posterior.memory_mb,
        seed=settings.project.seed,  # the same draws in every round: rounds are compared in pairs
        on_step=on_step,
    )


def _offset(on_step: OnStep, before: int, total: int) -> OnStep:
    """Progress of a chunk as progress of the whole."""
    return lambda done, _, __: on_step(min(before + done, total), total, "posteriors of the hold-out")


def stored(data: ProjectData, problems: Sequence[Problem], posteriors: Posteriors, direct: Posteriors | None = None) -> StoredPosteriors:
    """Posteriors with the gold labels and the families, in the order of the problems; `direct`: those without an analysis."""
    taxonomy = data.taxonomy
    gold = [taxonomy.index(p.label) for p in problems if p.label is not None]
    return StoredPosteriors(
        tuple(posteriors.problem_ids),
        taxonomy.ids,
        posteriors.log_probs,
        np.asarray(gold, dtype=np.int64),
        posteriors.label_mass,
        None if posteriors.draws is None else posteriors.single,
        tuple(data.groups[p.id] for p in problems),
        None if direct is None else direct.log_probs,
    )


def parent_log_probs(
    adapter: Path, known: StoredPosteriors, data: ProjectData, settings: ProjectConfig, work: Workspace
) -> NDArray[np.float64]:
    """The parent's log posteriors [N, L] on the same problems: as stored, or scored again where hold-out or taxonomy have grown since."""
    rows = {name: i for i, name in enumerate(known.problem_ids)}
    if known.labels == data.taxonomy.ids and all(p.id in rows for p in data.holdout):
        return np.asarray(known.log_probs[[rows[p.id] for p in data.holdout]])
    return score_holdout(adapter, data, settings, work, "parent_scored").log_probs


def general_change(
    adapter: Path,
    parent: Path | None,
    known: GeneralScores | None,
    texts: Texts,
    data: ProjectData,
    settings: ProjectConfig,
    work: Workspace,
) -> tuple[GeneralScores, GeneralAbility]:
    """How well the adapter still predicts general texts, and the change against its parent.

    Args:
        adapter: the round's adapter.
        parent: the parent's; None for the base SFT stage.
        known: the parent's scores, where it has some. It is scored again unless they are of the very same texts.
        texts: the file of texts.
        data: its taxonomy is part of every prompt.
        settings: of the round.
        work: for progress.
    """
    own = _score_general(adapter, texts, data, settings, work.on_step)
    before = None
    if parent is not None:
        if known is None or known.sha256 != own.sha256:
            known = _score_general(parent, texts, data, settings, work.on_step)
        before = np.array(known.nats)
    return own, general_ability(np.array(own.nats), before, confidence=settings.calibrate.confidence)


def _score_general(adapter: Path, texts: Texts, data: ProjectData, settings: ProjectConfig, on_step: OnStep) -> GeneralScores:
    policy = Policy.open(settings.model, adapter, settings.prompt, settings.answer, data.taxonomy)
    limit = settings.prompt.max_tokens
    tokens: dict[str, list[int]] = {}

    for row, text in read_problem_rows(texts.path, settings.read.options()):
        ids = policy.renderer.encode(text.text)
        if text.id in tokens or not 2 <= len(ids) <= limit:
            fault = "is a repeated id" if text.id in tokens else f"has {len(ids)} tokens, 2 to {limit} are scored"
            raise DataError(f"text {text.id!r} {fault}", path=texts.path, line=row.line, hint="fix or delete this line")
        tokens[text.id] = ids
    if len(tokens) < 2:
        raise DataError(f"{len(tokens)} texts: at least two are needed", path=texts.path)
    nats = policy.nats_per_token(list(tokens.values()), batch_size=settings.posterior.batch_size, on_step=on_step)
    return GeneralScores(ids=tuple(tokens), sha256=texts.sha256, nats=tuple(nats.tolist()))
