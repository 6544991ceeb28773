"""The notebook of the documentation, whose cells tests run without Jupyter."""

from __future__ import annotations

import json
from pathlib import Path

NOTEBOOK = "docs/project.ipynb"


def cells() -> list[str]:
    """The code cells of the notebook."""
    found = json.loads((Path(__file__).resolve().parents[1] / NOTEBOOK).read_text(encoding="utf-8"))
    assert found["nbformat"] == 4
    return ["".join(cell["source"]) for cell in found["cells"] if cell["cell_type"] == "code"]
