"""Mixes an adapter's posteriors with the classical baseline, for `predict` and, from an exported folder, for other programs.

from prefopt.deploy.mixer import Mixer

mixer = Mixer.read("exported")
log_probs = mixer.mix(texts, adapter_log_probs)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from prefopt.calibration.baseline import Tfidf
from prefopt.calibration.baseline_file import FILE, read_tfidf, write_tfidf
from prefopt.calibration.mixture import mix
from prefopt.calibration.mixture_result import MixtureWeights
from prefopt.errors import CalibrationError
from prefopt.grounds import Numbers
from prefopt.io.files import write_text
from prefopt.io.hashing import hash_path
from prefopt.io.jsonl import first_fault
from prefopt.io.strict import StrictError, checked_json
from prefopt.texts.same_text import Spelling, as_read

SETTINGS = "mixture.json"


class MixtureFile(Numbers):
    """mixture.json of an exported folder."""

    format: Literal[1] = 1
    adapter: str
    """Id of the adapter that the mixture was judged with."""
    labels: Annotated[tuple[str, ...], Field(min_length=2)]
    """Ids, in the order of the columns of all posteriors."""
    weights: MixtureWeights
    temperature: Annotated[float, Field(gt=0)]
    """Divide the logarithms of the mixture by it and normalize again for probabilities to show; 1 where none was shown to help."""
    threshold: float | None
    """Smallest probability of the mixture, before the temperature, at which an answer may be accepted unread; None where none is known."""
    spelling: Spelling
    """Of the problems, as the baseline reads them."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """Of tfidf.safetensors."""


def is_mixed(folder: Path) -> bool:
    """Whether an exported folder comes with a mixture."""
    return (folder / SETTINGS).is_file()


@dataclass(frozen=True)
class Mixer:
    """The mixture of one adapter."""

    model: Tfidf
    weights: MixtureWeights
    labels: tuple[str, ...]
    spelling: Spelling

    def mix(self, texts: Sequence[str], log_probs: NDArray[Any]) -> NDArray[np.float64]:
        """The mixture's natural log posteriors [N, L].

        Args:
            texts: N problems as they are written.
            log_probs: [N, L] natural logarithms of the adapter's posteriors, normalized, over `labels`.

        Raises:
            CalibrationError: the posteriors have another shape.
        """
        own = np.asarray(log_probs, dtype=np.float64)
        if own.shape != (len(texts), len(self.labels)):
            raise CalibrationError(f"the posteriors have shape {own.shape}, expected ({len(texts)}, {len(self.labels)}): problems x labels")
        return mix(own, self.model.log_probs([as_read(text, self.spelling) for text in texts], self.labels), self.weights)

    def write(self, folder: Path, adapter: str, temperature: float, threshold: float | None) -> None:
        """Write tfidf.safetensors and mixture.json; see MixtureFile."""
        write_tfidf(folder / FILE, self.model)
        said = MixtureFile(
            adapter=adapter,
            labels=self.labels,
            weights=self.weights,
            temperature=temperature,
            threshold=threshold,
            spelling=self.spelling,
            sha256=hash_path(folder / FILE),
        )
        write_text(folder / SETTINGS, said.model_dump_json(indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path | str) -> Mixer:
        """The mixture of an exported folder.

        Raises:
            CalibrationError: the folder has none, mixture.json is damaged, or tfidf.safetensors is not the file that was exported.
        """
        path, hint = Path(folder) / SETTINGS, "export the adapter again, to a new folder: prefopt export OUT"
        try:
            said = MixtureFile.model_validate_json(checked_json(path.read_bytes()))
        except FileNotFoundError:
            raise CalibrationError(
                f"{path} does not exist: the adapter was exported without a mixture, or none is used", hint="use the adapter alone"
            ) from None
        except StrictError as error:
            raise CalibrationError(f"{path}: {error}", hint=hint) from None
        except ValidationError as error:
            raise CalibrationError(f"{path}: {first_fault(error)}", hint=hint) from None
        file = Path(folder) / FILE
        if not file.is_file() or hash_path(file) != said.sha256:
            raise CalibrationError(f"{file} is not the file that was exported with {SETTINGS}", hint=hint)
        return cls(read_tfidf(file), said.weights, said.labels, said.spelling)
