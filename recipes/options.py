"""The options that recipes share. A recipe's Config takes the classes it needs and adds its own options; the string under an option is
what `prefopt recipes show` and docs/settings.md print.

Options that mean the same thing in Hugging Face's TrainingArguments have their name there. `batch_size` does not: an update here has
batch_size x gradient_accumulation_steps rows however many processes share it; there, per_device_train_batch_size is multiplied by the
number of devices.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from prefopt.frozen import Frozen

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Epochs = Annotated[float, Field(ge=1, le=1000)]
LearningRate = Annotated[float, Field(ge=1e-8, le=1)]
"""AdamW moves a weight by about the rate at each update: less than 1e-8 is lost to rounding, and LoRA weights are far smaller than 1."""
WarmupRatio = Annotated[float, Field(ge=0, lt=1)]
Beta = Annotated[float, Field(ge=1e-4, le=100)]
"""Below, rewards hardly differ whatever is learned; above, a hundredth of a nat settles a pair and the loss has no gradient left."""
LossWeight = Annotated[float, Field(ge=0, le=1000)]
"""A negative weight would train the opposite."""


class Options(Frozen):
    """Base of all options: frozen, no unknown keys, finite numbers."""


class TrainingOptions(Options):
    """How any recipe trains. A recipe sets the learning rate that its method needs."""

    engine: Literal["prompt_sharing", "trl"] = "prompt_sharing"
    """prompt_sharing: each prompt is computed once, logits on answers only. trl: TRL's own trainer."""
    num_train_epochs: Epochs = 1.0
    """Passes over the data, from 1 to 1000."""
    batch_size: Count = 4
    """Rows in one forward pass."""
    gradient_accumulation_steps: Count = 4
    """Forward passes per update. Several processes share them; they do not multiply them."""
    learning_rate: LearningRate
    """Of AdamW on the float32 LoRA weights, from 1e-8 to 1."""
    lr_scheduler_type: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "cosine"
    """How the learning rate changes after the warm-up. constant has no warm-up."""
    warmup_ratio: WarmupRatio = 0.1
    """Share of all updates during which the learning rate rises; its first update has a rate above 0. A run of fewer than ten has none."""
    max_grad_norm: Annotated[float, Field(ge=1e-3, le=1e6)] = 1.0
    """Longer gradients are scaled down to this norm; 1e6 leaves practically all as they are. One that is not finite stops the run."""
    gradient_checkpointing: bool = True
    """Recompute layers in the backward pass: less memory, a third more time."""
    deterministic: bool = False
    """On a GPU, give the same bits on every run and after an interruption, as a CPU does without. Attention's backward pass is slower."""
    save_steps: Count = 25
    """Updates between checkpoints; an interrupted run resumes from the last one."""
    report_to: tuple[str, ...] = ()
    """Trackers to log to besides metrics.jsonl, by Hugging Face's names, e.g. ["wandb"]."""

    without_gradient: ClassVar[str] = "add rows whose answers the model does not give with certainty already"
    """What to do where the gradient is 0 in every update."""

    def updates_per_epoch(self, rows: int) -> int:
        """Updates in a pass over this many rows."""
        return math.ceil(math.ceil(rows / self.batch_size) / self.gradient_accumulation_steps)

    @model_validator(mode="after")
    def _constant_has_no_warmup(self) -> Self:
        if self.lr_scheduler_type == "constant" and self.warmup_ratio and "warmup_ratio" in self.model_fields_set:
            raise ValueError(
                f'lr_scheduler_type = "constant" has no warm-up, and warmup_ratio is {self.warmup_ratio:g}: set "constant_with_warmup", '
                "or leave warmup_ratio out"
            )
        return self


def _zero_or_a_rate(value: float) -> float:
    if 0 < value < 1e-8:
        raise ValueError("must be 0 or at least 1e-8")
    return value


def _zero_or_a_pass(value: float) -> float:
    if 0 < value < 1:
        raise ValueError("must be 0 or at least 1")
    return value


EpochsOrSft = Annotated[float, Field(ge=0, le=1000), AfterValidator(_zero_or_a_pass)]
"""0: as many as in [recipes.sft]."""
LearningRateOrSft = Annotated[float, Field(ge=0, le=1), AfterValidator(_zero_or_a_rate)]
"""0: that of [recipes.sft]."""


class ValidationOptions(TrainingOptions):
    """Of a recipe that can set rows aside and stop early (validation.py)."""

    validation_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the problems set aside and scored at every checkpoint; the best adapter is kept. Only with engine prompt_sharing."""
    patience: Count = 3
    """Checkpoints without a lower validation loss after which the run ends."""

    @model_validator(mode="after")
    def _validation_needs_prompt_sharing(self) -> Self:
        if self.engine == "trl" and self.validation_share:
            raise ValueError('validation needs engine = "prompt_sharing"; set it, or validation_share = 0')
        return self


class RehearsalOptions(TrainingOptions):
    """Of a recipe that can mix in earlier data (rehearsal.py)."""

    rehearse_examples: Share = 1.0
    """Share of the SFT stage's problems mixed in, against forgetting. Only with engine prompt_sharing; 0 where engine = "trl" is set."""
    rehearse_preferences: Share = 1.0
    """Share of earlier rounds' preferences mixed in."""

    @model_validator(mode="before")
    @classmethod
    def _no_examples_in_trl(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and values.get("engine") == "trl":
            return {"rehearse_examples": 0.0} | dict(values)
        return values

    @model_validator(mode="after")
    def _examples_need_prompt_sharing(self) -> Self:
        if self.engine == "trl" and self.rehearse_examples:
            raise ValueError(
                'TRL has no likelihood of examples next to preferences; set engine = "prompt_sharing", or rehearse_examples = 0'
            )
        return self


class RoundOptions(RehearsalOptions):
    """Of a recipe that trains on the rankings of rounds: where it starts, and a schedule that is the SFT stage's (sft_schedule.py)."""

    start: Literal["sft", "parent"] = "sft"
    """Adapter that training continues. sft: that of the SFT stage, on the rankings of all rounds so far. parent: the round's parent."""
    balance_labels: bool = True
    """Weigh preferences and examples so that together they have the label distribution of the SFT stage's problems: a round asks about few
    labels, and its training would otherwise answer these more often everywhere."""
    num_train_epochs: EpochsOrSft = 0.0
    """Passes over the data, from 1 to 1000; 0: as many as in [recipes.sft]."""
    learning_rate: LearningRateOrSft = 0.0
    """Of AdamW on the float32 LoRA weights, from 1e-8 to 1; 0: that of [recipes.sft]."""

    @model_validator(mode="after")
    def _sft_start_needs_earlier_rounds(self) -> Self:
        if self.start == "sft" and not self.rehearse_preferences:
            raise ValueError(
                'start = "sft" with rehearse_preferences = 0 loses what earlier rounds taught: set start = "parent", or '
                "rehearse_preferences above 0"
            )
        return self
