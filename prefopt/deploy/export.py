"""Export a round's adapter: which one, and the problems that it is compared on."""

from __future__ import annotations

from pathlib import Path

from prefopt.calibration.mixture_result import JudgedMixture
from prefopt.deploy.folder import OPENED, write_predictor
from prefopt.deploy.predictor import Predictor, shown_temperature
from prefopt.model.adapter_card import adapter_id
from prefopt.model.chat import renderer_for
from prefopt.model.export import COMPARED, Exported, Layout, export_adapter
from prefopt.model.load import model_folder
from prefopt.model.tokenizer import read_tokenizer
from prefopt.project.project import Round
from prefopt.protocols import OnStep, ignore_steps
from prefopt.rounds.artifacts import ADAPTER, CALIBRATION
from prefopt.rounds.frozen import refuse_edited
from prefopt.rounds.reading import has, locate, read

PROBLEMS = 8
"""Of the hold-out, on whose prompts parity is measured."""
README = """\
`prefopt predict` mixes this model's label probabilities with a TF-IDF classifier (tfidf.safetensors) by the weights in mixture.json:

```python
from prefopt.deploy.mixer import Mixer

log_probs = Mixer.read(folder).mix(texts, model_log_probs)
```
"""
PREDICTOR = """\
Labels with the guarantees of the calibration, on a machine with prefopt and, for an adapter, its base:

```python
from prefopt.deploy.predictor import Predictor

predictor = Predictor.open(folder)
```
"""


def export_round(rnd: Round, out: Path, *, layout: Layout, check: bool, on_step: OnStep = ignore_steps) -> Exported:
    """Write the adapter of a round for other programs; see `export_adapter`.

    The baseline goes with it where predict mixes the two (mixer.py), and what `Predictor.open` needs (folder.py).

    Raises:
        ProjectError: the adapter is not the one that the round trained, or the baseline not the one that was calibrated.
        CalibrationError: the mixture is of another taxonomy.
        ModelError: see export_adapter.
    """
    refuse_edited(rnd)
    adapter = locate(rnd, ADAPTER, content=True)
    config = rnd.config
    prompts: list[list[int]] = []
    if check and layout in COMPARED:
        data = rnd.load()
        renderer = renderer_for(read_tokenizer(model_folder(config.model.path)), config.prompt, config.answer, data.taxonomy)
        prompts = [[*renderer.prompt(problem, with_reason=False), *renderer.label_opening] for problem in data.holdout[:PROBLEMS]]
    is_mixed = has(rnd, CALIBRATION) and isinstance(read(rnd, CALIBRATION).in_use, JudgedMixture)
    predictor = Predictor.of(rnd) if is_mixed else None

    def write_more(folder: Path) -> str:
        """The files of the mixture, where `predict` uses it, those of the predictor, and what the README says of them."""
        words = write_mixture(folder)
        if layout in OPENED and has(rnd, CALIBRATION):
            Predictor.of(rnd)  # its taxonomy is the one that it was judged with
            write_predictor(rnd, folder, layout)
            words = "\n".join(part for part in (words, PREDICTOR) if part)
        return words

    def write_mixture(folder: Path) -> str:
        if predictor is None or predictor.mixer is None:
            return ""
        judged = predictor.calibration
        predictor.mixer.write(folder, adapter_id(adapter), shown_temperature(judged), judged.in_use.acceptance.threshold)
        return README

    return export_adapter(config.model, adapter, out, layout=layout, prompts=prompts, also=write_more, on_step=on_step)
