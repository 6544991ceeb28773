"""Load, MXFP4 experts, adapters, Harmony, label posterior, generation: everything that touches torch.

Import this package before torch: the settings below are read once, when torch and tokenizers are first imported.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # spinning threads make steps 5-10x slower on a shared machine
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
