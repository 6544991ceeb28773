"""What an exported folder has so that `Predictor.open` can classify with it: settings, taxonomy, calibration, and digests of all files."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from prefopt.calibration.result import Calibration
from prefopt.config import ModelSettings, ProjectConfig
from prefopt.deploy.mixer import Mixer, is_mixed
from prefopt.errors import CalibrationError
from prefopt.frozen import Frozen
from prefopt.io.files import write_text
from prefopt.io.hashing import hash_path
from prefopt.io.jsonl import first_fault
from prefopt.io.strict import StrictError, checked_json
from prefopt.model.adapter_card import CARD, adapter_id
from prefopt.project.project import Round
from prefopt.rounds.artifacts import ADAPTER, CALIBRATION
from prefopt.rounds.reading import locate, read
from prefopt.taxonomy import Taxonomy, read_taxonomy

FILE = "predictor.json"
OPENED = ("peft", "bfloat16", "float32", "mxfp4")
"""Layouts that this process computes with."""
_SECTIONS = {"domain", "model", "prompt", "answer", "posterior", "read"}
_AGAIN = "export the adapter again, to a new folder: prefopt export OUT"


class PredictorFile(Frozen):
    """predictor.json of an exported folder."""

    format: Literal[1] = 1
    round: int
    adapter: Annotated[str, Field(pattern="^[0-9a-f]{12}$")]
    """Id of the round's adapter, as in the predictions of the project."""
    layout: Literal["peft", "bfloat16", "float32", "mxfp4"]
    taxonomy: str
    """Name of its file."""
    seed: int
    settings: dict[str, Any]
    """Sections of prefopt.toml with which the round was judged."""
    sha256: dict[str, Annotated[str, Field(pattern="^[0-9a-f]{64}$")]]
    """Of every other file but README.md."""


@dataclass(frozen=True)
class ExportedFolder:
    """A folder that was exported, verified."""

    path: Path
    config: ProjectConfig
    taxonomy: Taxonomy
    calibration: Calibration
    round: int
    adapter: str
    """Id of the round's adapter."""
    weights: Path | None
    """The adapter's folder; None where it is merged into config.model.path."""
    mixer: Mixer | None


def write_predictor(rnd: Round, folder: Path, layout: str) -> None:
    """Write predictor.json, calibration.json and the taxonomy into a folder that has everything else but README.md."""
    taxonomy = rnd.data_file("taxonomy")
    shutil.copyfile(taxonomy, folder / f"taxonomy{taxonomy.suffix}")
    write_text(folder / "calibration.json", read(rnd, CALIBRATION).model_dump_json(indent=2) + "\n")
    said = PredictorFile.model_validate(
        {
            "round": rnd.number,
            "adapter": adapter_id(locate(rnd, ADAPTER)),
            "layout": layout,
            "taxonomy": f"taxonomy{taxonomy.suffix}",
            "seed": rnd.config.project.seed,
            "settings": rnd.config.model_dump(mode="json", include=_SECTIONS),
            "sha256": {str(path.relative_to(folder)): hash_path(path) for path in sorted(folder.rglob("*")) if path.is_file()},
        }
    )
    write_text(folder / FILE, said.model_dump_json(indent=2) + "\n")


def is_exported(folder: Path) -> bool:
    """Whether a folder was exported, and is no project."""
    return not (folder / "prefopt.toml").exists() and ((folder / CARD).is_file() or any(folder.glob("*.gguf")))


def open_folder(folder: Path, base: str = "") -> ExportedFolder:
    """Read an exported folder.

    Args:
        folder: written by `prefopt export`.
        base: where the base of a peft export is, if not under the name that the round had for it.

    Raises:
        CalibrationError: it is for another program, has no calibration, or a file is missing, added or changed.
        DataError: the taxonomy cannot be read.
    """
    if files := sorted(folder.glob("*.gguf")):
        raise CalibrationError(
            f"{files[0]} is for llama.cpp, which computes with it in a process of its own",
            hint=f"start it as {folder / 'README.md'} says, and in the project: prefopt serve --engine URL, or set model.server",
        )
    said = _read(folder / FILE)
    _refuse_changed(folder, said.sha256)
    try:
        config = ProjectConfig.model_validate({**said.settings, "project": {"seed": said.seed}})
        calibration = Calibration.model_validate_json(checked_json((folder / "calibration.json").read_bytes()))
    except (ValidationError, StrictError) as error:
        fault = first_fault(error) if isinstance(error, ValidationError) else str(error)
        raise CalibrationError(f"{folder}: {fault}", hint=f"it is of another version of prefopt; {_AGAIN}") from None
    is_peft = said.layout == "peft"
    where: Mapping[str, Any] = {"path": base or config.model.path, "server": ""}
    if not is_peft:
        where = {"path": str(folder), "server": "", "quantized": "auto" if said.layout == "mxfp4" else False, "nf4_attention": False}
    config = config.model_copy(update={"model": ModelSettings.model_validate({**config.model.model_dump(), **where})})
    taxonomy = read_taxonomy(folder / said.taxonomy, config.read.options())
    mixer = Mixer.read(folder) if is_mixed(folder) else None
    return ExportedFolder(folder, config, taxonomy, calibration, said.round, said.adapter, folder if is_peft else None, mixer)


def _read(path: Path) -> PredictorFile:
    try:
        return PredictorFile.model_validate_json(checked_json(path.read_bytes()))
    except FileNotFoundError:
        raise CalibrationError(
            f"{path} does not exist: the adapter was exported before it was judged, or by an earlier version",
            hint=f"finish its round (prefopt round status), then {_AGAIN}",
        ) from None
    except (StrictError, ValidationError) as error:
        fault = first_fault(error) if isinstance(error, ValidationError) else str(error)
        raise CalibrationError(f"{path}: {fault}", hint=_AGAIN) from None


def _refuse_changed(folder: Path, known: Mapping[str, str]) -> None:
    """Raise CalibrationError for the first file that is missing or has another content; and for weights that were added."""
    for name, digest in known.items():
        file = folder / name
        if not file.is_file():
            raise CalibrationError(f"{file} is missing", hint=f"copy the whole folder, or {_AGAIN}")
        if hash_path(file) != digest:
            raise CalibrationError(f"{file} is not the file that was exported", hint=f"copy the folder again, or {_AGAIN}")
    added = [path.name for path in folder.glob("*.safetensors") if path.name not in known]
    if added:
        raise CalibrationError(f"{folder / added[0]} was not exported with the others", hint=f"remove it, or {_AGAIN}")
