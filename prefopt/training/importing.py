"""The recipe of a round 000 that does not train: its adapter is one of stock PEFT, read from a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from prefopt.frozen import Frozen
from prefopt.io.files import write_text
from prefopt.model.adapter_card import refuse_other_shape
from prefopt.protocols import ExtraInput, TrainedAdapter, TrainingJob

NAME = "import"


class ImportOptions(Frozen):
    """What round.toml says of the import; no setting of prefopt.toml."""

    folder: str
    """Folder of the adapter, absolute."""
    verify: bool = True
    """Compare its logits with those of stock PEFT."""


class Import:
    """Folder of a stock PEFT adapter -> adapter."""

    name = NAME
    needs: Literal["examples"] = "examples"
    Config = ImportOptions

    def extra_inputs(self, config: ImportOptions) -> frozenset[ExtraInput]:
        """None."""
        return frozenset()

    def train(self, job: TrainingJob, config: ImportOptions) -> TrainedAdapter:
        """Read, verify and write the adapter. Raises ModelError; TrainingError where its shape is not that of [adapter]."""
        from prefopt.model.adapter_import import import_adapter, read_stock_adapter

        source = Path(config.folder)
        refuse_other_shape(job.adapter, read_stock_adapter(job.model, source).card, source)
        out = job.folder / "adapter"
        done = import_adapter(job.model, source, out, verify=config.verify, number=job.round, on_step=job.on_step)
        write_text(job.folder / "metrics.jsonl", "")  # nothing was trained
        metrics = {} if done.card.parity is None else {"logit_difference": done.card.parity.max_difference}
        return TrainedAdapter(done.path, 0, 0, metrics)


recipe = Import()
