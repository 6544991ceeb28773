"""Read a checkpoint's tokenizer without its weights and without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerFast

from prefopt.errors import ModelError

MAX_FILE = 1 << 28
"""Bytes of a JSON file of a model; the largest tokenizers have 40 MB."""


def read_tokenizer(path: Path) -> PreTrainedTokenizerFast:
    """Read the tokenizer in a checkpoint's folder. Raises ModelError if it is missing, broken or slow (without tokenizer.json)."""
    if not any((path / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json")):
        raise ModelError(f"{path}: no tokenizer.json", hint="copy the tokenizer's files into this folder")
    for file in path.glob("*.json"):
        if (size := file.stat().st_size) > MAX_FILE:
            raise ModelError(f"{file}: {size:,} bytes; at most {MAX_FILE:,} are read", hint="copy or download its files again")
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # tokenizers raises bare Exception for a broken file
        raise ModelError(f"{path}: the tokenizer cannot be read: {error}", hint="copy or download its files again") from error
    if not tokenizer.is_fast:
        raise ModelError(f"{path}: a fast tokenizer is required, not {type(tokenizer).__name__}", hint="save it with tokenizer.json")
    return tokenizer


def complete_padding(tokenizer: PreTrainedTokenizerFast, model: Any, path: Path) -> None:
    """Give the tokenizer a padding token that the model has an embedding for: any will do, since padding is neither attended to nor
    scored. Special tokens beyond the embeddings (placeholders of images, say) may stay: no text is encoded as one.

    Raises:
        ModelError: an ordinary token has no embedding, so that some texts could not be computed; there is no end token.
    """
    rows = int(model.get_input_embeddings().weight.shape[0])
    special = set(tokenizer.all_special_ids) | {index for index, token in tokenizer.added_tokens_decoder.items() if token.special}
    beyond = sorted(index for index in tokenizer.get_vocab().values() if index >= rows and index not in special)
    if beyond:
        raise ModelError(
            f"{path}: the tokenizer has {len(beyond)} tokens that the model has no embedding for (ids from {beyond[0]}; the model has "
            f"{rows} rows)",
            hint="put the tokenizer that belongs to this checkpoint into its folder",
        )
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id >= rows:
        if tokenizer.eos_token_id is None or tokenizer.eos_token_id >= rows:
            raise ModelError(
                f"{path}: the tokenizer has no end token (eos_token) that the model has an embedding for",
                hint="set eos_token in tokenizer_config.json to the token that ends an answer",
            )
        tokenizer.pad_token = tokenizer.eos_token
