"""calibrate: posteriors of the round's adapter on the hold-out, judged against the gold labels and against the parent's."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from prefopt.calibration.posteriors import StoredPosteriors, joined, read_posteriors, write_posteriors
from prefopt.errors import DataError
from prefopt.io.chunks import cut, pieces_in
from prefopt.io.stage_folders import fact, read_rows, write_text
from prefopt.project.project import ProjectData, Round
from prefopt.protocols import OnStep
from prefopt.records import Problem, Record
from prefopt.rounds.stages import Facts, StageContext

if TYPE_CHECKING:
    from prefopt.calibration.result import GeneralAbility
    from prefopt.model.policy import Policy, Posteriors
    from prefopt.taxonomy import Taxonomy

NAME = "calibrate"
KEEP = ("scored", "parent_scored", "posteriors.parquet")


def inputs(rnd: Round) -> dict[str, Path]:
    files = {**rnd.data_files, "adapter": rnd.adapter}
    if rnd.config.data.general:
        files["general"] = rnd.data_file("general")
    if rnd.parent is not None:
        files["parent posteriors"] = rnd.parent.stage("calibrate") / "posteriors.parquet"
    return files


def run(context: StageContext) -> Facts:
    """Writes posteriors.parquet and calibration.json."""
    from prefopt.calibration import evaluate

    rnd, config = context.round, context.round.config
    data = rnd.load()
    if not data.holdout:
        raise DataError(
            "no problem is held out: nothing can be judged", path=rnd.data_file("gold"), hint="add gold problems or raise data.holdout"
        )
    own = _own(rnd, data, context)
    parent = None if rnd.parent is None else parent_log_probs(rnd, data, context)
    result = evaluate(
        own.log_probs,
        own.gold,
        own.problem_ids,
        data.taxonomy,
        config.calibrate,
        rnd.config.project.seed,
        parent_log_probs=parent,
        label_mass=own.label_mass,
        single_log_probs=own.single,
    )
    if config.data.general:
        result = result.model_copy(update={"general": _general(rnd, data, context)})
    write_text(context.out / "calibration.json", result.model_dump_json(indent=2) + "\n")
    return {
        "problems": len(own.problem_ids),
        "accuracy": result.accuracy.value,
        "accuracy_low": result.accuracy.low,
        "accuracy_high": result.accuracy.high,
        "brier": result.brier.value,
        "ece_debiased": result.ece.debiased.value,
        "never_answered": never_answered(own.log_probs, own.gold, own.labels),
    }


def never_answered(log_probs: NDArray[np.float64], gold: NDArray[np.int64], labels: Sequence[str], least: int = 10) -> list[str]:
    """Labels that are right at least `least` times and most probable not once. An adapter cannot teach tokens that its base never wrote,
    and a label with such a token stays out of reach whatever it is trained on. log_probs [N, L], gold [N] columns.
    """
    right, answered = (np.bincount(columns, minlength=len(labels)) for columns in (gold, log_probs.argmax(axis=1)))
    return [label for label, r, a in zip(labels, right, answered, strict=True) if r >= least and not a]


def _own(rnd: Round, data: ProjectData, context: StageContext) -> StoredPosteriors:
    """posteriors.parquet of this round; an interrupted run goes on with what it had scored."""
    path = context.out / "posteriors.parquet"
    if not path.exists():
        unfinished = path.with_name(f".{path.name}")
        write_posteriors(unfinished, score(rnd, rnd.adapter, data, context, "scored"))
        unfinished.replace(path)
    shutil.rmtree(context.out / "scored", ignore_errors=True)
    return read_posteriors(path)


class GeneralScores(Record):
    """general.json: nats per token of every text of data.general, by one adapter."""

    ids: tuple[str, ...]
    sha256: str
    """Of the file of texts."""
    nats: tuple[float, ...]


def _general(rnd: Round, data: ProjectData, context: StageContext) -> GeneralAbility:
    """Writes general.json. The parent is scored again only where it was not scored on the very same texts."""
    from prefopt.calibration.compare import general_ability

    own = _score_general(rnd, rnd.adapter, data, context)
    write_text(context.out / "general.json", own.model_dump_json() + "\n")
    parent = None
    if rnd.parent is not None:
        known = rnd.parent.stage("calibrate") / "general.json"
        found = GeneralScores.model_validate_json(known.read_text(encoding="utf-8")) if known.exists() else None
        if found is None or found.sha256 != own.sha256:
            found = _score_general(rnd, rnd.parent.adapter, data, context)
        parent = np.array(found.nats)
    settings = rnd.config.calibrate
    return general_ability(
        np.array(own.nats), parent, replicates=settings.bootstrap, confidence=settings.confidence, seed=rnd.config.project.seed
    )


def _score_general(rnd: Round, adapter: Path, data: ProjectData, context: StageContext) -> GeneralScores:
    from prefopt.model.general import nats_per_token

    path, policy = rnd.data_file("general"), _policy(rnd, adapter, data)
    limit = rnd.config.prompt.max_tokens
    texts: dict[str, list[int]] = {}

    def check(text: Problem, line: int) -> None:
        ids = policy.renderer.encode(text.text)
        if text.id in texts or not 2 <= len(ids) <= limit:
            fault = "again" if text.id in texts else f"has {len(ids)} tokens, 2 to {limit} are scored"
            raise DataError(f"text {text.id!r} {fault}", path=path, line=line, hint="mend or remove this line")
        texts[text.id] = ids

    read_rows(path, Problem, check)
    if len(texts) < 2:
        raise DataError(f"{len(texts)} texts: at least two are needed", path=path)
    nats = nats_per_token(policy.model, list(texts.values()), context.on_step)
    return GeneralScores(ids=tuple(texts), sha256=fact(path, rnd.project.root).sha256, nats=tuple(nats.tolist()))


def score(rnd: Round, adapter: Path, data: ProjectData, context: StageContext, name: str) -> StoredPosteriors:
    """Posteriors of an adapter on the hold-out, piece by piece in the folder `name` of the unfinished stage."""
    parts, total = cut(data.holdout), len(data.holdout)
    with pieces_in(context.out / name, {}, ".parquet") as pieces:  # the stage itself throws pieces of other inputs away
        missing = [number for number in range(len(parts)) if number not in pieces]
        if missing:
            policy = _policy(rnd, adapter, data)
        done = total - sum(len(parts[number]) for number in missing)
        for number in missing:
            found = _score_part(policy, rnd, parts[number], _from(context.on_step, done, total))
            write_posteriors(pieces.unfinished(number), stored(data.taxonomy, parts[number], found))
            pieces.keep(number)
            done += len(parts[number])
        return joined([read_posteriors(pieces.path(number)) for number in range(len(parts))])


def _policy(rnd: Round, adapter: Path, data: ProjectData) -> Policy:
    from prefopt.model.policy import Policy

    config = rnd.config
    return Policy.open(config.model, adapter, config.prompt, config.answer, data.taxonomy)


def _score_part(policy: Policy, rnd: Round, problems: Sequence[Problem], on_step: OnStep) -> Posteriors:
    config = rnd.config
    return policy.posterior(
        problems,
        analyses=config.posterior.analyses,
        batch_size=config.posterior.batch_size,
        memory_mb=config.posterior.memory_mb,
        seed=config.project.seed,  # the same draws in every round: rounds are compared in pairs
        on_step=on_step,
    )


def _from(on_step: OnStep, before: int, total: int) -> OnStep:
    """Progress of a piece as progress of the whole."""
    return lambda done, _, __: on_step(min(before + done, total), total, "posteriors of the hold-out")


def stored(taxonomy: Taxonomy, problems: Sequence[Problem], posteriors: Posteriors) -> StoredPosteriors:
    """Posteriors beside the gold labels, in the order of the problems."""
    gold = [taxonomy.index(p.label) for p in problems if p.label is not None]
    return StoredPosteriors(
        tuple(posteriors.problem_ids),
        taxonomy.ids,
        posteriors.log_probs,
        np.asarray(gold, dtype=np.int64),
        posteriors.label_mass,
        None if posteriors.draws is None else posteriors.single,
    )


def parent_log_probs(rnd: Round, data: ProjectData, context: StageContext) -> NDArray[np.float64]:
    """The parent's posteriors on the same problems: as stored, or scored again where hold-out or taxonomy have grown since."""
    parent = rnd.parent
    assert parent is not None  # noqa: S101  # run() asks only then
    known = read_posteriors(parent.stage("calibrate") / "posteriors.parquet")
    rows = {name: i for i, name in enumerate(known.problem_ids)}
    if known.labels == data.taxonomy.ids and all(p.id in rows for p in data.holdout):
        return np.asarray(known.log_probs[[rows[p.id] for p in data.holdout]])
    found = score(rnd, parent.adapter, data, context, "parent_scored").log_probs
    shutil.rmtree(context.out / "parent_scored")
    return found
