"""The base of every pydantic model: frozen, no unknown keys, no infinity and no NaN."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Base of settings, options, records and outcomes. A number is finite; where there is none, the value is None.

    An infinity passes comparisons (`beta > 0`) and ends as an overflow or as a NaN far from its cause; a NaN on disk is not JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)
