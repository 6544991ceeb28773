"""Models: checkpoints, MXFP4 experts, adapters, Harmony, label posterior, generation, memory plan. All code that uses torch is here.

Import this package before torch: torch, tokenizers and cuBLAS read the settings below once, when they begin.
"""

from __future__ import annotations

import logging
import os
import warnings

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # spinning threads make steps 5-10x slower on a shared machine
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS begins: products give the same bits on every run

# Warnings of libraries about each other, which users can do nothing about.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # about a CPU kernel that is not used here
warnings.filterwarnings(
    "ignore", message=r".*is_gradient_checkpointing.*", category=FutureWarning
)  # PEFT reads an attribute by its old name
