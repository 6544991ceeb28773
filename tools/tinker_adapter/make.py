"""Write tests/model/data/tinker-adapter: an adapter in Tinker's layout, and what tinker_cookbook.weights.build_lora_adapter makes of it.

The cookbook is no dependency of prefopt: it needs some thirty packages. In an environment of its own:

    pip install tinker_cookbook==0.6.1 -e .[dev]
    python -m tools.tinker_adapter.make tests/model/data/tinker-adapter
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path


def main(target: Path) -> None:
    """Write both folders. Raises FileExistsError where they exist."""
    from tinker_cookbook.weights import build_lora_adapter  # type: ignore[import-not-found]  # see above

    from tests.gptoss import dequantized, make_checkpoint
    from tests.returned_adapters import make_returned

    with tempfile.TemporaryDirectory() as scratch:
        base = make_checkpoint(Path(scratch) / "base", layers=2)
        make_returned(target / "tinker", "tinker", dequantized(base))
        build_lora_adapter(base_model=str(base), adapter_path=str(target / "tinker"), output_path=str(Path(scratch) / "built"))
        shutil.copytree(Path(scratch) / "built", target / "built")
    config = target / "built" / "adapter_config.json"
    said = json.loads(config.read_text()) | {"base_model_name_or_path": "openai/gpt-oss-20b"}  # not the folder of this run
    config.write_text(json.dumps(said, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
