"""Read a checkpoint's tokenizer without its weights and without torch."""

from __future__ import annotations

from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerFast

from prefopt.errors import ModelError


def read_tokenizer(path: Path) -> PreTrainedTokenizerFast:
    """Read the tokenizer in a checkpoint's folder. Raises ModelError if it is missing, broken or slow (without tokenizer.json)."""
    if not any((path / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json")):
        raise ModelError(f"{path}: no tokenizer.json", hint="copy the tokenizer's files into this folder")
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # tokenizers raises bare Exception for a broken file
        raise ModelError(f"{path}: the tokenizer cannot be read: {error}", hint="copy or download its files again") from error
    if not tokenizer.is_fast:
        raise ModelError(f"{path}: a fast tokenizer is required, not {type(tokenizer).__name__}", hint="save it with tokenizer.json")
    return tokenizer
