"""The files of a round that are published, chosen field by field: no names, no texts of problems, no paths."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefopt.calibration.result import Calibration
from prefopt.config import INSTRUCTIONS_KO, QUESTION_KO
from prefopt.deploy.hub.lineage import (
    CALIBRATION_FILE,
    DECISION_FILE,
    LINEAGE,
    README,
    REPORT_FILE,
    REQUIRED,
    TAXONOMY,
    BaseOf,
    DataDigest,
    Lineage,
    ParentOf,
    PublishedDecision,
    PublishedFile,
    published_settings,
)
from prefopt.deploy.hub.model_card import model_card
from prefopt.deploy.hub.personal import refuse_personal
from prefopt.deploy.predictor import Predictor
from prefopt.domain import instructions_of, question_of
from prefopt.errors import ConfigError, InternalError
from prefopt.io.files import write_bytes, write_text
from prefopt.io.hashing import hash_path
from prefopt.io.stage_folders import read_manifest
from prefopt.io.strict import json_object
from prefopt.model.adapter_card import CONFIG, WEIGHTS, adapter_id, read_card, write_json
from prefopt.model.export import export_adapter
from prefopt.model.hub import base_name, hub_model
from prefopt.project.project import Round
from prefopt.protocols import OnStep, ignore_steps
from prefopt.records import Record
from prefopt.rounds.artifacts import ADAPTER, CALIBRATION, DECISION, POSTERIORS, PREFERENCES, RANKINGS, REPORT, SLATES, Artifact
from prefopt.rounds.promotion import promotions
from prefopt.rounds.reading import has, locate, read
from prefopt.rounds.reading import hash_of as recorded
from prefopt.taxonomy import Taxonomy, parse_taxonomy, taxonomy_csv

UNKNOWN = "0" * 40
"""In place of the commit of a parent that is not published yet."""
_INPUTS = {"gold": "gold", "taxonomy": "taxonomy", "holdout": "hold-out", "held out": "hold-out record"}
_OUTPUTS: Mapping[str, Artifact[Any]] = {"slates": SLATES, "rankings": RANKINGS, "preferences": PREFERENCES, "posteriors": POSTERIORS}


@dataclass(frozen=True)
class Outgoing:
    """A folder with what is published of a round."""

    folder: Path
    lineage: Lineage

    @property
    def files(self) -> dict[str, PublishedFile]:
        """Every file with its size and digest."""
        return self.lineage.files | {LINEAGE: published_file(self.folder / LINEAGE)}


def write_outgoing(
    rnd: Round,
    folder: Path,
    repo: str,
    license_: str,
    *,
    base: BaseOf,
    parent: str | None = None,
    with_report: bool = False,
    on_step: OnStep = ignore_steps,
) -> Outgoing:
    """Write what is published of a round into a new folder. Equal rounds give equal bytes.

    Args:
        rnd: judged and decided.
        folder: to make; must not exist.
        repo: OWNER/NAME.
        license_: identifier of the Hub.
        base: see base_of.
        parent: commit that the tag of its parent points to; UNKNOWN where that is not published yet, None for round 000.
        with_report: also report.html, with names and texts.
        on_step: progress.

    Raises:
        ProjectError: the round is not decided; a file is not the one that its stage wrote; something personal would go out.
        CalibrationError: the taxonomy has changed since the round was judged.
        ModelError: as export_adapter.
    """
    predictor, decision = Predictor.of(rnd), published_decision(rnd)
    adapter = locate(rnd, ADAPTER, content=True)
    export_adapter(rnd.config.model, adapter, folder, layout="peft", on_step=on_step)
    said = json_object((folder / CONFIG).read_bytes())
    write_json(folder / CONFIG, said | {"base_model_name_or_path": base.name, "revision": base.revision})
    write_text(folder / TAXONOMY, labels := _labels(predictor.taxonomy))
    calibration = of_adapter_alone(read(rnd, CALIBRATION, content=True))
    _write_record(folder / CALIBRATION_FILE, calibration)
    _write_record(folder / DECISION_FILE, decision)
    if with_report:
        write_bytes(folder / REPORT_FILE, locate(rnd, REPORT, content=True).read_bytes())
    lineage = Lineage(
        round=rnd.number,
        recipe=_recipe(rnd),
        adapter=adapter_id(adapter),
        first=adapter_id(locate(ancestors(rnd)[-1], ADAPTER)),
        base=base,
        parent=None if rnd.parent is None or parent is None else _parent(rnd.parent, parent),
        source=str(rnd.start.get("folder", "")) if str(rnd.start.get("folder", "")).startswith("hub:") else "",
        data=_data(rnd),
        versions=_versions(rnd),
        settings=published_settings(rnd.config),
        files={},
    )
    language = rnd.config.domain.language
    write_text(folder / README, model_card(repo, lineage, read_card(folder), decision, calibration, license_, language))
    names = [name for name in (*REQUIRED, REPORT_FILE) if name != LINEAGE and (folder / name).is_file()]
    lineage = lineage.model_copy(update={"files": {name: published_file(folder / name) for name in sorted(names)}})
    _write_record(folder / LINEAGE, lineage)
    refuse_personal(rnd, _written(rnd, labels), {path.name: path.read_text(encoding="utf-8") for path in _texts(folder)})
    return Outgoing(folder, lineage)


def _labels(taxonomy: Taxonomy) -> str:
    """The text of taxonomy.csv, from which the same labels are read."""
    text = taxonomy_csv(taxonomy)
    if parse_taxonomy(text, TAXONOMY).labels != taxonomy.labels:
        raise InternalError(f"the labels of {taxonomy.source} would be read back otherwise")
    return text


def base_of(rnd: Round, named: str) -> BaseOf:
    """How others find the base of a round.

    Args:
        rnd: whose adapter is published.
        named: on the Hub, where model.path is a folder of this machine; empty: not said.

    Raises:
        ConfigError: model.path is a folder of this machine, and nothing says where others find it; or it is on the Hub under another name.
    """
    path, card = rnd.config.model.path, read_card(locate(rnd, ADAPTER))
    if path == "tiny":
        return BaseOf(name="tiny", revision=None, id=card.base)
    if hub_model(path) is not None:
        name, revision = base_name(path)
        if named and named != name:
            raise ConfigError(
                f"push.base_model is {named!r}, and round {rnd.name} was trained on {name}", hint="remove base_model under [push]"
            )
        return BaseOf(name=name, revision=revision, id=card.base)
    if not named:
        raise ConfigError(
            f"model.path of round {rnd.name} is a folder of this machine, which nobody else can load",
            hint='set base_model = "openai/gpt-oss-20b" under [push] (the name of that model on the Hub)',
        )
    return BaseOf(name=named, revision=None, id=card.base)


def published_decision(rnd: Round) -> PublishedDecision:
    """The decision on a round. Raises ProjectError where there is none yet."""
    decision, known = read(rnd, DECISION), promotions(rnd.project)
    outcome = known.outcome(rnd.number) or decision.outcome
    return PublishedDecision(outcome=outcome, by="rule" if known.overruled(rnd.number) is None else "person", decision=decision)


def of_adapter_alone(found: Calibration) -> Calibration:
    """A calibration without ids of problems, and without the mixture with TF-IDF, whose vocabulary consists of pieces of the problems."""
    confusions = tuple(confusion.model_copy(update={"examples": ()}) for confusion in found.confusions)
    return found.model_copy(update={"confusions": confusions, "mixture": None})


def ancestors(rnd: Round) -> list[Round]:
    """The round, its parent, the parent of that … and round 000."""
    found = [rnd]
    while (parent := found[-1].parent) is not None:
        found.append(parent)
    return found


def published_file(path: Path) -> PublishedFile:
    """Size and digest of a file."""
    return PublishedFile(size=path.stat().st_size, sha256=hash_path(path))


def git_blob(path: Path) -> str:
    """The id that git gives to the content of a file."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _parent(parent: Round, commit: str) -> ParentOf:
    return ParentOf(round=parent.number, commit=commit, adapter=adapter_id(locate(parent, ADAPTER)))


