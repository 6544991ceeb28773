"""What this process needs of a model that servers compute: its tokenizer and the width of its logits. No weights are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedTokenizerFast

from prefopt.config import ModelSettings
from prefopt.errors import ModelError
from prefopt.model.adapter_card import read_card
from prefopt.model.checkpoint import open_checkpoint
from prefopt.model.hub import hub_model, small_files
from prefopt.model.identity import BaseIdentity, identify, parts_without_weights, refuse_other_base
from prefopt.model.load import model_config, model_folder
from prefopt.model.tokenizer import read_tokenizer


@dataclass(frozen=True)
class Far:
    """Servers, and the files of the model that they serve."""

    urls: str
    unexpanded: float
    """Largest total variation distance of a posterior to the exact one."""
    adapter: Path | None
    tokenizer: PreTrainedTokenizerFast
    vocabulary: int
    """Width of the logits."""
    served_as: str = ""
    """Name of the adapter at the servers; empty: its id."""


def open_far(settings: ModelSettings, adapter: Path | None) -> Far:
    """Read config.json and tokenizer of model.path, whose folder needs no weights; of a model on the Hub only these are downloaded.

    Raises:
        ModelError: a file is missing or broken; the adapter was trained on another base. Where the weights are in the folder, they are
            compared, too; without them nothing here can tell other weights under the same config and tokenizer.
    """
    at = hub_model(settings.path)
    path = model_folder(settings.path) if at is None else small_files(at)
    config, tokenizer = model_config(path), read_tokenizer(path)
    if adapter is not None:
        card = read_card(adapter)
        if any(path.glob("*.safetensors")):
            refuse_other_base(adapter, card.base, card.base_parts, path, identify(open_checkpoint(path), config, tokenizer))
        elif card.base_parts:  # a card of an earlier version has one digest, of the weights
            known = {name: digest for name, digest in card.base_parts.items() if name != "weights"}
            refuse_other_base(adapter, card.base, known, path, BaseIdentity("", parts_without_weights(path, config, tokenizer)))
    vocabulary = getattr(config.get_text_config(decoder=True), "vocab_size", None)
    if not isinstance(vocabulary, int):
        raise ModelError(f"{path / 'config.json'}: vocab_size is missing", hint="copy or download it again")
    return Far(settings.server, settings.server_unexpanded, adapter, tokenizer, vocabulary)
