"""The options that all recipes of services share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from prefopt.frozen import Frozen


class JobOptions(Frozen):
    """How any job is asked for."""

    model: Annotated[str, Field(max_length=200)] = ""
    """The base model by the service's name, e.g. "openai/gpt-oss-20b": the same weights as model.path. A round that continues a job's
    adapter names that in its place."""
    epochs: Annotated[int, Field(ge=1, le=50)] = 1
    """Passes over the rows, from 1 to 50."""
    max_cost: Annotated[float, Field(ge=0, le=100_000)] = 0.0
    """Most US dollars that a job may cost. One that may cost more is refused before anything is sent; 0: only what costs nothing."""
    verify: bool = False
    """Compare the logits of the adapter that comes back with those of stock PEFT; needs the whole model, dequantized, in memory."""


class SftJobOptions(JobOptions):
    """How a job on labeled problems is asked for."""

    explain: bool = True
    """Also send each reason, as the answer to the question why the problem has its label: candidates get their reasons that way."""
