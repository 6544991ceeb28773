"""Direct preference optimisation (Rafailov et al. 2023, https://arxiv.org/abs/2305.18290) of the parent adapter.

The reference is the parent: TRL copies the adapter "default" to a frozen "ref", and the run stops unless every reward before the first
update is 0. The default loss adds the chosen answer's likelihood (Pang et al. 2024, https://arxiv.org/abs/2404.19733), because two answers
to one problem share most of their tokens and plain DPO then lowers the likelihood of both. Pairs count by their weight.

Stock TRL: losses, reference, training loop. Ours: token ids, weights, guards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from prefopt.records import Pair

if TYPE_CHECKING:
    from prefopt.protocols import TrainedAdapter, TrainingJob
    from recipes.rows import Row

# Losses in which each pair's share depends on that pair alone, so that weights mean what they say (TRL's aot losses sort the batch).
Loss = Literal["sigmoid", "hinge", "ipo", "robust", "sigmoid_norm", "apo_zero", "apo_down", "sft"]


class DpoConfig(BaseModel):
    """Options of the recipe; dpo.toml says what each is for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    beta: Annotated[float, Field(gt=0)] = 0.1
    loss: Annotated[tuple[Loss, ...], Field(min_length=1)] = ("sigmoid", "sft")
    loss_weights: tuple[float, ...] = (1.0, 1.0)
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    weighted: bool = True
    with_reason: bool = False
    epochs: Annotated[float, Field(ge=1)] = 1.0
    batch_size: Annotated[int, Field(ge=1)] = 4
    accumulate: Annotated[int, Field(ge=1)] = 4
    learning_rate: Annotated[float, Field(gt=0)] = 2e-5
    schedule: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "cosine"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    gradient_checkpointing: bool = True
    save_steps: Annotated[int, Field(ge=1)] = 25
    report_to: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> DpoConfig:
        if len(self.loss_weights) != len(self.loss):
            raise ValueError(f"loss_weights has {len(self.loss_weights)} numbers for the {len(self.loss)} losses {list(self.loss)}")
        if set(self.loss) == {"sft"}:
            raise ValueError("loss is sft alone, which prefers nothing; add sigmoid")
        if self.label_smoothing and "robust" not in self.loss:
            raise ValueError(f"label_smoothing does nothing with the losses {list(self.loss)}; use robust in place of sigmoid")
        return self


class Dpo:
    """Pairs and the parent adapter -> adapter."""

    name = "dpo"
    needs: Literal["pairs"] = "pairs"
    Config = DpoConfig

    def train(self, job: TrainingJob, config: DpoConfig) -> TrainedAdapter:
        """Train and save. Raises TrainingError, ModelError."""
        from recipes.rows import data_of, pair_row, refuse_long, refuse_orphan, refuse_unknown_labels, unit_mean

        refuse_orphan(job, self.name)
        pairs = data_of(job, Pair, "wait for more rankings, or lower min_weight under [pair]")
        refuse_unknown_labels(job, [(pair.problem.id, answer) for pair in pairs for answer in (pair.chosen, pair.rejected)])
        from recipes.training import arguments, open_adapter, quiet, run  # torch and TRL take seconds to import

        with quiet():
            opened = open_adapter(job)
            weights = unit_mean([pair.weight if config.weighted else 1.0 for pair in pairs])
            rows = [
                pair_row(pair, opened.renderer, with_reason=config.with_reason) | {"weight": weight}
                for pair, weight in zip(pairs, weights, strict=True)
            ]
            refuse_long(rows, job.prompt.max_tokens)
            trainer = make_trainer(opened, rows, arguments(job, config, opened), config)
            return run(job, self.name, config, opened, rows, trainer)


def make_trainer(opened: Any, rows: list[Row], settings: dict[str, Any], config: DpoConfig) -> Any:
    """TRL's DPOTrainer on rows of token ids, weighted pair by pair, watched for zero rewards before the first update."""
    from datasets import Dataset
    from trl import DPOConfig as TrlConfig
    from trl import DPOTrainer
    from trl.trainer.dpo_trainer import DataCollatorForPreference

    from recipes.guards import zero_rewards
    from recipes.training import LocalRun
    from recipes.weights import weighing, with_weights

    class PairTrainer(LocalRun, DPOTrainer):  # type: ignore[misc]  # TRL has no types
        def _compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool) -> Any:
            weights = inputs.pop("weight").repeat(2)  # chosen rows first, then the rejected ones
            with zero_rewards(self):
                return super()._compute_loss(weighing(model, weights), inputs, return_outputs)

    return PairTrainer(
        model=opened.model,
        args=TrlConfig(
            **settings,
            beta=config.beta,
            loss_type=list(config.loss),
            loss_weights=list(config.loss_weights),
            label_smoothing=config.label_smoothing,
            router_aux_loss_coef=0.0,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=opened.base.tokenizer,
        data_collator=with_weights(DataCollatorForPreference(pad_token_id=opened.base.tokenizer.pad_token_id)),
    )


recipe = Dpo()
