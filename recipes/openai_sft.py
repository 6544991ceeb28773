"""Supervised fine-tuning by a server with OpenAI's interface of fine-tuning jobs: the round 000 that the recipe openai continues.

Rows: problem -> answer and, where a problem has a reason, problem and label -> reason. Set sft = "openai-sft" under [round].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from prefopt.jobs.options import SftJobOptions
from prefopt.jobs.recipe import ManagedRecipe
from recipes.openai import ServerOptions, chosen, server_of

if TYPE_CHECKING:
    from prefopt.jobs.service import JobService


class OpenAiSftConfig(SftJobOptions, ServerOptions):
    """Options of the recipe."""


class OpenAiSft(ManagedRecipe):
    """Labeled problems -> adapter."""

    name = "openai-sft"
    needs: Literal["examples"] = "examples"
    method: Literal["sft"] = "sft"
    Config: type[OpenAiSftConfig] = OpenAiSftConfig

    def service(self, config: ServerOptions) -> JobService:
        """The server at `url`."""
        return server_of(self.name, config)

    def options(self, config: ServerOptions) -> Mapping[str, Any]:
        """Hyperparameters of the method."""
        return chosen(config)


recipe = OpenAiSft()
