"""The product on one architecture per mechanism: right to 1e-5, or refused in words. `python -m tests.zoo` compares all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

import prefopt.model  # noqa: F401 - sets the environment before torch is imported
from prefopt.model import posterior
from prefopt.model.posterior_prefix import WORTHWHILE, common_prefix
from prefopt.model.support import support_of
from tests.zoo.checks import PARTS, Bench, check
from tests.zoo.shrink import WINDOW, names, small_config
from tests.zoo.small import build, make_checkpoint
from tests.zoo.variants import VARIANTS

MECHANISMS = {
    "llama": "dense",
    "qwen3, tied": "head tied to the embedding",
    "gemma, untied": "head of its own where the library ties it",
    "nemotron": "part of a head is rotated",
    "llama, dynamic rope": "positions scaled by the length of the row",
    "phi3, longrope": "as above",
    "mixtral": "experts",
    "qwen3_moe": "experts",
    "mixtral, router with noise": "noise in training",
    "opt, layers left out at random": "layers left out in training",
    "deepseek_v3": "multi-head latent attention",
    "minicpm3": "multi-head latent attention, scaled logits",
    "deepseek_v32": "attention to chosen tokens",
    "deepseek_v4": "compressed attention",
    "mistral": "window in all layers",
    "qwen2, window in the second layer": "window in some layers",
    "gpt_oss": "window and sinks",
    "gpt_neo": "window without layer_types",
    "llama4_text": "attention in chunks",
    "gemma2, low caps": "caps of attention and logits",
    "gemma3": "nested config",
    "gemma3n_text": "layers that read other layers' keys",
    "granite, logits divided": "scaled logits",
    "cohere": "scaled logits",
    "falcon_h1, multipliers": "attention and Mamba in one layer, scaled logits",
    "jamba": "attention and Mamba",
    "nemotron_h": "attention and Mamba 2",
    "zamba2": "layers with shared weights",
    "mamba": "Mamba alone",
    "mamba2": "Mamba 2 alone",
    "rwkv": "recurrent",
    "recurrent_gemma": "recurrent and window",
    "qwen3_next": "gated delta rule",
    "qwen3_5": "gated delta rule, nested config",
    "minimax": "lightning attention",
    "lfm2": "convolutions",
    "gpt2": "learned positions",
    "opt": "learned positions with an offset",
    "gpt2, fewer positions than tokens": "learned positions, too few",
    "bloom": "alibi",
    "mpt": "alibi",
    "phi": "head with bias",
    "bart": "decoder of an encoder-decoder",
    "bert": "head of several layers",
    "bert, encoder": "tokens see what follows",
    "xlnet": "permuted order",
    "llama, ids beyond the embedding": "tokenizer larger than the embedding",
    "llama, no padding token": "no padding token",
    "gpt2, the end token pads": "padding is the end",
}
"""Name -> why it is here."""
AVAILABLE = [name for name in MECHANISMS if VARIANTS.get(name, (name,))[0] in names()]


def test_the_slice_has_thirty_architectures_of_the_installed_transformers():
    assert len({VARIANTS.get(name, (name,))[0] for name in AVAILABLE}) >= 30


@pytest.mark.filterwarnings("ignore")  # of the library's own, other ones for every architecture
@pytest.mark.parametrize("name", AVAILABLE)
def test_right_or_refused_in_words(name: str, tmp_path: Path):
    model_type, changes = VARIANTS.get(name, (name, {}))
    findings = check(name, make_checkpoint(tmp_path / "checkpoint", model_type, **changes), tmp_path)
    assert findings.kind != "FAILED", str(findings)


@pytest.mark.filterwarnings("ignore")  # as above
@pytest.mark.parametrize("model_type", ["mistral3", "qwen3_vl"])
def test_a_model_of_images_that_is_no_causal_lm_of_the_library_is_refused(model_type: str, tmp_path: Path):
    findings = check(model_type, make_checkpoint(tmp_path / "checkpoint", model_type), tmp_path)
    assert findings.kind == "refused", str(findings)


def test_the_prompts_begin_alike_and_are_longer_than_the_window(tmp_path: Path):
    bench = Bench(make_checkpoint(tmp_path / "checkpoint", "llama"), tmp_path)
    assert len(common_prefix(bench.prompts)) > WORTHWHILE
    assert min(map(len, bench.prompts)) > WINDOW
    assert len({len(prompt) for prompt in bench.prompts}) == len(bench.prompts)


@pytest.mark.filterwarnings("ignore")  # as above
def test_nearly_every_architecture_is_built_small():
    failures = {}
    for name in names():
        try:
            build(small_config(name))
        except Exception as error:  # any: what cannot be built small is listed with the reason
            failures[name] = f"{type(error).__name__}: {error}"
    assert len(failures) <= len(names()) // 15, failures


def test_a_part_that_differs_or_breaks_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, plain = make_checkpoint(tmp_path / "checkpoint", "llama"), posterior.label_log_likelihoods
    right = check("llama", path, tmp_path / "right", ["posterior"])
    monkeypatch.setattr("tests.zoo.checks.label_log_likelihoods", lambda *a, **k: plain(*a, **k) + 2e-3)
    off = check("llama", path, tmp_path / "off", ["posterior"])
    monkeypatch.setattr("tests.zoo.checks.label_log_likelihoods", lambda *a, **k: {}["nothing"])
    broken = check("llama", path, tmp_path / "broken", ["posterior", "forgetting"])
    assert (right.kind, off.kind, broken.kind) == ("right", "FAILED", "FAILED")
    assert broken.parts["posterior"].words.startswith("KeyError")
    assert broken.parts["forgetting"].outcome == "right"


def test_every_part_is_compared(tmp_path: Path):
    findings = check("llama", make_checkpoint(tmp_path / "checkpoint", "llama"), tmp_path)
    assert {name for name, result in findings.parts.items() if result.outcome == "right"} == {"load", *PARTS}


RIGHT = (
    *("llama", "qwen3, tied", "gemma, untied", "phi", "mixtral", "qwen3_moe", "deepseek_v3", "minicpm3", "gpt_oss", "gpt2", "opt"),
    *("mistral", "qwen2, window in the second layer", "gemma2, low caps", "gemma3", "granite, logits divided", "cohere"),
    *("gpt2, the end token pads", "llama, no padding token", "mixtral, router with noise", "opt, layers left out at random"),
)
"""Refusing these, or computing them in a slower way, would be no failure above, and is one here."""


@pytest.mark.filterwarnings("ignore")  # as above
@pytest.mark.parametrize("name", [name for name in RIGHT if name in AVAILABLE])
def test_models_of_attention_alone_are_right_the_quick_way(name: str, tmp_path: Path):
    model_type, changes = VARIANTS.get(name, (name, {}))
    base = Bench(make_checkpoint(tmp_path / "checkpoint", model_type, **changes), tmp_path).base
    support = support_of(base.model, 200)
    assert (support.packed, support.prefix, support.way) == ("", "", "batched")