def _recipe(rnd: Round) -> str:
    """Name of the recipe; of a file, without its folder."""
    return re.sub(r"[^\w.-]", "-", Path(rnd.recipe).stem) if rnd.recipe.endswith(".py") else rnd.recipe


def _data(rnd: Round) -> dict[str, DataDigest]:
    inputs = read_manifest(rnd.stage(CALIBRATION.stage)).inputs
    found = {name: DataDigest(sha256=inputs[key].sha256, rows=inputs[key].rows) for key, name in _INPUTS.items() if key in inputs}
    return found | {name: DataDigest(sha256=recorded(rnd, artifact)) for name, artifact in _OUTPUTS.items() if has(rnd, artifact)}


def _versions(rnd: Round) -> dict[str, str]:
    return read_manifest(rnd.stage(ADAPTER.stage)).versions


def _write_record(path: Path, record: Record | Calibration) -> None:
    write_text(path, json.dumps(json_object(record.model_dump_json()), ensure_ascii=False, indent=2) + "\n")


def _written(rnd: Round, labels: str) -> Mapping[str, str]:
    """What people wrote themselves and what goes with the adapter: where -> text."""
    domain, prompt = rnd.config.domain, rnd.config.prompt
    texts = {f"domain.{key}": str(getattr(domain, key)) for key in ("subject", "item", "label", "framework")}
    own = {"prompt.instructions": (prompt.instructions, INSTRUCTIONS_KO, instructions_of(domain))}
    own |= {"prompt.question": (prompt.question, QUESTION_KO, question_of(domain)), "prompt.date": (prompt.date, "", "")}
    texts |= {where: text for where, (text, *usual) in own.items() if text not in usual}
    return texts | {"answer.label_key": rnd.config.answer.label_key, "the name of its recipe": _recipe(rnd), TAXONOMY: labels}


def _texts(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name not in (WEIGHTS, REPORT_FILE)]
