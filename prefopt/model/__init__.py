"""Load, MXFP4 experts, adapters, Harmony, label posterior, generation: everything that touches torch.

Import this package before torch: the settings below are read once, when torch and tokenizers are first imported.
"""

from __future__ import annotations

import logging
import os
import warnings

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # spinning threads make steps 5-10x slower on a shared machine
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# Notes of libraries about each other, which no user can act on.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # a CPU kernel that nothing here calls
warnings.filterwarnings("ignore", message=r".*is_gradient_checkpointing.*", category=FutureWarning)  # PEFT uses an old name
