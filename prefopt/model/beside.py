"""Several adapters on one base: a policy beside another one takes the bytes of its adapter, not those of a second base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefopt.config import AnswerSettings, PromptSettings
from prefopt.errors import ModelError
from prefopt.model.adapter_card import adapter_id
from prefopt.model.adapters import add_adapter
from prefopt.model.chat import renderer_for
from prefopt.model.out_of_memory import free_bytes
from prefopt.model.policy import Policy
from prefopt.taxonomy import Taxonomy

FIRST = "default"
"""Name, within the model, of the adapter that a policy was opened with."""


def open_beside(policy: Policy, adapter: Path, name: str, prompt: PromptSettings, answer: AnswerSettings, taxonomy: Taxonomy) -> Policy:
    """A policy on the base of another one, with an adapter of its own, which is not active yet.

    Args:
        policy: computes in this process, with an adapter.
        adapter: folder of the further adapter.
        name: what it is called within the model; none of its adapters has it.
        prompt: settings that it is used with.
        answer: likewise.
        taxonomy: its labels.

    Raises:
        ModelError: as `load_adapter`; the policy has no weights of its own. The model is then as it was.
    """
    if policy.base is None:
        raise ModelError("a policy whose servers compute has no base to share")
    try:
        add_adapter(policy.model, policy.base, adapter, name=name)
    except BaseException:
        remove(policy, name)
        raise
    renderer = renderer_for(policy.base.tokenizer, prompt, answer, taxonomy)
    return Policy(policy.base, policy.model, renderer, adapter_id(adapter), free_bytes=free_bytes(policy.model))


def use(policy: Policy, name: str) -> None:
    """Let the model compute with one of its adapters, for inference."""
    model: Any = policy.model
    if model.active_adapter != name:
        model.set_adapter(name, inference_mode=True)


def remove(policy: Policy, name: str) -> None:
    """Take an adapter that is not active out of the model, if it is there."""
    if name in policy.model.peft_config:
        policy.model.delete_adapter(name)
