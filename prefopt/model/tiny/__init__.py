"""The tiny gpt-oss of the demo and the tests: a checkpoint in the shipped layout with 4 million weights."""

from __future__ import annotations

from pathlib import Path


def checkpoint_path() -> Path:
    """Folder of the tiny gpt-oss: config.json, model.safetensors (experts as MXFP4 blocks and scales), tokenizer.json."""
    return Path(__file__).parent / "checkpoint"
