"""Direct preference optimization by a server with OpenAI's interface of fine-tuning jobs: one's own, or another that gives the adapter.

The job continues the parent's model there, which is also its reference. docs/jobs.md says what leaves, what comes back and what it costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from prefopt.errors import ConfigError
from prefopt.jobs.options import JobOptions
from prefopt.jobs.recipe import ManagedRecipe
from recipes.options import Beta

if TYPE_CHECKING:
    from prefopt.jobs.service import JobService

BatchSize = Annotated[int, Field(ge=0, le=100_000)]
Multiplier = Annotated[float, Field(ge=0, le=1000)]
Price = Annotated[float, Field(ge=0, le=100_000)] | None


class ServerOptions(JobOptions):
    """Where the server is, what it takes, and what only some servers let one choose."""

    url: str = ""
    """Of the server, e.g. "https://gpu.school.kr/v1". The environment variable OPENAI_API_KEY has its key."""
    price: Price = None
    """US dollars for a million tokens trained; 0 for a server of your own. Not set: no job is sent."""
    batch_size: BatchSize = 0
    """Rows of an update; 0: as the server chooses."""
    learning_rate_multiplier: Multiplier = 0.0
    """Of the server's own learning rate; 0: as the server chooses."""


class OpenAiConfig(ServerOptions):
    """Options of the recipe."""

    beta: Beta = 0.1
    """How strongly the policy is held to the parent."""


class OpenAi(ManagedRecipe):
    """Pairs and a parent adapter of the same server -> adapter."""

    name = "openai"
    needs: Literal["pairs"] = "pairs"
    method: Literal["dpo"] = "dpo"
    sft = "openai-sft"
    Config: type[OpenAiConfig] = OpenAiConfig

    def service(self, config: ServerOptions) -> JobService:
        """The server at `url`."""
        return server_of(self.name, config)

    def options(self, config: OpenAiConfig) -> Mapping[str, Any]:
        """Hyperparameters of the method."""
        return {"beta": config.beta, **chosen(config)}


def server_of(recipe: str, config: ServerOptions) -> JobService:
    """The server of a recipe's options. Raises ConfigError where it is not named."""
    from prefopt.jobs.openai import OpenAiJobs  # httpx: not for whoever reads the options

    if not config.url:
        raise ConfigError("the server is not named", hint=f'set url = "https://…/v1" under [recipes.{recipe}]')
    return OpenAiJobs(config.url, config.price)


def chosen(config: ServerOptions) -> dict[str, Any]:
    """Hyperparameters that are not left to the server."""
    found = {"batch_size": config.batch_size, "learning_rate_multiplier": config.learning_rate_multiplier}
    return {name: value for name, value in found.items() if value}


recipe = OpenAi()
