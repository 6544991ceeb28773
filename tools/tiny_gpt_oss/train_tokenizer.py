"""Train the tiny model's tokenizer: byte-level BPE of 4,096 entries with the Harmony control tokens, from generated text.

Any text can be encoded, down to single bytes. Fixed Harmony texts, JSON keys, the prefix of a code ("[2수01-"), its number ("05]") and
common words are one token each; every digit is a token of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 4096
CONTROL = (
    "<|startoftext|>",
    "<|endoftext|>",
    "<|return|>",
    "<|constrain|>",
    "<|channel|>",
    "<|start|>",
    "<|end|>",
    "<|message|>",
    "<|call|>",
)
STOPS = ("<|return|>", "<|call|>", "<|endoftext|>")

# Pre-tokenization: merges never cross these pieces. Alternatives are tried in this order.
_PIECES = "|".join(
    (
        r"\[\d{1,2}수\d\d-",  # the cell of a curriculum code
        r"\d\d\]",  # the number of a code
        r"\d{4}-\d\d(?:-\d\d)?",  # dates of the system message
        r'(?:[{}\]",:a-z]|\[(?!\d))*"(?:[{}\]",:a-z]|\[(?!\d))*',  # JSON between two values, up to a code
        r"\s*[A-Z][a-z]{2,}[A-Za-z ,.:#\n]*",  # English sentences of the system message
        r"\d",
        r" ?[가-힣]+",
        r" ?[A-Za-z]+",
        r" ?[^\s\p{L}\p{N}]+",
        r"\s+",
        r".",
    )
)


def train_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """Learn the merges from texts and from every Hangul syllable of KS X 1001, so that no common syllable costs three tokens.

    Raises:
        ValueError: the texts give fewer entries than the vocabulary needs.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(_PIECES), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(CONTROL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*texts, *_syllables(80)], trainer)
    learned = tokenizer.get_vocab_size()
    if learned != VOCABULARY - len(CONTROL):
        raise ValueError(f"the texts give {learned} of {VOCABULARY - len(CONTROL)} entries: add texts")
    tokenizer.add_special_tokens(list(CONTROL))
    return tokenizer


def _syllables(times: int) -> Iterable[str]:
    """The 2,350 Hangul syllables of KS X 1001, each repeated so often that its first two bytes merge early."""
    for code in range(0xAC00, 0xD7A4):
        if len(chr(code).encode("euc_kr")) == 2:  # syllables outside KS X 1001 take eight bytes
            yield from [chr(code)] * times


def save_tokenizer(tokenizer: Tokenizer, path: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json, as `AutoTokenizer` reads them."""
    path.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path / "tokenizer.json"), pretty=False)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|startoftext|>",
        "eos_token": "<|return|>",
        "pad_token": "<|endoftext|>",
        "model_max_length": 4096,
        "clean_up_tokenization_spaces": False,
    }
    (path / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
