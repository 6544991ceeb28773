"""Supervised fine-tuning by Together: the round 000 that the recipe together continues. Set sft = "together-sft" under [round]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from prefopt.jobs.options import SftJobOptions
from recipes.options import LearningRate
from recipes.together import TogetherOptions, TogetherRecipe


class TogetherSftConfig(TogetherOptions, SftJobOptions):
    """Options of the recipe."""

    learning_rate: LearningRate = 1e-4
    """Highest learning rate, from 1e-8 to 1."""


class TogetherSft(TogetherRecipe):
    """Labeled problems -> adapter."""

    name = "together-sft"
    needs: Literal["examples"] = "examples"
    method: Literal["sft"] = "sft"
    Config: type[TogetherSftConfig] = TogetherSftConfig

    def options(self, config: TogetherSftConfig) -> Mapping[str, Any]:
        """Hyperparameters."""
        from prefopt.jobs.together import training_method  # httpx: not for whoever reads the options

        return {**self.shared(config), "training_method": training_method("sft")}


recipe = TogetherSft()
