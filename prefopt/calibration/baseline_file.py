"""tfidf.safetensors: the fitted classical baseline, readable without prefopt (docs/mixture.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, ValidationError

from prefopt.calibration.baseline import ANALYSIS, Tfidf
from prefopt.errors import CalibrationError
from prefopt.grounds import Numbers
from prefopt.io.files import replacing
from prefopt.io.jsonl import first_fault
from prefopt.io.strict import StrictError, checked_json

FILE = "tfidf.safetensors"
_HINT = "restore the file, or redo the round from there: prefopt round branch ROUND --at calibrate"
_TENSORS = ("idf", "coefficients", "intercepts")


class _Header(Numbers):
    """What the file says beside its tensors, as JSON in the entry "prefopt" of its metadata."""

    format: Literal[1] = 1
    analyzer: str
    ngram_range: tuple[int, int]
    sublinear_tf: bool
    labels: Annotated[tuple[str, ...], Field(min_length=2)]
    vocabulary: Annotated[tuple[str, ...], Field(min_length=1)]
    c: Annotated[float, Field(gt=0)]
    trained_on: Annotated[int, Field(ge=2)]
    unseen_mass: Annotated[float, Field(gt=0, lt=1)]


def write_tfidf(path: Path, model: Tfidf) -> None:
    """Write the classifier: tensors idf [F], coefficients [L, F], intercepts [L] in float32, labels and vocabulary in the metadata."""
    from safetensors.numpy import save_file  # not for commands that only look at a round

    said = {name: getattr(model, name) for name in ("labels", "vocabulary", "c", "trained_on", "unseen_mass")}
    header = _Header(**ANALYSIS, **said)
    tensors = {name: np.ascontiguousarray(getattr(model, name)) for name in _TENSORS}
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"prefopt": json.dumps(header.model_dump(), ensure_ascii=False)})


def read_tfidf(path: Path) -> Tfidf:
    """Read the classifier. Raises CalibrationError where the file is missing, is not one, or its parts do not fit together."""
    from safetensors import SafetensorError, safe_open  # as above

    try:
        with safe_open(path, framework="np") as file:
            header = _Header.model_validate_json(checked_json((file.metadata() or {}).get("prefopt", "").encode()))
            tensors = {name: file.get_tensor(name) for name in _TENSORS}
    except (OSError, SafetensorError, StrictError) as error:
        raise CalibrationError(f"{path} does not contain the classical baseline: {error}", hint=_HINT) from None
    except ValidationError as error:
        raise CalibrationError(f"{path}: {first_fault(error)}", hint=_HINT) from None
    read_as = {"analyzer": header.analyzer, "ngram_range": header.ngram_range, "sublinear_tf": header.sublinear_tf}
    if read_as != ANALYSIS:
        raise CalibrationError(f"{path} was fitted on other features: {read_as}, expected {ANALYSIS}", hint=_HINT)
    labels, features = len(set(header.labels)), len(set(header.vocabulary))
    expected = {"idf": (features,), "coefficients": (labels, features), "intercepts": (labels,)}
    for name, tensor in tensors.items():
        if tensor.shape != expected[name] or tensor.dtype != np.float32 or not np.isfinite(tensor).all():
            found = f"{name} has shape {tensor.shape} and type {tensor.dtype}"
            raise CalibrationError(f"{path}: {found}, expected finite float32 of shape {expected[name]}", hint=_HINT)
    return Tfidf(
        header.labels,
        header.vocabulary,
        tensors["idf"],
        tensors["coefficients"],
        tensors["intercepts"],
        header.c,
        header.trained_on,
        header.unseen_mass,
    )
