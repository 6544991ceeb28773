"""Jobs of the recipes' tests on a CUDA device, in bfloat16."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prefopt.config import ModelSettings
from prefopt.protocols import TrainingJob
from tests.recipes.conftest import base_path, make_job, taxonomy  # noqa: F401 - fixtures: pytest finds them here by name
from tests.recipes.recipe_cases import MakeJob

CUDA = {"device": "cuda", "dtype": "bfloat16"}


@pytest.fixture(scope="session")
def cuda_job(make_job: MakeJob, base_path: Path) -> Callable[..., TrainingJob]:  # noqa: F811 - the fixtures above
    def make(folder: Path, data: Any, parent: Path | None = None, **more: Any) -> TrainingJob:
        return make_job(folder, data, parent, model=ModelSettings(path=str(base_path), **(CUDA | more)))

    return make


@pytest.fixture(scope="session")
def cuda_parent(tmp_path_factory: pytest.TempPathFactory, cuda_job: Callable[..., TrainingJob]) -> Path:
    """An adapter after two SFT steps."""
    from recipes.sft import recipe
    from tests.recipes.recipe_cases import SMALL, problem

    return recipe.train(cuda_job(tmp_path_factory.mktemp("sft"), [problem(i) for i in range(8)]), recipe.Config(**SMALL)).path
