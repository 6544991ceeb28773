"""Classify problems with the adapter in use, with the guarantees of its calibration: one prediction per problem.

from prefopt.deploy.predictor import Predictor
from prefopt.records import Problem

predictor = Predictor.open("mathclass")  # or the folder of `prefopt export`
for found in predictor.predict([Problem(id="1", text="12 + 9는 얼마입니까?")]):
    print(found.label, found.probability, found.decision)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from prefopt.calibration.conformal import label_sets
from prefopt.calibration.mixture_result import JudgedMixture
from prefopt.calibration.result import Calibration
from prefopt.calibration.temperature import apply_temperature
from prefopt.config import ProjectConfig
from prefopt.deploy.folder import ExportedFolder, is_exported, open_folder
from prefopt.deploy.mixer import Mixer
from prefopt.errors import CalibrationError, ProjectError
from prefopt.io.hashing import hash_path
from prefopt.project.project import Round, open_project
from prefopt.protocols import OnStep, ignore_steps
from prefopt.records import Problem, Record
from prefopt.rounds.artifacts import ADAPTER, CALIBRATION, PUBLISHED, TFIDF, Artifact
from prefopt.rounds.frozen import refuse_edited
from prefopt.rounds.promotion import promoted_round
from prefopt.rounds.reading import Reader, has, is_done
from prefopt.taxonomy import Taxonomy, read_taxonomy

if TYPE_CHECKING:
    from prefopt.model.policy import Policy
    from prefopt.model.posteriors import Posteriors

Classifier = Literal["adapter", "mixture"]
Share = Annotated[float, Field(ge=0, le=1)]


class Prediction(Record):
    """The adapter's answer to one problem, and how far to trust it."""

    id: str
    label: str
    name: str
    probability: Share
    """Of the label, after the calibration's temperature if that was shown to help; otherwise the same as `confidence`."""
    confidence: Share
    """Of the label, as the classifier gives it; the thresholds of `decision` and `set` apply to this value."""
    set: tuple[str, ...]
    """Labels that include the right one with the coverage of the calibration's label sets, most probable first; never without `label`."""
    decision: Literal["accept", "review"]
    """accept: confident enough to be accepted unread at the agreed error rate. review: less confident, or `label` does not reach the
    threshold of its set, as for few problems of the hold-out."""
    label_mass: Share
    """Probability that the model gives to the labels of the taxonomy; low for texts that are not problems of this kind."""
    adapter: str
    classifier: Classifier = "adapter"
    """What answered: the adapter alone, or mixed with the classical baseline where the hold-out showed that this helps."""


def predictions(
    problem_ids: Sequence[str],
    log_probs: NDArray[Any],
    label_mass: NDArray[Any],
    taxonomy: Taxonomy,
    calibration: Calibration,
    adapter: str,
) -> list[Prediction]:
    """Posteriors to predictions by the thresholds of a calibration.

    Args:
        problem_ids: N ids.
        log_probs: [N, L] natural logarithms over the taxonomy, normalized; of the mixture where the calibration says that it is used.
        label_mass: [N] probability on the taxonomy before normalizing.
        taxonomy: L labels.
        calibration: of the same adapter over the same taxonomy.
        adapter: its id.

    Raises:
        CalibrationError: the calibration has no label sets, or is of another taxonomy.
    """
    used = calibration.in_use
    if used.conformal is None or calibration.labels != len(taxonomy):
        raise CalibrationError(
            f"the calibration is of {calibration.labels} labels, the taxonomy has {len(taxonomy)}"
            if used.conformal
            else "the calibration was made by a version without label sets",
            hint="calibrate again: prefopt round branch N --at calibrate",
        )
    probs = np.exp(log_probs)
    best = probs.argmax(axis=1)
    softened = np.exp(apply_temperature(np.asarray(log_probs, dtype=np.float64), shown_temperature(calibration)))
    threshold_of = {group.group: group.threshold for group in used.conformal.groups}
    thresholds = np.array([threshold_of[label.groups[0] if label.groups else ""] for label in taxonomy.labels])
    accepted = used.acceptance.threshold
    in_set, forced = label_sets(probs, thresholds)
    found = []
    for row, name in enumerate(problem_ids):
        label, sure = taxonomy.labels[best[row]], float(probs[row, best[row]])
        members = [i for i in np.argsort(-probs[row], kind="stable") if in_set[row, i]]
        found.append(
            Prediction(
                id=name,
                label=label.id,
                name=label.name,
                probability=min(1.0, float(softened[row, best[row]])),
                confidence=min(1.0, sure),
                set=tuple(taxonomy.labels[i].id for i in members),
                decision="accept" if accepted is not None and sure >= accepted and not forced[row] else "review",
                label_mass=min(1.0, float(label_mass[row])),
                adapter=adapter,
                classifier="adapter" if used is calibration else "mixture",
            )
        )
    return found


def judged_by(rnd: Round) -> Artifact[Any]:
    """What holds a round's thresholds: its calibration, or what was published with an adapter that this project has not judged yet."""
    return PUBLISHED if has(rnd, PUBLISHED) and not is_done(rnd, CALIBRATION.stage) else CALIBRATION


def shown_temperature(calibration: Calibration) -> float:
    """The temperature of what predicts if either half of the hold-out has a lower log loss with that of the other; otherwise 1."""
    found = calibration.in_use.temperature
    return found.value if not found.at_bound and found.helps else 1.0


