"""Direct preference optimization by Together. The job continues the parent's job there, which is also its reference.

docs/jobs.md says what leaves, what comes back and what it costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from prefopt.errors import TrainingError
from prefopt.jobs.options import JobOptions
from prefopt.jobs.recipe import ManagedRecipe
from recipes.options import Beta, LearningRate, WarmupRatio

if TYPE_CHECKING:
    from prefopt.jobs.rows import Rows
    from prefopt.jobs.service import JobService, Order
    from prefopt.protocols import TrainingJob

BatchSize = Annotated[int, Field(ge=0, le=100_000)]
Price = Annotated[float, Field(ge=0, le=100_000)] | None
RpoAlpha = Annotated[float, Field(ge=0, le=1000)]


class TogetherOptions(JobOptions):
    """What both recipes of Together share."""

    model: Annotated[str, Field(max_length=200)] = "openai/gpt-oss-20b"
    """The base model by Together's name: the same weights as model.path."""
    url: str = "https://api.together.ai"
    """Of the service. The environment variable TOGETHER_API_KEY has its key."""
    price: Price = None
    """US dollars for a million tokens trained, from https://together.ai/pricing. Not set: no job is sent. Together's own estimate, which it
    gives once it has the rows, must not be above max_cost either."""
    learning_rate: LearningRate = 1e-5
    """Highest learning rate, from 1e-8 to 1."""
    warmup_ratio: WarmupRatio = 0.0
    """Share of all updates during which the learning rate rises."""
    batch_size: BatchSize = 0
    """Packed rows of an update; 0: the largest that Together has for the model."""


class TogetherConfig(TogetherOptions):
    """Options of the recipe."""

    beta: Beta = 0.1
    """How strongly the policy is held to the parent."""
    rpo_alpha: RpoAlpha = 0.0
    """Weight of the likelihood of the chosen answer in the loss; 0: without."""


class TogetherRecipe(ManagedRecipe):
    """Base of both recipes: rank, alpha and layers are those of [adapter], so that the adapter that comes back has the project's shape."""

    def service(self, config: TogetherOptions) -> JobService:
        """Together, or the server at `url`."""
        from prefopt.jobs.together import TogetherJobs  # httpx: not for whoever reads the options

        return TogetherJobs(config.url, config.price, config.max_cost)

    def order(self, job: TrainingJob, config: TogetherOptions, service: JobService) -> tuple[Order, Rows]:
        """As ManagedRecipe, with [adapter]. Raises TrainingError where it is of a kind that Together does not train."""
        if job.adapter.variant != "lora":
            raise TrainingError(f"{service.name} trains plain LoRA alone", hint='set adapter.variant = "lora"')
        order, rows = super().order(job, config, service)
        adapter = job.adapter.model_dump(mode="json", include={"rank", "alpha", "targets", "experts"})
        return replace(order, options={**order.options, "adapter": adapter}), rows

    def shared(self, config: TogetherOptions) -> dict[str, Any]:
        """Hyperparameters of both methods."""
        return {"learning_rate": config.learning_rate, "warmup_ratio": config.warmup_ratio, "batch_size": config.batch_size or "max"}


class Together(TogetherRecipe):
    """Pairs and a parent adapter of Together -> adapter."""

    name = "together"
    needs: Literal["pairs"] = "pairs"
    method: Literal["dpo"] = "dpo"
    sft = "together-sft"
    Config: type[TogetherConfig] = TogetherConfig

    def options(self, config: TogetherConfig) -> Mapping[str, Any]:
        """Hyperparameters."""
        from prefopt.jobs.together import training_method

        method = {"dpo_beta": config.beta} | ({"rpo_alpha": config.rpo_alpha} if config.rpo_alpha else {})
        return {**self.shared(config), "training_method": training_method("dpo", **method)}


recipe = Together()
