"""The recipe of a round 000 that does not train: its adapter is one of stock PEFT, read from a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from prefopt.errors import TrainingError
from prefopt.frozen import Frozen
from prefopt.io.files import write_text
from prefopt.protocols import ExtraInput, TrainedAdapter, TrainingJob

if TYPE_CHECKING:
    from prefopt.config import AdapterSettings
    from prefopt.model.adapter_card import AdapterCard

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


def refuse_other_shape(settings: AdapterSettings, card: AdapterCard, source: Path) -> None:
    """Raise TrainingError where later rounds could not continue an adapter of this shape with these settings."""
    from prefopt.model.adapter_card import adapter_toml, shape_of

    wanted, found = shape_of(settings, experts=card.experts), shape_of(card)
    if wanted != found:
        different = ", ".join(f"{key} {found[key]!r} (set: {wanted[key]!r})" for key in wanted if wanted[key] != found[key])
        raise TrainingError(
            f"{source}: the adapter has another shape than [adapter] in prefopt.toml, so no round could continue it: {different}",
            hint=f"write into prefopt.toml, then import again:\n{adapter_toml(card)}",
        )


recipe = Import()
