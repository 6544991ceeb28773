"""The tiny gpt-oss of the demo and the tests: a real checkpoint in the shipped layout, its problems, and the program that makes it."""

from __future__ import annotations

from pathlib import Path


def checkpoint_path() -> Path:
    """Folder of the shipped tiny gpt-oss: config.json, model.safetensors (experts as MXFP4 blocks and scales), tokenizer.json."""
    return Path(__file__).parent / "checkpoint"