@dataclass
class Predictor:
    """The adapter of a round, with the settings of its calibration. The model is loaded on first use."""

    source: Round | ExportedFolder
    """The round whose adapter it is, or the folder that it was exported to."""
    taxonomy: Taxonomy
    calibration: Calibration
    adapter: Path
    """Folder of the adapter, verified; of an exported one, whatever its layout, that folder."""
    mixer: Mixer | None = None
    """Of the adapter and the classical baseline, where the calibration uses it."""
    engine: str = ""
    """URLs of the servers that compute, in place of model.server."""
    engine_adapter: str = ""
    """Name of the adapter at these servers; empty: its id."""

    @classmethod
    def open(cls, project: Path | str, number: int | None = None, *, engine: str = "", base: str = "") -> Predictor:
        """The adapter in use of a project, that of another round, or one that was exported in a layout that this process loads.

        Args:
            project: its directory, or that of an export.
            number: of the round.
            engine: URLs of the servers that compute, in place of model.server.
            base: where the base of an exported adapter is, if not under the name that it had in the project.

        Raises:
            ProjectError: no such project or round, no adapter is promoted, or a file is not the one that its stage wrote.
            CalibrationError: the taxonomy is not the one of the calibration; of an exported folder as open_folder.
        """
        if is_exported(Path(project)):
            return cls._of_folder(Path(project), number, engine, base)
        if base:
            raise ProjectError(f"{project} is a project, which names its base", hint="set model.path in prefopt.toml")
        opened = open_project(Path(project))
        return cls.of(promoted_round(opened) if number is None else opened.round(number), engine=engine)

    @classmethod
    def of(cls, rnd: Round, *, engine: str = "", engine_adapter: str = "") -> Predictor:
        """The adapter of a round, which the servers of `engine` have under the name `engine_adapter`. Raises as open()."""
        refuse_edited(rnd)
        reader, path = Reader(rnd), rnd.data_file("taxonomy")
        judged = judged_by(rnd)
        if hash_path(path) != reader.manifest(rnd, judged.stage).inputs["taxonomy"].sha256:
            what = f"{path} has changed since round {rnd.name} was judged: its thresholds are about other labels"
            if not rnd.number:
                raise CalibrationError(what, hint="restore it, or judge the adapter again: prefopt sft --again")
            raise CalibrationError(what, hint=f"restore it, or judge the adapter again: prefopt round branch {rnd.number} --at calibrate")
        adapter, found = reader.locate(rnd, ADAPTER), reader.locate(rnd, judged)
        calibration = CALIBRATION.load(found / CALIBRATION.file if judged is PUBLISHED else found)
        taxonomy, used = read_taxonomy(path, rnd.config.read.options()), calibration.in_use
        mixer = None
        if isinstance(used, JudgedMixture):
            mixer = Mixer(reader.artifact(rnd, TFIDF), used.weights, taxonomy.ids, rnd.config.prompt.spelling)
        return cls(rnd, taxonomy, calibration, adapter, mixer, engine, engine_adapter)

    @classmethod
    def _of_folder(cls, path: Path, number: int | None, engine: str, base: str) -> Predictor:
        if number is not None:
            raise ProjectError(f"{path} is one exported adapter, without rounds", hint="name the project, or no round")
        found = open_folder(path, base)
        return cls(found, found.taxonomy, found.calibration, path, found.mixer, engine)

    @property
    def round(self) -> Round:
        """The round whose adapter it is. Raises ProjectError where it was opened from an exported folder."""
        if isinstance(self.source, ExportedFolder):
            raise ProjectError(
                f"{self.source.path} is an exported folder, and this needs its project", hint="change to the project's directory"
            )
        return self.source

    @property
    def config(self) -> ProjectConfig:
        """The settings with which it was judged."""
        return self.source.config

    @property
    def classifier(self) -> Classifier:
        """What answers."""
        return "adapter" if self.mixer is None else "mixture"

    @cached_property
    def policy(self) -> Policy:
        """Base and adapter, loaded."""
        from prefopt.model.policy import Policy

        config, exported = self.config, self.source if isinstance(self.source, ExportedFolder) else None
        model = config.model.model_copy(update={"server": self.server})
        adapter = self.adapter if exported is None else exported.weights
        policy = Policy.open(model, adapter, config.prompt, config.answer, self.taxonomy)
        if exported is not None:
            policy.adapter_id = exported.adapter
        if policy.far is not None:
            policy.far = replace(policy.far, served_as=self.engine_adapter)
        return policy

    @property
    def server(self) -> str:
        """URLs of the servers that compute; empty for this process."""
        return self.engine or self.config.model.server

    @property
    def undecided_groups(self) -> list[str]:
        """Groups with too few hold-out problems to exclude any of their labels from a set."""
        found = self.calibration.in_use.conformal
        return [group.group for group in found.groups if group.threshold == 0] if found else []

    def predict(self, problems: Sequence[Problem], on_step: OnStep = ignore_steps) -> list[Prediction]:
        """A prediction for each problem, in their order. Labels of the problems are ignored.

        Raises:
            ModelError: a problem does not fit into prompt.max_tokens; a likelihood is not finite.
        """
        if not problems:
            return []
        found = self.posterior(problems, on_step)
        log_probs = found.log_probs if self.mixer is None else self.mixer.mix([problem.text for problem in problems], found.log_probs)
        return predictions(found.problem_ids, log_probs, found.label_mass, self.taxonomy, self.calibration, self.policy.adapter_id)

    def posterior(self, problems: Sequence[Problem], on_step: OnStep = ignore_steps) -> Posteriors:
        """The adapter's posterior of each problem, as in the calibration. Raises ModelError as `predict`."""
        posterior = self.config.posterior
        return self.policy.posterior(
            problems,
            analyses=posterior.analyses,
            batch_size=posterior.batch_size,
            memory_mb=posterior.memory_mb,
            seed=self.config.project.seed,  # as on the hold-out: the thresholds are about these draws
            on_step=on_step,
        )
