"""The options that recipes share. A recipe's Config takes the classes it needs and adds its own options; the string under an option is
what `prefopt recipes show` and docs/settings.md print.

Options that mean the same thing in Hugging Face's TrainingArguments have their name there. `batch_size` does not: an update here has
batch_size x gradient_accumulation_steps rows however many processes share it; there, per_device_train_batch_size is multiplied by the
number of devices.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]


class Options(BaseModel):
    """Base of all options: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class TrainingOptions(Options):
    """How any recipe trains. A recipe sets the learning rate that its method needs."""

    engine: Literal["prompt_sharing", "trl"] = "prompt_sharing"
    """prompt_sharing: each prompt is computed once, logits on answers only. trl: TRL's own trainer."""
    num_train_epochs: Annotated[float, Field(ge=1)] = 1.0
    """Passes over the data, at least one."""
    batch_size: Annotated[int, Field(ge=1)] = 4
    """Rows in one forward pass."""
    gradient_accumulation_steps: Annotated[int, Field(ge=1)] = 4
    """Forward passes per update. Several processes share them; they do not multiply them."""
    learning_rate: Annotated[float, Field(gt=0)]
    """Of AdamW on the float32 LoRA weights."""
    lr_scheduler_type: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "cosine"
    """How the learning rate changes after the warm-up."""
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of all updates during which the learning rate rises from 0."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    """Longer gradients are scaled down to this norm."""
    gradient_checkpointing: bool = True
    """Recompute layers in the backward pass: less memory, a third more time."""
    save_steps: Annotated[int, Field(ge=1)] = 25
    """Updates between checkpoints; an interrupted run resumes from the last one."""
    report_to: tuple[str, ...] = ()
    """Trackers to log to besides metrics.jsonl, by Hugging Face's names, e.g. ["wandb"]."""


class ValidationOptions(TrainingOptions):
    """Of a recipe that can set rows aside and stop early (validation.py)."""

    validation_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the problems set aside and scored at every checkpoint; the best adapter is kept. Only with engine prompt_sharing."""
    patience: Annotated[int, Field(ge=1)] = 3
    """Checkpoints without a lower validation loss after which the run ends."""

    @model_validator(mode="after")
    def _validation_needs_prompt_sharing(self) -> Self:
        if self.engine == "trl" and self.validation_share:
            raise ValueError('validation needs engine = "prompt_sharing"; set it, or validation_share = 0')
        return self


class RehearsalOptions(TrainingOptions):
    """Of a recipe that can mix in earlier data (rehearsal.py)."""

    rehearse_examples: Share = 0.0
    """Share of the SFT stage's problems mixed in, against forgetting. Only with engine prompt_sharing."""
    rehearse_preferences: Share = 0.0
    """Share of earlier rounds' preferences mixed in."""

    @model_validator(mode="after")
    def _examples_need_prompt_sharing(self) -> Self:
        if self.engine == "trl" and self.rehearse_examples:
            raise ValueError(
                'TRL has no likelihood of examples next to preferences; set engine = "prompt_sharing", or rehearse_examples = 0'
            )
        return self
