"""Compile the kernels for GPUs that this machine has not, and print for each what the assembler says, as one JSON object."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from prefopt.model.kernels import multiply, rms_norm, rotate, rows, sink, swiglu, write_out

PTXAS = Path(triton.__file__).parent / "backends/nvidia/bin/ptxas-blackwell"  # the newer of the two; it also assembles for older devices
TYPES = dict.fromkeys(("x", "out", "grad", "by_x", "bias", "low"), "*bf16") | dict.fromkeys(("blocks", "scales"), "*u8")
TYPES |= dict.fromkeys(("q", "k", "v", "cos", "sin", "q_out", "k_out", "v_out", "by_q", "by_k", "by_v"), "*bf16")
TYPES |= dict.fromkeys(("o", "sinks", "weight", "weights", "rows", "by_rows", "by_weights"), "*bf16")
TYPES |= dict.fromkeys(("up", "scale", "normalizer", "lora"), "*fp32")
TYPES |= dict.fromkeys(("of_row", "expert", "order", "token", "back"), "*i64")
TYPES |= {"ends": "*i32"} | dict.fromkeys(("alpha", "limit", "eps"), "fp32")
SIZES = ("inputs", "outputs", "width", "period", "heads", "keys", "repeats", "half", "queries", "padded", "size", "chosen", "experts")
TYPES |= dict.fromkeys(SIZES, "i32")
KERNELS: dict[str, tuple[Any, dict[str, Any]]] = {
    "write_out": (write_out._write_out, {"RANK": 16, "ROWS": write_out._ROWS, "COLUMNS": write_out._COLUMNS}),
    "swiglu": (swiglu._forward, {"COLUMNS": swiglu._COLUMNS}),
    "swiglu_backward": (swiglu._backward, {"COLUMNS": swiglu._COLUMNS}),
    "rms_norm": (rms_norm._forward, {"COLUMNS": 4096}),  # hidden states of 2,880 columns, 64 heads of 64 columns, 32 experts
    "rms_norm_backward": (rms_norm._backward, {"COLUMNS": 4096}),
    "rotate": (rotate._forward, {"HEADS": 64, "HALF": 32}),
    "rotate_backward": (rotate._backward, {"HEADS": 64, "KEYS": 8, "HALF": 32}),
    "sink": (sink._add_sink, {"HEADS": 64, "SIZE": 64}),
    "order_rows": (rows._order, {"EXPERTS": 32}),
    "sum_rows": (rows._sum, {"WEIGHTED": True, "COLUMNS": 4096}),
    "sum_rows_backward": (rows._sum_backward, {"COLUMNS": 4096}),
}
BF16, FP32 = torch.bfloat16, torch.float32
for each, dtype, rank, experts in ((1, BF16, 8, 128), (40, BF16, 0, 32), (256, BF16, 64, 32), (1, FP32, 8, 32)):
    tile = multiply.tile_of(each * experts, experts, dtype)
    fixed = {"RANK": rank, "RANKS": multiply.ranks_at_once(rank), "EXPERTS": experts, "WIDE": dtype == torch.float32, **tile}
    for back in (False, True):
        KERNELS[f"multiply {tile['ROWS']} {dtype} {'back' if back else 'forward'}"] = (multiply._product, {**fixed, "BACK": back})


def compiled(kernel: Any, constants: dict[str, Any], capability: int) -> dict[str, int]:
    """Registers and bytes of spilled registers of a kernel."""
    options = {name: constants[name] for name in ("num_warps", "num_stages") if name in constants}
    constants, names = {name: value for name, value in constants.items() if name not in options}, kernel.arg_names
    signature = {n: "constexpr" if n in constants else TYPES[n] for n in names}
    if kernel is rows._order:
        signature["rows"] = "i32"  # their number
    if constants.get("WIDE"):
        signature |= dict.fromkeys(("x", "out", "low"), "*fp32")
    by_16 = {(i,): [["tt.divisibility", 16]] for i, n in enumerate(names) if signature[n].startswith("*") or signature[n] == "i32"}
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants, attrs=by_16)
    made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": 8} | options)
    with tempfile.NamedTemporaryFile("w", suffix=".ptx") as file:
        file.write(made.asm["ptx"])
        file.flush()
        target = re.search(r"\.target\s+(sm_\w+)", made.asm["ptx"])
        assert target is not None
        command = [str(PTXAS), "-v", f"--gpu-name={target[1]}", file.name, "-o", "/dev/null"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    registers, spilled = re.search(r"Used (\d+) registers", said), re.search(r"(\d+) bytes spill stores", said)
    assert registers is not None
    assert spilled is not None, said
    assert ".ftz" not in made.asm["ptx"] or kernel is not multiply._product  # codes are subnormal before they are scaled
    return {"registers": int(registers[1]), "spilled": int(spilled[1])}


if __name__ == "__main__":
    found = {
        f"{name} sm_{c}": compiled(kernel, constants, c) for name, (kernel, constants) in KERNELS.items() for c in map(int, sys.argv[1:])
    }
    print(json.dumps(found))
